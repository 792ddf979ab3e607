"""ONNX Runtime follows the written order and needs the predicted bytes, no fewer."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, save

import models
from models.formats.onnx_write import write_onnx
from solver.memory import make_problem
from solver.peak.minimize import minimize_peak
from tests.runtimes.installed import need
from tests.runtimes.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from models.graph import Graph

_ELEMENTS = 2**14  # per tensor: all of one size, so that the runtime's arena cannot fragment
_BYTES = 4 * _ELEMENTS


@pytest.fixture(autouse=True)
def _onnxruntime() -> None:
    need("onnxruntime")


def random_onnx(seed: int) -> ModelProto:
    rng = random.Random(seed)
    values = ["x"]
    nodes = []
    for i in range(rng.randint(8, 16)):
        kind = rng.choice(("Neg", "Tanh", "Add", "Mul"))
        count = 1 if kind in ("Neg", "Tanh") else 2
        read = [rng.choice(values) for _ in range(count)]
        nodes.append(helper.make_node(kind, read, [f"v{i}"], name=f"n{i}"))
        values.append(f"v{i}")
    read_at_all = {name for node in nodes for name in node.input}
    ends = [v for v in values[1:] if v not in read_at_all]

    def info(name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [_ELEMENTS])

    graph = helper.make_graph(nodes, "g", [info("x")], [info(v) for v in ends])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def without_inputs(graph: Graph) -> Graph:
    """The caller holds the inputs, not the runtime's arena."""
    buffers = tuple(replace(b, size=0) if b.is_input else b for b in graph.buffers)
    return replace(graph, buffers=buffers)


@pytest.mark.parametrize("seed", range(6))
def test_order_and_peak(seed: int, tmp_path: Path) -> None:
    original, written = tmp_path / "in.onnx", tmp_path / "out.onnx"
    save(random_onnx(seed), original)
    graph = models.load(original)
    held = without_inputs(graph)
    plan = minimize_peak(held)
    write_onnx(graph, plan.order, written)
    before, after = run("onnxruntime", [original, written])
    assert after["outputs"] == before["outputs"]
    assert after["order"] == list(plan.order)
    assert before["order"] == [op.name for op in graph.ops]
    file_order = make_problem(held).replay(range(len(graph.ops))).peak
    for path, peak in ((original, file_order), (written, plan.peak_bytes)):
        assert run("onnxruntime", [path], arena=peak)[0] is not None
        assert run("onnxruntime", [path], arena=peak - _BYTES) == [None]

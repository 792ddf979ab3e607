"""From a plan to offsets per tensor."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

import models
from models.builder import GraphBuilder
from solver.arena.arrange import arrange
from solver.memory import MemoryRules
from solver.peak.minimize import minimize_peak
from solver.runtimes import RUNTIMES
from solver.runtimes.tflm import head_graph
from tests.tflite_builder import Kind, Op, Subgraph, Tensor, build

if TYPE_CHECKING:
    from pathlib import Path

    from models.graph import Graph


def viewing() -> Graph:
    """A reshape seen as a view, an overwriting op, a tensor of 0 bytes."""
    builder = GraphBuilder("viewing")
    for name, size in (("in", 20), ("flat", 20), ("x", 20), ("y", 36), ("none", 0), ("out", 20)):
        builder.buffer(name, size, is_input=name == "in", is_output=name == "out")
    builder.op("reshape", ["in"], ["flat"], views=[("in", "flat")])
    builder.op("wide", ["flat"], ["y", "none"])
    builder.op("relu", ["flat"], ["x"], in_place=[("flat", "x")])
    builder.op("join", ["x", "y", "none"], ["out"])
    return builder.build()


def test_every_tensor_with_bytes_has_an_offset() -> None:
    graph = viewing()
    plan = minimize_peak(graph, rules=MemoryRules(16))
    arranged = arrange(graph, plan)
    assert arranged.order == plan.order
    assert arranged.arena == plan.peak_bytes == arranged.joint.lower_bound
    assert arranged.sizes == {"in": 20, "flat": 20, "x": 20, "y": 36, "out": 20}
    assert arranged.offsets.keys() == arranged.sizes.keys()
    assert all(offset % 16 == 0 for offset in arranged.offsets.values())
    together = ("flat", "y", "x")  # alive while relu runs
    for a, b in itertools.combinations(together, 2):
        ends = [arranged.offsets[t] + arranged.sizes[t] for t in (a, b)]
        assert ends[0] <= arranged.offsets[b] or ends[1] <= arranged.offsets[a]


def test_views_and_overwriting_outputs_share_an_offset() -> None:
    graph = viewing()
    plan = minimize_peak(graph, rules=MemoryRules(16, in_place=True, views=True))
    arranged = arrange(graph, plan)
    offsets = arranged.offsets
    assert offsets["in"] == offsets["flat"] == offsets["x"]
    assert arranged.arena == plan.peak_bytes == 32 + 48 + 32


def test_a_plan_of_another_network_is_refused() -> None:
    plan = minimize_peak(viewing())
    with pytest.raises(ValueError, match="not one of network 'other'"):
        arrange(GraphBuilder("other").build(), plan)


def test_variables_are_not_in_the_head(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(
        build(
            Subgraph(
                (Tensor("in", (4,)), Tensor("state", (64,), variable=True), Tensor("out", (4,))),
                (Op(Kind.SVDF, ("in", "state"), ("out",)),),
                ("in",),
                ("out",),
            )
        )
    )
    graph = models.load(path)
    rules = RUNTIMES["tflm"].rules(in_place=False)
    assert minimize_peak(graph, rules=rules).peak_bytes == 64 + 32
    assert minimize_peak(head_graph(graph), rules=rules).peak_bytes == 32
    assert head_graph(viewing()) == viewing()


def test_rules_of_the_runtimes() -> None:
    assert {name: r.alignment for name, r in RUNTIMES.items()} == {
        "generic": 1, "tflm": 16, "litert": 64, "onnxruntime": 1,
    }  # fmt: skip
    assert RUNTIMES["tflm"].rules() == MemoryRules(16, in_place=True)
    assert RUNTIMES["tflm"].rules(in_place=False) == MemoryRules(16)
    assert RUNTIMES["generic"].rules(in_place=True) == MemoryRules()

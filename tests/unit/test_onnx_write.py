"""Writing an order into an ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

import models
from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.onnx_write import write_onnx
from models.formats.write import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def model(nodes: Sequence[NodeProto], *, batch: int | str = 2) -> ModelProto:
    def info(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))

    weight = numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    graph = helper.make_graph(
        nodes, "g", [info("x", batch, 4)], [info("out", batch, 4)], [weight], doc_string="kept"
    )
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="me", ir_version=9
    )
    helper.set_model_props(made, {"key": "value"})
    return made


def branches(**options: object) -> ModelProto:
    """Two branches; the second needs a constant that is computed."""
    node = helper.make_node
    two = numpy_helper.from_array(np.array([2], dtype=np.float32))
    return model(
        [
            node("Relu", ["x"], ["a"], name="relu"),
            node("Constant", [], ["two"], value=two),
            node("Mul", ["w", "two"], ["doubled"], name="folded"),
            node("Add", ["x", "doubled"], ["b"], name="add"),
            node("Neg", ["b"], ["c"]),
            node("Mul", ["a", "c"], ["out"], name="mul"),
        ],
        **options,  # type: ignore[arg-type]
    )


def saved(made: ModelProto, path: Path, dims: dict[str, int] | None = None) -> models.Graph:
    onnx.save(made, path)
    return models.load(path, dims=dims)


def test_nodes_move_and_constants_come_when_they_can(tmp_path: Path) -> None:
    made = branches()
    graph = saved(made, tmp_path / "in.onnx")
    order = ["add", "4:Neg", "relu", "mul"]
    assert {op.name for op in graph.ops} == set(order)
    out = tmp_path / "out.onnx"
    write(graph, order, out)
    written = onnx.load(out)
    onnx.checker.check_model(written)
    assert [n.op_type for n in written.graph.node] == [
        "Constant", "Mul", "Add", "Neg", "Relu", "Mul",
    ]  # fmt: skip
    assert [op.kind for op in models.load(out).ops] == ["Add", "Neg", "Relu", "Mul"]
    del written.graph.node[:]
    del made.graph.node[:]
    assert written == made


def test_symbolic_dimensions_need_their_sizes(tmp_path: Path) -> None:
    graph = saved(branches(batch="n"), tmp_path / "in.onnx", {"n": 2})
    order = [op.name for op in graph.ops]
    with pytest.raises(UnsupportedModelError, match="dynamic shape"):
        write_onnx(graph, order, tmp_path / "out.onnx")
    write_onnx(graph, order, tmp_path / "out.onnx", dims={"n": 2})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.onnx", "out.onnx"]


def test_a_constant_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    node = helper.make_node
    graph = saved(
        model([
            node("Relu", ["x"], ["a"], name="relu"),
            node("Shape", ["a"], ["shape"], name="shape"),
            node("Neg", ["x"], ["b"], name="neg"),
            node("Reshape", ["b", "shape"], ["c"], name="reshape"),
            node("Add", ["a", "c"], ["out"], name="add"),
        ]),
        tmp_path / "in.onnx",
    )  # fmt: skip
    assert [op.name for op in graph.ops] == ["relu", "neg", "reshape", "add"]
    out = tmp_path / "out.onnx"
    write_onnx(graph, ["neg", "relu", "reshape", "add"], out)
    assert [n.name for n in onnx.load(out).graph.node] == ["neg", "relu", "shape", "reshape", "add"]
    with pytest.raises(UnsupportedModelError, match="op 'reshape' needs a constant"):
        write_onnx(graph, ["neg", "reshape", "relu", "add"], tmp_path / "other.onnx")


def with_data(tmp_path: Path, location: str = "weights.bin") -> models.Graph:
    folder = tmp_path / "in"
    folder.mkdir()
    made = branches()
    onnx.save(
        made, folder / "in.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    if location != "weights.bin":
        read = onnx.load(folder / "in.onnx", load_external_data=False)
        read.graph.initializer[0].external_data[0].value = location
        onnx.save(read, folder / "in.onnx")
    return models.load(folder / "in.onnx")


def weights(path: Path) -> list[float]:
    values: list[float] = numpy_helper.to_array(onnx.load(path).graph.initializer[0]).tolist()
    return values


def test_external_data_beside_the_model_stays_where_it_is(tmp_path: Path) -> None:
    graph = with_data(tmp_path)
    write_onnx(graph, [op.name for op in graph.ops], tmp_path / "in" / "out.onnx")
    assert weights(tmp_path / "in" / "out.onnx") == [0, 1, 2, 3]


def test_external_data_goes_along_to_another_directory(tmp_path: Path) -> None:
    graph = with_data(tmp_path)
    order = [op.name for op in graph.ops]
    out = tmp_path / "out"
    out.mkdir()
    write_onnx(graph, order, out / "out.onnx")
    write_onnx(graph, order, out / "out.onnx")  # the data are there already
    assert weights(out / "out.onnx") == [0, 1, 2, 3]
    (out / "weights.bin").write_bytes(b"mine")
    with pytest.raises(InvalidModelError, match="exists with another content"):
        write_onnx(graph, order, out / "other.onnx")
    assert (out / "weights.bin").read_bytes() == b"mine"
    assert sorted(p.name for p in out.iterdir()) == ["out.onnx", "weights.bin"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("missing.bin", "external data 'missing.bin' is missing"),
        ("../in/weights.bin", "lies outside the model's directory"),
        ("/etc/hostname", "lies outside the model's directory"),
    ],
)
def test_external_data_that_cannot_go_along(location: str, message: str, tmp_path: Path) -> None:
    graph = with_data(tmp_path, location)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(UnsupportedModelError, match=message):
        write_onnx(graph, [op.name for op in graph.ops], out / "out.onnx")
    assert not list(out.iterdir())


def test_offsets_have_no_place(tmp_path: Path) -> None:
    graph = saved(branches(), tmp_path / "in.onnx")
    with pytest.raises(ValueError, match="no place for offsets"):
        write(graph, [op.name for op in graph.ops], tmp_path / "out.onnx", offsets={})


def test_a_source_that_changed_is_refused(tmp_path: Path) -> None:
    graph = saved(branches(), tmp_path / "in.onnx")
    onnx.save(model([helper.make_node("Neg", ["x"], ["out"])]), tmp_path / "in.onnx")
    with pytest.raises(InvalidModelError, match="not the file that the network was read from"):
        write_onnx(graph, [op.name for op in graph.ops], tmp_path / "out.onnx")


def test_a_wrong_file_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = saved(branches(), tmp_path / "in.onnx")

    def refuse(*_: object) -> None:
        raise InvalidModelError("the file written is wrong")

    monkeypatch.setattr("models.formats.onnx_write.check_reread", refuse)
    with pytest.raises(InvalidModelError, match="the file written is wrong"):
        write_onnx(graph, [op.name for op in graph.ops], tmp_path / "out.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["in.onnx"]

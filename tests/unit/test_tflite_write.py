"""Writing an order and offsets into a TFLite file: what changes, and that nothing else does."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import tflite

import models
from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.tflite_write import OFFSETS, offsets_of, write_tflite
from models.formats.write import write
from tests.data import shared_data
from tests.tflite_builder import External, Kind, Op, Subgraph, Tensor, build

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.graph import Graph


def content() -> bytes:
    """Two branches, a variable, a custom op, a second subgraph, data inside and behind the file."""
    main = Subgraph(
        (
            Tensor("in", (4,)), Tensor("a", (4,)), Tensor("b", (8,)), Tensor("c", (4,)),
            Tensor("out", (4,)), Tensor("state", (4,), variable=True),
            Tensor("weights", (4,), data=b"abcd"), Tensor("far", (4,), buffer=1),
        ),
        (
            Op(Kind.RELU, ("in",), ("a",)),
            Op("MyOp", ("in", "weights"), ("b",)),
            Op(Kind.ADD, ("a", "far"), ("c",)),
            Op("Join", ("b", "c", "state"), ("out",)),
        ),
        ("in",),
        ("out",),
    )  # fmt: skip
    other = Subgraph(
        (Tensor("x"), Tensor("y")), (Op(Kind.NEG, ("x",), ("y",)),), ("x",), ("y",), "o"
    )

    def built(far: External) -> bytes:
        return build(
            main, other, buffers=[far, b"metadata!"], metadata=[("mine", 2)], description="net"
        )

    size = len(built(External(2, 4)))
    return built(External(size, 4)) + b"FAR!"


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    path = tmp_path / "in.tflite"
    path.write_bytes(content())
    return models.load(path)


ORDER = ("1:MyOp", "0:RELU", "2:ADD", "3:Join")


def facts(graph: Graph) -> list[tuple[str, list[str]]]:
    return [(op.kind, [graph.buffers[b].name for b in op.outputs]) for op in graph.ops]


def far_data(data: bytes) -> bytes:
    model = tflite.Model.GetRootAs(data)
    buffer = model.Buffers(1)
    return data[buffer.Offset() : buffer.Offset() + buffer.Size()]


def test_only_the_order_changes(graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    write_tflite(graph, ORDER, out)
    before, after = content(), out.read_bytes()
    assert [kind for kind, _ in facts(models.load(out))] == ["MyOp", "RELU", "ADD", "Join"]
    differing = [i for i, (x, y) in enumerate(zip(before, after, strict=True)) if x != y]
    assert 0 < len(differing) <= 8  # two references
    assert offsets_of(after) is None


def test_the_file_order_changes_nothing(graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    write_tflite(graph, [op.name for op in graph.ops], out)
    assert out.read_bytes() == content()


def test_offsets_are_one_per_tensor_of_all_subgraphs(graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    write_tflite(graph, ORDER, out, offsets={"in": 0, "b": 16, "out": 2**31 - 1})
    data = out.read_bytes()
    assert offsets_of(data) == (0, -1, 16, -1, 2**31 - 1, -1, -1, -1, -1, -1)
    model = tflite.Model.GetRootAs(data)
    assert tflite.Model.ModelBufferHasIdentifier(data, 0)
    assert (model.Description(), model.SubgraphsLength()) == (b"net", 2)
    assert [model.Metadata(i).Name() for i in range(model.MetadataLength())] == [b"mine", OFFSETS]
    assert model.Buffers(model.Metadata(0).Buffer()).DataAsNumpy().tobytes() == b"metadata!"
    assert far_data(data) == b"FAR!"
    assert facts(models.load(out)) == [facts(graph)[i] for i in (1, 0, 2, 3)]


def test_the_old_bytes_keep_their_alignment(graph: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    write_tflite(graph, ORDER, out, offsets={"in": 0})
    data = out.read_bytes()
    for name in (b"abcd", b"metadata!", b"FAR!"):
        assert data.index(name) % 16 == content().index(name) % 16
    model = tflite.Model.GetRootAs(data)
    planned = model.Buffers(model.Metadata(1).Buffer()).DataAsNumpy()
    assert data.index(planned.tobytes()) % 16 == 0


def test_offsets_for_another_order_are_replaced_or_taken_out(graph: Graph, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{i}.tflite" for i in range(3))
    write_tflite(graph, ORDER, first, offsets={"in": 0, "a": 16})
    again = models.load(first)
    names = [op.name for op in again.ops]
    write_tflite(again, names, second, offsets={"a": 32})
    assert offsets_of(second.read_bytes()) == (-1, 32, *[-1] * 8)
    write_tflite(again, names, third)
    assert offsets_of(third.read_bytes()) is None
    assert far_data(second.read_bytes()) == far_data(third.read_bytes()) == b"FAR!"
    model = tflite.Model.GetRootAs(third.read_bytes())
    assert [model.Metadata(i).Name() for i in range(model.MetadataLength())] == [b"mine"]


@pytest.mark.parametrize(
    ("order", "offsets", "message"),
    [
        (ORDER[:3], None, "op '3:Join' is missing from the order"),
        ((*ORDER, "9:NONE"), None, "the network has no op '9:NONE'"),
        ((*ORDER, ORDER[0]), None, "op '1:MyOp' is in the order twice"),
        (ORDER[::-1], None, "op '3:Join' comes before '1:MyOp', which it needs"),
        (ORDER, {"nothing": 0}, "'nothing', which is no tensor of the main subgraph"),
        (ORDER, {"in": -1}, "tensor 'in' cannot have offset -1"),
        (ORDER, {"in": 2**31}, "tensor 'in' cannot have offset 2147483648"),
    ],
)
def test_nonsense_is_refused(
    order: Sequence[str], offsets: dict[str, int] | None, message: str, graph: Graph, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    out.write_bytes(b"before")
    with pytest.raises(ValueError, match=message):
        write_tflite(graph, order, out, offsets=offsets)
    assert out.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.tflite", "out.tflite"]


def test_the_source_is_never_replaced(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this is the model itself"):
        write_tflite(graph, ORDER, tmp_path / "in.tflite")
    assert (tmp_path / "in.tflite").read_bytes() == content()


def test_a_source_that_changed_is_refused(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "in.tflite").write_bytes(
        build(
            Subgraph((Tensor("in"), Tensor("a")), (Op(Kind.ABS, ("in",), ("a",)),), ("in",), ("a",))
        )
    )
    with pytest.raises(InvalidModelError, match="not the file that the network was read from"):
        write_tflite(graph, ORDER, tmp_path / "out.tflite")


def test_a_wrong_file_is_not_left_behind(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None:
        """Forget to permute."""

    monkeypatch.setattr("models.formats.tflite_write._permute", nothing)
    with pytest.raises(InvalidModelError, match="the file written is wrong: the order of the ops"):
        write_tflite(graph, ORDER, tmp_path / "out.tflite")
    assert [p.name for p in tmp_path.iterdir()] == ["in.tflite"]


def test_damaged_offsets_are_an_error(tmp_path: Path) -> None:
    for data in (b"\1\0\0\0", b"\1\0\0\0\0\0\0\0\5\0\0\0"):
        broken = build(
            Subgraph((Tensor("x"), Tensor("y")), (Op(Kind.NEG, ("x",), ("y",)),), ("x",), ("y",)),
            buffers=[data],
            metadata=[(OFFSETS.decode(), 1)],
        )
        with pytest.raises(InvalidModelError, match="planned offsets are damaged"):
            offsets_of(broken)
        path = tmp_path / "in.tflite"
        path.write_bytes(broken)
        with pytest.raises(InvalidModelError, match="planned offsets are damaged"):
            write_tflite(models.load(path), ["0:NEG"], tmp_path / "out.tflite")


def test_a_network_that_is_no_file_is_refused(tmp_path: Path) -> None:
    graph = models.GraphBuilder("g").build()
    with pytest.raises(UnsupportedModelError, match="was not read from a file"):
        write(graph, [], tmp_path / "out")
    with pytest.raises(UnsupportedModelError, match="not read from a file of format tflite"):
        write_tflite(graph, [], tmp_path / "out")


@pytest.mark.parametrize("name", ["swiftnet/submission-uint8.lite", "tflm/person_detect.tflite"])
def test_real_files_in_random_orders(name: str, tmp_path: Path) -> None:
    graph = models.load(shared_data(name))
    rng = random.Random(1)
    done: list[int] = []
    while len(done) < len(graph.ops):
        ready = [
            v
            for v in range(len(graph.ops))
            if v not in done and set(graph.predecessors[v]) <= set(done)
        ]
        done.append(rng.choice(ready))
    offsets = {buffer.name: 16 * i for i, buffer in enumerate(graph.buffers)}
    out = tmp_path / "out.tflite"
    write(graph, [graph.ops[v].name for v in done], out, offsets=offsets)
    assert facts(models.load(out)) == [facts(graph)[v] for v in done]
    planned = offsets_of(out.read_bytes())
    assert planned is not None
    assert sorted(o for o in planned if o >= 0) == sorted(offsets.values())

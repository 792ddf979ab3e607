"""The graph, its builder, and everything they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from models import Buffer, BufferId, Graph, GraphBuilder, InvalidModelError, Op, OpId, Weight
from models.graph import tensor_bytes
from tests.property.graphs import diamond

X, Y = Buffer("x", 4, is_input=True), Buffer("y", 2)


def op(name: str, inputs: list[int], outputs: list[int], **facts: Any) -> Op:  # noqa: ANN401
    return Op(name, "", tuple(map(BufferId, inputs)), tuple(map(BufferId, outputs)), **facts)


def graph(ops: list[Op], buffers: list[Buffer]) -> Graph:
    return Graph("g", tuple(ops), tuple(buffers))


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((), "float32", 4),
        ((2, 3), "int8", 6),
        ((3,), "int4", 2),
        ((5,), "int2", 2),
        ((0, 7), "float64", 0),
        ((2,), "complex128", 32),
    ],
)
def test_tensor_bytes(shape: tuple[int, ...], dtype: str, size: int) -> None:
    assert tensor_bytes(shape, dtype) == size


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [((1,), "string", "'string' have no fixed size"), ((2, -1), "int8", "negative dimension -1")],
)
def test_tensor_bytes_refuses(shape: tuple[int, ...], dtype: str, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        tensor_bytes(shape, dtype)


def test_who_touches_what() -> None:
    g = diamond()
    names = [op.name for op in g.ops]
    assert names == ["stem", "right", "widen", "narrow", "join"]
    assert g.producers == ((), (0,), (2,), (3,), (1,), (4,))
    assert g.consumers == ((0,), (1, 2), (3,), (4,), (4,), ())
    assert g.predecessors == ((), (0,), (0,), (2,), (1, 3))


def test_a_buffer_that_nobody_reads_is_an_output() -> None:
    g = graph([op("f", [0], [1])], [X, Y])
    assert [b.is_output for b in g.buffers] == [False, True]


def test_an_unread_input_is_an_output_too() -> None:
    assert graph([], [X]).buffers[0].is_output


def test_an_input_read_twice_by_one_op_has_one_consumer() -> None:
    assert graph([op("square", [0, 0], [1])], [X, Y]).consumers[0] == (0,)


def test_all_producers_come_before_a_consumer() -> None:
    g = graph([op("a", [], [0]), op("b", [], [0]), op("c", [0], [])], [Y])
    assert g.predecessors == ((), (), (0, 1))


def test_extra_dependencies_are_predecessors() -> None:
    g = graph([op("a", [], []), op("b", [], [], after=(OpId(0),))], [])
    assert g.predecessors == ((), (0,))


def test_a_file_need_not_be_sorted() -> None:
    g = graph([op("second", [1], []), op("first", [0], [1])], [X, Y])
    assert g.predecessors == ((1,), ())


@pytest.mark.parametrize(
    ("ops", "buffers", "message"),
    [
        ([op("f", [], []), op("f", [], [])], [], "two ops are called 'f'"),
        ([], [X, X], "two buffers are called 'x'"),
        ([op("f", [0], [])], [], "op 'f' names buffer 0, which does not exist"),
        ([op("f", [], [1])], [X], "op 'f' names buffer 1, which does not exist"),
        ([op("f", [-1], [])], [X], "op 'f' names buffer -1, which does not exist"),
        ([op("f", [], [], after=(OpId(7),))], [], "op 'f' waits for op 7, which does not exist"),
        ([op("f", [], [0])], [X], "op 'f' writes network input 'x'"),
        ([op("f", [0], [])], [Y], "nobody produces buffer 'y'"),
        ([op("f", [], [0, 0])], [Y], "op 'f' lists an output twice"),
        ([op("f", [0], [0])], [Y], "op 'f' reads and writes buffer 'y'"),
        ([op("f", [0], [1], in_place=((1, 0),))], [X, Y], r"pair \(1, 0\) does not join"),
        ([op("f", [0], [1], views=((0, 0),))], [X, Y], r"pair \(0, 0\) does not join"),
        ([op("f", [], [1], views=((0, 1),))], [X, Y], r"pair \(0, 1\) does not join"),
        (
            [op("f", [0, 1], [2], views=((0, 2), (1, 2)))],
            [X, Buffer("z", 4, is_input=True), Y],
            "op 'f': an output is a view of two inputs",
        ),
        ([op("f", [], [], after=(OpId(0),))], [], "cycle: f -> f"),
        (
            [op("a", [1], [0]), op("b", [0], [1])],
            [Buffer("p", 1), Buffer("q", 1)],
            "cycle: (a -> b -> a|b -> a -> b)",
        ),
    ],
)
def test_graph_refuses(ops: list[Op], buffers: list[Buffer], message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        graph(ops, buffers)


def test_parts_refuse_nonsense() -> None:
    with pytest.raises(InvalidModelError, match="a buffer needs a name"):
        Buffer("", 1)
    with pytest.raises(InvalidModelError, match="buffer 'x' has a negative size: -1"):
        Buffer("x", -1)
    with pytest.raises(InvalidModelError, match="an op needs a name"):
        op("", [], [])
    with pytest.raises(InvalidModelError, match="op 'f' has a negative workspace: -2"):
        op("f", [], [], workspace=-2)
    with pytest.raises(InvalidModelError, match="weight 'w' has a negative size: -3"):
        Weight("w", -3)


def test_precision() -> None:
    """Floats change their size, integers and buffers of unknown shape do not."""
    g = Graph(
        "g",
        (op("f", [0, 1, 2], []),),
        (
            Buffer("image", 24, is_input=True, dtype="float32", shape=(2, 3)),
            Buffer("index", 24, is_input=True, dtype="int64", shape=(3,)),
            Buffer("blob", 24, is_input=True, dtype="float32"),
        ),
        weights=(Weight("w", 12, (OpId(0),), "float32"), Weight("table", 12, (), "int32")),
    )
    half = g.with_precision("float16")
    assert [b.size for b in half.buffers] == [12, 24, 24]
    assert [b.dtype for b in half.buffers] == ["float16", "int64", "float32"]
    assert [w.size for w in half.weights] == [6, 12]
    assert (g.weight_bytes, half.weight_bytes) == (24, 18)
    with pytest.raises(InvalidModelError, match="unknown element type 'float12'"):
        g.with_precision("float12")


def test_builder_takes_names_in_any_order() -> None:
    builder = GraphBuilder("g")
    builder.op("second", ["y"], [], after=["first"], kind="Sink", workspace=3, position=1)
    builder.op("first", ["x"], ["y"], in_place=[("x", "y")], views=[("x", "y")])
    builder.buffer("y", 2)
    builder.buffer("x", 4, is_input=True, dtype="int8", shape=(4,))
    builder.weight("w", 9, ["first"], "int8")
    g = builder.build(warnings=["careful"])
    assert g.ops[0] == Op(
        "second", "Sink", (BufferId(0),), (), workspace=3, after=(OpId(1),), position=1
    )
    assert g.ops[1].in_place == g.ops[1].views == ((1, 0),)
    assert g.buffers[1] == Buffer("x", 4, is_input=True, dtype="int8", shape=(4,))
    assert g.weights == (Weight("w", 9, (OpId(1),), "int8"),)
    assert g.warnings == ("careful",)


def test_builder_refuses_a_name_that_is_taken() -> None:
    builder = GraphBuilder("g")
    builder.buffer("x", 1)
    builder.op("f", [], ["x"])
    builder.weight("w", 1)
    with pytest.raises(InvalidModelError, match="two buffers are called 'x'"):
        builder.buffer("x", 1)
    with pytest.raises(InvalidModelError, match="two ops are called 'f'"):
        builder.op("f", [], [])
    with pytest.raises(InvalidModelError, match="two weights are called 'w'"):
        builder.weight("w", 1)


@pytest.mark.parametrize(
    ("inputs", "outputs", "facts", "message"),
    [
        (["?"], [], {}, r"op 'f' names unknown buffer '\?'"),
        ([], ["?"], {}, r"op 'f' names unknown buffer '\?'"),
        (["x"], ["y"], {"in_place": [("x", "?")]}, r"op 'f' names unknown buffer '\?'"),
        (["x"], ["y"], {"views": [("?", "y")]}, r"op 'f' names unknown buffer '\?'"),
        (["x"], ["y"], {"after": ["?"]}, r"op 'f' names unknown op '\?'"),
        (["x"], ["y", "y"], {}, "buffer 'y' has two producers: 'f' and 'f'"),
    ],
)
def test_builder_refuses_unknown_names(
    inputs: list[str], outputs: list[str], facts: dict[str, Any], message: str
) -> None:
    builder = GraphBuilder("g")
    builder.buffer("x", 1, is_input=True)
    builder.buffer("y", 1)
    builder.op("f", inputs, outputs, **facts)
    with pytest.raises(InvalidModelError, match=message):
        builder.build()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((Weight("w", 1, (OpId(1),)),), "weight 'w' names op 1, which does not exist"),
        ((Weight("w", 1), Weight("w", 2)), "two weights are called 'w'"),
    ],
)
def test_refused_weights(weights: tuple[Weight, ...], message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        Graph("g", (op("f", [0], [1]),), (X, Y), weights)


def test_builder_refuses_a_weight_of_an_unknown_op() -> None:
    builder = GraphBuilder("g")
    builder.weight("w", 1, ["?"])
    with pytest.raises(InvalidModelError, match=r"weight 'w' names unknown op '\?'"):
        builder.build()


@pytest.mark.parametrize("shared", [False, True])
def test_only_a_shared_buffer_may_have_two_producers(shared: bool) -> None:
    builder = GraphBuilder("g")
    builder.buffer("y", 1, shared=shared)
    builder.op("f", [], ["y"])
    builder.op("g", [], ["y"])
    if shared:
        assert builder.build().producers == ((0, 1),)
    else:
        with pytest.raises(InvalidModelError, match="'y' has two producers: 'f' and 'g'"):
            builder.build()

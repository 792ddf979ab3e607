"""The TFLite reader: hand-made files for each promise, damaged files, two published networks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from models import Graph, InvalidModelError, UnsupportedModelError, Weight, load
from models.formats.tflite import read_tflite
from models.graph import DTYPE_BITS, Buffer, Op, Source
from tests.data import shared_data
from tests.tflite_builder import (
    Code,
    External,
    Kind,
    Subgraph,
    Tensor,
    Type,
    build,
    build_shared,
)
from tests.tflite_builder import Op as FileOp

if TYPE_CHECKING:
    from pathlib import Path

Read = Callable[[bytes], Graph]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.tflite"


@pytest.fixture
def read(path: Path) -> Read:
    def read_bytes(content: bytes) -> Graph:
        path.write_bytes(content)
        return read_tflite(path)

    return read_bytes


def chain(*tensors: Tensor, kind: int | str = Kind.SOFTMAX) -> Subgraph:
    """One op of that kind between each tensor and the next; the ends are the network's."""
    names = [tensor.name or f"tensor_{i}" for i, tensor in enumerate(tensors)]
    ops = tuple(FileOp(kind, (i,), (i + 1,)) for i in range(len(names) - 1))
    return Subgraph(tensors, ops, (0,), (len(names) - 1,))


def buffer(graph: Graph, name: str) -> Buffer:
    return next(b for b in graph.buffers if b.name == name)


def op(graph: Graph, position: int) -> Op:
    return next(op for op in graph.ops if op.position == position)


def names(graph: Graph, buffers: tuple[int, ...]) -> list[str]:
    return [graph.buffers[b].name for b in buffers]


def pairs(graph: Graph, joined: tuple[tuple[int, int], ...]) -> list[tuple[str, str]]:
    return [(graph.buffers[x].name, graph.buffers[y].name) for x, y in joined]


def refusal(read: Read, content: bytes, error: type[Exception] = InvalidModelError) -> str:
    """The error's text without the path it must start with; exactly that type, on one line."""
    with pytest.raises(error) as caught:
        read(content)
    assert type(caught.value) is error
    head, _, tail = str(caught.value).partition("net.tflite: ")
    assert head.endswith("/")
    assert tail
    assert "\n" not in tail
    return tail


BRANCHES = Subgraph(
    (
        Tensor("in", (1, 4, 4, 2)),
        Tensor("filter", (3, 3), data=bytes(9)),
        Tensor("left", (1, 4, 4, 3)),
        Tensor("right", (1, 4, 4, 5)),
        Tensor("out", (1, 4, 4, 8)),
    ),
    (
        FileOp(Kind.CONV_2D, ("in", "filter", -1), ("left",)),
        FileOp("Fancy", ("in", "filter"), ("right",)),
        FileOp(Kind.CONCATENATION, ("left", "right"), ("out",)),
    ),
    ("in",),
    ("out",),
)  # fmt: skip


# ---------------------------------------------------------------- structure


def test_a_branched_network_is_read_whole(read: Read, path: Path) -> None:
    graph = read(build(BRANCHES))
    assert graph.name == "net"
    assert graph.source == Source("tflite", path, 0)
    assert graph.warnings == ()
    assert graph.buffers == (
        Buffer("in", 32, is_input=True, dtype="int8", shape=(1, 4, 4, 2)),
        Buffer("left", 48, dtype="int8", shape=(1, 4, 4, 3)),
        Buffer("right", 80, dtype="int8", shape=(1, 4, 4, 5)),
        Buffer("out", 128, is_output=True, dtype="int8", shape=(1, 4, 4, 8)),
    )
    assert graph.ops == (
        Op("0:CONV_2D", "CONV_2D", (0,), (1,), position=0),  # type: ignore[arg-type]
        Op("1:Fancy", "Fancy", (0,), (2,), position=1),  # type: ignore[arg-type]
        Op("2:CONCATENATION", "CONCATENATION", (1, 2), (3,), position=2),  # type: ignore[arg-type]
    )
    assert graph.weights == (Weight("filter", 9, (0, 1), "int8"),)  # type: ignore[arg-type]


def test_load_tells_tflite_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "no_suffix"
    path.write_bytes(build(BRANCHES))
    assert load(path) == read_tflite(path)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code(3, 3), "CONV_2D"),
        (Code(3, 0), "CONV_2D"),  # before 2.4: the 8-bit field alone
        (Code(0, 3), "CONV_2D"),  # a writer that knows only the new field
        (Code(127, 150), "GELU"),
        (Code(127, 9999), "BUILTIN_9999"),
        (Code(32, 32, "My\nOp"), "My\nOp"),
        (Code(32, 0, "Detect"), "Detect"),
        (Code(3, 3, "ignored"), "CONV_2D"),
    ],
)
def test_operator_codes(read: Read, code: Code, kind: str) -> None:
    graph = read(build(chain(Tensor("a"), Tensor("b")), codes=[code]))
    assert [(op.name, op.kind) for op in graph.ops] == [(f"0:{kind}", kind)]


def test_nameless_and_equally_named_tensors_get_names_of_their_own(read: Read) -> None:
    tensors = (
        Tensor("x"),
        Tensor(None),
        Tensor(""),
        Tensor("x"),
        Tensor("x#3"),
        Tensor("x"),
        Tensor("x#7"),
        Tensor("x"),
    )
    graph = read(build(chain(*tensors)))
    assert [b.name for b in graph.buffers] == [
        "x",
        "tensor_1",
        "tensor_2",
        "x#3",
        "x#3#4",
        "x#5",
        "x#7",
        "x#7#7",
    ]


def test_absent_optional_inputs_and_intermediates_leave_no_trace(read: Read) -> None:
    tensors = (Tensor("a"), Tensor("scratch", (99,)), Tensor("b"))
    lstm = FileOp(Kind.LSTM, (-1, "a", -1), ("b", -1), intermediates=("scratch",))
    graph = read(build(Subgraph(tensors, (lstm,), ("a", -1), ("b", -1))))
    assert [b.name for b in graph.buffers] == ["a", "b"]
    assert names(graph, graph.ops[0].inputs) == ["a"]
    assert names(graph, graph.ops[0].outputs) == ["b"]


def test_an_input_listed_twice_is_one_input(read: Read) -> None:
    square = FileOp(Kind.MUL, ("a", "a"), ("b",))
    graph = read(build(Subgraph((Tensor("a"), Tensor("b")), (square,), ("a",), ("b",))))
    assert graph.ops[0].inputs == (0,)
    assert graph.ops[0].in_place == ((0, 1),)


def test_network_inputs_and_outputs(read: Read) -> None:
    tensors = (Tensor("through"), Tensor("in"), Tensor("out"), Tensor("unread"), Tensor("mid"))
    split = FileOp(Kind.SPLIT, ("in",), ("mid", "unread"))
    last = FileOp(Kind.SOFTMAX, ("mid",), ("out",))
    graph = read(build(Subgraph(tensors, (split, last), ("through", "in"), ("through", "out"))))
    assert {b.name: (b.is_input, b.is_output) for b in graph.buffers} == {
        "through": (True, True),
        "in": (True, False),
        "out": (False, True),
        "unread": (False, True),
        "mid": (False, False),
    }


def test_a_model_without_ops_is_a_graph_without_ops(read: Read) -> None:
    graph = read(build(Subgraph((Tensor("a"),), (), ("a",), ("a",))))
    assert graph.ops == ()
    assert graph.buffers == (Buffer("a", 1, True, True, "int8", (1,)),)


# ---------------------------------------------------------------- sizes and types


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("FLOAT32", 60), ("FLOAT16", 30), ("INT32", 60), ("UINT8", 15), ("INT64", 120),
        ("BOOL", 15), ("INT16", 30), ("COMPLEX64", 120), ("INT8", 15), ("FLOAT64", 120),
        ("COMPLEX128", 240), ("UINT64", 120), ("UINT32", 60), ("UINT16", 30), ("INT4", 8),
        ("BFLOAT16", 30),
    ],
)  # fmt: skip
def test_sizes_of_fifteen_elements(read: Read, dtype: str, size: int) -> None:
    graph = read(build(chain(Tensor("a", (3, 5), getattr(Type, dtype)), Tensor("b"))))
    assert graph.buffers[0] == Buffer("a", size, True, False, dtype.lower(), (3, 5))


def test_every_type_of_the_schema_is_sized_or_known_to_have_no_size() -> None:
    named = {name.lower() for name in vars(Type) if name.isupper()}
    assert named - set(DTYPE_BITS) == {"string", "resource", "variant"}


@pytest.mark.parametrize("shape", [(), None])
def test_a_scalar_has_one_element(read: Read, shape: tuple[int, ...] | None) -> None:
    graph = read(build(chain(Tensor("a", shape, Type.FLOAT32), Tensor("b"))))
    assert graph.buffers[0] == Buffer("a", 4, True, False, "float32", ())


def test_an_empty_activation_takes_no_bytes(read: Read) -> None:
    graph = read(build(chain(Tensor("a", (4, 0)), Tensor("b"))))
    assert graph.buffers[0] == Buffer("a", 0, True, False, "int8", (4, 0))


def test_string_activations_are_refused(read: Read) -> None:
    content = build(chain(Tensor("words", (1,), Type.STRING), Tensor("b")))
    assert "tensor 'words' holds strings" in refusal(read, content, UnsupportedModelError)


def test_types_newer_than_the_schema_are_refused_among_activations(read: Read) -> None:
    content = build(chain(Tensor("a"), Tensor("odd", (8,), 99)))
    message = refusal(read, content, UnsupportedModelError)
    assert "tensor 'odd' has element type 99" in message
    assert "update the tflite package" in message


@pytest.mark.parametrize("kind", [Type.RESOURCE, Type.VARIANT])
def test_handles_take_no_bytes_whatever_their_shape(read: Read, kind: int) -> None:
    handle = Tensor("handle", (-1, 7), kind, signature=(-1, -1))
    graph = read(build(chain(Tensor("a"), handle, Tensor("b"))))
    assert buffer(graph, "handle") == Buffer("handle", 0)
    assert graph.warnings == (
        "resource and variant tensors count 0 bytes, what they refer to is not counted: 'handle'",
    )


# ---------------------------------------------------------------- weights


def two_readers(*weights: Tensor) -> Subgraph:
    """Op 0 and op 2 read all weights, op 1 none."""
    constants = tuple(w.name for w in weights if w.name)
    return Subgraph(
        (Tensor("a"), Tensor("b"), Tensor("c"), Tensor("d"), *weights),
        (
            FileOp(Kind.FULLY_CONNECTED, ("a", *constants), ("b",)),
            FileOp(Kind.SOFTMAX, ("b",), ("c",)),
            FileOp(Kind.FULLY_CONNECTED, ("c", *constants), ("d",)),
        ),
        ("a",),
        ("d",),
    )  # fmt: skip


def summary(graph: Graph) -> list[tuple[str, int, tuple[int, ...], str]]:
    return [(w.name, w.size, w.consumers, w.dtype) for w in graph.weights]


def test_a_weight_counts_its_stored_bytes(read: Read) -> None:
    sparse = Tensor("w", (100, 100), Type.FLOAT32, data=bytes(44))
    assert summary(read(build(two_readers(sparse)))) == [("w", 44, (0, 2), "float32")]


def test_weights_of_any_type_are_counted(read: Read) -> None:
    words = Tensor("words", (2,), Type.STRING, data=bytes(17))
    newer = Tensor("newer", (8,), 99, data=bytes(4))
    assert summary(read(build(two_readers(words, newer)))) == [
        ("words", 17, (0, 2), ""),
        ("newer", 4, (0, 2), ""),
    ]


def test_tensors_on_one_model_buffer_are_one_weight(read: Read) -> None:
    graph = read(
        build(
            Subgraph(
                (
                    Tensor("a"),
                    Tensor("b"),
                    Tensor("c"),
                    Tensor("second", (4,), buffer=1),
                    Tensor("first", (4,), buffer=1),
                    Tensor("other", (2, 2), Type.UINT8, buffer=2),
                    Tensor("other type", (2, 2), Type.INT8, buffer=2),
                ),
                (
                    FileOp(Kind.FULLY_CONNECTED, ("a", "first", "other"), ("b",)),
                    FileOp(Kind.FULLY_CONNECTED, ("b", "second", "other type"), ("c",)),
                ),
                ("a",),
                ("c",),
            ),
            buffers=[bytes(4), bytes(5)],
        )
    )
    assert summary(graph) == [("second", 4, (0, 1), "int8"), ("other", 5, (0, 1), "")]
    assert graph.weight_bytes == 9


def test_data_behind_the_flatbuffer(read: Read) -> None:
    subgraph = two_readers(Tensor("w", (300,), buffer=1))
    head = len(build(subgraph, buffers=[External(4096, 300)]))
    content = build(subgraph, buffers=[External(head, 300)])
    assert summary(read(content + bytes(300))) == [("w", 300, (0, 2), "int8")]
    assert (
        refusal(read, content + bytes(299))
        == f"truncated or damaged (model buffer 1 ends at byte {head + 300} of {head + 299})"
    )


def test_an_external_placeholder_is_no_data(read: Read) -> None:
    content = build(two_readers(Tensor("w", (300,), buffer=1)), buffers=[External(1, 300)])
    assert refusal(read, content) == "nothing produces tensor 'w' and it holds no data"


def test_unread_constants_are_no_weights(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b"), Tensor("unread", data=bytes(8))),
        (FileOp(Kind.SOFTMAX, ("a",), ("b",)),),
        ("a",),
        ("b",),
    )
    assert read(build(subgraph)).weights == ()


def test_a_constant_output_is_no_activation(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b"), Tensor("k", (8,), data=bytes(8))),
        (FileOp(Kind.ADD, ("a", "k"), ("b",)),),
        ("a",),
        ("b", "k"),
    )
    graph = read(build(subgraph))
    assert [b.name for b in graph.buffers] == ["a", "b"]
    assert summary(graph) == [("k", 8, (0,), "int8")]


def test_an_input_with_data_is_a_weight_and_is_named(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("k", (8,), data=bytes(8)), Tensor("b")),
        (FileOp(Kind.ADD, ("a", "k"), ("b",)),),
        ("a", "k"),
        ("b",),
    )
    graph = read(build(subgraph))
    assert [b.name for b in graph.buffers] == ["a", "b"]
    assert summary(graph) == [("k", 8, (0,), "int8")]
    assert graph.warnings == ("network inputs that hold constant data count as weights: 'k'",)


def test_an_empty_constant_is_an_empty_weight(read: Read) -> None:
    assert summary(read(build(two_readers(Tensor("axes", (0,), Type.INT32))))) == [
        ("axes", 0, (0, 2), "int32")
    ]


def test_two_empty_constants_stay_apart(read: Read) -> None:
    axes, pads = Tensor("axes", (0,), Type.INT32), Tensor("pads", (0, 2), Type.INT32)
    assert [w.name for w in read(build(two_readers(axes, pads))).weights] == ["axes", "pads"]


def test_a_tensor_from_nowhere_is_refused(read: Read) -> None:
    content = build(two_readers(Tensor("lost", (3,))))
    assert refusal(read, content) == "nothing produces tensor 'lost' and it holds no data"


def test_an_output_from_nowhere_is_refused(read: Read) -> None:
    content = build(Subgraph((Tensor("a"), Tensor("lost")), (), ("a",), ("lost",)))
    assert refusal(read, content) == "nothing produces tensor 'lost' and it holds no data"


def test_a_produced_tensor_with_data_is_an_activation(read: Read) -> None:
    graph = read(build(chain(Tensor("a"), Tensor("b", (4,), data=bytes(4)), Tensor("c"))))
    assert buffer(graph, "b").size == 4
    assert graph.weights == ()


# ---------------------------------------------------------------- variables


STATEFUL = Subgraph(
    (
        Tensor("a", (2,)),
        Tensor("state", (2,), variable=True),
        Tensor("b", (2,)),
        Tensor("c", (2,)),
        Tensor("d", (2,)),
        Tensor("idle", (30,), variable=True),
    ),
    (
        FileOp(Kind.SVDF, ("a", "state"), ("b",)),
        FileOp(Kind.SOFTMAX, ("a",), ("c",)),
        FileOp(Kind.ADD, ("c", "state"), ("state", "d")),
        FileOp("Reset", (), ("state",)),
    ),
    ("a",),
    ("b", "d"),
)  # fmt: skip


def test_variables_live_for_the_whole_run(read: Read) -> None:
    graph = read(build(STATEFUL))
    assert buffer(graph, "state") == Buffer("state", 2, True, True, "int8", (2,))
    assert buffer(graph, "idle") == Buffer("idle", 30, True, True, "int8", (30,))


def test_variables_are_listed_among_inputs_only(read: Read) -> None:
    graph = read(build(STATEFUL))
    assert [(names(graph, o.inputs), names(graph, o.outputs)) for o in graph.ops] == [
        (["a", "state"], ["b"]),
        (["a"], ["c"]),
        (["c", "state"], ["d"]),
        (["state"], []),
    ]


def test_ops_on_one_variable_keep_their_file_order(read: Read) -> None:
    assert [o.after for o in read(build(STATEFUL)).ops] == [(), (), (0,), (2,)]


def test_variables_are_never_overwritten_or_viewed(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("v", (2,), variable=True), Tensor("a", (2,)), Tensor("b", (2,)), Tensor("c", (2,))),
        (
            FileOp(Kind.ADD, ("a", "v"), ("b",)),
            FileOp(Kind.RESHAPE, ("v",), ("c",)),
            FileOp(Kind.RELU, ("a",), ("v",)),
            FileOp(Kind.RESHAPE, ("a",), ("v",)),
        ),
        ("a",),
        ("b", "c"),
    )
    graph = read(build(subgraph))
    assert [(pairs(graph, o.in_place), o.views) for o in graph.ops] == [
        ([("a", "b")], ()),
        ([], ()),
        ([], ()),
        ([], ()),
    ]


# ---------------------------------------------------------------- resources


def variable(name: str, handle: str) -> FileOp:
    options = ("VarHandleOptions", {"Container": "", "SharedName": name})
    return FileOp(Kind.VAR_HANDLE, (), (handle,), options)


def handle(name: str) -> Tensor:
    return Tensor(name, (1,), Type.RESOURCE)


IDLE = Subgraph((Tensor("p"), Tensor("q")), (FileOp(Kind.RELU, ("p",), ("q",)),), ("p",), ("q",))


def test_ops_on_one_resource_keep_their_order_and_others_are_free(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), *map(handle, ("h", "g", "again")), *map(Tensor, ("x", "y", "z"))),
        (
            variable("count", "h"),
            variable("other", "g"),
            FileOp(Kind.READ_VARIABLE, ("h",), ("x",)),
            FileOp(Kind.READ_VARIABLE, ("g",), ("y",)),
            FileOp(Kind.ASSIGN_VARIABLE, ("h", "a"), ()),
            variable("count", "again"),
            FileOp(Kind.READ_VARIABLE, ("again",), ("z",)),
        ),
        ("a",),
        ("x", "y", "z"),
    )
    graph = read(build(subgraph))
    assert [o.after for o in graph.ops] == [(), (), (0,), (1,), (2,), (4,), (5,)]
    (warning,) = graph.warnings
    assert warning == (
        "resource and variant tensors count 0 bytes, what they refer to is not counted: "
        "'h', 'g', 'again'"
    )


def test_tables_are_told_apart_by_their_id(read: Read) -> None:
    def table(number: int, handle: str) -> FileOp:
        return FileOp(Kind.HASHTABLE, (), (handle,), ("HashtableOptions", {"TableId": number}))

    subgraph = Subgraph(
        (Tensor("a"), *map(handle, ("h", "g", "again")), *map(Tensor, ("x", "y"))),
        (
            table(1, "h"),
            table(2, "g"),
            table(1, "again"),
            FileOp(Kind.HASHTABLE_IMPORT, ("h", "a", "a"), ()),
            FileOp(Kind.HASHTABLE_SIZE, ("g",), ("x",)),
            FileOp(Kind.HASHTABLE_FIND, ("again", "a", "a"), ("y",)),
        ),
        ("a",),
        ("x", "y"),
    )
    assert [o.after for o in read(build(subgraph)).ops] == [(), (), (0,), (2,), (1,), (3,)]


@pytest.mark.parametrize(
    "wildcard",
    [
        FileOp(Kind.READ_VARIABLE, ("unknown",), ("b",)),
        FileOp(Kind.CALL_ONCE, (), (), ("CallOnceOptions", {"InitSubgraphIndex": 1})),
        FileOp(Kind.CALL, ("a",), ("b",), ("CallOptions", {"Subgraph": 2})),
        FileOp(Kind.CALL, ("a",), ("b",), ("CallOptions", {"Subgraph": 4})),  # by way of 3
    ],
    ids=["handle from outside", "CALL_ONCE", "call", "indirect call"],
)
def test_an_op_that_may_touch_any_resource_is_a_barrier(read: Read, wildcard: FileOp) -> None:
    main = Subgraph(
        (Tensor("a"), Tensor("b"), *map(handle, ("h", "g", "unknown")), Tensor("x"), Tensor("y")),
        (
            variable("count", "h"),
            variable("other", "g"),
            wildcard,
            FileOp(Kind.READ_VARIABLE, ("h",), ("x",)),
            FileOp(Kind.READ_VARIABLE, ("h",), ("y",)),
        ),
        ("a", "unknown", "b") if not wildcard.outputs else ("a", "unknown"),
        ("x", "y"),
    )
    touching = Subgraph((handle("h"),), (variable("count", "h"),))
    calling = [
        Subgraph(
            IDLE.tensors,
            (FileOp(Kind.CALL, ("p",), ("q",), ("CallOptions", {"Subgraph": called})),),
            ("p",),
            ("q",),
        )
        for called in (2, 3)
    ]
    graph = read(build(main, IDLE, touching, *calling))
    assert [o.after for o in graph.ops] == [(), (), (0, 1), (2,), (3,)]


def test_barriers_keep_their_order(read: Read) -> None:
    once = FileOp(Kind.CALL_ONCE, (), (), ("CallOnceOptions", {"InitSubgraphIndex": 1}))
    main = Subgraph((Tensor("a"),), (once, once, once), ("a",), ("a",))
    assert [o.after for o in read(build(main, IDLE)).ops] == [(), (0,), (1,)]


def test_calls_that_touch_no_resource_are_free(read: Read) -> None:
    call = ("CallOptions", {"Subgraph": 1})
    main = Subgraph(
        (Tensor("a"), handle("h"), Tensor("x"), Tensor("y")),
        (
            variable("count", "h"),
            FileOp(Kind.CALL, ("a",), ("x",), call),
            FileOp(Kind.CALL, ("a",), ("y",), call),
        ),
        ("a",),
        ("x", "y"),
    )
    assert [o.after for o in read(build(main, IDLE)).ops] == [(), (), ()]


# ---------------------------------------------------------------- subgraphs


@pytest.mark.parametrize(
    ("kind", "options", "called"),
    [
        ("CALL", ("CallOptions", {"Subgraph": 2}), "'#2'"),
        ("CALL_ONCE", ("CallOnceOptions", {"InitSubgraphIndex": 1}), "'then'"),
        ("IF", ("IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 2}), "'then', '#2'"),
        ("WHILE", ("WhileOptions", {"CondSubgraphIndex": 2, "BodySubgraphIndex": 1}),
         "'#2', 'then'"),
        ("STABLEHLO_WHILE",
         ("StablehloWhileOptions", {"CondSubgraphIndex": 2, "BodySubgraphIndex": 1}),
         "'#2', 'then'"),
        ("STABLEHLO_COMPOSITE",
         ("StableHLOCompositeOptions", {"DecompositionSubgraphIndex": 1}), "'then'"),
        ("STABLEHLO_REDUCE", ("StablehloReduceOptions", {"BodySubgraphIndex": 2}), "'#2'"),
        ("STABLEHLO_REDUCE_WINDOW",
         ("StablehloReduceWindowOptions", {"BodySubgraphIndex": 2}), "'#2'"),
        ("STABLEHLO_SCATTER",
         ("StablehloScatterOptions", {"UpdateComputationSubgraphIndex": 2}), "'#2'"),
        ("STABLEHLO_SORT", ("StablehloSortOptions", {"ComparatorSubgraphIndex": 1}), "'then'"),
    ],
)  # fmt: skip
def test_other_subgraphs_are_named(
    read: Read, kind: str, options: tuple[str, dict[str, int]], called: str
) -> None:
    main = Subgraph(
        (Tensor("a"), Tensor("b")),
        (FileOp(getattr(Kind, kind), ("a",), ("b",), options),),
        ("a",),
        ("b",),
    )
    then = Subgraph(IDLE.tensors, IDLE.ops, IDLE.inputs, IDLE.outputs, "then")
    nameless = Subgraph(IDLE.tensors, IDLE.ops, IDLE.inputs, IDLE.outputs, None)
    graph = read(build(main, then, nameless))
    assert [(o.name, o.inputs, o.outputs) for o in graph.ops] == [(f"0:{kind}", (0,), (1,))]
    assert graph.warnings == (
        "only the main subgraph is scheduled, the memory of 'then', '#2' is not counted",
        f"op '0:{kind}' counts as one op, the memory inside {called} is not counted",
    )


def test_a_call_of_a_missing_subgraph_is_refused(read: Read) -> None:
    call = FileOp(Kind.CALL, ("a",), ("b",), ("CallOptions", {"Subgraph": 2}))
    content = build(Subgraph((Tensor("a"), Tensor("b")), (call,), ("a",), ("b",)), IDLE)
    assert (
        refusal(read, content) == "truncated or damaged (op '0:CALL' calls subgraph 2, there are 2)"
    )


@pytest.mark.parametrize("options", [None, ("IfOptions", {"ThenSubgraphIndex": 1})])
def test_a_call_that_does_not_say_of_what_is_refused(
    read: Read, options: tuple[str, dict[str, int]] | None
) -> None:
    call = FileOp(Kind.WHILE, ("a",), ("b",), options)
    content = build(Subgraph((Tensor("a"), Tensor("b")), (call,), ("a",), ("b",)), IDLE)
    assert "op '0:WHILE' does not say which subgraph it calls" in refusal(read, content)


# ---------------------------------------------------------------- dynamic shapes


@pytest.mark.parametrize(
    ("shape", "signature", "shown"),
    [
        ((1, 1, 40), (1, -1, 40), "(1, -1, 40)"),
        ((8, 40), (-1, 40), "(-1, 40)"),  # a batch, but not stored as 1
        ((1, 1), (-1, -1), "(-1, -1)"),
        ((), (-1,), "(-1,)"),
        ((1, 4, 4), (-1, 4), "(-1, 4)"),
        ((-1, 40), None, "(-1, 40)"),
    ],
)
def test_dynamic_shapes_are_refused_with_the_cure(
    read: Read, shape: tuple[int, ...], signature: tuple[int, ...] | None, shown: str
) -> None:
    content = build(chain(Tensor("a", shape, signature=signature), Tensor("b")))
    assert (
        refusal(read, content, UnsupportedModelError)
        == f"tensor 'a' has a dynamic shape {shown}: re-export with a fixed input shape"
    )


def test_a_free_batch_stored_as_one_is_one(read: Read) -> None:
    graph = read(
        build(
            chain(
                Tensor("a", (1, 4), signature=(-1, 4)),
                Tensor("b", (1, 5), signature=(1, 5)),
                *(Tensor(name, (1, 6), signature=(-1, 6)) for name in "cdef"),
            )
        )
    )
    assert [b.size for b in graph.buffers] == [4, 5, 6, 6, 6, 6]
    assert graph.warnings == ("dynamic batch taken as 1: 'a', 'c', 'd' and 2 more",)


def test_of_the_free_batches_the_networks_input_is_named_first(read: Read) -> None:
    tensors = tuple(Tensor(name, (1,), signature=(-1,)) for name in ("out", "in"))
    softmax = FileOp(Kind.SOFTMAX, ("in",), ("out",))
    graph = read(build(Subgraph(tensors, (softmax,), ("in",), ("out",))))
    assert graph.warnings == ("dynamic batch taken as 1: 'in', 'out'",)


def test_weights_may_have_any_shape(read: Read) -> None:
    weight = Tensor("w", (-1, -5), data=bytes(6), signature=(-1, -1))
    assert summary(read(build(two_readers(weight)))) == [("w", 6, (0, 2), "int8")]


@pytest.mark.parametrize("shape", [(-2, 4), (2**31 - 1,) * 3])
def test_impossible_shapes_are_refused(read: Read, shape: tuple[int, ...]) -> None:
    content = build(chain(Tensor("a", shape), Tensor("b")))
    assert refusal(read, content) == f"tensor 'a' has an impossible shape: {shape}"


def test_dims_are_refused(path: Path) -> None:
    path.write_bytes(build(BRANCHES))
    with pytest.raises(InvalidModelError, match=r"net\.tflite: TFLite dimensions have no names"):
        read_tflite(path, dims={"batch": 1})
    assert len(read_tflite(path, dims={}).ops) == 3


# ---------------------------------------------------------------- declared facts


def unary(kind: int, before: Tensor, after: Tensor) -> bytes:
    return build(chain(before, after, kind=kind))


@pytest.mark.parametrize("kind", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"])
def test_views(read: Read, kind: str) -> None:
    code = getattr(Kind, kind)
    assert op(read(unary(code, Tensor("a", (2, 3)), Tensor("b", (6,)))), 0).views == ((0, 1),)
    assert op(read(unary(code, Tensor("a", (2, 3)), Tensor("b", (5,)))), 0).views == ()
    assert op(read(unary(code, Tensor("a", (2, 3)), Tensor("b", (6,)))), 0).in_place == ()


def test_a_view_of_a_constant_is_none(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a", (4,)), Tensor("k", (4,), data=bytes(4)), Tensor("b", (4,))),
        (FileOp(Kind.RESHAPE, ("k", "a"), ("b",)),),
        ("a",),
        ("b",),
    )
    assert read(build(subgraph)).ops[0].views == ()


@pytest.mark.parametrize(
    "kind",
    [
        "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "ELU",
        "ABS", "NEG", "EXP", "SQRT", "RSQRT", "SQUARE", "FLOOR", "CEIL", "ROUND", "LOG",
    ],
)  # fmt: skip
def test_unary_elementwise_ops_may_run_in_place(read: Read, kind: str) -> None:
    code = getattr(Kind, kind)
    same = read(unary(code, Tensor("a", (2, 3)), Tensor("b", (2, 3))))
    assert same.ops[0].in_place == ((0, 1),)
    assert same.ops[0].views == ()
    reshaped = read(unary(code, Tensor("a", (2, 3)), Tensor("b", (3, 2))))
    assert reshaped.ops[0].in_place == ()
    retyped = read(unary(code, Tensor("a", (2, 3)), Tensor("b", (2, 3), Type.UINT8)))
    assert retyped.ops[0].in_place == ()


@pytest.mark.parametrize("kind", ["QUANTIZE", "DEQUANTIZE"])
def test_conversions_run_in_place_only_at_equal_width(read: Read, kind: str) -> None:
    code = getattr(Kind, kind)
    equal = read(unary(code, Tensor("a", (4,), Type.INT8), Tensor("b", (4,), Type.UINT8)))
    assert equal.ops[0].in_place == ((0, 1),)
    wider = read(unary(code, Tensor("a", (4,), Type.INT8), Tensor("b", (4,), Type.FLOAT32)))
    assert wider.ops[0].in_place == ()
    reshaped = read(unary(code, Tensor("a", (4,)), Tensor("b", (2, 2))))
    assert reshaped.ops[0].in_place == ()


@pytest.mark.parametrize(
    "kind", ["SOFTMAX", "CONV_2D", "TRANSPOSE", "CAST", "CUMSUM", "REVERSE_V2"]
)
def test_ops_that_mix_elements_or_types_declare_nothing(read: Read, kind: str) -> None:
    graph = read(unary(getattr(Kind, kind), Tensor("a", (4,)), Tensor("b", (4,))))
    assert (graph.ops[0].in_place, graph.ops[0].views) == ((), ())


@pytest.mark.parametrize(
    "kind", ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"]
)
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (Tensor("x", (2, 3)), Tensor("y", (2, 3)), [("x", "b"), ("y", "b")]),
        (Tensor("x", (2, 3)), Tensor("y", (3,)), [("x", "b")]),
        (Tensor("x", (1, 3)), Tensor("y", (2, 3)), [("y", "b")]),
        (Tensor("x", (2, 3)), Tensor("y", (2, 3), data=bytes(6)), [("x", "b")]),
        (Tensor("x", (2, 3), Type.UINT8), Tensor("y", (2, 3), Type.INT16), []),
    ],
    ids=["both", "right broadcast", "left broadcast", "constant", "other types"],
)
def test_binary_elementwise_ops_may_overwrite_matching_activations(
    read: Read, kind: str, left: Tensor, right: Tensor, expected: list[tuple[str, str]]
) -> None:
    fed = tuple(t.name for t in (left, right) if t.name and t.data is None)
    subgraph = Subgraph(
        (left, right, Tensor("b", (2, 3))),
        (FileOp(getattr(Kind, kind), ("x", "y"), ("b",)),),
        fed,
        ("b",),
    )
    graph = read(build(subgraph))
    assert pairs(graph, graph.ops[0].in_place) == expected


def test_an_elementwise_op_of_three_inputs_declares_nothing(read: Read) -> None:
    names = ("a", "b", "c")
    odd = FileOp(Kind.ADD, names, ("sum",))
    graph = read(build(Subgraph(tuple(map(Tensor, (*names, "sum"))), (odd,), names, ("sum",))))
    assert graph.ops[0].in_place == ()


# ---------------------------------------------------------------- contradictions


def test_an_op_that_overwrites_its_input_is_refused(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b")),
        (FileOp(Kind.SOFTMAX, ("a",), ("b",)), FileOp(Kind.ADD, ("b", "a"), ("b",))),
        ("a",),
        ("b",),
    )
    assert (
        refusal(read, build(subgraph), UnsupportedModelError)
        == "op '1:ADD' overwrites its own input 'b': re-export without in-place tensors"
    )


def test_an_op_that_reads_what_a_later_op_writes_is_refused(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b"), Tensor("c")),
        (FileOp(Kind.SOFTMAX, ("b",), ("c",)), FileOp(Kind.RELU, ("a",), ("b",))),
        ("a",),
        ("c",),
    )
    assert refusal(read, build(subgraph)) == (
        "op '0:SOFTMAX' reads tensor 'b' before op '1:RELU' writes it, "
        "but TFLite runs ops in file order"
    )


def test_a_cycle_is_refused(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b")),
        (FileOp(Kind.SOFTMAX, ("b",), ("a",)), FileOp(Kind.RELU, ("a",), ("b",))),
        (),
        ("b",),
    )
    assert "op '0:SOFTMAX' reads tensor 'b' before" in refusal(read, build(subgraph))


def test_two_writers_of_one_tensor_are_refused(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b")),
        (FileOp(Kind.SOFTMAX, ("a",), ("b",)), FileOp(Kind.RELU, ("a",), ("b",))),
        ("a",),
        ("b",),
    )
    assert "'b' has two producers: '0:SOFTMAX' and '1:RELU'" in refusal(read, build(subgraph))


def test_a_written_network_input_is_refused(read: Read) -> None:
    subgraph = Subgraph(
        (Tensor("a"), Tensor("b")),
        (FileOp(Kind.SOFTMAX, ("a",), ("b",)),),
        ("a", "b"),
        ("b",),
    )
    assert "op '0:SOFTMAX' writes network input 'b'" in refusal(read, build(subgraph))


# ---------------------------------------------------------------- damage


PLAIN = chain(Tensor("a"), Tensor("b"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a TFLite model: the identifier TFL3 is missing"),
        (b"\x08\x00\x00\x00ONNX" + bytes(40), "not a TFLite model: the identifier TFL3 is missing"),
        (b"\x08\x00\x00\x00TFL3", "truncated or damaged (the header lies outside the file)"),
        (b"\xff\xff\xff\xffTFL3", "truncated or damaged (the header lies outside the file)"),
        (build(PLAIN, version=4),
         "TFLite schema version 4, expected 3: no TFLite model, or a damaged one"),
        (build(), "the file holds no subgraph"),
        (build(PLAIN, codes=[]), "the file holds no operator codes"),
        (build(PLAIN, codes=[Code(-7, -9)]), "truncated or damaged (operator code 0 is negative)"),
        (build(PLAIN, codes=[Code(32, 32)]), "operator code 0 is custom but has no name"),
        (build(PLAIN, codes=[Code(32, 32, "")]), "operator code 0 is custom but has no name"),
        (build(Subgraph(PLAIN.tensors, (FileOp(0, (0,), (1,), opcode=9),), (0,), (1,)),
               codes=[Code(0, 0)]),
         "truncated or damaged (op 0 names operator code 9, there are 1)"),
        (build(Subgraph(PLAIN.tensors, (FileOp(0, (2,), (1,)),), (0,), (1,))),
         "truncated or damaged (op '0:ADD' names tensor 2, there are 2)"),
        (build(Subgraph(PLAIN.tensors, (FileOp(0, (0,), (-2,)),), (0,), (1,))),
         "truncated or damaged (op '0:ADD' names tensor -2, there are 2)"),
        (build(Subgraph(PLAIN.tensors, (), (5,), (1,))),
         "truncated or damaged (subgraph 0 as an input names tensor 5, there are 2)"),
        (build(Subgraph(PLAIN.tensors, (), (0,), (-3,))),
         "truncated or damaged (subgraph 0 as an output names tensor -3, there are 2)"),
        (build(chain(Tensor("a", buffer=7), Tensor("b"))),
         "truncated or damaged (tensor 'a' names model buffer 7, there are 1)"),
        (build(chain(Tensor("a", buffer=1), Tensor("b"))),
         "truncated or damaged (tensor 'a' names model buffer 1, there are 1)"),
        (build(chain(Tensor("a", (1,) * 65), Tensor("b"))),
         "truncated or damaged (tensor 'a' has 65 dimensions)"),
        (build(PLAIN, Subgraph((), (FileOp(0, (3,), ()),))),
         "truncated or damaged (op '0:ADD' names tensor 3, there are 0)"),
    ],
)  # fmt: skip
def test_damage_is_named(read: Read, content: bytes, message: str) -> None:
    assert refusal(read, content) == message


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"gone\.tflite: cannot be read: No such file"):
        read_tflite(tmp_path / "gone.tflite")
    with pytest.raises(InvalidModelError, match="cannot be read: Is a directory"):
        read_tflite(tmp_path)


def test_absurd_lengths_are_refused(read: Read) -> None:
    """Each vector and string in turn claims four billion elements, then one too many bytes."""
    content = build(chain(Tensor("the name", (11, 12)), Tensor("b", data=bytes(13))))
    shape = bytes([2, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0])
    text = b"\x08\0\0\0the name"
    data = b"\x0d\0\0\0" + bytes(13)
    for vector, what in ((shape, "tensor 0"), (text, "tensor 0"), (data, "model buffer 1")):
        assert content.count(vector) == 1
        at = content.index(vector)
        for length in (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x40\x00\x00"):
            damaged = content[:at] + length + content[at + 4 :]
            message = refusal(read, damaged)
            assert message.startswith("truncated or damaged (")
            assert what in message


@pytest.mark.parametrize(
    "content",
    [
        build_shared(2000, 2000),
        build_shared(1, 2000, name="n" * 20_000),
        build_shared(2000, 1, inputs=(0,) * 2000),
    ],
    ids=["tables", "a name", "indices"],
)
def test_parts_shared_over_and_over_are_refused(read: Read, content: bytes) -> None:
    """A few kilobytes whose lists name one part over and over must not take hours."""
    assert len(content) < 40_000
    assert "more elements than the file can hold" in refusal(read, content)


EVERYTHING = build(
    STATEFUL,
    BRANCHES,
    Subgraph(
        (Tensor("a"), handle("h"), Tensor("x", (7,), Type.INT4, signature=(7,))),
        (
            variable("count", "h"),
            FileOp(Kind.READ_VARIABLE, ("h",), ("x",)),
            FileOp(Kind.CALL, ("x",), ("a",), ("CallOptions", {"Subgraph": 1})),
        ),
        (),
        ("x",),
    ),
    buffers=[External(8, 16)],
)


def outcome(read: Read, content: bytes) -> Graph | Exception:
    """What reading gives: a graph, or one of our errors on one line that names the file."""
    try:
        return read(content)
    except (InvalidModelError, UnsupportedModelError) as error:
        line = str(error)
        assert "net.tflite: " in line
        assert len(line.splitlines()) == 1
        return error


def test_a_truncated_file_is_refused_or_lacks_nothing(read: Read) -> None:
    whole = read(EVERYTHING)
    for length in range(len(EVERYTHING)):
        result = outcome(read, EVERYTHING[:length])
        if length < len(EVERYTHING) - 16:  # the last bytes may be padding
            assert isinstance(result, InvalidModelError), length
        else:
            assert isinstance(result, InvalidModelError) or result == whole, length


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes_give_a_graph_or_an_error_line(read: Read, seed: int) -> None:
    rng = random.Random(seed)
    refused = 0
    for _ in range(150):
        content = bytearray(EVERYTHING)
        for _ in range(rng.choice((1, 1, 2, 8, 40))):
            at = rng.randrange(8, len(content))
            content[at] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        refused += not isinstance(outcome(read, bytes(content)), Graph)
    assert 0 < refused < 150


def test_random_bytes_with_the_identifier_are_refused(read: Read) -> None:
    rng = random.Random(0)
    for _ in range(300):
        tail = b"TFL3" + rng.randbytes(rng.choice((0, 3, 60, 2000)))
        for root in (rng.randbytes(4), rng.randrange(8, 60).to_bytes(4, "little")):
            assert isinstance(outcome(read, root + tail), InvalidModelError)


# ---------------------------------------------------------------- published networks


def test_swiftnet_as_published() -> None:
    graph = load(shared_data("swiftnet/submission-uint8.lite"))
    assert len(graph.ops) == 85
    assert [(b.name, b.size, b.shape) for b in graph.buffers if b.is_input] == [
        ("input", 150528, (1, 224, 224, 3))
    ]
    assert [(b.name, b.size) for b in graph.buffers if b.is_output] == [("logits/activation", 2)]
    assert graph.warnings == ()
    assert {op.kind for op in graph.ops} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "SPLIT"}
    assert len(graph.buffers) == 86
    assert len(graph.weights) == 118
    assert graph.weight_bytes == 225108


def test_person_detection_as_published() -> None:
    graph = load(shared_data("tflm/person_detect.tflite"))
    assert len(graph.ops) == 31
    assert [(b.name, b.size, b.shape) for b in graph.buffers if b.is_input] == [
        ("input", 9216, (1, 96, 96, 1))
    ]
    assert graph.ops[29].views == ((graph.ops[29].inputs[0], graph.ops[29].outputs[0]),)
    assert graph.weight_bytes == 218928


@pytest.mark.parametrize("name", ["swiftnet/submission-uint8.lite", "tflm/person_detect.tflite"])
def test_published_networks_truncated(read: Read, name: str) -> None:
    content = shared_data(name).read_bytes()
    whole = read(content)
    for missing in (*range(1, 40), *range(40, len(content), 9973)):
        result = outcome(read, content[:-missing])
        assert isinstance(result, InvalidModelError) or (missing < 8 and result == whole), missing

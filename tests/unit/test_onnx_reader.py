"""The ONNX reader: sizes, structure, declared facts, and one clear line per refusal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from onnx import TensorProto, helper
from onnx.helper import make_node as node
from onnx.helper import make_tensor as tensor

from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.onnx import graph_from_onnx, read_onnx
from models.graph import tensor_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto

    from models.graph import Graph, Op

    Shape = Sequence[int | str | None] | None

F32 = TensorProto.FLOAT
I64 = TensorProto.INT64
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def value(name: str, shape: Shape = None, dtype: int = F32) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def zeros(name: str, shape: Sequence[int], dtype: int = F32) -> TensorProto:
    raw = bytes(tensor_bytes(shape, "float32" if dtype == F32 else "int64"))
    return TensorProto(name=name, data_type=dtype, dims=shape, raw_data=raw)


def ints(name: str, *numbers: int) -> TensorProto:
    return tensor(name, I64, [len(numbers)], numbers)


def model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto] = (value("x", [1, 4]),),
    outputs: Sequence[ValueInfoProto | str] = ("y",),
    weights: Sequence[TensorProto] = (),
    *,
    known: Sequence[ValueInfoProto] = (),
    functions: Sequence[FunctionProto] = (),
    opset: int = 17,
    domains: Sequence[str] = (),
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        inputs,
        [helper.make_empty_tensor_value_info(o) if isinstance(o, str) else o for o in outputs],
        weights,
        value_info=known,
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)


def read(proto: ModelProto, dims: Mapping[str, int] | None = None) -> Graph:
    return graph_from_onnx(proto, name="net", dims=dims)


def sizes(graph: Graph) -> dict[str, int]:
    return {buffer.name: buffer.size for buffer in graph.buffers}


def weights(graph: Graph) -> dict[str, int]:
    return {weight.name: weight.size for weight in graph.weights}


def op_names(graph: Graph) -> list[str]:
    return [op.name for op in graph.ops]


def op(graph: Graph, name: str) -> Op:
    return next(op for op in graph.ops if op.name == name)


def named(graph: Graph, pairs: Sequence[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(graph.buffers[a].name, graph.buffers[b].name) for a, b in pairs]


def reads(graph: Graph, name: str) -> list[str]:
    return [graph.buffers[b].name for b in op(graph, name).inputs]


def refusal(
    proto: ModelProto,
    error: type[Exception] = InvalidModelError,
    dims: Mapping[str, int] | None = None,
) -> str:
    """Message of the refusal, without the name of the model."""
    with pytest.raises(error) as caught:
        read(proto, dims)
    assert type(caught.value) is error
    message = str(caught.value)
    assert message.startswith("net: ")
    assert message.isprintable()
    assert len(message) < 500
    return message.removeprefix("net: ")


class TestStructure:
    def test_conv_and_relu(self) -> None:
        graph = read(
            model(
                [
                    node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
                    node("Relu", ["c"], ["y"], name="relu"),
                ],
                [value("x", [1, 3, 8, 8])],
                weights=[zeros("w", [16, 3, 3, 3]), zeros("b", [16])],
            )
        )
        assert graph.name == "net"
        assert [(o.name, o.kind, o.position) for o in graph.ops] == [
            ("conv", "Conv", 0),
            ("relu", "Relu", 1),
        ]
        assert sizes(graph) == {"x": 768, "c": 4096, "y": 4096}
        assert [(b.name, b.is_input, b.is_output) for b in graph.buffers] == [
            ("x", True, False),
            ("c", False, False),
            ("y", False, True),
        ]
        assert [(b.dtype, b.shape) for b in graph.buffers] == [
            ("float32", (1, 3, 8, 8)),
            ("float32", (1, 16, 8, 8)),
            ("float32", (1, 16, 8, 8)),
        ]
        assert [(w.name, w.size, w.dtype, w.consumers) for w in graph.weights] == [
            ("w", 1728, "float32", (0,)),
            ("b", 64, "float32", (0,)),
        ]
        assert graph.warnings == ()
        assert graph.source is not None
        assert (graph.source.format, graph.source.path, graph.source.folded) == ("onnx", None, ())

    def test_precision_can_be_changed(self) -> None:
        graph = read(model([node("MatMul", ["x", "w"], ["y"])], weights=[zeros("w", [4, 2])]))
        halved = graph.with_precision("int8")
        assert sizes(halved) == {"x": 4, "y": 2}
        assert weights(halved) == {"w": 8}

    def test_path_and_name_of_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "tiny.v2.onnx"
        onnx.save(model([node("Relu", ["x"], ["y"])]), path)
        graph = read_onnx(path)
        assert graph.name == "tiny.v2"
        assert graph.source is not None
        assert graph.source.path == path

    def test_the_model_is_left_untouched(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", ["n", -1])], [value("y", ["n", 4])])
        proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
        before = proto.SerializeToString(deterministic=True)
        read(proto, {"n": 2})
        assert proto.SerializeToString(deterministic=True) == before

    def test_a_tensor_read_twice_is_one_input(self) -> None:
        graph = read(model([node("Add", ["x", "x"], ["y"], name="add")]))
        assert reads(graph, "add") == ["x"]
        assert named(graph, op(graph, "add").in_place) == [("x", "y")]

    def test_absent_optional_inputs_and_outputs(self) -> None:
        graph = read(
            model(
                [node("Clip", ["x", "", "top"], ["y"]), node("Dropout", ["y"], ["z", ""])],
                outputs=["z"],
                weights=[tensor("top", F32, [], [6.0])],
            )
        )
        assert sizes(graph) == {"x": 16, "y": 16, "z": 16}
        assert weights(graph) == {"top": 4}

    def test_optional_output_nobody_reads_is_workspace(self) -> None:
        graph = read(model([node("MaxPool", ["x"], ["y", "where"], name="pool", kernel_shape=[2])],
                           [value("x", [1, 2, 8])]))  # fmt: skip
        assert sizes(graph) == {"x": 64, "y": 56}
        assert op(graph, "pool").workspace == 2 * 7 * 8

    def test_optional_output_somebody_reads_is_a_buffer(self) -> None:
        graph = read(model([node("MaxPool", ["x"], ["y", "where"], name="pool", kernel_shape=[2])],
                           [value("x", [1, 2, 8])], ["y", "where"]))  # fmt: skip
        assert sizes(graph) == {"x": 64, "y": 56, "where": 112}
        assert op(graph, "pool").workspace == 0

    def test_required_output_nobody_reads_is_an_output(self) -> None:
        graph = read(model([node("Split", ["x"], ["y", "rest"], axis=1)]))
        assert [(b.name, b.is_output) for b in graph.buffers] == [
            ("x", False), ("y", True), ("rest", True),
        ]  # fmt: skip

    def test_input_that_is_an_output(self) -> None:
        graph = read(model([node("Relu", ["x"], ["y"])], outputs=["y", "x"]))
        assert (graph.buffers[0].is_input, graph.buffers[0].is_output) == (True, True)

    def test_input_that_is_an_output_and_no_nodes(self) -> None:
        graph = read(model([], outputs=["x"]))
        assert graph.ops == ()
        assert sizes(graph) == {"x": 16}

    def test_the_more_telling_declaration_counts(self) -> None:
        fancy = [node("Fancy", ["x"], ["y"], domain="acme")]
        static, vague = value("y", [3]), value("y")
        assert sizes(read(model(fancy, outputs=[vague], known=[static])))["y"] == 12
        assert sizes(read(model(fancy, outputs=[static], known=[vague])))["y"] == 12

    def test_output_listed_twice(self) -> None:
        assert sizes(read(model([node("Relu", ["x"], ["y"])], outputs=["y", "y"]))) == {
            "x": 16,
            "y": 16,
        }

    def test_unsorted_file_keeps_its_order(self) -> None:
        graph = read(
            model(
                [
                    node("Relu", ["b"], ["y"], name="last"),
                    node("Relu", ["x"], ["a"], name="first"),
                    node("MatMul", ["a", "w"], ["b"], name="middle"),
                ],
                weights=[zeros("w", [4, 3])],
            )
        )
        assert op_names(graph) == ["last", "first", "middle"]
        assert [o.position for o in graph.ops] == [0, 1, 2]
        assert graph.predecessors == ((2,), (), (1,))
        assert sizes(graph) == {"x": 16, "y": 12, "a": 16, "b": 12}

    def test_zero_size_tensor(self) -> None:
        assert sizes(read(model([node("Relu", ["x"], ["y"])], [value("x", [0, 4])]))) == {
            "x": 0,
            "y": 0,
        }

    def test_scalar(self) -> None:
        assert sizes(read(model([node("Relu", ["x"], ["y"])], [value("x", [])]))) == {
            "x": 4,
            "y": 4,
        }

    def test_unread_network_input(self) -> None:
        graph = read(model([node("Relu", ["x"], ["y"])], [value("x", [1]), value("unread", [2])]))
        assert sizes(graph) == {"x": 4, "unread": 8, "y": 4}


class TestNames:
    def test_unnamed_ops_are_called_by_position(self) -> None:
        graph = read(model([node("Relu", ["x"], ["a"]), node("Abs", ["a"], ["y"])]))
        assert op_names(graph) == ["0:Relu", "1:Abs"]

    def test_duplicates_get_their_position(self) -> None:
        chain = ["x", "a", "b", "y"]
        names = ["n", "n", "n"]
        nodes = [node("Relu", [chain[i]], [chain[i + 1]], name=names[i]) for i in range(3)]
        assert op_names(read(model(nodes))) == ["n", "n#1", "n#2"]

    def test_own_names_come_before_made_up_ones(self) -> None:
        chain = ["x", "a", "b", "c", "y"]
        names = ["n", "n", "n#1", ""]
        nodes = [node("Relu", [chain[i]], [chain[i + 1]], name=names[i]) for i in range(4)]
        nodes[2].name = "n#1"
        assert op_names(read(model(nodes))) == ["n", "n#1#1", "n#1", "3:Relu"]

    def test_folded_nodes_take_no_names(self) -> None:
        nodes = [
            node("Constant", [], ["c"], name="n", value_float=1.0),
            node("Add", ["x", "c"], ["y"], name="n"),
        ]
        assert op_names(read(model(nodes))) == ["n"]


class TestElementTypes:
    @pytest.mark.parametrize(
        ("elem_type", "name", "size"),
        [
            ("FLOAT", "float32", 20), ("DOUBLE", "float64", 40), ("FLOAT16", "float16", 10),
            ("BFLOAT16", "bfloat16", 10), ("INT8", "int8", 5), ("UINT8", "uint8", 5),
            ("INT16", "int16", 10), ("UINT16", "uint16", 10), ("INT32", "int32", 20),
            ("UINT32", "uint32", 20), ("INT64", "int64", 40), ("UINT64", "uint64", 40),
            ("BOOL", "bool", 5), ("COMPLEX64", "complex64", 40), ("COMPLEX128", "complex128", 80),
            ("INT4", "int4", 3), ("UINT4", "uint4", 3), ("INT2", "int2", 2), ("UINT2", "uint2", 2),
            ("FLOAT8E4M3FN", "float8", 5), ("FLOAT8E4M3FNUZ", "float8", 5),
            ("FLOAT8E5M2", "float8", 5), ("FLOAT8E5M2FNUZ", "float8", 5),
            ("FLOAT8E8M0", "float8", 5), ("FLOAT4E2M1", "float4", 3),
        ],
    )  # fmt: skip
    def test_size(self, elem_type: str, name: str, size: int) -> None:
        if elem_type not in TensorProto.DataType.keys():  # noqa: SIM118
            pytest.skip("newer than this onnx package")
        dtype = TensorProto.DataType.Value(elem_type)
        graph = read(
            model(
                [node("Use", ["x", "w"], ["y"], domain="acme")],
                [value("x", [5], dtype)],
                [value("y", [5], dtype)],
                [TensorProto(name="w", data_type=dtype, dims=[5])],
            )
        )
        assert [(b.dtype, b.size) for b in graph.buffers] == [(name, size)] * 2
        assert [(w.dtype, w.size) for w in graph.weights] == [(name, size)]

    def test_string_activation(self) -> None:
        proto = model(
            [node("Use", ["x"], ["y"], domain="acme")],
            [value("x", [5], TensorProto.STRING)],
            [value("y", [5])],
        )
        message = refusal(proto, UnsupportedModelError)
        assert message == "tensor 'x' holds strings, which have no fixed size"

    def test_string_weight_takes_its_characters(self) -> None:
        labels = TensorProto(
            name="labels", data_type=TensorProto.STRING, dims=[2], string_data=[b"cat", b"zebra"]
        )
        proto = model(
            [node("Use", ["x", "labels"], ["y"], domain="acme")],
            outputs=[value("y", [5])],
            weights=[labels],
        )
        assert weights(read(proto)) == {"labels": 8}

    def test_type_without_elements_of_a_known_size(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", [5], 99)])
        message = refusal(proto, UnsupportedModelError)
        assert message == "the element type of tensor 'x' is unknown"

    @pytest.mark.parametrize("kind", ["sequence", "optional"])
    def test_sequence_and_optional(self, kind: str) -> None:
        element = helper.make_tensor_type_proto(F32, [1, 4])
        proto_type = {
            "sequence": helper.make_sequence_type_proto,
            "optional": helper.make_optional_type_proto,
        }[kind](element)
        proto = model(
            [node("Use", ["s"], ["y"], domain="acme")],
            [helper.make_value_info("s", proto_type)],
            [value("y", [1])],
        )
        message = refusal(proto, UnsupportedModelError)
        assert message.startswith(f"tensor 's' is a{'n' * (kind == 'optional')} {kind}")

    def test_sequence_between_ops(self) -> None:
        nodes = [
            node("SplitToSequence", ["x"], ["pieces"], axis=1),
            node("ConcatFromSequence", ["pieces"], ["y"], axis=1),
        ]
        message = refusal(model(nodes, outputs=[value("y", [1, 4])]), UnsupportedModelError)
        assert message.startswith("tensor 'pieces' is a sequence")


class TestWeights:
    def test_initializer_listed_among_the_inputs(self) -> None:
        proto = model(
            [node("Add", ["x", "w"], ["y"])],
            [value("x", [1, 4]), value("w", ["any"])],
            weights=[zeros("w", [4])],
        )
        graph = read(proto)
        assert sizes(graph) == {"x": 16, "y": 16}
        assert weights(graph) == {"w": 16}

    def test_initializer_of_an_old_file(self) -> None:
        proto = model([node("Add", ["x", "w"], ["y"])], weights=[zeros("w", [4])], opset=8)
        proto.ir_version = 3
        assert sizes(read(proto)) == {"x": 16, "y": 16}

    def test_weight_read_by_several_ops(self) -> None:
        nodes = [
            node("Add", ["x", "w"], ["a"]),
            node("Relu", ["a"], ["b"]),
            node("Mul", ["b", "w"], ["y"]),
        ]
        graph = read(model(nodes, weights=[zeros("w", [4])]))
        assert [(w.name, w.consumers) for w in graph.weights] == [("w", (0, 2))]

    def test_weight_nobody_needs_is_left_out(self) -> None:
        graph = read(model([node("Relu", ["x"], ["y"])], weights=[zeros("w", [4])]))
        assert graph.weights == ()

    def test_sparse_weight_counts_as_stored(self) -> None:
        proto = model([node("MatMul", ["x", "w"], ["y"])])
        sparse = proto.graph.sparse_initializer.add()
        sparse.dims.extend([4, 100])
        sparse.values.CopyFrom(tensor("w", F32, [3], [1.0, 2.0, 3.0]))
        sparse.indices.CopyFrom(ints("", 0, 5, 7))
        graph = read(proto)
        assert sizes(graph) == {"x": 16, "y": 400}
        assert weights(graph) == {"w": 3 * 4 + 3 * 8}
        assert weights(graph.with_precision("int8")) == {"w": 36}

    def test_external_data_is_never_touched(self, tmp_path: Path) -> None:
        proto = model([node("MatMul", ["x", "w"], ["y"])], weights=[zeros("w", [4, 1000])])
        path = tmp_path / "net.onnx"
        onnx.save(proto, path, save_as_external_data=True, location="net.bin", size_threshold=0)
        (tmp_path / "net.bin").unlink()
        graph = read_onnx(path)
        assert weights(graph) == {"w": 16000}
        assert sizes(graph) == {"x": 16, "y": 4000}

    def test_shape_kept_in_external_data(self) -> None:
        shape = TensorProto(name="s", data_type=I64, dims=[2], data_location=TensorProto.EXTERNAL)
        proto = model([node("Reshape", ["x", "s"], ["y"], name="view")], weights=[shape])
        message = refusal(proto, UnsupportedModelError)
        assert message.startswith("tensor 'y' has dynamic shape (?, ?) (op 'view' (Reshape) ")
        assert message.endswith("; add its shape to the model's value_info")
        proto.graph.output[0].CopyFrom(value("y", [2, 2]))
        assert sizes(read(proto)) == {"x": 16, "y": 16}

    def test_weights_without_data(self) -> None:
        huge = TensorProto(name="w", data_type=F32, dims=[4, 2**40])
        graph = read(model([node("MatMul", ["x", "w"], ["y"])], weights=[huge]))
        assert weights(graph) == {"w": 2**44}
        assert sizes(graph) == {"x": 16, "y": 2**42}

    def test_weights_are_not_serialized_for_inference(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[int] = []
        original = onnx.shape_inference.infer_shapes

        def spy(data: bytes, **options: bool) -> ModelProto:
            seen.append(len(data))
            return original(data, **options)

        monkeypatch.setattr(onnx.shape_inference, "infer_shapes", spy)
        big = zeros("c", [4, 1000])
        body = helper.make_graph(
            [node("MatMul", ["x", "inner"], ["t"])], "body", [], [value("t")],
            [zeros("inner", [4, 1000])],
        )  # fmt: skip
        nodes = [
            node("Constant", [], ["c"], value=big),
            node("MatMul", ["x", "c"], ["a"]),
            node("MatMul", ["x", "w"], ["b"]),
            node("If", ["cond"], ["d"], then_branch=body, else_branch=body),
            node("Sum", ["a", "b", "d"], ["y"]),
        ]
        proto = model(
            nodes,
            [value("x", [1, 4]), value("cond", [], TensorProto.BOOL)],
            weights=[zeros("w", [4, 1000])],
        )
        graph = read(proto)
        assert weights(graph) == {"w": 16000, "c": 16000}
        assert sizes(graph)["y"] == 4000
        assert len(seen) == 1
        assert seen[0] < 2000

    def test_constant_output_is_no_activation(self) -> None:
        graph = read(
            model([node("Relu", ["x"], ["y"])], outputs=["y", "w"], weights=[zeros("w", [3])])
        )
        assert sizes(graph) == {"x": 16, "y": 16}
        assert [(w.name, w.size, w.consumers) for w in graph.weights] == [("w", 12, ())]


class TestFolding:
    @pytest.mark.parametrize(
        ("attributes", "size", "dtype"),
        [
            ({"value": tensor("", F32, [2, 4], [0.0] * 8)}, 32, "float32"),
            ({"value_float": 1.0}, 4, "float32"),
            ({"value_floats": [1.0, 2.0]}, 8, "float32"),
            ({"value_int": 1}, 8, "int64"),
            ({"value_ints": [1, 2, 3]}, 24, "int64"),
            ({"value_string": "ab"}, 2, "string"),
            ({"value_strings": ["ab", "c"]}, 3, "string"),
        ],
    )
    def test_constant_node(self, attributes: dict[str, object], size: int, dtype: str) -> None:
        nodes = [
            node("Constant", [], ["c"], **attributes),  # type: ignore[arg-type, unused-ignore]
            node("Use", ["x", "c"], ["y"], domain="acme"),
        ]
        graph = read(model(nodes, outputs=[value("y", [1])]))
        assert [(w.name, w.size, w.dtype, w.consumers) for w in graph.weights] == [
            ("c", size, dtype, (0,))
        ]
        assert sizes(graph) == {"x": 16, "y": 4}
        assert graph.source is not None
        assert graph.source.folded == (0,)
        assert graph.ops[0].position == 1

    def test_sparse_constant_node(self) -> None:
        sparse = helper.make_sparse_tensor(
            tensor("", F32, [2], [1.0, 2.0]), ints("", 0, 9), [4, 100]
        )
        nodes = [
            node("Constant", [], ["c"], sparse_value=sparse),
            node("MatMul", ["x", "c"], ["y"]),
        ]
        graph = read(model(nodes))
        assert weights(graph) == {"c": 2 * 4 + 2 * 8}
        assert sizes(graph) == {"x": 16, "y": 400}

    def test_only_the_last_of_folded_values_counts(self) -> None:
        nodes = [
            node("Transpose", ["w"], ["t"], perm=[1, 0]),
            node("Cast", ["t"], ["h"], to=TensorProto.FLOAT16),
            node("Cast", ["x"], ["xh"], to=TensorProto.FLOAT16),
            node("MatMul", ["xh", "h"], ["y"]),
        ]
        graph = read(model(nodes, weights=[zeros("w", [5, 4])]))
        assert [(w.name, w.size, w.dtype) for w in graph.weights] == [("h", 40, "float16")]
        assert op_names(graph) == ["2:Cast", "3:MatMul"]
        assert graph.source is not None
        assert graph.source.folded == (0, 1)

    def test_folding_does_not_need_a_sorted_file(self) -> None:
        nodes = [
            node("MatMul", ["x", "t"], ["y"]),
            node("Neg", ["n"], ["t"]),
            node("Neg", ["w"], ["n"]),
        ]
        graph = read(model(nodes, weights=[zeros("w", [4, 5])]))
        assert weights(graph) == {"t": 80}
        assert graph.source is not None
        assert graph.source.folded == (1, 2)

    def test_shape_of_a_static_tensor(self) -> None:
        nodes = [
            node("Shape", ["x"], ["s"]),
            node("ConstantOfShape", ["s"], ["z"]),
            node("Add", ["x", "z"], ["y"], name="add"),
        ]
        graph = read(model(nodes))
        assert op_names(graph) == ["add"]
        assert weights(graph) == {"z": 16}
        assert sizes(graph) == {"x": 16, "y": 16}
        assert graph.source is not None
        assert graph.source.folded == (0, 1)

    def test_size_of_a_static_tensor(self) -> None:
        nodes = [node("Size", ["x"], ["n"]), node("Use", ["x", "n"], ["y"], domain="acme")]
        graph = read(model(nodes, outputs=[value("y", [1])]))
        assert weights(graph) == {"n": 8}

    def test_shape_alone_keeps_its_operand_from_lasting(self) -> None:
        nodes = [
            node("Relu", ["x"], ["a"], name="relu"),
            node("Shape", ["a"], ["s"], name="shape"),
            node("ConstantOfShape", ["s"], ["y"], name="fill"),
        ]
        graph = read(model(nodes))
        assert op_names(graph) == ["relu", "shape", "fill"]
        assert [b.name for b in graph.buffers if b.is_output] == ["y"]
        assert sizes(graph) == {"x": 16, "a": 16, "s": 16, "y": 16}

    def test_folded_output(self) -> None:
        graph = read(model([node("Shape", ["x"], ["y"])]))
        assert graph.ops == ()
        assert sizes(graph) == {"x": 16}
        assert [(w.name, w.size, w.dtype, w.consumers) for w in graph.weights] == [
            ("y", 16, "int64", ())
        ]

    @pytest.mark.parametrize(
        ("kind", "inputs"),
        [
            ("RandomNormal", []), ("RandomUniform", []), ("RandomNormalLike", ["w"]),
            ("RandomUniformLike", ["w"]), ("Bernoulli", ["w"]), ("Multinomial", ["w"]),
        ],
    )  # fmt: skip
    def test_random_is_never_folded(self, kind: str, inputs: list[str]) -> None:
        nodes = [
            node(kind, inputs, ["r"], name="random"),
            node("Use", ["x", "r"], ["y"], domain="acme"),
        ]
        if not inputs:
            nodes[0].attribute.append(helper.make_attribute("shape", [1, 4]))
        graph = read(model(nodes, outputs=[value("y", [1])], weights=[zeros("w", [1, 4])]))
        assert op_names(graph) == ["random", "1:Use"]
        assert "r" in sizes(graph)

    def test_random_inside_a_body_is_not_folded(self) -> None:
        body = helper.make_graph(
            [node("RandomNormal", [], ["r"], shape=[1, 4])], "body", [], [value("r", [1, 4])]
        )
        nodes = [
            node("If", ["c"], ["r"], name="if", then_branch=body, else_branch=body),
            node("Add", ["x", "r"], ["y"]),
        ]
        graph = read(model(nodes, weights=[tensor("c", TensorProto.BOOL, [], [True])]))
        assert op_names(graph) == ["if", "1:Add"]

    def test_random_inside_a_function_is_not_folded(self) -> None:
        opsets = [helper.make_opsetid("", 17)]
        noise = helper.make_function(
            "acme", "Noise", ["a"], ["b"], [node("RandomNormalLike", ["a"], ["b"])], opsets
        )
        nodes = [
            node("Noise", ["w"], ["r"], domain="acme", name="noise"),
            node("Add", ["x", "r"], ["y"], name="add"),
        ]
        proto = model(nodes, weights=[zeros("w", [4])], functions=[noise], domains=["acme"])
        assert op_names(read(proto)) == ["noise", "add"]

    def test_unknown_op_without_inputs_is_not_folded(self) -> None:
        nodes = [
            node("Sensor", [], ["s"], domain="acme", name="sensor"),
            node("Add", ["x", "s"], ["y"], name="add"),
        ]
        graph = read(model(nodes, outputs=[value("y", [1, 4])], known=[value("s", [4])]))
        assert op_names(graph) == ["sensor", "add"]

    def test_unknown_op_of_weights_is_folded(self) -> None:
        nodes = [
            node("Quant", ["w"], ["q"], domain="qonnx"),
            node("MatMul", ["x", "q"], ["y"], name="mm"),
        ]
        proto = model(
            nodes, weights=[zeros("w", [4, 2])], known=[value("q", [4, 2], TensorProto.INT8)],
            outputs=[value("y", [1, 2])],
        )  # fmt: skip
        graph = read(proto)
        assert op_names(graph) == ["mm"]
        assert weights(graph) == {"q": 8}


class TestDynamicShapes:
    def dynamic(self) -> ModelProto:
        return model(
            [
                node("Conv", ["x", "w"], ["c"]),
                node("Flatten", ["c"], ["f"]),
                node("Relu", ["f"], ["y"]),
            ],
            [value("x", ["batch", 3, 224, 224])],
            [value("y", ["batch", "features"])],
            [zeros("w", [2, 3, 1, 1])],
        )

    def test_the_message_tells_the_cure(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        onnx.save(self.dynamic(), path)
        with pytest.raises(UnsupportedModelError) as caught:
            read_onnx(path)
        assert str(caught.value) == (
            f"{path}: tensor 'x' has dynamic shape (batch, 3, 224, 224); give --dim batch=1"
        )

    def test_bound(self) -> None:
        graph = read(self.dynamic(), {"batch": 2})
        assert sizes(graph) == {
            "x": 2 * 3 * 224 * 224 * 4,
            "c": 2 * 2 * 224 * 224 * 4,
            "f": 2 * 2 * 224 * 224 * 4,
            "y": 2 * 2 * 224 * 224 * 4,
        }

    def test_bound_to_zero(self) -> None:
        assert sizes(read(self.dynamic(), {"batch": 0})) == {"x": 0, "c": 0, "f": 0, "y": 0}

    def test_unknown_symbol(self) -> None:
        message = refusal(self.dynamic(), dims={"bach": 1})
        assert message == (
            "no dimension is called 'bach'; the symbolic dimensions are: batch, features"
        )

    def test_no_symbols(self) -> None:
        message = refusal(model([node("Relu", ["x"], ["y"])]), dims={"batch": 1})
        assert message == "no dimension is called 'batch'; all have fixed sizes"

    @pytest.mark.parametrize("size", [-1, 2**63])
    def test_senseless_size(self, size: int) -> None:
        message = refusal(self.dynamic(), dims={"batch": size})
        assert message == f"dimension 'batch' cannot have size {size}"

    def test_several_symbols(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", ["n", 3, "h", "w", "h"])])
        message = refusal(proto, UnsupportedModelError)
        assert message == (
            "tensor 'x' has dynamic shape (n, 3, h, w, h); give --dim n=1 --dim h=SIZE --dim w=SIZE"
        )
        assert sizes(read(proto, {"n": 1, "h": 2, "w": 5}))["x"] == 3 * 2 * 5 * 2 * 4

    def test_only_unbound_symbols_are_asked_for(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", ["n", "h"])])
        message = refusal(proto, UnsupportedModelError, {"n": 1})
        assert message == "tensor 'x' has dynamic shape (1, h); give --dim h=SIZE"

    @pytest.mark.parametrize("size", [None, -1])
    def test_unnamed_dimension_of_an_input(self, size: int | None) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", [size, 3])])
        assert refusal(proto, UnsupportedModelError) == (
            "tensor 'x' has dynamic shape (?, 3); export the model with a fixed size for it"
        )

    def test_input_of_unknown_rank(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x")])
        assert refusal(proto, UnsupportedModelError) == (
            "tensor 'x' has no known shape; export the model with a fixed size for it"
        )

    def test_size_that_depends_on_data(self) -> None:
        proto = model([node("NonZero", ["x"], ["y"], name="nz")])
        message = refusal(proto, UnsupportedModelError)
        assert message.startswith("tensor 'y' has dynamic shape (2, ?) (op 'nz' (NonZero) ")
        assert message.endswith("add its shape to the model's value_info")

    def test_symbols_of_inner_tensors_can_be_bound(self) -> None:
        proto = model(
            [node("NonZero", ["x"], ["y"])], outputs=[value("y", [2, "found"], TensorProto.INT64)]
        )
        assert refusal(proto, UnsupportedModelError) == (
            "tensor 'y' has dynamic shape (2, found); give --dim found=SIZE"
        )
        assert sizes(read(proto, {"found": 3})) == {"x": 16, "y": 48}

    def test_inferred_sizes_win_over_symbols(self) -> None:
        proto = model(
            [node("Concat", ["x", "x"], ["a"], axis=0), node("Relu", ["a"], ["y"])],
            [value("x", ["b", 4])],
            [value("y", ["2*b", 4])],
            known=[value("a", ["b + b", 4])],
        )
        assert sizes(read(proto, {"b": 3})) == {"x": 48, "a": 96, "y": 96}

    def test_shape_arithmetic_beyond_data_propagation(self) -> None:
        # x.view(b, c // 2, 2, -1), and a Where as exporters write for expand().
        nodes = [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["b"]),
            node("Gather", ["s", "one"], ["c"]),
            node("Div", ["c", "two"], ["half"]),
            node("Unsqueeze", ["b", "axis"], ["b1"]),
            node("Unsqueeze", ["half", "axis"], ["half1"]),
            node("Concat", ["b1", "half1", "tail"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["v"], name="view"),
            node("Shape", ["v"], ["vs"]),
            node("Equal", ["vs", "wanted"], ["same"]),
            node("Where", ["same", "vs", "wanted"], ["full"]),
            node("Expand", ["v", "full"], ["y"], name="expand"),
        ]
        constants = [
            tensor("zero", I64, [], [0]), tensor("one", I64, [], [1]), tensor("two", I64, [], [2]),
            ints("axis", 0), ints("tail", 2, -1), ints("wanted", 5, 3, 2, 7),
        ]  # fmt: skip
        graph = read(model(nodes, [value("x", ["n", 6, 7])], weights=constants), {"n": 1})
        assert op_names(graph) == ["view", "expand"]
        assert graph.buffers[1].shape == (1, 3, 2, 7)
        assert graph.buffers[2].shape == (5, 3, 2, 7)
        assert weights(graph) == {"target": 32, "full": 32}

    def test_arithmetic_on_arithmetic(self) -> None:
        nodes, last = [], "x"
        for i in range(4):
            nodes += [
                node("Shape", [last], [f"s{i}"]),
                node("Div", [f"s{i}", "two"], [f"h{i}"]),
                node("Slice", [last, "starts", f"h{i}"], [f"v{i}"]),
            ]
            last = f"v{i}"
        proto = model(nodes, [value("x", [64])], [last], [ints("two", 2), ints("starts", 0)])
        assert sizes(read(proto)) == {"x": 256, "v0": 128, "v1": 64, "v2": 32, "v3": 16}

    @pytest.mark.parametrize("length", [4, 2**40])
    def test_data_propagation_spells_out_no_immense_vector(self, length: int) -> None:
        nodes = [
            node("Add", ["v", "v"], ["w"]),
            node("Shape", ["x"], ["s"]),
            node("Mul", ["s", "two"], ["twice"]),
            node("ConstantOfShape", ["twice"], ["z"]),
            node("Use", ["x", "w", "z"], ["y"], domain="acme"),
        ]
        proto = model(
            nodes,
            [value("x", [1, 4]), value("v", [length])],
            [value("y", [1])],
            [ints("two", 2, 3)],
        )
        graph = read(proto)
        assert sizes(graph)["w"] == 4 * length
        assert weights(graph) == {"z": 4 * 2 * 12}

    def test_immense_constants_are_not_computed(self) -> None:
        nodes = [
            node("Div", ["huge", "two"], ["half"]),
            node("ConstantOfShape", ["half"], ["z"]),
            node("Use", ["x", "z"], ["y"], domain="acme"),
        ]
        proto = model(
            nodes, outputs=[value("y", [1])], weights=[ints("huge", 2**40), ints("two", 2)]
        )
        assert weights(read(proto)) == {"z": 4 * 2**39}


class TestUnknownOps:
    def test_value_info_is_enough(self) -> None:
        nodes = [
            node("Fancy", ["x"], ["a"], domain="com.acme", name="fancy"),
            node("Relu", ["a"], ["y"], name="relu"),
        ]
        graph = read(model(nodes, known=[value("a", [3, 5])]))
        assert [(o.name, o.kind) for o in graph.ops] == [("fancy", "Fancy"), ("relu", "Relu")]
        assert sizes(graph) == {"x": 16, "a": 60, "y": 60}

    def test_no_shape(self) -> None:
        message = refusal(
            model([node("Fancy", ["x"], ["y"], domain="com.acme")]), UnsupportedModelError
        )
        assert message == (
            "tensor 'y' has no known shape (op '0:Fancy' (Fancy) is unknown to shape inference, or "
            "its result depends on data); add its shape to the model's value_info"
        )

    def test_missing_and_aliased_operator_sets(self) -> None:
        proto = model([node("Relu", ["x"], ["y"], domain="ai.onnx")])
        assert sizes(read(proto)) == {"x": 16, "y": 16}
        proto = model([node("Relu", ["x"], ["y"])])
        proto.opset_import[0].domain = "ai.onnx"
        assert sizes(read(proto)) == {"x": 16, "y": 16}

    def test_operators_of_no_version(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], outputs=[value("y", [1, 4])])
        del proto.opset_import[:]
        assert refusal(proto) == "the model does not say which version of the operators it uses"
        proto.ir_version = 2  # when there was only one
        assert sizes(read(proto)) == {"x": 16, "y": 16}

    def test_domain_that_is_not_imported(self) -> None:
        proto = model([node("Fancy", ["x"], ["y"], domain="acme")], outputs=[value("y", [3])])
        assert [opset.domain for opset in proto.opset_import] == [""]
        assert sizes(read(proto)) == {"x": 16, "y": 12}


class TestFunctions:
    OPSETS = (helper.make_opsetid("", 17), helper.make_opsetid("acme", 1))

    def test_a_call_is_one_op(self) -> None:
        nodes = [node("MatMul", ["a", "b"], ["t"]), node("Relu", ["t"], ["c"])]
        function = helper.make_function("acme", "Dense", ["a", "b"], ["c"], nodes, self.OPSETS)
        calls = [
            node("Dense", ["x", "w"], ["h"], domain="acme", name="one"),
            node("Dense", ["h", "v"], ["y"], domain="acme", name="two"),
        ]
        proto = model(
            calls, weights=[zeros("w", [4, 9]), zeros("v", [9, 2])], functions=[function],
            domains=["acme"],
        )  # fmt: skip
        graph = read(proto)
        assert [(o.name, o.kind) for o in graph.ops] == [("one", "Dense"), ("two", "Dense")]
        assert sizes(graph) == {"x": 16, "h": 36, "y": 8}
        assert [warning.partition(";")[0] for warning in graph.warnings] == [
            "each call of the local function 'Dense' counts as one op"
        ]

    def test_a_function_that_calls_itself(self) -> None:
        function = helper.make_function(
            "acme", "Loop", ["a"], ["b"], [node("Loop", ["a"], ["b"], domain="acme")], self.OPSETS
        )
        proto = model(
            [node("Loop", ["x"], ["y"], domain="acme")], functions=[function], domains=["acme"]
        )
        assert refusal(proto) == "local function 'Loop' calls itself"

    def test_functions_that_multiply(self) -> None:
        functions = [
            helper.make_function(
                "acme", f"F{i}", ["a"], ["c"],
                [node(f"F{i + 1}", ["a"], ["b"], domain="acme"),
                 node(f"F{i + 1}", ["b"], ["c"], domain="acme")]
                if i < 60 else [node("Relu", ["a"], ["c"])],
                self.OPSETS,
            )
            for i in range(61)
        ]  # fmt: skip
        call = [node("F0", ["x"], ["y"], domain="acme")]
        proto = model(call, functions=functions, domains=["acme"])
        assert "tensor 'y' has no known shape" in refusal(proto, UnsupportedModelError)
        proto = model(call, outputs=[value("y", [1, 4])], functions=functions, domains=["acme"])
        assert sizes(read(proto)) == {"x": 16, "y": 16}


class TestControlFlow:
    def branch(self, *names: str) -> GraphProto:
        total = node("Sum", names, ["branch_out"])
        return helper.make_graph([total], "branch", [], [value("branch_out")])

    def test_if_reads_what_its_bodies_capture(self) -> None:
        nodes = [
            node("Relu", ["x"], ["a"], name="relu"),
            node("Neg", ["x"], ["b"], name="neg"),
            node("If", ["cond"], ["y"], name="choose",
                 then_branch=self.branch("a", "w"), else_branch=self.branch("b")),
        ]  # fmt: skip
        inputs = [value("x", [1, 4]), value("cond", [], TensorProto.BOOL)]
        graph = read(model(nodes, inputs, weights=[zeros("w", [4])]))
        assert sorted(reads(graph, "choose")) == ["a", "b", "cond"]
        assert sizes(graph) == {"x": 16, "cond": 1, "a": 16, "b": 16, "y": 16}
        assert [(w.name, w.consumers) for w in graph.weights] == [("w", (2,))]
        assert graph.warnings == (
            "the body of 'choose' (If) counts as one op; memory inside it is not counted",
        )

    def test_captures_of_nested_bodies(self) -> None:
        inner = node("If", ["cond"], ["t"], then_branch=self.branch("a", "own"),
                     else_branch=self.branch("own"))  # fmt: skip
        outer = helper.make_graph(
            [node("Neg", ["b"], ["own"]), inner], "outer", [], [value("t", [1, 4])]
        )
        nodes = [
            node("Relu", ["x"], ["a"]),
            node("Relu", ["x"], ["b"]),
            node("If", ["cond"], ["y"], name="if", then_branch=outer, else_branch=self.branch("x")),
        ]
        graph = read(model(nodes, [value("x", [1, 4]), value("cond", [], TensorProto.BOOL)]))
        assert sorted(reads(graph, "if")) == ["a", "b", "cond", "x"]

    def test_a_body_may_return_an_outer_value(self) -> None:
        passing = helper.make_graph([], "pass", [], [value("a", [1, 4])])
        nodes = [
            node("Relu", ["x"], ["a"]),
            node("If", ["c"], ["y"], name="if", then_branch=passing, else_branch=passing),
        ]
        proto = model(
            nodes, [value("x", [1, 4]), value("c", [], TensorProto.BOOL)], [value("y", [1, 4])]
        )
        assert reads(read(proto), "if") == ["c", "a"]

    def test_loop(self) -> None:
        body = helper.make_graph(
            [
                node("Add", ["carried", "step"], ["next"]),
                node("Identity", ["again"], ["go_on"]),
            ],
            "body",
            [
                value("i", [], I64),
                value("again", [], TensorProto.BOOL),
                value("carried", [1, 4]),
            ],
            [value("go_on", [], TensorProto.BOOL), value("next", [1, 4])],
        )
        nodes = [
            node("Relu", ["x"], ["step"]),
            node("Loop", ["trips", "", "x"], ["y"], name="loop", body=body),
        ]
        trips = tensor("trips", I64, [], [3])
        graph = read(model(nodes, outputs=[value("y", [1, 4])], weights=[trips]))
        assert reads(graph, "loop") == ["x", "step"]
        assert sizes(graph) == {"x": 16, "step": 16, "y": 16}
        assert weights(graph) == {"trips": 8}
        assert len(graph.warnings) == 1

    def test_a_body_that_captures_nothing_known(self) -> None:
        branch = self.branch("ghost")
        proto = model(
            [node("If", ["c"], ["y"], name="if", then_branch=branch, else_branch=branch)],
            [value("c", [], TensorProto.BOOL)],
        )
        assert refusal(proto) == "op 'if' reads tensor 'ghost', which nothing produces"

    @pytest.mark.parametrize("levels", [60, 400])
    def test_bodies_nested_too_deeply(self, levels: int) -> None:
        proto = model([node("Relu", ["x"], ["y"])])
        graph = proto.graph
        for _ in range(levels):
            choice = graph.node.add(op_type="If", input=["x"], output=["t"])
            graph = choice.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH).g
        assert refusal(proto) == "bodies are nested too deeply"

    def test_nested_bodies(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])])
        graph = proto.graph
        for _ in range(20):
            choice = graph.node.add(op_type="If", domain="acme", input=["x"], output=["t"])
            graph = choice.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH).g
        proto.graph.value_info.append(value("t", [7]))
        assert sizes(read(proto)) == {"x": 16, "y": 16, "t": 28}


class TestFacts:
    def facts(
        self,
        single: NodeProto,
        inputs: Sequence[ValueInfoProto] = (value("x", [2, 6]),),
        constants: Sequence[TensorProto] = (),
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        graph = read(model([single], inputs, ["y"], constants))
        return named(graph, graph.ops[0].in_place), named(graph, graph.ops[0].views)

    @pytest.mark.parametrize(
        "kind",
        ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "HardSigmoid", "Elu", "Erf", "Exp",
         "Sqrt", "Neg", "Abs", "Clip", "Dropout", "Floor", "Softplus"],
    )  # fmt: skip
    def test_unary_ops_may_overwrite(self, kind: str) -> None:
        assert self.facts(node(kind, ["x"], ["y"])) == ([("x", "y")], [])

    def test_gelu(self) -> None:
        graph = read(model([node("Gelu", ["x"], ["y"])], opset=20))
        assert named(graph, graph.ops[0].in_place) == [("x", "y")]

    @pytest.mark.parametrize("kind", ["Softmax", "LRN", "CumSum", "Transpose"])
    def test_other_ops_may_not(self, kind: str) -> None:
        inputs = ["x", "axis"] if kind == "CumSum" else ["x"]
        shape = [3, 3, 3] if kind == "LRN" else [3, 3]
        single = node(kind, inputs, ["y"])
        if kind == "LRN":
            single.attribute.append(helper.make_attribute("size", 3))
        axis = tensor("axis", I64, [], [0])
        assert self.facts(single, [value("x", shape)], [axis]) == ([], [])

    @pytest.mark.parametrize(
        ("to", "pairs"),
        [(TensorProto.INT32, [("x", "y")]), (F32, [("x", "y")]), (TensorProto.INT8, [])],
    )
    def test_cast_needs_equal_bytes(self, to: int, pairs: list[tuple[str, str]]) -> None:
        assert self.facts(node("Cast", ["x"], ["y"], to=to)) == (pairs, [])

    @pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"])
    def test_binary_ops_may_overwrite_either(self, kind: str) -> None:
        both = [value("a", [2, 6]), value("b", [2, 6])]
        assert self.facts(node(kind, ["a", "b"], ["y"]), both) == ([("a", "y"), ("b", "y")], [])

    def test_a_broadcast_operand_is_too_small(self) -> None:
        operands = [value("a", [6]), value("b", [2, 6])]
        assert self.facts(node("Add", ["a", "b"], ["y"]), operands) == ([("b", "y")], [])

    def test_equal_bytes_of_another_shape_do_not_overwrite(self) -> None:
        operands = [value("a", [6]), value("b", [1, 6])]
        assert self.facts(node("Add", ["a", "b"], ["y"]), operands) == ([("b", "y")], [])

    def test_a_weight_is_not_overwritten(self) -> None:
        assert self.facts(node("Add", ["w", "x"], ["y"]), constants=[zeros("w", [2, 6])]) == (
            [("x", "y")],
            [],
        )

    def test_a_third_operand_is_not_overwritten(self) -> None:
        three = [value(name, [2, 6]) for name in "abc"]
        pairs = self.facts(node("Sum", ["a", "b", "c"], ["y"]), three)[0]
        assert pairs == [("a", "y"), ("b", "y")]

    def test_where_overwrites_its_choices(self) -> None:
        operands = [value("c", [2, 6], TensorProto.BOOL), value("a", [2, 6]), value("b", [2, 6])]
        pairs = self.facts(node("Where", ["c", "a", "b"], ["y"]), operands)[0]
        assert pairs == [("a", "y"), ("b", "y")]

    def test_comparison_has_other_elements(self) -> None:
        both = [value("a", [2, 6]), value("b", [2, 6])]
        assert self.facts(node("Less", ["a", "b"], ["y"]), both) == ([], [])

    @pytest.mark.parametrize("training", [0, 1])
    def test_batch_normalization(self, training: int) -> None:
        outputs = ["y", "mean", "var"] if training else ["y"]
        single = node(
            "BatchNormalization", ["x", "s", "b", "m", "v"], outputs, training_mode=training
        )
        statistics = [zeros(name, [6]) for name in "sbmv"]
        assert self.facts(single, constants=statistics)[0] == ([] if training else [("x", "y")])

    @pytest.mark.parametrize(
        ("kind", "operand", "shape"),
        [
            ("Reshape", (3, 4), (3, 4)), ("Flatten", None, (2, 6)), ("Identity", None, (2, 6)),
            ("Unsqueeze", (0,), (1, 2, 6)),
        ],
    )  # fmt: skip
    def test_views(
        self, kind: str, operand: tuple[int, ...] | None, shape: tuple[int, ...]
    ) -> None:
        constants = [] if operand is None else [ints("how", *operand)]
        single = node(kind, ["x"] if operand is None else ["x", "how"], ["y"])
        assert self.facts(single, constants=constants) == ([], [("x", "y")])
        assert (
            read(model([single], [value("x", [2, 6])], weights=constants)).buffers[1].shape == shape
        )

    def test_squeeze(self) -> None:
        assert self.facts(node("Squeeze", ["x"], ["y"]), [value("x", [1, 4])]) == ([], [("x", "y")])

    def test_a_view_of_a_weight_is_none(self) -> None:
        shape = value("shape", [2], I64)
        proto = model(
            [node("Reshape", ["w", "shape"], ["y"])],
            [shape],
            [value("y", [2, 2])],
            [zeros("w", [4])],
        )
        assert read(proto).ops[0].views == ()

    def test_other_domains_declare_nothing(self) -> None:
        proto = model([node("Relu", ["x"], ["y"], domain="acme")], outputs=[value("y", [1, 4])])
        graph = read(proto)
        assert (graph.ops[0].in_place, graph.ops[0].views) == ((), ())


class TestContradictions:
    def test_shapes_that_do_not_match(self) -> None:
        proto = model([node("Add", ["x", "w"], ["y"], name="plus")], weights=[zeros("w", [5])])
        assert refusal(proto) == "op 'plus' (Add): Incompatible dimensions"

    def test_the_op_is_named_by_position_if_it_has_no_name(self) -> None:
        nodes = [node("Relu", ["x"], ["a"]), node("Add", ["a", "w"], ["y"])]
        message = refusal(model(nodes, weights=[zeros("w", [5])]))
        assert message == "op '1:Add' (Add): Incompatible dimensions"

    def test_unsorted_nodes_are_named_by_file_position(self) -> None:
        nodes = [node("Add", ["a", "w"], ["y"]), node("Relu", ["x"], ["a"])]
        message = refusal(model(nodes, weights=[zeros("w", [5])]))
        assert message == "op '0:Add' (Add): Incompatible dimensions"

    def test_wrong_value_info(self) -> None:
        nodes = [node("Relu", ["x"], ["a"], name="relu"), node("Relu", ["a"], ["y"])]
        message = refusal(model(nodes, known=[value("a", [1, 5])]))
        assert message.startswith("op 'relu' (Relu): Inferred shape and existing shape differ")

    def test_wrong_element_type(self) -> None:
        proto = model([node("Relu", ["x"], ["y"], name="relu")], outputs=[value("y", [1, 4], I64)])
        assert refusal(proto).startswith("op 'relu' (Relu): Inferred elem type differs")

    def test_missing_operand(self) -> None:
        message = refusal(model([node("Relu", [], ["y"], name="relu")]))
        assert message.startswith("op 'relu' (Relu): ")

    def test_name_that_would_garble_the_message(self) -> None:
        name = "two\nlines\x1b[31m): (op_type:Foo"
        message = refusal(
            model([node("Add", ["x", "w"], ["y"], name=name)], weights=[zeros("w", [5])])
        )
        assert message.endswith("(Add): Incompatible dimensions")

    def test_contradiction_that_arithmetic_on_shapes_reveals(self) -> None:
        nodes = [
            node("Shape", ["x"], ["s"]),
            node("Div", ["s", "two"], ["half"]),
            node("Slice", ["x", "zeros", "half"], ["part"], name="slice"),
            node("Add", ["x", "part"], ["y"], name="add"),
        ]
        constants = [ints("two", 1, 2), ints("zeros", 0, 0)]
        message = refusal(model(nodes, weights=constants))
        assert message == "op 'add' (Add): Incompatible dimensions"

    def test_the_inference_own_expansion_of_an_operator_proves_nothing(self) -> None:
        # In strict mode, onnx 1.23 refuses its own definition of this operator.
        proto = model(
            [node("MeanVarianceNormalization", ["x"], ["y"])],
            [value("x", [2, 3, 4, 4])],
            [value("y", [2, 3, 4, 4])],
        )
        assert sizes(read(proto)) == {"x": 384, "y": 384}

    def test_inside_a_body(self) -> None:
        body = helper.make_graph([node("Add", ["x", "w"], ["t"])], "body", [], [value("t")])
        proto = model(
            [node("If", ["c"], ["y"], name="if", then_branch=body, else_branch=body)],
            [value("x", [1, 4]), value("c", [], TensorProto.BOOL)],
            weights=[zeros("w", [5])],
        )
        message = refusal(proto)
        assert message.startswith("op 'if' (If): ")
        assert "Incompatible dimensions" in message

    def test_negative_result(self) -> None:
        proto = model(
            [node("Use", ["x"], ["y"], domain="acme")],
            outputs=[value("y", [1])],
            weights=[TensorProto(name="w", data_type=F32, dims=[-4])],
        )
        assert refusal(proto) == "tensor 'w': negative dimension -4 in shape (-4,)"

    def test_tensor_larger_than_any_memory(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", [2**40, 2**40])])
        assert refusal(proto) == f"tensor 'x' would take {2**82} bytes"

    def test_tensor_of_absurd_rank(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], [value("x", [2] * 5000)])
        assert refusal(proto) == "tensor 'x' has 5000 dimensions"

    def test_two_producers(self) -> None:
        nodes = [node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])]
        assert refusal(model(nodes)) == "tensor 'y' has two producers"

    @pytest.mark.parametrize("taken", ["x", "w"])
    def test_node_that_writes_an_input_or_weight(self, taken: str) -> None:
        proto = model([node("Relu", ["x"], [taken])], weights=[zeros("w", [4])])
        assert refusal(proto) == f"tensor {taken!r} has two producers"

    def test_no_producer(self) -> None:
        proto = model([node("Add", ["x", "ghost"], ["y"], name="add")])
        assert refusal(proto) == "op 'add' reads tensor 'ghost', which nothing produces"

    def test_output_without_producer(self) -> None:
        proto = model([node("Relu", ["x"], ["y"])], outputs=["y", "ghost"])
        assert refusal(proto) == "nothing produces network output 'ghost'"

    def test_cycle(self) -> None:
        nodes = [
            node("Add", ["x", "b"], ["a"], name="one"),
            node("Relu", ["a"], ["b"], name="two"),
            node("Relu", ["b"], ["y"], name="three"),
        ]
        message = refusal(model(nodes))
        assert message in {
            "the graph has a cycle: one -> two -> one",
            "the graph has a cycle: two -> one -> two",
        }

    def test_names_used_twice(self) -> None:
        relu = [node("Relu", ["x"], ["y"])]
        both = model(relu, [value("x", [1]), value("x", [1])])
        assert refusal(both) == "two network inputs are called 'x'"
        twice = model(relu, weights=[zeros("w", [1]), zeros("w", [1])])
        assert refusal(twice) == "two initializers are called 'w'"

    def test_missing_names(self) -> None:
        relu = [node("Relu", ["x"], ["y"])]
        assert refusal(model(relu, [value("x", [1]), value("", [1])])) == (
            "a network input has no name"
        )
        assert refusal(model(relu, weights=[zeros("", [1])])) == "an initializer has no name"
        assert refusal(model([node("", ["x"], ["y"])])) == "node 0 has no operator type"


class TestGarbage:
    def refusal(self, path: Path) -> str:
        with pytest.raises(InvalidModelError) as caught:
            read_onnx(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert message.isprintable()
        return message.removeprefix(f"{path}: ")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 64,
            b"hello, this is no model\n",
            b"\xff" * 99,
            b"PK\x03\x04",
            b"\x80\x02}q\0.",
        ],
    )
    def test_other_files(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.onnx"
        path.write_bytes(content)
        assert self.refusal(path).startswith("not an ONNX model (")

    def test_random_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "x.onnx"
        generator = random.Random(7)
        for length in range(1, 200, 7):
            path.write_bytes(generator.randbytes(length))
            assert self.refusal(path).startswith("not an ONNX model (")

    def test_no_graph(self, tmp_path: Path) -> None:
        path = tmp_path / "x.onnx"
        path.write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
        assert self.refusal(path) == "not an ONNX model (there is no graph in it)"

    def test_empty_graph(self, tmp_path: Path) -> None:
        path = tmp_path / "x.onnx"
        path.write_bytes(model([], outputs=[]).SerializeToString())
        assert self.refusal(path) == "not an ONNX model (its graph is empty)"

    def test_missing_file(self, tmp_path: Path) -> None:
        message = self.refusal(tmp_path / "absent.onnx")
        assert message == "cannot be read: No such file or directory"

    def test_directory(self, tmp_path: Path) -> None:
        assert self.refusal(tmp_path) == "cannot be read: Is a directory"

    def test_file_beyond_what_protobuf_can_hold(self, tmp_path: Path) -> None:
        path = tmp_path / "x.onnx"
        with path.open("wb") as file:
            file.truncate(2**31)
        assert "2 GiB" in self.refusal(path)

    def test_names_that_are_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "x.onnx"
        content = model([node("Relu", ["x"], ["~~~~"])], outputs=["~~~~"]).SerializeToString()
        path.write_bytes(content.replace(b"~~~~", b"\xff\xfe\xff\xfe"))
        assert "UTF-8" in self.refusal(path)


def rich_model() -> bytes:
    """Return a model with a bit of everything."""
    body = helper.make_graph([node("Add", ["a", "w"], ["t"])], "body", [], [value("t")])
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("acme", "Twice", ["p"], ["q"], [node("Add", ["p", "p"], ["q"])],
                                    opsets)  # fmt: skip
    nodes = [
        node("Constant", [], ["shape"], value=ints("", 2, -1)),
        node("Relu", ["x"], ["a"], name="relu"),
        node("If", ["c"], ["b"], name="if", then_branch=body, else_branch=body),
        node("Twice", ["b"], ["d"], name="twice", domain="acme"),
        node("Reshape", ["d", "shape"], ["y"], name="view"),
    ]
    proto = model(
        nodes, [value("x", ["n", 4]), value("c", [], TensorProto.BOOL)], [value("y", [2, "m"])],
        [zeros("w", [4])], known=[value("a", ["n", 4])], functions=[function], domains=["acme"],
    )  # fmt: skip
    return bytes(proto.SerializeToString())


class TestDamage:
    """Whatever is cut off or flipped: a graph, or one line of refusal."""

    def survives(self, path: Path, content: bytes) -> bool:
        path.write_bytes(content)
        try:
            graph = read_onnx(path, dims={"n": 4})
        except (InvalidModelError, UnsupportedModelError) as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
            return False
        assert all(buffer.size >= 0 for buffer in graph.buffers)
        return True

    def test_the_whole_model_is_fine(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        path.write_bytes(rich_model())
        graph = read_onnx(path, dims={"n": 4})
        assert sizes(graph) == {"x": 64, "c": 1, "a": 64, "b": 64, "d": 64, "y": 64}

    def test_truncation_at_every_length(self, tmp_path: Path) -> None:
        content = rich_model()
        fine = [
            length
            for length in range(len(content))
            if self.survives(tmp_path / "net.onnx", content[:length])
        ]
        # The graph comes before the operator sets: without them it may still make sense.
        assert all(length > len(content) // 2 for length in fine)

    def test_flipped_bytes(self, tmp_path: Path) -> None:
        content = rich_model()
        generator = random.Random(11)
        outcomes = set()
        for _ in range(400):
            damaged = bytearray(content)
            for _ in range(generator.choice((1, 2, 8))):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            outcomes.add(self.survives(tmp_path / "net.onnx", bytes(damaged)))
        assert outcomes == {True, False}


class TestPublishedModels:
    """Structures that ship with the onnx package; their weights are ConstantOfShape nodes."""

    @pytest.mark.parametrize(
        ("name", "ops", "folded", "weight_bytes"),
        [
            ("light_bvlc_alexnet", 24, 16, 243860912),
            ("light_densenet121", 668, 1078, 32584608),
            ("light_inception_v1", 143, 94, 27994224),
            ("light_inception_v2", 371, 545, 44939184),
            ("light_resnet50", 176, 239, 102440624),
            ("light_shufflenet", 203, 243, 5681776),
            ("light_squeezenet", 66, 39, 4941984),
            ("light_vgg19", 46, 36, 574668976),
            ("light_zfnet512", 22, 16, 349002160),
        ],
    )
    def test_counts(self, name: str, ops: int, folded: int, weight_bytes: int) -> None:
        path = LIGHT / f"{name}.onnx"
        graph = read_onnx(path)
        assert graph.source is not None
        assert (len(graph.ops), len(graph.source.folded)) == (ops, folded)
        assert graph.weight_bytes == weight_bytes
        assert graph.warnings == ()
        # One picture in, one vector of probabilities out.
        assert [b.size for b in graph.buffers if b.is_input] == [4 * 3 * 224 * 224]
        assert [b.size for b in graph.buffers if b.is_output] == [4000]
        assert not {op.kind for op in graph.ops} & {"Constant", "ConstantOfShape"}
        assert len(onnx.load(path).graph.node) == ops + folded

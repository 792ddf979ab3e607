"""Small model files whose figures can be worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onnx import GraphProto, ValueInfoProto

    Nodes = Sequence[tuple[str, Sequence[str], Sequence[str]]]

#: Two heavy branches. File order runs them side by side: x + a1 + b1 = 2100 bytes. One after the
#: other needs 1110: a finished branch (10), x (100) and the heavy tensor of the other (1000). No
#: single step proves it: a cut reaches 1100 only.
BRANCHES: Nodes = (
    ("heavy_a", ["x"], ["a1"]),
    ("heavy_b", ["x"], ["b1"]),
    ("light_a", ["a1"], ["a2"]),
    ("light_b", ["b1"], ["b2"]),
    ("join", ["a2", "b2"], ["y"]),
)
BRANCH_SIZES = {"x": 100, "a1": 1000, "b1": 1000, "a2": 10, "b2": 10, "y": 10}

#: A chain needs 300 + 400 bytes while "second" runs, whatever the order.
CHAIN: Nodes = (("first", ["x"], ["t"]), ("second", ["t"], ["u"]), ("third", ["u"], ["y"]))
CHAIN_SIZES = {"x": 100, "t": 300, "u": 400, "y": 8}


def write_network(
    path: Path,
    nodes: Nodes,
    sizes: Mapping[str, int],
    *,
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
) -> Path:
    """Write an ONNX model of unknown ops over int8 tensors of the given sizes."""

    def value(name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.INT8, [sizes[name]])

    inner = sizes.keys() - {*inputs, *outputs}
    graph = helper.make_graph(
        [
            helper.make_node("Opaque", reads, writes, name=name, domain="test")
            for name, reads, writes in nodes
        ],
        "graph",
        [value(name) for name in inputs],
        [value(name) for name in outputs],
        value_info=[value(name) for name in sorted(inner)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    path.write_bytes(model.SerializeToString())
    return path


def write_float_network(path: Path, batch: int | str = 1) -> Path:
    """Write two ReLUs over float tensors of 1000 elements a batch."""
    value = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 1000]) for name in "xty"
    ]
    nodes = [
        helper.make_node("Relu", ["x"], ["t"], name="relu_1"),
        helper.make_node("Relu", ["t"], ["y"], name="relu_2"),
    ]
    graph = helper.make_graph(nodes, "graph", value[:1], value[2:], value_info=value[1:2])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return path


def write_branching_if(path: Path) -> Path:
    """Write a model whose If hides what its bodies need."""

    def body(name: str) -> GraphProto:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [4])
        return helper.make_graph([helper.make_node("Relu", ["x"], [name])], name, [], [out])

    node = helper.make_node(
        "If", ["c"], ["y"], name="choice", then_branch=body("p"), else_branch=body("q")
    )
    graph = helper.make_graph(
        [node],
        "graph",
        [
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return path

"""Shapes of all values, by ONNX shape inference on a copy of the model without its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from google.protobuf.message import Error as ProtobufError  # type: ignore[import-untyped, unused-ignore]
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TensorProto,
    ValueInfoProto,
    checker,
    helper,
    shape_inference,
)

from models.errors import InvalidModelError
from models.formats.onnx_tensors import (
    ValueType,
    dtype_name,
    is_small,
    is_standard,
    subgraphs,
    value_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from onnx import TensorShapeProto, TypeProto

    from models.formats.onnx_network import Network

    FunctionKey = tuple[str, str, str]

_MAX_INLINED = 100_000  # nodes that inference may visit inside local functions
_MAX_PROPAGATED = 2**20  # elements

#: Words of complaints that blame missing knowledge, not the model.
_IGNORANCE = ("is null", "was null", "was unknown", "expected to have type", "external tensors")

_INFERENCE_ERRORS = (
    shape_inference.InferenceError,
    checker.ValidationError,
    ProtobufError,
    RuntimeError,
    ValueError,
    IndexError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Inference:
    """What shape inference found.

    Attributes
    ----------
    types : mapping of str to ValueType
        By value name.
    contradiction : str
        One that data propagation alone complains about. It has been wrong about valid models.
    ignorance : str
        Why an op was skipped.
    """

    types: Mapping[str, ValueType]
    contradiction: str = ""
    ignorance: str = ""


def known_symbols(model: ModelProto) -> tuple[str, ...]:
    """Names of symbolic dimensions, in the order they appear."""
    return tuple(
        dict.fromkeys(
            dim.dim_param
            for info in _value_infos(model.graph)
            for dim in _dims(info.type)
            if dim.dim_param
        )
    )


def infer(
    network: Network,
    values: Mapping[str, TensorProto],
    dims: Mapping[str, int],
    *,
    propagate: bool = False,
) -> Inference:
    """Infer the types of all values.

    Parameters
    ----------
    network : Network
        The model, which is left untouched.
    values : mapping of str to TensorProto
        Small values known besides, which take the place of the nodes that compute them.
    dims : mapping of str to int
        Sizes of symbolic dimensions.
    propagate : bool
        Whether to compute with shapes, which takes longer.

    Raises
    ------
    InvalidModelError
        If shapes or types contradict each other.
    """
    data = _slim_model(network, values, dims).SerializeToString()
    contradiction = ignorance = ""
    for strict in (True, False):
        try:
            inferred = shape_inference.infer_shapes(data, strict_mode=strict, data_prop=propagate)
        except _INFERENCE_ERRORS as error:
            lines = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
            complaints = [_Complaint.of(line, network) for line in lines]
            blames = [complaint for complaint in complaints if not complaint.is_ignorance]
            if not blames:
                ignorance = ignorance or complaints[0].text
            elif propagate:  # the propagation refuses some valid models
                contradiction = contradiction or blames[0].text
            else:
                raise InvalidModelError(blames[0].text) from None
        else:
            graph = inferred.graph
            types = {v.name: value_type(v.type) for v in (*graph.value_info, *graph.input)}
            for name, tensor in values.items():
                types[name] = ValueType(dtype_name(tensor.data_type), tuple(tensor.dims))
            types.update((name, constant.type) for name, constant in network.constants.items())
            return Inference(types, contradiction, ignorance)
    raise InvalidModelError(contradiction or ignorance)


def may_propagate(types: Mapping[str, ValueType]) -> bool:
    """Whether data propagation is affordable: it spells out vectors, element by element."""
    vectors = (t.shape for t in types.values() if t.dims is not None and len(t.dims) == 1)
    return sum(shape[0] for shape in vectors if shape) <= _MAX_PROPAGATED


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One error of the inference, told as a statement about an op."""

    text: str
    is_ignorance: bool

    @classmethod
    def of(cls, line: str, network: Network) -> _Complaint:
        is_ignorance = any(words in line for words in _IGNORANCE)
        line = re.sub(r"\[\w+Error\] ", "", line.replace("Inference error(s): ", ""))
        found = re.search(r"\(op_type:[^,)]*, node name: (\d+)\): (.*)", line)
        if found is None or int(found[1]) >= len(network.nodes):
            return cls(f"shape inference fails: {line}", is_ignorance)
        position, detail = int(found[1]), found[2]
        node = network.nodes[position]
        if (
            is_standard(node)
            and detail.startswith("(op_type:")
            and next(subgraphs(node), None) is None
        ):
            # The inference stumbles over its own expansion of a standard operator.
            is_ignorance = True
        return cls(f"op {network.label(position)!r} ({node.op_type}): {detail}", is_ignorance)


def _slim_model(
    network: Network, values: Mapping[str, TensorProto], dims: Mapping[str, int]
) -> ModelProto:
    """Copy what decides shapes: large constants become inputs of their type."""
    model, constants = network.model, network.constants
    slim = ModelProto(ir_version=max(model.ir_version, 4))  # below 4, initializers have no type
    slim.functions.extend(_slim_functions(model))
    slim.opset_import.extend(_complete_opsets(model.opset_import, network.nodes))
    graph = slim.graph
    graph.name = model.graph.name or "graph"
    graph.input.extend(_bound(v, dims) for v in model.graph.input if v.name in network.inputs)
    # Inference keeps one type by name, so let there be one, the more telling.
    declared: dict[str, ValueInfoProto] = {}
    for info in (*model.graph.value_info, *model.graph.output):
        if info.name not in declared or value_type(info.type).dims is not None:
            declared[info.name] = info
    graph.value_info.extend(_bound(v, dims) for n, v in declared.items() if n in network.producers)
    for name, constant in constants.items():
        if constant.tensor is not None and is_small(constant.tensor):
            graph.initializer.add().CopyFrom(constant.tensor)
            graph.initializer[-1].name = name
        else:
            info = helper.make_tensor_value_info(name, constant.elem_type, constant.type.shape)
            graph.input.append(info)
    for name, tensor in values.items():
        graph.initializer.add().CopyFrom(tensor)
        graph.initializer[-1].name = name
    for position in network.order:
        node = network.nodes[position]
        if all(name in constants or name in values for name in node.output):
            continue
        copy = _slim_node(node, dims)
        copy.name = str(position)  # any other name may garble the complaints
        graph.node.append(copy)
    return slim


def _slim_functions(model: ModelProto) -> list[FunctionProto]:
    """Copy local functions, unless expanding their calls would never end."""
    if not model.functions or _inlined_nodes(model) > _MAX_INLINED:
        return []
    slim = []
    for function in model.functions:
        copy = FunctionProto(name=function.name, domain=function.domain)
        if function.overload:
            copy.overload = function.overload
        copy.input.extend(function.input)
        copy.output.extend(function.output)
        copy.attribute.extend(function.attribute)
        copy.attribute_proto.extend(_slim_attribute(a, {}) for a in function.attribute_proto)
        copy.opset_import.extend(_complete_opsets(function.opset_import, function.node))
        copy.node.extend(_slim_node(node, {}) for node in function.node)
        slim.append(copy)
    return slim


def _inlined_nodes(model: ModelProto) -> int:
    """Nodes that inference would visit inside local functions; they may multiply level by level.

    Raises
    ------
    InvalidModelError
        If a function calls itself.
    """
    functions = {function_key(f): f for f in model.functions}
    calls = {
        key: [k for node in _all_nodes(f.node) if (k := call_key(node)) in functions]
        for key, f in functions.items()
    }
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        raise InvalidModelError(f"local function {error.args[1][0][1]!r} calls itself") from None
    cost: dict[FunctionKey, int] = {}
    for key in order:
        cost[key] = sum(1 for _ in _all_nodes(functions[key].node)) + sum(
            cost[called] for called in calls[key]
        )
    return sum(cost.get(call_key(node), 0) for node in _all_nodes(model.graph.node))


def function_key(function: FunctionProto) -> FunctionKey:
    """Identify a local function."""
    return function.domain, function.name, function.overload


def call_key(node: NodeProto) -> FunctionKey:
    """Identify the local function that a node calls, if there is such a function."""
    return node.domain, node.op_type, node.overload


def _all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for body in subgraphs(node):
            yield from _all_nodes(body.node)


def _complete_opsets(
    opsets: Iterable[OperatorSetIdProto], nodes: Iterable[NodeProto]
) -> list[OperatorSetIdProto]:
    """Add the operator sets a model uses without importing them: inference insists on them."""
    versions = {opset.domain: opset.version for opset in opsets}
    if "ai.onnx" in versions:
        versions.setdefault("", versions["ai.onnx"])
    for node in _all_nodes(nodes):
        versions.setdefault("" if is_standard(node) else node.domain, 1)
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def _slim_graph(graph: GraphProto, dims: Mapping[str, int]) -> GraphProto:
    slim = GraphProto(name=graph.name)
    slim.input.extend(_bound(v, dims) for v in graph.input)
    slim.output.extend(_bound(v, dims) for v in graph.output)
    slim.value_info.extend(_bound(v, dims) for v in graph.value_info)
    slim.initializer.extend(map(_slim_tensor, graph.initializer))
    slim.node.extend(_slim_node(node, dims) for node in graph.node)
    return slim


def _slim_node(node: NodeProto, dims: Mapping[str, int]) -> NodeProto:
    slim = NodeProto(
        op_type=node.op_type, name=node.name, domain="" if is_standard(node) else node.domain
    )
    if node.overload:
        slim.overload = node.overload
    slim.input.extend(node.input)
    slim.output.extend(node.output)
    slim.attribute.extend(_slim_attribute(attribute, dims) for attribute in node.attribute)
    return slim


def _slim_attribute(attribute: AttributeProto, dims: Mapping[str, int]) -> AttributeProto:
    if not (
        attribute.HasField("t")
        or attribute.HasField("g")
        or attribute.HasField("sparse_tensor")
        or attribute.tensors
        or attribute.graphs
    ):
        return attribute
    slim = AttributeProto(name=attribute.name, type=attribute.type)
    if attribute.ref_attr_name:
        slim.ref_attr_name = attribute.ref_attr_name
    if attribute.HasField("t"):
        slim.t.CopyFrom(_slim_tensor(attribute.t))
    if attribute.HasField("g"):
        slim.g.CopyFrom(_slim_graph(attribute.g, dims))
    if attribute.HasField("sparse_tensor"):
        slim.sparse_tensor.dims.extend(attribute.sparse_tensor.dims)
        slim.sparse_tensor.values.CopyFrom(_slim_tensor(attribute.sparse_tensor.values))
        slim.sparse_tensor.indices.CopyFrom(_slim_tensor(attribute.sparse_tensor.indices))
    slim.tensors.extend(map(_slim_tensor, attribute.tensors))
    slim.graphs.extend(_slim_graph(body, dims) for body in attribute.graphs)
    return slim


def _slim_tensor(tensor: TensorProto) -> TensorProto:
    if is_small(tensor):
        return tensor
    return TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)


def _bound(info: ValueInfoProto, dims: Mapping[str, int]) -> ValueInfoProto:
    """Copy with the given symbols bound, and negative sizes made unknown."""
    copy = ValueInfoProto()
    copy.CopyFrom(info)
    for dim in _dims(copy.type):
        if dim.dim_param in dims:
            dim.dim_value = dims[dim.dim_param]
        elif dim.dim_value < 0:
            dim.Clear()
    return copy


def _dims(proto: TypeProto) -> Iterator[TensorShapeProto.Dimension]:
    match proto.WhichOneof("value"):
        case "tensor_type":
            yield from proto.tensor_type.shape.dim
        case "sparse_tensor_type":
            yield from proto.sparse_tensor_type.shape.dim
        case "sequence_type":
            yield from _dims(proto.sequence_type.elem_type)
        case "optional_type":
            yield from _dims(proto.optional_type.elem_type)
        case "map_type":
            yield from _dims(proto.map_type.value_type)


def _value_infos(graph: GraphProto) -> Iterator[ValueInfoProto]:
    """All declared types, the bodies of control flow included."""
    yield from graph.input
    yield from graph.value_info
    yield from graph.output
    for node in graph.node:
        for body in subgraphs(node):
            yield from _value_infos(body)

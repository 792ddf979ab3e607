"""The names of an ONNX graph: who writes and reads each value, and whether that can be."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from models.errors import InvalidModelError
from models.formats.onnx_tensors import (
    Constant,
    constant_of,
    declared_constants,
    is_standard,
    subgraphs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx import GraphProto, ModelProto, NodeProto


@dataclass(frozen=True, slots=True)
class Network:
    """A model whose names are consistent.

    Attributes
    ----------
    model : ModelProto
        The model itself.
    constants : mapping of str to Constant
        Initializers, then what ``Constant`` nodes store.
    inputs, outputs : tuple of str
        Network inputs that are no initializers, and network outputs.
    reads : tuple of tuple of str
        Values each node reads, with those that its bodies take from outside.
    producers : mapping of str to int
        Position of the node that writes a value.
    order : tuple of int
        Positions of the nodes in topological order.
    """

    model: ModelProto
    constants: Mapping[str, Constant]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reads: tuple[tuple[str, ...], ...]
    producers: Mapping[str, int]
    order: tuple[int, ...]

    @property
    def nodes(self) -> Sequence[NodeProto]:
        """Nodes in file order."""
        nodes: Sequence[NodeProto] = self.model.graph.node
        return nodes

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        versions = (o.version for o in self.model.opset_import if o.domain in {"", "ai.onnx"})
        return next(versions, 1)

    def label(self, position: int) -> str:
        """Name of a node in messages."""
        node = self.nodes[position]
        return node.name or f"{position}:{node.op_type}"


def network_of(model: ModelProto) -> Network:
    """Index the names of a model.

    Raises
    ------
    InvalidModelError
        If the graph is empty, a value has two producers or none, or the nodes form a cycle.
    """
    graph = model.graph
    if not graph.node and not graph.output:
        raise InvalidModelError("not an ONNX model (its graph is empty)")
    constants = declared_constants(graph)
    inputs = tuple(info.name for info in graph.input if info.name not in constants)
    outputs = tuple(dict.fromkeys(info.name for info in graph.output))
    producers = _producers(graph, {*constants, *inputs})
    reads = tuple(tuple(dict.fromkeys(_reads(node))) for node in graph.node)
    network = Network(model, constants, inputs, outputs, reads, producers, ())
    _check(network)
    if model.ir_version >= 3 and not model.opset_import and any(map(is_standard, graph.node)):
        raise InvalidModelError("the model does not say which version of the operators it uses")
    for node in graph.node:
        if is_standard(node, "Constant") and (constant := constant_of(node)) is not None:
            constants[node.output[0]] = constant
    return Network(model, constants, inputs, outputs, reads, producers, _order(network))


def op_names(network: Network, positions: Sequence[int]) -> dict[int, str]:
    """Give the nodes at ``positions`` unique names, their own where possible."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for position in positions:
        name = network.nodes[position].name
        if name and name not in taken:
            names[position] = name
            taken.add(name)
    for position in positions:
        if position not in names:
            node = network.nodes[position]
            name = f"{node.name}#{position}" if node.name else f"{position}:{node.op_type}"
            while name in taken:
                name += f"#{position}"
            names[position] = name
            taken.add(name)
    return names


def _producers(graph: GraphProto, given: set[str]) -> dict[str, int]:
    producers: dict[str, int] = {}
    for position, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in producers or name in given:
                raise InvalidModelError(f"tensor {name!r} has two producers")
            producers[name] = position
    return producers


def _check(network: Network) -> None:
    seen: set[str] = set()
    for name in network.inputs:
        if not name:
            raise InvalidModelError("a network input has no name")
        if name in seen:
            raise InvalidModelError(f"two network inputs are called {name!r}")
        seen.add(name)
    known = {*network.producers, *network.inputs, *network.constants}
    for position, node in enumerate(network.nodes):
        if not node.op_type:
            raise InvalidModelError(f"node {position} has no operator type")
        for name in network.reads[position]:
            if name not in known:
                raise InvalidModelError(
                    f"op {network.label(position)!r} reads tensor {name!r}, which nothing produces"
                )
    for name in network.outputs:
        if name not in known:
            raise InvalidModelError(f"nothing produces network output {name!r}")


def _reads(node: NodeProto) -> Iterator[str]:
    yield from filter(None, node.input)
    for body in subgraphs(node):
        yield from _captured(body)


def _captured(body: GraphProto) -> Iterator[str]:
    """Values that a body takes from outside."""
    own = {info.name for info in body.input}
    own.update(tensor.name for tensor in body.initializer)
    own.update(sparse.values.name for sparse in body.sparse_initializer)
    for node in body.node:
        own.update(node.output)
    for node in body.node:
        yield from (name for name in _reads(node) if name not in own)
    yield from (info.name for info in body.output if info.name and info.name not in own)


def _order(network: Network) -> tuple[int, ...]:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for position, read in enumerate(network.reads):
        producers = network.producers
        sorter.add(position, *(producers[name] for name in read if name in producers))
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        cycle = " -> ".join(network.label(position) for position in error.args[1])
        raise InvalidModelError(f"the graph has a cycle: {cycle}") from None

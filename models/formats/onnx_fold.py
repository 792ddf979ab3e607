"""Which nodes of a model compute constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.formats.onnx_shapes import call_key, function_key
from models.formats.onnx_tensors import is_standard, subgraphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import FunctionProto, NodeProto

    from models.formats.onnx_network import Network
    from models.formats.onnx_shapes import FunctionKey
    from models.formats.onnx_tensors import ValueType


_RANDOM = frozenset({
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
})  # fmt: skip


def folded_nodes(network: Network, types: Mapping[str, ValueType]) -> tuple[int, ...]:
    """Positions of the nodes that compute constants, in file order.

    Notes
    -----
    ``Shape`` and ``Size`` of a value of static shape are constants. They stay ops when nothing but
    them reads the value: it must then die right behind them and not last to the end.
    """
    functions = {function_key(f): f for f in network.model.functions}
    lasting = {*network.inputs, *network.outputs}
    for node, read in zip(network.nodes, network.reads, strict=True):
        if not is_standard(node, "Shape", "Size"):
            lasting.update(read)
    known = set(network.constants)
    folded = []
    for position in network.order:
        node, read = network.nodes[position], network.reads[position]
        if is_standard(node, "Constant"):
            is_constant = True
        elif all(value in known for value in read):
            # An op that reads nothing and is no Constant may be a sensor.
            is_constant = bool(read) and _is_deterministic(node, functions)
        else:
            is_constant = is_standard(node, "Shape", "Size") and all(
                value in lasting and value in types and types[value].shape is not None
                for value in read
            )
        if is_constant:
            folded.append(position)
            known.update(filter(None, node.output))
    return tuple(sorted(folded))


def _is_deterministic(node: NodeProto, functions: Mapping[FunctionKey, FunctionProto]) -> bool:
    waiting = [node]
    called: set[FunctionKey] = set()
    while waiting:
        node = waiting.pop()
        if node.op_type in _RANDOM or (is_standard(node, "Dropout") and len(node.input) > 2):
            return False
        for body in subgraphs(node):
            waiting.extend(body.node)
        key = call_key(node)
        if key in functions and key not in called:
            called.add(key)
            waiting.extend(functions[key].node)
    return True

"""Small constants that shape inference needs but cannot compute.

Exporters spell shapes as arithmetic (``Div``, ``Where``, ``Range``) on what ``Shape`` returns, and
the inference follows only part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper

from models.formats.onnx_tensors import is_small, is_standard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from onnx import ModelProto, NodeProto, TensorProto

    from models.formats.onnx_network import Network
    from models.formats.onnx_tensors import ValueType

    Array = npt.NDArray[np.generic]

#: Operators that shapes are computed with.
_ARITHMETIC = frozenset({
    "Abs", "Add", "And", "Cast", "Ceil", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
    "Flatten", "Floor", "Gather", "Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual",
    "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Range", "ReduceMax", "ReduceMin",
    "ReduceProd", "ReduceSum", "Reshape", "ScatterND", "Shape", "Size", "Slice", "Split", "Sqrt",
    "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip

_MAX_ELEMENTS = 256
_NUMBERS = "biuf"  # numpy kinds


def evaluate(
    network: Network,
    folded: Sequence[int],
    types: Mapping[str, ValueType],
    known: Mapping[str, TensorProto],
) -> dict[str, TensorProto]:
    """Compute the small constants among the results of folded nodes.

    Parameters
    ----------
    network : Network
        The model.
    folded : sequence of int
        Positions of the folded nodes.
    types : mapping of str to ValueType
        Inferred types.
    known : mapping of str to TensorProto
        Values computed before.

    Returns
    -------
    dict
        ``known`` and the new values.
    """
    stored = {name: constant.tensor for name, constant in network.constants.items()}
    values: dict[str, Array] = {}
    for name, tensor in {**stored, **known}.items():
        value = None if tensor is None or not is_small(tensor) else _array(tensor)
        if value is not None:
            values[name] = value
    results = dict(known)
    positions = set(folded)
    for node in (network.nodes[p] for p in network.order if p in positions):
        if not is_standard(node, *_ARITHMETIC) or values.keys() >= set(filter(None, node.output)):
            continue
        inputs = _operands(node, values, types)
        if inputs is None:
            continue
        for name, value in _run(network.model, node, inputs).items():
            if value.size <= _MAX_ELEMENTS and value.dtype.kind in _NUMBERS:
                values[name] = value
                results[name] = numpy_helper.from_array(value, name)
    return results


def _array(tensor: TensorProto) -> Array | None:
    try:
        value: Array = numpy_helper.to_array(tensor)
    except (TypeError, ValueError):  # data that does not fit the declared type
        return None
    return value if value.dtype.kind in _NUMBERS else None


def _operands(
    node: NodeProto, values: Mapping[str, Array], types: Mapping[str, ValueType]
) -> dict[str, Array] | None:
    """Look the inputs up by name; None when one is not known."""
    names = [name for name in node.input if name]
    if is_standard(node, "Shape", "Size"):
        shape = types[names[0]].shape if names and names[0] in types else None
        if shape is None:
            return None
        try:
            # Neither reads the data, and a broadcast scalar has none.
            return {names[0]: np.broadcast_to(np.uint8(0), shape)}
        except ValueError:  # numpy has limits
            return None
    if not all(name in values for name in names):
        return None
    return {name: values[name] for name in names}


def _result_elements(node: NodeProto, inputs: Mapping[str, Array]) -> float:
    """Elements that an op would allocate whose result may be far larger than its operands."""
    operands = [inputs[name] for name in node.input if name]
    if node.op_type == "ConstantOfShape":
        return float(np.prod(operands[0].astype(float)))
    if node.op_type == "Expand":
        return float(operands[0].size * np.prod(operands[1].astype(float)))
    if node.op_type == "Range":
        start, limit, step = (float(operand) for operand in operands)
        return (limit - start) / step if step else 0.0
    return 0.0


def _run(model: ModelProto, node: NodeProto, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Compute one op; no outputs when that fails."""
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415  # slow to import, seldom needed

    outputs = [name for name in node.output if name]
    graph = helper.make_graph(
        [node],
        "node",
        [helper.make_empty_tensor_value_info(name) for name in inputs],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
    )
    alone = helper.make_model(graph, opset_imports=list(model.opset_import))
    try:
        with np.errstate(all="ignore"):
            if _result_elements(node, inputs) > _MAX_ELEMENTS:
                return {}
            results = ReferenceEvaluator(alone).run(None, dict(inputs))
    except Exception:  # the reference raises whatever numpy raises
        return {}
    return {name: np.asarray(value) for name, value in zip(outputs, results, strict=True)}

"""What ONNX operators allow: outputs left out, or laid over an input's storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import defs

from models.formats.onnx_tensors import is_standard
from models.graph import DTYPE_BITS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from onnx import NodeProto

    from models.formats.onnx_tensors import ValueType

    Pairs = tuple[tuple[str, str], ...]

_VIEWS = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})

_UNARY = frozenset({
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization", "BitwiseNot",
    "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Dropout", "Elu", "Erf", "Exp",
    "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Not", "PRelu",
    "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus",
    "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu",
})  # fmt: skip

_BINARY = frozenset({
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Mod", "Mul", "Or",
    "PRelu", "Pow", "Sub", "Xor",
    # These take more than two inputs, but runtimes accumulate from the left: overwriting the third
    # with the sum of the first two would lose it.
    "Max", "Mean", "Min", "Sum",
})  # fmt: skip


def optional_outputs(node: NodeProto, opset: int) -> tuple[str, ...]:
    """Name the outputs that the node could do without."""
    if not is_standard(node):
        return ()
    try:
        schema = defs.get_schema(node.op_type, opset)
    except defs.SchemaError:
        return ()
    optional = defs.OpSchema.FormalParameterOption.Optional
    return tuple(
        name
        for name, formal in zip(node.output, schema.outputs, strict=False)
        if name and formal.option == optional
    )


def view_pairs(
    node: NodeProto, types: Mapping[str, ValueType], activations: Collection[str]
) -> Pairs:
    """Pair the first input with an output that is the same bytes under another shape."""
    pair = _first_pair(node)
    if pair is None or pair[0] not in activations or not is_standard(node, *_VIEWS):
        return ()
    source, result = types[pair[0]], types[pair[1]]
    same = source.dtype == result.dtype and _elements(source) == _elements(result)
    return (pair,) if same else ()


def in_place_pairs(
    node: NodeProto, types: Mapping[str, ValueType], activations: Collection[str]
) -> Pairs:
    """Pair the inputs that an elementwise op may overwrite with its output."""
    pair = _first_pair(node)
    if pair is None or not _is_elementwise(node):
        return ()
    operands = (*node.input[:2],) if node.op_type in _BINARY else (node.input[0],)
    if is_standard(node, "Where"):
        operands = (*node.input[1:3],)
    result = types[pair[1]]
    return tuple(
        (operand, pair[1])
        for operand in dict.fromkeys(operands)
        if operand in activations
        and types[operand].dims == result.dims
        and DTYPE_BITS[types[operand].dtype] == DTYPE_BITS[result.dtype]
        and (types[operand].dtype == result.dtype or is_standard(node, "Cast", "CastLike"))
    )


def _is_elementwise(node: NodeProto) -> bool:
    if is_standard(node, "BatchNormalization"):
        # In training it reads the whole input twice: for the statistics, then to normalize.
        training = any(a.name == "training_mode" and a.i for a in node.attribute)
        return not training and not any(node.output[1:])
    return is_standard(node, "Where", *_UNARY, *_BINARY)


def _first_pair(node: NodeProto) -> tuple[str, str] | None:
    if not node.input or not node.output or not node.output[0]:
        return None
    return node.input[0], node.output[0]


def _elements(value: ValueType) -> int:
    count = 1
    for dim in value.shape or ():
        count *= dim
    return count

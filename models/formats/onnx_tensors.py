"""Types and sizes of ONNX tensors, and the constants a model declares. No tensor data is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from onnx import AttributeProto, TensorProto

from models.errors import InvalidModelError, UnsupportedModelError
from models.graph import tensor_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onnx import GraphProto, NodeProto, SparseTensorProto, TypeProto

#: ONNX element types under the names of :data:`models.graph.DTYPE_BITS`.
_DTYPES: Mapping[str, str] = {
    "FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BFLOAT16": "bfloat16",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64", "UINT8": "uint8",
    "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "BOOL": "bool",
    "COMPLEX64": "complex64", "COMPLEX128": "complex128", "INT4": "int4", "UINT4": "uint4",
    "INT2": "int2", "UINT2": "uint2", "FLOAT8E4M3FN": "float8", "FLOAT8E4M3FNUZ": "float8",
    "FLOAT8E5M2": "float8", "FLOAT8E5M2FNUZ": "float8", "FLOAT8E8M0": "float8",
    "FLOAT4E2M1": "float4", "STRING": "string",
}  # fmt: skip

#: A dimension: its size, the name of a symbol, or "" when neither is known.
Dim = int | str

_SMALL = 2048  # bytes; operands that decide a shape (axes, pads, scales) are far below
_MAX_RANK = 64
_MAX_BYTES = 2**62


@dataclass(frozen=True, slots=True)
class ValueType:
    """What is known about a value.

    Attributes
    ----------
    dtype : str
        Element type, empty when unknown; ``"string"`` has no size.
    dims : tuple of (int or str) or None
        None when not even the rank is known.
    kind : str
        ``"tensor"``, or what the value is instead, for example ``"sequence"``.
    """

    dtype: str = ""
    dims: tuple[Dim, ...] | None = None
    kind: str = "tensor"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape if every dimension is a number, else None."""
        if self.dims is None:
            return None
        shape = tuple(dim for dim in self.dims if isinstance(dim, int))
        return shape if len(shape) == len(self.dims) else None


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant stored in the file; ``size`` is what it takes there.

    ``tensor`` is None for a sparse one, whose data nothing here needs.
    """

    type: ValueType
    size: int
    elem_type: int
    tensor: TensorProto | None = None


@cache
def dtype_name(elem_type: int) -> str:
    """Name of an ONNX element type; empty when undefined or newer than the onnx package."""
    if elem_type == TensorProto.UNDEFINED or elem_type not in TensorProto.DataType.values():
        return ""
    name = TensorProto.DataType.Name(TensorProto.DataType.ValueType(elem_type))
    return _DTYPES.get(name, name.lower())


def value_type(proto: TypeProto) -> ValueType:
    """Translate a type; negative sizes, which some exporters write for "any", are unknown."""
    kind = proto.WhichOneof("value")
    if kind is None:
        return ValueType()
    if kind != "tensor_type":
        return ValueType(kind=kind.removesuffix("_type").replace("_", " "))
    tensor = proto.tensor_type
    dims: tuple[Dim, ...] | None = None
    if tensor.HasField("shape"):
        dims = tuple(
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param
            for dim in tensor.shape.dim
        )
    return ValueType(dtype_name(tensor.elem_type), dims)


def static_bytes(name: str, dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor of known shape.

    Raises
    ------
    InvalidModelError
        If the shape makes no sense.
    UnsupportedModelError
        If elements of this type have no fixed size.
    """
    if len(shape) > _MAX_RANK:
        raise InvalidModelError(f"tensor {name!r} has {len(shape)} dimensions")
    if dtype == "string":
        raise UnsupportedModelError(f"tensor {name!r} holds strings, which have no fixed size")
    if not dtype:
        raise UnsupportedModelError(f"the element type of tensor {name!r} is unknown")
    try:
        size = tensor_bytes(shape, dtype)
    except InvalidModelError as error:
        if min(shape, default=0) < 0:
            raise InvalidModelError(f"tensor {name!r}: {error}") from None
        raise UnsupportedModelError(f"tensor {name!r}: {error}") from None
    if size > _MAX_BYTES:
        raise InvalidModelError(f"tensor {name!r} would take {size} bytes")
    return size


def declared_constants(graph: GraphProto) -> dict[str, Constant]:
    """Collect the initializers, in file order.

    Raises
    ------
    InvalidModelError
        If two share a name, or one has none or no sensible shape.
    """
    constants: dict[str, Constant] = {}

    def add(name: str, constant: Constant) -> None:
        if not name:
            raise InvalidModelError("an initializer has no name")
        if name in constants:
            raise InvalidModelError(f"two initializers are called {name!r}")
        constants[name] = constant

    for tensor in graph.initializer:
        add(tensor.name, _dense(tensor.name, tensor))
    for sparse in graph.sparse_initializer:
        add(sparse.values.name, _sparse(sparse.values.name, sparse))
    return constants


def constant_of(node: NodeProto) -> Constant | None:
    """Constant that a ``Constant`` node stores; None when it stores nothing known."""
    name = node.output[0] if node.output else ""
    for attribute in node.attribute:
        match attribute.name:
            case "value":
                return _dense(name, attribute.t)
            case "sparse_value":
                return _sparse(name, attribute.sparse_tensor)
            case "value_int":
                tensor = TensorProto(data_type=TensorProto.INT64, int64_data=[attribute.i])
            case "value_ints":
                tensor = TensorProto(
                    data_type=TensorProto.INT64,
                    dims=[len(attribute.ints)],
                    int64_data=attribute.ints,
                )
            case "value_float":
                tensor = TensorProto(data_type=TensorProto.FLOAT, float_data=[attribute.f])
            case "value_floats":
                tensor = TensorProto(
                    data_type=TensorProto.FLOAT,
                    dims=[len(attribute.floats)],
                    float_data=attribute.floats,
                )
            case "value_string":
                tensor = TensorProto(data_type=TensorProto.STRING, string_data=[attribute.s])
            case "value_strings":
                tensor = TensorProto(
                    data_type=TensorProto.STRING,
                    dims=[len(attribute.strings)],
                    string_data=attribute.strings,
                )
            case _:
                continue
        return _dense(name, tensor)
    return None


def is_small(tensor: TensorProto) -> bool:
    """Whether the data is in the file itself and little enough to decide a shape."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.ByteSize() > _SMALL:
        return False
    stored = (
        tensor.raw_data, tensor.float_data, tensor.int32_data, tensor.string_data,
        tensor.int64_data, tensor.double_data, tensor.uint64_data,
    )  # fmt: skip
    return any(map(len, stored)) or 0 in tensor.dims


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Bodies of a control-flow node."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH or attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def is_standard(node: NodeProto, *kinds: str) -> bool:
    """Whether the node is one of these operators of the ONNX standard (any, when none given)."""
    return node.domain in {"", "ai.onnx"} and (not kinds or node.op_type in kinds)


def _dense(name: str, tensor: TensorProto) -> Constant:
    dtype, shape = dtype_name(tensor.data_type), tuple(tensor.dims)
    if dtype == "string":
        size = sum(map(len, tensor.string_data))
    else:
        size = static_bytes(name, dtype, shape)
    return Constant(ValueType(dtype, shape), size, tensor.data_type, tensor)


def _sparse(name: str, sparse: SparseTensorProto) -> Constant:
    values, indices = sparse.values, sparse.indices
    dtype = dtype_name(values.data_type)
    size = static_bytes(name, dtype, tuple(values.dims))
    size += static_bytes(name, "int64", tuple(indices.dims))
    return Constant(ValueType(dtype, tuple(sparse.dims)), size, values.data_type)

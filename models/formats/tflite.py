"""Read a TFLite file into a Graph: the ops of its main subgraph, in file order."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from tflite.TensorType import TensorType

from models.builder import GraphBuilder
from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.tflite_file import parse
from models.formats.tflite_state import side_effect_order
from models.graph import DTYPE_BITS, Source, tensor_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from models.formats.tflite_file import OperatorRecord, SubgraphRecord, TensorRecord
    from models.graph import Graph

_TYPES: Mapping[int, str] = {
    value: name.lower() for name, value in vars(TensorType).items() if name.isupper()
}
_HANDLES = frozenset({TensorType.RESOURCE, TensorType.VARIANT})

_MAX_ELEMENTS = 2**59  # sizes must fit 64 bits
_NAMES_SHOWN = 3
_CURE = "re-export with a fixed input shape"

#: The output is the first input under another shape or type.
_VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BITCAST", "STABLEHLO_RESHAPE"})

#: Of a same-shaped input, element i of the output depends on element i alone.
_ELEMENTWISE = frozenset({
    "ABS", "CEIL", "COS", "ELU", "EXP", "FAKE_QUANT", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU",
    "LOG", "LOGICAL_NOT", "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1",
    "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH",
    "ADD", "ATAN2", "BITWISE_XOR", "DIV", "FLOOR_DIV", "FLOOR_MOD", "LOGICAL_AND", "LOGICAL_OR",
    "MAXIMUM", "MINIMUM", "MUL", "POW", "PRELU", "RIGHT_SHIFT", "SQUARED_DIFFERENCE", "SUB",
})  # fmt: skip

#: Elementwise too, and the element type may change to another of the same width.
_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})


def read_tflite(path: Path, *, dims: Mapping[str, int] | None = None) -> Graph:
    """Read the main subgraph of a TFLite file.

    Ops are called ``"<index>:<KIND>"`` by file position. Constants are weights; tensors that share
    one model buffer are one weight. What the graph leaves out (other subgraphs, what resource
    handles refer to) is named in ``Graph.warnings``.

    Parameters
    ----------
    path : Path
        The model file.
    dims : mapping of str to int, optional
        Must be empty: TFLite dimensions have no names.

    Raises
    ------
    InvalidModelError
        If the file is unreadable, no TFLite model, damaged, or contradicts itself.
    UnsupportedModelError
        If an activation has no fixed size, or an op overwrites its own input in the file.
    """
    if dims:
        raise InvalidModelError(
            f"{path}: TFLite dimensions have no names, so {', '.join(map(repr, dims))} cannot be "
            f"set: {_CURE}"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidModelError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return _MainSubgraph(parse(content)).graph(path)
    except (InvalidModelError, UnsupportedModelError) as error:
        raise type(error)(f"{path}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Extent:
    """What a tensor occupies among the activations."""

    size: int
    dtype: str = ""
    shape: tuple[int, ...] | None = None


class _MainSubgraph:
    """Gives every tensor of the main subgraph its role, then assembles the graph."""

    def __init__(self, subgraphs: tuple[SubgraphRecord, ...]) -> None:
        self._subgraphs = subgraphs
        self._main = subgraphs[0]
        self._tensors = self._main.tensors
        self._ops = self._main.operators
        self._inputs = frozenset(self._main.inputs)
        self._outputs = frozenset(self._main.outputs)
        self._producer: dict[int, int] = {}
        for index, op in enumerate(self._ops):
            for t in op.outputs:
                self._producer.setdefault(t, index)
        self._variables = {t for t, tensor in enumerate(self._tensors) if tensor.is_variable}
        self._check_file_order()
        used = {t for op in self._ops for t in (*op.inputs, *op.outputs)}
        used.update(self._inputs, self._outputs)
        self._constants = {t for t in used if self._is_constant(t)}
        self._activations = {
            t: _extent(self._tensors[t]) for t in sorted((used | self._variables) - self._constants)
        }

    def graph(self, path: Path) -> Graph:
        """Assemble buffers, ops and weights."""
        builder = GraphBuilder(path.stem)
        for t, extent in self._activations.items():
            builder.buffer(
                self._tensors[t].name,
                extent.size,
                is_input=t in self._variables or t in self._inputs,
                is_output=t in self._variables or t in self._outputs,
                dtype=extent.dtype,
                shape=extent.shape,
            )
        for position, (op, before) in enumerate(
            zip(self._ops, side_effect_order(self._subgraphs), strict=True)
        ):
            reads = [t for t in op.inputs if t not in self._constants]
            reads += [t for t in op.outputs if t in self._variables]
            builder.op(
                op.name,
                self._names(dict.fromkeys(reads)),
                self._names(t for t in op.outputs if t not in self._variables),
                kind=op.kind,
                in_place=self._in_place(op),
                views=self._views(op),
                after=[self._ops[p].name for p in before],
                position=position,
            )
        self._add_weights(builder)
        return builder.build(
            source=Source(format="tflite", path=path, subgraph=0),
            warnings=tuple(self._warnings()),
        )

    def _check_file_order(self) -> None:
        """Refuse what has no meaning when ops run in file order on separate tensors."""
        for index, op in enumerate(self._ops):
            written = frozenset(op.outputs)
            for t in op.inputs:
                if t in self._variables or t not in self._producer:
                    continue
                name = self._tensors[t].name
                if t in written:
                    raise UnsupportedModelError(
                        f"op {op.name!r} overwrites its own input {name!r}: "
                        "re-export without in-place tensors"
                    )
                if self._producer[t] > index:
                    writer = self._ops[self._producer[t]].name
                    raise InvalidModelError(
                        f"op {op.name!r} reads tensor {name!r} before op {writer!r} writes it, "
                        "but TFLite runs ops in file order"
                    )

    def _is_constant(self, t: int) -> bool:
        """Tell constants from activations; a tensor that is neither is an error."""
        tensor = self._tensors[t]
        if t in self._variables or t in self._producer:
            return False
        if tensor.storage is not None:
            return True
        if t in self._inputs:
            return False
        if 0 in tensor.shape:
            return True
        raise InvalidModelError(f"nothing produces tensor {tensor.name!r} and it holds no data")

    def _add_weights(self, builder: GraphBuilder) -> None:
        """Declare one weight per model buffer, for converters store equal constants once."""
        sharing: dict[tuple[int | None, int], dict[int, None]] = {}
        readers: dict[tuple[int | None, int], dict[str, None]] = {}
        for op in self._ops:
            for t in op.inputs:
                if t in self._constants:
                    storage = self._tensors[t].storage
                    key = (storage, t if storage is None else 0)
                    sharing.setdefault(key, {})[t] = None
                    readers.setdefault(key, {})[op.name] = None
        for key, tensors in sharing.items():
            first = self._tensors[min(tensors)]
            dtypes = {_dtype(self._tensors[t]) for t in tensors}
            dtype = dtypes.pop() if len(dtypes) == 1 else ""
            builder.weight(first.name, first.stored_bytes, list(readers[key]), dtype)

    def _in_place(self, op: OperatorRecord) -> list[tuple[str, str]]:
        """Pair the output with every input the op may overwrite with it."""
        converts = op.kind in _CONVERSIONS
        if not (converts or op.kind in _ELEMENTWISE):
            return []
        if len(op.inputs) > 2 or len(op.outputs) != 1:  # more than any of them takes
            return []
        return [
            pair
            for t in dict.fromkeys(op.inputs)
            for pair in self._joined(t, op.outputs[0])
            if self._tensors[t].shape == self._tensors[op.outputs[0]].shape
            and (converts or self._tensors[t].type == self._tensors[op.outputs[0]].type)
        ]

    def _views(self, op: OperatorRecord) -> list[tuple[str, str]]:
        if op.kind not in _VIEWS or len(op.outputs) != 1 or not op.inputs:
            return []
        return self._joined(op.inputs[0], op.outputs[0])

    def _joined(self, source: int, target: int) -> list[tuple[str, str]]:
        """Pair two activations of one size; variables keep their storage to themselves."""
        if source in self._constants or {source, target} & self._variables:
            return []
        if self._activations[source].size != self._activations[target].size:
            return []
        return [(self._tensors[source].name, self._tensors[target].name)]

    def _warnings(self) -> Iterator[str]:
        others = [subgraph.name for subgraph in self._subgraphs[1:]]
        if others:
            yield (
                f"only the main subgraph is scheduled, the memory of {_listed(others)} "
                "is not counted"
            )
        for op in self._ops:
            if op.calls:
                called = _listed(self._subgraphs[index].name for index in op.calls)
                yield f"op {op.name!r} counts as one op, the memory inside {called} is not counted"
        handles = [t for t in self._activations if self._tensors[t].type in _HANDLES]
        if handles:
            yield (
                "resource and variant tensors count 0 bytes, what they refer to is not counted: "
                f"{_listed(self._names(handles))}"
            )
        batch = [t for t in self._activations if _has_batch_of_one(self._tensors[t])]
        if batch:
            batch.sort(key=lambda t: t not in self._inputs)
            yield f"dynamic batch taken as 1: {_listed(self._names(batch), _NAMES_SHOWN)}"
        constants = sorted(self._inputs & self._constants)
        if constants:
            yield (
                "network inputs that hold constant data count as weights: "
                f"{_listed(self._names(constants))}"
            )

    def _names(self, tensors: Iterable[int]) -> list[str]:
        return [self._tensors[t].name for t in tensors]


def _extent(tensor: TensorRecord) -> _Extent:
    """Size an activation, or say why it has no fixed size."""
    if tensor.type in _HANDLES:
        return _Extent(0)
    if tensor.type == TensorType.STRING:
        raise UnsupportedModelError(
            f"tensor {tensor.name!r} holds strings, whose size only the run can tell: "
            "keep string ops outside the model"
        )
    dtype = _dtype(tensor)
    if not dtype:
        raise UnsupportedModelError(
            f"tensor {tensor.name!r} has element type "
            f"{_TYPES.get(tensor.type, tensor.type)}, which this version does not know: "
            "update the tflite package"
        )
    dynamic = -1 in tensor.signature and not _has_batch_of_one(tensor)
    if dynamic or -1 in tensor.shape:
        raise UnsupportedModelError(
            f"tensor {tensor.name!r} has a dynamic shape "
            f"{tensor.signature if dynamic else tensor.shape}: {_CURE}"
        )
    if any(dim < 0 for dim in tensor.shape) or prod(tensor.shape) > _MAX_ELEMENTS:
        raise InvalidModelError(f"tensor {tensor.name!r} has an impossible shape: {tensor.shape}")
    return _Extent(tensor_bytes(tensor.shape, dtype), dtype, tensor.shape)


def _has_batch_of_one(tensor: TensorRecord) -> bool:
    """Tell a free leading dimension stored as 1: what most converters leave by default."""
    return (
        tensor.signature[:1] == (-1,)
        and -1 not in tensor.signature[1:]
        and tensor.shape[:1] == (1,)
        and len(tensor.shape) == len(tensor.signature)
    )


def _dtype(tensor: TensorRecord) -> str:
    """Return the name used in ``DTYPE_BITS``, empty for types of no fixed or known size."""
    name = _TYPES.get(tensor.type, "")
    return name if name in DTYPE_BITS else ""


def _listed(names: Iterable[str], at_most: int | None = None) -> str:
    every = [repr(name) for name in names]
    shown = every[:at_most]
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")

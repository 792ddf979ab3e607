"""What a TFLite file says, as plain records whose every index has been checked.

The schema classes trust the file: damage sends them outside it, or through a vector of four billion
elements. Here reads are counted against the size of the file, so it takes linear time to find out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flatbuffers.number_types import Int32Flags  # type: ignore[import-untyped]
from tflite.BuiltinOperator import BuiltinOperator
from tflite.BuiltinOptions import BuiltinOptions
from tflite.BuiltinOptions2 import BuiltinOptions2
from tflite.CallOnceOptions import CallOnceOptions
from tflite.CallOptions import CallOptions
from tflite.HashtableOptions import HashtableOptions
from tflite.IfOptions import IfOptions
from tflite.Model import Model
from tflite.StableHLOCompositeOptions import StableHLOCompositeOptions
from tflite.StablehloReduceOptions import StablehloReduceOptions
from tflite.StablehloReduceWindowOptions import StablehloReduceWindowOptions
from tflite.StablehloScatterOptions import StablehloScatterOptions
from tflite.StablehloSortOptions import StablehloSortOptions
from tflite.StablehloWhileOptions import StablehloWhileOptions
from tflite.VarHandleOptions import VarHandleOptions
from tflite.WhileOptions import WhileOptions

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tflite.Operator import Operator
    from tflite.SubGraph import SubGraph
    from tflite.Tensor import Tensor

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_ABSENT = -1  # index of an optional tensor that is not there
_NO_BUFFER = 0  # by convention the first model buffer is empty
_BUILTIN_CODE_FIELD = 10  # vtable offset of OperatorCode.builtin_code
_MAX_RANK = 64
_READS_TO_SPARE = 1 << 16  # parts may be shared, so a small file can need more reads than bytes

_KINDS: Mapping[int, str] = {
    code: name for name, code in vars(BuiltinOperator).items() if name.isupper()
}

#: Kinds of ops that run other subgraphs, with their options and the fields that say which.
_CALLS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "CALL": (CallOptions, ("Subgraph",)),
    "CALL_ONCE": (CallOnceOptions, ("InitSubgraphIndex",)),
    "IF": (IfOptions, ("ThenSubgraphIndex", "ElseSubgraphIndex")),
    "WHILE": (WhileOptions, ("CondSubgraphIndex", "BodySubgraphIndex")),
    "STABLEHLO_COMPOSITE": (StableHLOCompositeOptions, ("DecompositionSubgraphIndex",)),
    "STABLEHLO_REDUCE": (StablehloReduceOptions, ("BodySubgraphIndex",)),
    "STABLEHLO_REDUCE_WINDOW": (StablehloReduceWindowOptions, ("BodySubgraphIndex",)),
    "STABLEHLO_SCATTER": (StablehloScatterOptions, ("UpdateComputationSubgraphIndex",)),
    "STABLEHLO_SORT": (StablehloSortOptions, ("ComparatorSubgraphIndex",)),
    "STABLEHLO_WHILE": (StablehloWhileOptions, ("CondSubgraphIndex", "BodySubgraphIndex")),
}


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One tensor of a subgraph.

    Attributes
    ----------
    name : str
        The file's own name made unique, see :func:`parse`.
    type : int
        A value of ``tflite.TensorType``, or one newer than the schema.
    shape, signature : tuple of int
        The stored shape, and the shape with -1 for dynamic dimensions where the file has one.
    storage : int or None
        Index of the model buffer that holds the tensor's data, None if it has no data.
    stored_bytes : int
        Size of that data.
    is_variable : bool
        State that survives a run.
    """

    name: str
    type: int
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    storage: int | None
    stored_bytes: int
    is_variable: bool


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """One op of a subgraph; absent optional tensors are left out.

    ``calls`` are the subgraphs it runs, ``resource`` names the variable or table it makes a
    handle of.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: tuple[int, ...] = ()
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class SubgraphRecord:
    """One subgraph; ``name`` is ``"#<index>"`` where the file has none."""

    name: str
    tensors: tuple[TensorRecord, ...]
    operators: tuple[OperatorRecord, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def parse(content: bytes) -> tuple[SubgraphRecord, ...]:
    """Decode the content of a TFLite file.

    A tensor without a name is called ``"tensor_<index>"``; of several with one name all but the
    first get ``"#<index>"`` appended.

    Raises
    ------
    InvalidModelError
        If the content is no TFLite model or is damaged. The message does not name the file.
    """
    if content[4:8] != _IDENTIFIER:
        raise InvalidModelError("not a TFLite model: the identifier TFL3 is missing")
    reader = _Reader(content)
    try:
        return reader.subgraphs()
    except InvalidModelError:
        raise
    except (struct.error, IndexError, TypeError, ValueError, OverflowError):
        # What the schema classes and numpy raise on reads outside the file.
        raise _damaged(f"{reader.where} lies outside the file") from None


class _Content(bytes):
    """Refuses slices past the end; plain bytes would return a shorter string."""

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401
        if isinstance(key, slice) and key.stop is not None and key.stop > len(self):
            raise IndexError(key.stop)
        return super().__getitem__(key)


class _Reader:
    """Walks the schema classes, keeping the place (for messages) and the reads that remain."""

    def __init__(self, content: bytes) -> None:
        self.where = "the header"
        self._size = len(content)
        self._reads = len(content) + _READS_TO_SPARE
        self._model = Model.GetRootAs(_Content(content))

    def subgraphs(self) -> tuple[SubgraphRecord, ...]:
        """Decode everything of use, in an order that lets every index be checked at once."""
        model = self._model
        version = model.Version()
        if version != _SCHEMA_VERSION:
            raise InvalidModelError(
                f"TFLite schema version {version}, expected {_SCHEMA_VERSION}: "
                "no TFLite model, or a damaged one"
            )
        count = model.SubgraphsLength()
        if count == 0:
            raise InvalidModelError("the file holds no subgraph")
        kinds = tuple(self._kinds())
        stored = tuple(self._stored_bytes())
        return tuple(
            self._subgraph(index, table, kinds, stored, count)
            for index, table in self._tables("subgraph", count, model.Subgraphs)
        )

    def _kinds(self) -> Iterator[str]:
        model = self._model
        for index, code in self._tables(
            "operator code", model.OperatorCodesLength(), model.OperatorCodes
        ):
            # BuiltinCode() ignores values below 127, which some converters store there alone.
            recent = int(code._tab.GetSlot(_BUILTIN_CODE_FIELD, 0, Int32Flags))  # noqa: SLF001
            builtin = max(recent, int(code.DeprecatedBuiltinCode()))
            if builtin < 0:
                raise _damaged(f"operator code {index} is negative")
            if builtin != BuiltinOperator.CUSTOM:
                yield _KINDS.get(builtin, f"BUILTIN_{builtin}")
                continue
            custom = self._text(code.CustomCode())
            if not custom:
                raise InvalidModelError(f"operator code {index} is custom but has no name")
            yield custom

    def _stored_bytes(self) -> Iterator[int]:
        """Bytes of each model buffer, inline or (files above 2 GB) behind the flatbuffer."""
        model = self._model
        for index, buffer in self._tables("model buffer", model.BuffersLength(), model.Buffers):
            inline = int(buffer.DataLength())
            if inline:
                yield int(buffer.DataAsNumpy().nbytes)  # a view: raises if it ends outside
                continue
            offset, size = int(buffer.Offset()), int(buffer.Size())
            if offset <= 1:  # 1 marks data that was never appended
                yield 0
                continue
            if offset + size > self._size:
                raise _damaged(f"model buffer {index} ends at byte {offset + size} of {self._size}")
            yield size

    def _subgraph(
        self,
        index: int,
        table: SubGraph,
        kinds: tuple[str, ...],
        stored: tuple[int, ...],
        count: int,
    ) -> SubgraphRecord:
        prefix = f"subgraph {index}"
        name = self._text(table.Name()) or f"#{index}"
        tensors = tuple(self._tensors(prefix, table, stored))

        def known(what: str, indices: tuple[int, ...]) -> tuple[int, ...]:
            for i in indices:
                if not _ABSENT <= i < len(tensors):
                    raise _damaged(f"{what} names tensor {i}, there are {len(tensors)}")
            return tuple(i for i in indices if i != _ABSENT)

        operators: list[OperatorRecord] = []
        for i, op in self._tables(f"{prefix}, op", table.OperatorsLength(), table.Operators):
            code = int(op.OpcodeIndex())
            if not kinds:
                raise InvalidModelError("the file holds no operator codes")
            if code >= len(kinds):
                raise _damaged(f"op {i} names operator code {code}, there are {len(kinds)}")
            kind = kinds[code]
            op_name = f"{i}:{kind}"
            operators.append(
                OperatorRecord(
                    name=op_name,
                    kind=kind,
                    inputs=known(f"op {op_name!r}", self._ints(op, "Inputs")),
                    outputs=known(f"op {op_name!r}", self._ints(op, "Outputs")),
                    calls=_calls(op, op_name, kind, count),
                    resource=self._resource(op, kind),
                )
            )
        self.where = f"the inputs or outputs of {prefix}"
        return SubgraphRecord(
            name=name,
            tensors=tensors,
            operators=tuple(operators),
            inputs=known(f"{prefix} as an input", self._ints(table, "Inputs")),
            outputs=known(f"{prefix} as an output", self._ints(table, "Outputs")),
        )

    def _tensors(
        self, prefix: str, subgraph: SubGraph, stored: tuple[int, ...]
    ) -> Iterator[TensorRecord]:
        taken: set[str] = set()
        for index, tensor in self._tables(
            f"{prefix}, tensor", subgraph.TensorsLength(), subgraph.Tensors
        ):
            name = self._text(tensor.Name()) or f"tensor_{index}"
            while name in taken:
                name += f"#{index}"
            taken.add(name)
            storage = int(tensor.Buffer())
            if storage != _NO_BUFFER and storage >= len(stored):
                raise _damaged(
                    f"tensor {name!r} names model buffer {storage}, there are {len(stored)}"
                )
            size = stored[storage] if storage != _NO_BUFFER else 0
            shape = self._ints(tensor, "Shape")
            if len(shape) > _MAX_RANK:
                raise _damaged(f"tensor {name!r} has {len(shape)} dimensions")
            yield TensorRecord(
                name=name,
                type=int(tensor.Type()),
                shape=shape,
                signature=self._ints(tensor, "ShapeSignature"),
                storage=storage if size else None,
                stored_bytes=size,
                is_variable=bool(tensor.IsVariable()),
            )

    def _resource(self, op: Operator, kind: str) -> str | None:
        if kind == "VAR_HANDLE":
            options = _options(op, VarHandleOptions)
            if options is not None:
                shared = self._text(options.SharedName())
                return f"variable {self._text(options.Container())}/{shared}"
        if kind == "HASHTABLE":
            options = _options(op, HashtableOptions)
            if options is not None:
                return f"table {options.TableId()}"
        return None

    def _tables(
        self, what: str, length: int, item: Callable[[int], Any]
    ) -> Iterator[tuple[int, Any]]:
        self.where = f"the list of {what}s"
        self._spend(length)
        for index in range(length):
            self.where = f"{what} {index}"
            yield index, item(index)

    def _ints(self, table: SubGraph | Operator | Tensor, field: str) -> tuple[int, ...]:
        length = int(getattr(table, f"{field}Length")())
        if length == 0:
            return ()
        self._spend(length)
        return tuple(getattr(table, f"{field}AsNumpy")().tolist())

    def _text(self, value: bytes | None) -> str:
        if value is None:
            return ""
        self._spend(len(value) // 16)
        return value.decode(errors="replace")

    def _spend(self, reads: int) -> None:
        self._reads -= reads
        if self._reads < 0:
            raise _damaged(f"{self.where}: more elements than the file can hold")


def _options(op: Operator, options: type) -> Any:  # noqa: ANN401
    """Return the op's options read as that class, None if it has none or others."""
    for kinds, kind, union in (
        (BuiltinOptions, op.BuiltinOptionsType(), op.BuiltinOptions),
        (BuiltinOptions2, op.BuiltinOptions2Type(), op.BuiltinOptions2),
    ):
        if kind and kind == getattr(kinds, options.__name__, None):
            table = union()
            if table is not None:
                result: Any = options()
                result.Init(table.Bytes, table.Pos)
                return result
    return None


def _calls(op: Operator, op_name: str, kind: str, count: int) -> tuple[int, ...]:
    if kind not in _CALLS:
        return ()
    schema_class, fields = _CALLS[kind]
    options = _options(op, schema_class)
    if options is None:
        raise _damaged(f"op {op_name!r} does not say which subgraph it calls")
    calls = tuple(int(getattr(options, field)()) for field in fields)
    for index in calls:
        if not 0 <= index < count:
            raise _damaged(f"op {op_name!r} calls subgraph {index}, there are {count}")
    return calls


def _damaged(detail: str) -> InvalidModelError:
    return InvalidModelError(f"truncated or damaged ({detail})")

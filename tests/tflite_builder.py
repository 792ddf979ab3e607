"""Writes small TFLite files, good and bad, through the schema's own builder functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tflite
from flatbuffers import Builder  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Type = tflite.TensorType
Kind = tflite.BuiltinOperator


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; ``data`` makes it a constant, ``buffer`` names a model buffer outright."""

    name: str | None
    shape: tuple[int, ...] | None = (1,)
    type: int = Type.INT8
    data: bytes | None = None
    buffer: int | None = None
    variable: bool = False
    signature: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Op:
    """One op on tensors given by name or, to be wrong on purpose, by index.

    ``kind`` is a builtin code or a custom op's name. ``options`` are the class name of the options
    and their fields; a string field is written as a string.
    """

    kind: int | str
    inputs: tuple[str | int, ...]
    outputs: tuple[str | int, ...]
    options: tuple[str, Mapping[str, int | str]] | None = None
    intermediates: tuple[str | int, ...] = ()
    opcode: int | None = None


@dataclass(frozen=True, slots=True)
class Subgraph:
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[str | int, ...] = ()
    outputs: tuple[str | int, ...] = ()
    name: str | None = "main"


@dataclass(frozen=True, slots=True)
class External:
    """A model buffer whose data lies behind the flatbuffer."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Code:
    """An operator code as stored: the old 8-bit field, the new one, the custom name."""

    deprecated: int
    builtin: int
    custom: str | None = None


def build(
    *subgraphs: Subgraph,
    version: int = 3,
    buffers: Sequence[bytes | External] = (),
    codes: Sequence[Code] | None = None,
    metadata: Sequence[tuple[str, int]] = (),
    description: str | None = None,
) -> bytes:
    """Return the file's bytes.

    Model buffer 0 is empty, ``buffers`` follow as 1, 2, ... and then one for each ``Tensor.data``.
    Operator codes are made as the ops need them unless given. ``metadata`` are names with the
    number of a model buffer.
    """
    return _Writer(buffers, codes).model(subgraphs, version, metadata, description)


def build_shared(
    subgraphs: int, tensors: int, *, name: str | None = None, inputs: Sequence[int] = ()
) -> bytes:
    """Return a file with one subgraph and one tensor, each listed over and over."""
    return _Writer((), None).shared(subgraphs, tensors, name, inputs)


class _Writer:
    def __init__(self, buffers: Sequence[bytes | External], codes: Sequence[Code] | None) -> None:
        self._b = Builder(1024)
        self._buffers: list[bytes | External] = [b"", *buffers]
        self._codes: list[Code] = list(codes or ())
        self._own_codes = codes is None

    def model(
        self,
        subgraphs: Sequence[Subgraph],
        version: int,
        metadata: Sequence[tuple[str, int]],
        description: str | None,
    ) -> bytes:
        graphs = [self._subgraph(subgraph) for subgraph in subgraphs]
        entries = [
            self._table("Metadata", Name=self._text(name), Buffer=buffer)
            for name, buffer in metadata
        ]
        return self._finish(
            graphs,
            version,
            Description=self._text(description),
            Metadata=self._offsets(entries) if entries else None,
        )

    def shared(
        self, subgraphs: int, tensors: int, name: str | None, inputs: Sequence[int]
    ) -> bytes:
        tensor = self._tensor(Tensor(name, None))
        subgraph = self._table(
            "SubGraph", Tensors=self._offsets([tensor] * tensors), Inputs=self._ints(inputs)
        )
        return self._finish([subgraph] * subgraphs, 3)

    def _finish(self, subgraphs: Sequence[int], version: int, **others: int | None) -> bytes:
        graphs = self._offsets(subgraphs)
        codes = self._offsets([self._code(code) for code in self._codes])
        buffers = self._offsets([self._buffer(buffer) for buffer in self._buffers])
        model = self._table(
            "Model",
            Version=version,
            OperatorCodes=codes,
            Subgraphs=graphs,
            Buffers=buffers,
            **others,
        )
        self._b.Finish(model, b"TFL3")
        return bytes(self._b.Output())

    def _subgraph(self, subgraph: Subgraph) -> int:
        index = {tensor.name: i for i, tensor in enumerate(subgraph.tensors)}

        def numbers(names: Sequence[str | int]) -> int:
            return self._ints([n if isinstance(n, int) else index[n] for n in names])

        tensors = [self._tensor(tensor) for tensor in subgraph.tensors]
        ops = [self._op(op, numbers) for op in subgraph.ops]
        return self._table(
            "SubGraph",
            Tensors=self._offsets(tensors),
            Inputs=numbers(subgraph.inputs),
            Outputs=numbers(subgraph.outputs),
            Operators=self._offsets(ops),
            Name=self._text(subgraph.name),
        )

    def _tensor(self, tensor: Tensor) -> int:
        buffer = tensor.buffer
        if tensor.data is not None:
            buffer = len(self._buffers)
            self._buffers.append(tensor.data)
        return self._table(
            "Tensor",
            Shape=None if tensor.shape is None else self._ints(tensor.shape),
            Type=tensor.type,
            Buffer=buffer,
            Name=self._text(tensor.name),
            IsVariable=tensor.variable,
            ShapeSignature=None if tensor.signature is None else self._ints(tensor.signature),
        )

    def _op(self, op: Op, numbers: Callable[[Sequence[str | int]], int]) -> int:
        fields: dict[str, int | None] = {}
        if op.options is not None:
            name, values = op.options
            written = {k: self._text(v) if isinstance(v, str) else v for k, v in values.items()}
            suffix = "2" if hasattr(tflite.BuiltinOptions2, name) else ""
            kinds = tflite.BuiltinOptions2 if suffix else tflite.BuiltinOptions
            fields[f"BuiltinOptions{suffix}"] = self._table(name, **written)
            fields[f"BuiltinOptions{suffix}Type"] = getattr(kinds, name)
        return self._table(
            "Operator",
            OpcodeIndex=self._code_of(op.kind) if op.opcode is None else op.opcode,
            Inputs=numbers(op.inputs),
            Outputs=numbers(op.outputs),
            Intermediates=numbers(op.intermediates),
            **fields,
        )

    def _code_of(self, kind: int | str) -> int:
        if not self._own_codes:
            return 0
        if isinstance(kind, str):
            code = Code(Kind.CUSTOM, Kind.CUSTOM, kind)
        else:
            code = Code(min(kind, Kind.PLACEHOLDER_FOR_GREATER_OP_CODES), kind)
        if code not in self._codes:
            self._codes.append(code)
        return self._codes.index(code)

    def _code(self, code: Code) -> int:
        return self._table(
            "OperatorCode",
            DeprecatedBuiltinCode=code.deprecated,
            BuiltinCode=code.builtin,
            CustomCode=self._text(code.custom),
        )

    def _buffer(self, buffer: bytes | External) -> int:
        if isinstance(buffer, External):
            return self._table("Buffer", Offset=buffer.offset, Size=buffer.size)
        return self._table("Buffer", Data=self._bytes(buffer) if buffer else None)

    def _bytes(self, data: bytes) -> int:
        """Write data as the schema asks for: aligned to 16 bytes."""
        self._b.Prep(16, len(data))
        return _int(self._b.CreateByteVector(data))

    def _table(self, name: str, **fields: int | None) -> int:
        """Write a table; fields given as None stay absent."""
        getattr(tflite, f"{name}Start")(self._b)
        for field, value in fields.items():
            if value is not None:
                getattr(tflite, f"{name}Add{field}")(self._b, value)
        return _int(getattr(tflite, f"{name}End")(self._b))

    def _text(self, value: str | None) -> int | None:
        return None if value is None else _int(self._b.CreateString(value))

    def _ints(self, values: Sequence[int]) -> int:
        self._b.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._b.PrependInt32(value)
        return _int(self._b.EndVector())

    def _offsets(self, values: Sequence[int]) -> int:
        self._b.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._b.PrependUOffsetTRelative(value)
        return _int(self._b.EndVector())


def _int(value: Any) -> int:  # noqa: ANN401
    return int(value)

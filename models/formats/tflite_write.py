"""Write an order of ops, and offsets, back into a TFLite file.

Nothing is re-encoded. The ops' order is a vector of references: its entries are permuted where they
are. Offsets are metadata of the model, so they need a new root table; references in a flatbuffer
only point forward, so it goes in front, and every byte of the old file follows behind it as it was.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import tflite
from flatbuffers import Builder  # type: ignore[import-untyped]
from flatbuffers.table import Table  # type: ignore[import-untyped]

from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.tflite import read_tflite
from models.formats.tflite_file import parse
from models.formats.written import check_reread, ordered_ops, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from models.formats.tflite_file import OperatorRecord, SubgraphRecord
    from models.graph import Graph

#: Name of the metadata from which TensorFlow Lite Micro takes offsets
#: (tensorflow/tflite-micro, ``micro/docs/memory_management.md``, section "Offline planned tensor
#: allocations"); the content is int32: version, subgraph, number of tensors, one offset each.
OFFSETS = b"OfflineMemoryAllocation"
_VERSION = 1
_PLANNED_BY_THE_RUNTIME = -1

_SUBGRAPHS, _BUFFERS, _METADATA, _LAST_FIELD = 8, 12, 16, 18  # of Model, by vtable offset
_OPERATORS = 10  # of SubGraph
_BUFFER_OFFSET = 6  # of Buffer: where in the file its data is, if not in the table
_CUSTOM_OFFSET = 22  # of Operator: the same for its options
_KEPT_FIELDS = (6, 8, 10, 14, 18)
_ALIGNMENT = 64  # of the old bytes in the new file; the schema asks for 16
_MOST_BYTES = 2**31 - 2**20
_MOST_OFFSET = 2**31 - 1


def write_tflite(
    graph: Graph, order: Sequence[str], path: Path, *, offsets: Mapping[str, int] | None = None
) -> None:
    """Write the file that ``graph`` was read from with its ops in another order.

    Everything but the order of the main subgraph's ops and the offsets stays byte for byte:
    quantization, other metadata, signatures, custom ops, other subgraphs. Offsets that the file
    has already are replaced or, when ``offsets`` is None, taken out: they were for another order.

    Parameters
    ----------
    graph : Graph
        As ``models.load`` returned it.
    order : sequence of str
        Names of all ops.
    path : Path
        File to write; an existing one is replaced, but never the source.
    offsets : mapping of str to int, optional
        Bytes from the start of the arena, by buffer name. What is not in it the runtime plans.

    Raises
    ------
    ValueError
        If the order is none of the graph, or an offset is for no buffer or impossible.
    InvalidModelError
        If the source has changed, or the file written does not say what it should: then it is
        not left behind.
    UnsupportedModelError
        If the source cannot be rewritten.
    OSError
        If a file cannot be read or written.
    """
    ops = ordered_ops(graph, order, "tflite")
    assert graph.source is not None
    assert graph.source.path is not None
    content = graph.source.path.read_bytes()
    subgraphs = parse(content)
    main = subgraphs[0]
    if [op.name for op in main.operators] != [op.name for op in graph.ops]:
        raise InvalidModelError(f"{graph.source.path}: not the file that the network was read from")
    permuted = bytearray(content)
    _permute(permuted, ops)
    planned = None if offsets is None else _planned(offsets, subgraphs)
    written = bytes(permuted)
    if planned is not None or _offsets_of(content) is not None:
        written = _with_offsets(written, planned)
    with replaced(path, source=graph.source.path) as temporary:
        temporary.write_bytes(written)
        _check(content, temporary.read_bytes(), ops, planned)
        check_reread(graph, ops, read_tflite(temporary))


def offsets_of(content: bytes) -> tuple[int, ...] | None:
    """Offsets that a TFLite file plans, one per tensor of all subgraphs; None if it plans none.

    Raises
    ------
    InvalidModelError
        If the content is no TFLite model, or its offsets are damaged.
    """
    parse(content)
    return _offsets_of(content)


def _planned(offsets: Mapping[str, int], subgraphs: Sequence[SubgraphRecord]) -> list[int]:
    """One entry per tensor of all subgraphs; the runtime counts them all."""
    index = {tensor.name: t for t, tensor in enumerate(subgraphs[0].tensors)}
    planned = [_PLANNED_BY_THE_RUNTIME] * sum(len(s.tensors) for s in subgraphs)
    for name, offset in offsets.items():
        if name not in index:
            raise ValueError(f"an offset for {name!r}, which is no tensor of the main subgraph")
        if not 0 <= offset <= _MOST_OFFSET:
            raise ValueError(f"tensor {name!r} cannot have offset {offset}")
        planned[index[name]] = offset
    return planned


def _permute(content: bytearray, order: Sequence[int]) -> None:
    """Move the references to the main subgraph's ops; each is relative to its own place."""
    model = _root(content)
    main = _tables(model, _SUBGRAPHS)[0]
    start = _vector(main, _OPERATORS)[0]
    ops = [op.Pos for op in _tables(main, _OPERATORS)]
    for i, v in enumerate(order):
        place = start + 4 * i
        struct.pack_into("<I", content, place, ops[v] - place)


def _with_offsets(content: bytes, planned: Sequence[int] | None) -> bytes:
    """Put a new root in front: the old one's fields, the metadata exchanged."""
    if len(content) > _MOST_BYTES:
        raise UnsupportedModelError("files of 2 GB and more cannot take offsets")
    model = _root(content)
    if any(model.Offset(field) for field in _later_fields(model)):
        raise UnsupportedModelError(
            "the file has fields newer than this version knows, which offsets would drop: "
            "update the tflite package"
        )
    padded = content + bytes(-len(content) % _ALIGNMENT)
    builder = Builder(len(padded) + 4096)
    builder.Prep(_ALIGNMENT, len(padded))
    builder.head -= len(padded)
    builder.Bytes[builder.head : builder.head + len(padded)] = padded

    def old(position: int) -> int:
        """Where the builder counts an old position from: the end."""
        return len(padded) - position

    metadata = [old(t.Pos) for t in _tables(model, _METADATA) if _name(t) != OFFSETS]
    buffers = [old(t.Pos) for t in _tables(model, _BUFFERS)]
    if planned is not None:
        metadata.append(_new_metadata(builder, len(buffers)))
        buffers.append(_new_buffer(builder, planned))
    metadata_vector = _references(builder, metadata) if metadata else None
    buffer_vector = _references(builder, buffers)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, tflite.Model.GetRootAs(content).Version())
    for field in _KEPT_FIELDS:
        place = model.Offset(field)
        if place:
            builder.PrependUOffsetTRelativeSlot(
                field // 2 - 2, old(model.Indirect(model.Pos + place)), 0
            )
    tflite.ModelAddBuffers(builder, buffer_vector)
    if metadata_vector is not None:
        tflite.ModelAddMetadata(builder, metadata_vector)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    written = bytearray(builder.Output())
    shift = len(written) - len(padded)
    for place in _absolute(model):
        (position,) = struct.unpack_from("<Q", content, place)
        struct.pack_into("<Q", written, shift + place, position + shift)
    return bytes(written)


def _new_metadata(builder: Builder, buffer: int) -> int:
    name = builder.CreateString(OFFSETS.decode())
    tflite.MetadataStart(builder)
    tflite.MetadataAddName(builder, name)
    tflite.MetadataAddBuffer(builder, buffer)
    return int(tflite.MetadataEnd(builder))


def _new_buffer(builder: Builder, planned: Sequence[int]) -> int:
    data = struct.pack(f"<{3 + len(planned)}i", _VERSION, 0, len(planned), *planned)
    builder.StartVector(1, len(data), 16)
    for byte in reversed(data):
        builder.PrependByte(byte)
    vector = builder.EndVector()
    tflite.BufferStart(builder)
    tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _references(builder: Builder, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def _check(
    before: bytes, after: bytes, order: Sequence[int], planned: Sequence[int] | None
) -> None:
    """Read the file as anyone would and compare it with the source.

    Raises
    ------
    InvalidModelError
        If anything differs but what was asked for.
    """
    old, new = parse(before), parse(after)
    expected = [_facts(old[0].operators[v]) for v in order]
    _require([_facts(op) for op in new[0].operators] == expected, "the order of the ops")
    _require(
        [(s.tensors, s.inputs, s.outputs) for s in new]
        == [(s.tensors, s.inputs, s.outputs) for s in old],
        "the tensors",
    )
    _require(old[1:] == new[1:], "another subgraph")
    _require(_offsets_of(after) == (None if planned is None else tuple(planned)), "the offsets")
    shift = len(after) - len(before) - (-len(before) % _ALIGNMENT) if after != before else 0
    shift = max(0, shift)
    changed = _changed(before)
    unchanged, position = [], 0
    for start, end in changed:
        unchanged.append((position, start))
        position = end
    unchanged.append((position, len(before)))
    for start, end in unchanged:
        _require(before[start:end] == after[start + shift : end + shift], "bytes left alone")


def _changed(content: bytes) -> list[tuple[int, int]]:
    """Byte ranges that a rewrite may change: references to ops, absolute positions."""
    model = _root(content)
    start, length = _vector(_tables(model, _SUBGRAPHS)[0], _OPERATORS)
    ranges = [(start, start + 4 * length)]
    ranges += [(place, place + 8) for place in _absolute(model)]
    return sorted(ranges)


def _facts(op: OperatorRecord) -> tuple[object, ...]:
    """Return what an op is, without its name, which is its position."""
    return (op.kind, op.inputs, op.outputs, op.calls, op.resource)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidModelError(f"the file written is wrong: {what}")


def _offsets_of(content: bytes) -> tuple[int, ...] | None:
    model = tflite.Model.GetRootAs(content)
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == OFFSETS:
            data = model.Buffers(entry.Buffer()).DataAsNumpy()
            if isinstance(data, int) or len(data) < 12 or len(data) % 4:
                raise InvalidModelError("the file's planned offsets are damaged")
            _, _, count, *planned = struct.unpack(f"<{len(data) // 4}i", data.tobytes())
            if count != len(planned):
                raise InvalidModelError("the file's planned offsets are damaged")
            return tuple(planned)
    return None


def _name(metadata: Table) -> bytes:
    place = metadata.Offset(4)
    return bytes(metadata.String(metadata.Pos + place)) if place else b""


def _absolute(model: Table) -> Iterator[int]:
    """Places of numbers that count from the start of the file."""
    for buffer in _tables(model, _BUFFERS):
        yield from _large(buffer, _BUFFER_OFFSET)
    for subgraph in _tables(model, _SUBGRAPHS):
        for op in _tables(subgraph, _OPERATORS):
            yield from _large(op, _CUSTOM_OFFSET)


def _large(table: Table, field: int) -> Iterator[int]:
    place = table.Offset(field)
    if place:
        (value,) = struct.unpack_from("<Q", table.Bytes, table.Pos + place)
        if value > 1:  # 1 marks data that was never appended
            yield table.Pos + place


def _root(content: bytes | bytearray) -> Table:
    return Table(content, struct.unpack_from("<I", content)[0])


def _later_fields(model: Table) -> Iterator[int]:
    (distance,) = struct.unpack_from("<i", model.Bytes, model.Pos)
    (size,) = struct.unpack_from("<H", model.Bytes, model.Pos - distance)
    yield from range(_LAST_FIELD + 2, size, 2)


def _vector(table: Table, field: int) -> tuple[int, int]:
    """Position and length of a vector field; an absent one is empty."""
    place = table.Offset(field)
    return (table.Vector(place), table.VectorLen(place)) if place else (0, 0)


def _tables(table: Table, field: int) -> list[Table]:
    start, length = _vector(table, field)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(length)]

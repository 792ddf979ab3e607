"""Write an order of ops back into an ONNX file: the nodes of the main graph change places.

The ``onnx`` format has no place for offsets. ONNX Runtime follows the order of the file only with
``ExecutionOrder.PRIORITY_BASED`` and all graph optimizations off.
"""

from __future__ import annotations

import filecmp
import shutil
from contextlib import ExitStack
from heapq import heapify, heappop, heappush
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from google.protobuf.message import Message  # type: ignore[import-untyped, unused-ignore]
from onnx import ModelProto, TensorProto

from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.onnx import read_onnx
from models.formats.onnx_network import network_of, op_names
from models.formats.written import check_reread, ordered_ops, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from models.formats.onnx_network import Network
    from models.graph import Graph


def write_onnx(
    graph: Graph, order: Sequence[str], path: Path, *, dims: Mapping[str, int] | None = None
) -> None:
    """Write the file that ``graph`` was read from with its nodes in another order.

    Nodes that are no ops of the graph (they compute constants) follow as soon as what they read
    exists. All else stays as it was. External data is referred to by file names relative to the
    model; written to another directory, the model takes copies of those files along.

    Parameters
    ----------
    graph : Graph
        As ``models.load`` returned it.
    order : sequence of str
        Names of all ops.
    path : Path
        File to write; an existing one is replaced, but never the source.
    dims : mapping of str to int, optional
        Sizes of symbolic dimensions the graph was read with.

    Raises
    ------
    ValueError
        If the order is none of the graph.
    InvalidModelError
        If the source has changed, a data file of the same name and another content is in the way,
        or the file written does not say what it should: then it is not left behind.
    UnsupportedModelError
        If an op needs a constant that the file computes only later, or a data file is missing or
        lies outside the model's directory.
    OSError
        If a file cannot be read or written.
    """
    ops = ordered_ops(graph, order, "onnx")
    assert graph.source is not None
    assert graph.source.path is not None
    source = graph.source.path
    model = ModelProto.FromString(source.read_bytes())
    network = network_of(model)
    positions = [op.position for op in graph.ops if op.position is not None]
    names = op_names(network, positions) if max(positions, default=0) < len(network.nodes) else {}
    if [names.get(p) for p in positions] != [op.name for op in graph.ops]:
        raise InvalidModelError(f"{source}: not the file that the network was read from")
    nodes = _node_order(network, [positions[v] for v in ops], graph.source.folded)
    written = ModelProto.FromString(model.SerializeToString())
    del written.graph.node[:]
    written.graph.node.extend(model.graph.node[p] for p in nodes)
    with ExitStack() as stack:
        temporary = stack.enter_context(replaced(path, source=source))  # renamed last
        for data, target in _data_files(model, source, path):
            shutil.copyfile(data, stack.enter_context(replaced(target, source=data)))
        temporary.write_bytes(written.SerializeToString())
        _check(model, ModelProto.FromString(temporary.read_bytes()), nodes)
        check_reread(graph, ops, read_onnx(temporary, dims=dims))


def _node_order(network: Network, ops: Sequence[int], folded: Sequence[int]) -> list[int]:
    """Put each folded node where its inputs first exist; those of one place keep file order."""
    waiting: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    for position in (*ops, *folded):
        sources = {network.producers[v] for v in network.reads[position] if v in network.producers}
        waiting[position] = len(sources)
        for source in sources:
            readers.setdefault(source, []).append(position)
    is_folded = set(folded)
    ready = [p for p in folded if not waiting[p]]
    heapify(ready)
    nodes: list[int] = []

    def emit(position: int) -> None:
        nodes.append(position)
        for reader in readers.get(position, ()):
            waiting[reader] -= 1
            if not waiting[reader] and reader in is_folded:
                heappush(ready, reader)

    for position in ops:
        while ready:
            emit(heappop(ready))
        if waiting[position]:
            raise UnsupportedModelError(
                f"op {network.label(position)!r} needs a constant that the file computes from the "
                "shape of a tensor not written yet in this order: fold constants in the file first"
            )
        emit(position)
    while ready:
        emit(heappop(ready))
    if len(nodes) != len(network.nodes):
        raise InvalidModelError("not the file that the network was read from")
    return nodes


def _data_files(model: ModelProto, source: Path, path: Path) -> list[tuple[Path, Path]]:
    """External data to copy, and where to."""
    here, there = source.resolve().parent, path.resolve().parent
    if here == there:
        return []
    files: list[tuple[Path, Path]] = []
    for location in dict.fromkeys(_locations(model)):
        data, target = here / location, there / location
        inside = not (PurePosixPath(location).is_absolute() or PureWindowsPath(location).drive)
        if not inside or ".." in Path(location).parts or not data.resolve().is_relative_to(here):
            raise UnsupportedModelError(
                f"external data {location!r} lies outside the model's directory: "
                "write the model beside its source"
            )
        if not data.is_file():
            raise UnsupportedModelError(
                f"external data {location!r} is missing: write the model beside its source"
            )
        if target.exists():
            if filecmp.cmp(data, target, shallow=False):
                continue
            raise InvalidModelError(f"{target}: exists with another content; choose another place")
        if not target.parent.is_dir():
            raise UnsupportedModelError(
                f"external data {location!r} needs a directory {target.parent}: create it first"
            )
        files.append((data, target))
    return files


def _locations(message: Message) -> Iterator[str]:
    """File names of all tensors kept outside, wherever they are in the model."""
    if isinstance(message, TensorProto):
        if message.data_location == TensorProto.EXTERNAL:
            yield from (entry.value for entry in message.external_data if entry.key == "location")
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in (value,) if isinstance(value, Message) else value:
            if isinstance(part, Message):
                yield from _locations(part)


def _check(before: ModelProto, after: ModelProto, nodes: Sequence[int]) -> None:
    """Compare the file read back with its source: only the places of nodes may differ.

    Raises
    ------
    InvalidModelError
        If anything else does.
    """
    same = len(after.graph.node) == len(nodes) and all(
        node == before.graph.node[p] for node, p in zip(after.graph.node, nodes, strict=True)
    )
    if not same:
        raise InvalidModelError("the file written is wrong: the order of the nodes")
    rest = ModelProto()
    rest.CopyFrom(before)
    del rest.graph.node[:]
    del after.graph.node[:]
    if rest != after:
        raise InvalidModelError("the file written is wrong: something besides the nodes")

"""What all writers share: the order must be one, and the file appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InvalidModelError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.graph import Graph, Op

_TEMPORARY = ".tightfit-"


def ordered_ops(graph: Graph, order: Sequence[str], form: str) -> list[int]:
    """Op ids of an order given by names, for a graph that was read from a file of that format.

    Raises
    ------
    ValueError
        If an op is unknown, missing, repeated, or comes before one that it needs.
    UnsupportedModelError
        If the graph was not read from such a file.
    """
    source = graph.source
    if source is None or source.path is None or source.format != form:
        raise UnsupportedModelError(
            f"network {graph.name!r} was not read from a file of format {form}: "
            "there is nothing to write its order into"
        )
    index = {op.name: v for v, op in enumerate(graph.ops)}
    done: set[int] = set()
    ops: list[int] = []
    for name in order:
        v = index.get(name)
        if v is None:
            raise ValueError(f"the network has no op {name!r}")
        if v in done:
            raise ValueError(f"op {name!r} is in the order twice")
        for p in graph.predecessors[v]:
            if p not in done:
                raise ValueError(f"op {name!r} comes before {graph.ops[p].name!r}, which it needs")
        done.add(v)
        ops.append(v)
    if len(ops) < len(graph.ops):
        missing = next(op.name for v, op in enumerate(graph.ops) if v not in done)
        raise ValueError(f"op {missing!r} is missing from the order")
    return ops


@contextmanager
def replaced(path: Path, *, source: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path``; rename it at the end, delete it after any failure.

    Raises
    ------
    ValueError
        If ``path`` is the source itself.
    """
    if path.exists() and path.samefile(source):
        raise ValueError(f"{path}: this is the model itself; give another file to write")
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_mode(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or of any new file."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def check_reread(graph: Graph, order: Sequence[int], reread: Graph) -> None:
    """Compare what was written with what should have been, through the reader.

    Raises
    ------
    InvalidModelError
        If the ops are not those of ``graph`` in that order, or their buffers differ.
    """
    if [_facts(reread, op) for op in reread.ops] != [_facts(graph, graph.ops[v]) for v in order]:
        raise InvalidModelError("the file written is wrong: the ops read back")
    if sorted(map(repr, reread.buffers)) != sorted(map(repr, graph.buffers)):
        raise InvalidModelError("the file written is wrong: the buffers read back")
    if reread.weight_bytes != graph.weight_bytes:
        raise InvalidModelError("the file written is wrong: the weights read back")


def _facts(graph: Graph, op: Op) -> tuple[object, ...]:
    """Return what an op is; its name may be its position."""
    return (
        op.kind,
        [graph.buffers[b].name for b in op.inputs],
        [graph.buffers[b].name for b in op.outputs],
        op.workspace,
    )

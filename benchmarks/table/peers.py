"""Least peak memory beside the figures that other schedulers have published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import PEERS
from benchmarks.table.cells import made_by, number, seconds, table
from benchmarks.table.groups import size
from benchmarks.table.releases import COMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rows import Row
    from benchmarks.table.cells import Lines


def lines_of(rows: Sequence[Row]) -> Lines:
    """Put published figures beside those of the same networks here."""
    ours = {row.name: row for row in rows}
    peers = [peer for peer in PEERS if peer.instance in ours]
    if not peers:
        return
    lines = []
    for peer in peers:
        row = ours[peer.instance]
        theirs = "none" if peer.peak_bytes is None else number(peer.peak_bytes / 1024)
        proven = "proven least" if row.is_optimal else "best known"
        lines.append(
            (
                peer.instance, peer.scheduler, theirs,
                "" if peer.seconds is None else f"{peer.seconds:g}",
                size(row, row.peak_bytes), seconds(row.solve_seconds), proven,
            )
        )  # fmt: skip
    yield from table(
        ("network", "scheduler", "its peak, KB", "its s", "our peak, KB", "our s", "ours is"), lines
    )
    yield ""
    yield made_by(COMMAND, [ours[peer.instance] for peer in peers])
    for source in dict.fromkeys(peer.source for peer in peers):
        yield ""
        yield f"{source}."

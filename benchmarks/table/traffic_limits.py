"""Time limits on least traffic of large networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import gap_percent, made_by, seconds, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

COMMAND = "python -m benchmarks.traffic_limits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The columns of ``benchmarks.traffic_limits.Row`` that are shown, with where it ran."""

    instance: str
    ops: int
    tcm: int
    time_limit: float
    status: str
    traffic: int
    bound: int
    has_offsets: bool
    seconds: float
    cpu_seconds: float
    commit: str
    machine: str
    date: str


def lines_of(rows: Sequence[Stop]) -> Lines:
    """Show the seconds used beside the limit."""
    if not rows:
        return
    over = [row.seconds - row.time_limit for row in rows]
    yield (
        "Seconds of a whole call, from the graph to a plan with offsets, both checked by "
        f"independent code. {sum(late <= 0 for late in over)} of {len(rows)} keep to the limit; "
        f"the others are over by {max(over):.1f} s at most. A plan, its steps and their check are "
        "made whatever the limit."
    )
    yield ""
    yield made_by(COMMAND, rows)
    yield ""
    yield from table(
        ("network", "ops", "TCM, KB", "limit, s", "s", "processor, s", "gap %", "offsets"),
        [
            (
                row.instance, f"{row.ops}", f"{row.tcm / 1024:.0f}", f"{row.time_limit:g}",
                seconds(row.seconds), seconds(row.cpu_seconds),
                f"{gap_percent(row.bound, row.traffic):.2f}" if row.status != "optimal" else "0",
                "yes" if row.has_offsets else "no",
            )
            for row in rows
        ],
    )  # fmt: skip

"""Least traffic under a TCM, beside heuristics that choose order and replacement in turn."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import distinct, gap_percent, made_by, seconds, table
from solver.traffic import baselines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

COMMAND = "python -m benchmarks.traffic"
#: Columns of heuristics, and what they are called.
HEURISTICS = {heuristic.name: heuristic.title for heuristic in baselines.HEURISTICS}

_SIZES = ("M_P", "M_H", "M_R")

#: What COSMA reports to remove of the non-compulsory bytes of the methods before it.
_COSMA = (
    "COSMA (Zhang et al., 2023) reports to remove 84 % of the non-compulsory accesses of earlier "
    "methods on average, and 85 % with a heuristic on networks from architecture search. Its "
    "networks and the methods beside it are not all the same as these"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spill:
    """The columns of ``benchmarks.traffic.Row`` that are shown, with where it ran.

    Older files lack the columns of some heuristics.
    """

    instance: str
    ops: int
    size: str
    tcm: int
    status: str
    spilled: int | None
    bound: int
    states: int
    seconds: float
    time_limit: float
    file_order: int | None = None
    kahn: int | None = None
    depth_first: int | None = None
    least_peak: int | None = None
    serenity: int | None = None
    file_order_knapsack: int | None = None
    least_peak_knapsack: int | None = None
    least_peak_ilp: int | None = None
    python: str
    packages: str
    commit: str
    machine: str
    date: str


def lines_of(rows: Sequence[Spill]) -> Lines:
    """Show what is spilled at each size, and how much the heuristics spill."""
    if not rows:
        return
    proven = sum(row.status == "optimal" for row in rows)
    yield (
        "Bytes moved between a TCM and external memory beyond inputs in and outputs out, all "
        "operands resident. Sizes of TCM as in COSMA (Zhang et al., 2023): M_R is the largest "
        "footprint of one op, M_H half-way to the least peak. At the least peak itself, M_P, "
        f"nothing need be spilled. {proven} of {len(rows)} plans are proven "
        "least; open ones ran into the limit of "
        f"{distinct(f'{row.time_limit:g}' for row in rows)} s."
    )
    yield ""
    packages = distinct(f"Python {row.python} with {row.packages}" for row in rows)
    yield made_by(COMMAND, rows, packages)
    yield ""
    yield from _removed(rows)
    yield ""
    yield from table(
        ("network", "ops", "TCM", "KB", "spilled, KB", "bound, KB", "gap %", "states", "s"),
        [
            (
                row.instance, f"{row.ops}", row.size, _kb(row.tcm), _kb(row.spilled),
                _kb(row.bound), _gap(row), f"{row.states}", seconds(row.seconds),
            )
            for row in _shown(rows)
        ],
    )  # fmt: skip
    yield ""
    yield "What the heuristics spill there, KB; empty where one had no answer in time:"
    yield ""
    known = [name for name in HEURISTICS if any(getattr(row, name) is not None for row in rows)]
    yield from table(
        ("network", "TCM", "least", *(HEURISTICS[name] for name in known)),
        [
            (
                row.instance, row.size, _kb(row.spilled) if row.status == "optimal" else
                f"{_kb(row.bound)} to {_kb(row.spilled)}",
                *(_kb(getattr(row, name)) for name in known),
            )
            for row in _shown(rows)
        ],
    )  # fmt: skip


def _shown(rows: Sequence[Spill]) -> list[Spill]:
    """Leave out the least peak, where there is nothing to show but zeros."""
    return [row for row in rows if row.size != "M_P"]


def _removed(rows: Sequence[Spill]) -> Lines:
    """Share of the spills of each heuristic that the best plan removes."""
    yield (
        "Share of the spills of each heuristic that the best plan removes, over the cases in which "
        "it spills: mean over all of them and at each size of TCM, median, least."
    )
    yield ""
    lines = []
    for name, title in HEURISTICS.items():
        shares = {size: _shares(rows, name, size) for size in _SIZES}
        together = [share for some in shares.values() for share in some]
        if together:
            lines.append(
                (
                    title, _percent(statistics.mean(together)),
                    *(_percent(statistics.mean(some)) if some else "" for some in shares.values()),
                    _percent(statistics.median(together)), _percent(min(together)),
                    f"{len(together)}", f"{sum(getattr(row, name) is not None for row in rows)}",
                )
            )  # fmt: skip
    yield from table(
        (
            "order + replacement", "mean %", *(f"at {size}" for size in _SIZES), "median %",
            "least %", "cases with spills", "answered",
        ),
        lines,
    )  # fmt: skip
    yield ""
    yield f"{_COSMA}."


def _shares(rows: Sequence[Spill], name: str, size: str) -> list[float]:
    return [
        1 - (row.spilled or 0) / getattr(row, name)
        for row in rows
        if row.size == size and getattr(row, name)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _kb(size: int | None) -> str:
    return "" if size is None else f"{size / 1024:.0f}"


def _gap(row: Spill) -> str:
    if row.spilled is None or row.spilled == row.bound:
        return "0"
    return f"{gap_percent(row.bound, row.spilled):.0f}"

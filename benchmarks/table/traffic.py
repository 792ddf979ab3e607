"""Least traffic under a TCM, beside simple orders with furthest-use replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import distinct, gap_percent, made_by, seconds, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

COMMAND = "python -m benchmarks.traffic"
_ORDERS = {
    "file_order": "file order", "kahn": "breadth-first", "depth_first": "depth-first",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spill:
    """The columns of ``benchmarks.traffic.Row`` that are shown, with where it ran."""

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
    file_order: int | None
    kahn: int | None
    depth_first: int | None
    python: str
    packages: str
    commit: str
    machine: str
    date: str


def lines_of(rows: Sequence[Spill]) -> Lines:
    """Show what is spilled at each size, and how much the simple orders spill."""
    if not rows:
        return
    proven = sum(row.status == "optimal" for row in rows)
    yield (
        "Bytes moved between a TCM and external memory beyond inputs in and outputs out, all "
        "operands resident. Sizes of TCM as in COSMA (Zhang et al., 2023): M_R is the largest "
        "footprint of one op, M_H half-way to the least peak. At the least peak itself, M_P, "
        f"nothing is spilled; those rows are left out. {proven} of {len(rows)} plans are proven "
        "least; open ones ran into the limit of "
        f"{distinct(f'{row.time_limit:g}' for row in rows)} s."
    )
    yield ""
    packages = distinct(f"Python {row.python} with {row.packages}" for row in rows)
    yield made_by(COMMAND, rows, packages)
    yield ""
    yield from _saved(rows)
    yield ""
    yield from table(
        (
            "network", "ops", "TCM", "KB", "spilled, KB", "bound, KB", "gap %", "states", "s",
            "file order, KB", "breadth-first, KB", "depth-first, KB",
        ),
        [
            (
                row.instance, f"{row.ops}", row.size, _kb(row.tcm), _kb(row.spilled),
                _kb(row.bound), _gap(row), f"{row.states}", seconds(row.seconds),
                *(_kb(getattr(row, order)) for order in _ORDERS),
            )
            for row in rows
            if row.size != "M_P"
        ],
    )  # fmt: skip


def _saved(rows: Sequence[Spill]) -> Lines:
    """Mean share of the spills of each simple order that the best plan saves."""
    lines = []
    for order, name in _ORDERS.items():
        shares = [
            1 - (row.spilled or 0) / getattr(row, order)
            for row in rows
            if row.size != "M_P" and getattr(row, order)
        ]
        if shares:
            mean = 100 * sum(shares) / len(shares)
            lines.append((name, f"{mean:.0f}", f"{100 * min(shares):.0f}", f"{len(shares)}"))
    head = ("order, with furthest-use replacement", "spills saved, mean %", "least %", "cases")
    yield from table(head, lines)


def _kb(size: int | None) -> str:
    return "" if size is None else f"{size / 1024:.0f}"


def _gap(row: Spill) -> str:
    if row.spilled is None or row.spilled == row.bound:
        return "0"
    return f"{gap_percent(row.bound, row.spilled):.0f}"

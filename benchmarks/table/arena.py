"""Arenas: MiniMalloc's layouts, and networks measured in TensorFlow Lite Micro."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import distinct, gap_percent, made_by, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.table.cells import Lines

COMMAND = "python -m benchmarks.arena"

#: Seconds that the author of MiniMalloc publishes for a layout within the capacity.
PUBLISHED: Mapping[str, float] = {
    "A": 4.9, "C": 0.64, "E": 3.7, "G": 1.2, "I": 3.9, "K": 0.63,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arena:
    """The columns of ``benchmarks.arena.Row`` that are shown, with where it ran."""

    kind: str
    instance: str
    arena: int
    lower_bound: int
    proven_by: str | None
    seconds: float
    file_order: int | None
    order_only: int | None
    same_outputs: bool | None
    python: str
    packages: str
    commit: str
    machine: str
    date: str

    @property
    def is_least(self) -> bool:
        """Whether the arena meets its bound."""
        return self.arena == self.lower_bound


def layout_lines(rows: Sequence[Arena]) -> Lines:
    """Show layouts of fixed live ranges, to be of least height."""
    some = [row for row in rows if row.kind == "layout"]
    if not some:
        return
    yield (
        "Blocks with fixed live ranges, from MiniMalloc (Moffitt, ASPLOS 2023); the height is to "
        "be least. *Load*: the height is the number of bytes live at some step, so that nothing "
        "is lower. Ours are all packers that are installed, omnimalloc's branch and bound on two "
        "threads if it is. The last column is what MiniMalloc's author publishes: another "
        "machine, and another question, a layout within 1048576 bytes."
    )
    yield ""
    yield _made_by(some)
    yield ""
    yield from table(
        (
            "blocks", "height, bytes", "bound", "gap %", "proven by", "s",
            "MiniMalloc, published, s (its author's machine)",
        ),
        [
            (
                row.instance, f"{row.arena}", f"{row.lower_bound}", _gap(row), _proof(row),
                seconds(row.seconds),
                f"{PUBLISHED[row.instance]:g}" if row.instance in PUBLISHED else "",
            )
            for row in some
        ],
    )  # fmt: skip


def network_lines(rows: Sequence[Arena]) -> Lines:
    """Show arenas that a runtime reports, before and after."""
    some = [row for row in rows if row.kind == "network"]
    if not some:
        return
    generated = sum(row.instance.startswith("cell-") for row in some)
    yield (
        "Bytes that TensorFlow Lite Micro reports for the head of its arena, where it keeps "
        "activations, after running each file: as it is; written in the best order, with offsets "
        "by the runtime's own planner; and written in that order with our offsets. *Bound* is on "
        f"the peak of every order, and so on every arena. {generated} of the networks are "
        "generated (random cells, named by their seed), the others are real files. Seconds are "
        "for order, offsets and writing the file."
    )
    yield ""
    yield _made_by(some)
    yield ""
    yield from _summary(some)
    yield ""
    yield from table(
        (
            "network", "file order", "best order", "order and offsets", "saved %", "bound",
            "gap %", "outputs", "s",
        ),
        [
            (
                row.instance, _bytes(row.file_order), _bytes(row.order_only), f"{row.arena}",
                f"{100 * (1 - row.arena / row.file_order):.0f}" if row.file_order else "",
                f"{row.lower_bound}", _gap(row),
                {True: "same", False: "DIFFER", None: ""}[row.same_outputs], seconds(row.seconds),
            )
            for row in some
        ],
    )  # fmt: skip


def zoo_lines(rows: Sequence[Arena]) -> Lines:
    """Show arenas of published networks, which no runtime ran."""
    some = [row for row in rows if row.kind == "zoo"]
    if not some:
        return
    yield (
        "Networks of the zoo, sizes rounded up to 16 bytes. *File order*: the arena that "
        "TensorFlow Lite Micro's planner makes of it, by our copy of that planner. Seconds are for "
        f"order and offsets. {sum(row.is_least for row in some)} of {len(some)} arenas meet the "
        "lower bound on the peak of every order."
    )
    yield ""
    yield _made_by(some)
    yield ""
    yield from table(
        ("network", "file order", "order and offsets", "saved %", "bound", "gap %", "s"),
        [
            (
                row.instance, _bytes(row.file_order), f"{row.arena}",
                f"{100 * (1 - row.arena / row.file_order):.0f}" if row.file_order else "",
                f"{row.lower_bound}", _gap(row), seconds(row.seconds),
            )
            for row in some
        ],
    )  # fmt: skip


def _summary(rows: Sequence[Arena]) -> Lines:
    """Geometric means over the file's order, and what went worse or wrong."""
    lines = []
    for name, values in (
        ("best order", [(row.order_only, row.file_order) for row in rows]),
        ("order and offsets", [(row.arena, row.file_order) for row in rows]),
    ):
        ratios = [new / old for new, old in values if new and old]
        if ratios:
            lines.append(
                (
                    name, f"{statistics.geometric_mean(ratios):.3f}", f"{min(ratios):.3f}",
                    f"{max(ratios):.3f}", f"{sum(r < 1 for r in ratios)} of {len(ratios)}",
                    f"{sum(r > 1 for r in ratios)} of {len(ratios)}",
                )
            )  # fmt: skip
    head = ("over file order", "geometric mean", "least", "largest", "smaller in", "larger in")
    yield from table(head, lines)
    wrong = [row.instance for row in rows if row.same_outputs is False]
    yield ""
    yield (
        f"{sum(row.is_least for row in rows)} of {len(rows)} arenas with our offsets are proven "
        f"least; outputs {'DIFFER in ' + ', '.join(wrong) if wrong else 'are the same in all'}."
    )


def _made_by(rows: Sequence[Arena]) -> str:
    packages = distinct(f"Python {row.python} with {row.packages}" for row in rows)
    return made_by(COMMAND, rows, packages)


def _gap(row: Arena) -> str:
    return "0" if row.is_least else f"{gap_percent(row.lower_bound, row.arena):.2f}"


def _proof(row: Arena) -> str:
    return row.proven_by or "met bound" if row.is_least else "open"


def _bytes(value: int | None) -> str:
    return "" if value is None else f"{value}"

"""Least peak memory: one section for each group of the registry."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.registry import INSTANCES
from benchmarks.table.cells import distinct, made_by, number, seconds, table, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.rows import Row
    from benchmarks.table.cells import Lines


@dataclass(frozen=True, slots=True)
class Section:
    """How a group is shown: its title, what it holds, and the unit of its sizes."""

    title: str
    about: str
    unit: int = 1024
    unit_name: str = "KB"


SECTIONS: Mapping[str, Section] = {
    "zoo": Section(
        "Published networks",
        "Every network and cell of the zoo with its default parameters, float32 unless the name "
        "says otherwise, and the four networks in the layout HMCOS was measured on.",
    ),
    "data": Section("Model files", "Files of others, read as a user's would be."),
    "randwire": Section(
        "Whole RandWire networks",
        "Small regime, C = 78: WS(4, 0.75), ER(0.2) and BA(5) with five seeds each.",
    ),
    "ws": Section(
        "RandWire cells",
        "Single stages WS(n, 4, 0.75), all tensors of one size, which is the unit here.",
        32 * 16 * 16 * 4,
        "tensors",
    ),
    "layered": Section(
        "Random layered graphs",
        "Mixed sizes; tensors that nobody reads are outputs, so that the end often needs as much "
        "as any other state.",
    ),
    "closed": Section(
        "Random layered graphs, closed",
        "Every tensor is read and a single small one is left at the end: the peak lies in the "
        "middle, and bounds are far below it.",
        1,
        "bytes",
    ),
    "training": Section(
        "Training steps",
        "Forward and backward pass of residual networks and of DARTS and NASNet-A cells; the "
        "number in the name is the intended count of operators.",
    ),
}


def lines_of(group: str, rows: Iterable[Row]) -> Lines:
    """Show the rows of one group, with a summary of its families where it has several."""
    some = ordered(row for row in rows if row.group == group)
    if not some:
        return
    section = SECTIONS[group]
    unit = "KB (1024 bytes)" if section.unit_name == "KB" else section.unit_name
    yield f"{section.about} Sizes in {unit}."
    yield ""
    yield made_by(f"python -m benchmarks.run --group {group} --csv FILE", some, *conditions(some))
    yield ""
    if len({family(row) for row in some}) > 1:
        yield from _families(some)
        yield ""
    yield from table(
        (
            "instance", "ops", "file order", "saved %", "cut bound", "bound", "peak", "gap %",
            "proof", "states", "seconds", "MB",
        ),
        [
            (
                row.name, whole(row.ops), size(row, row.file_order_bytes), _saved(row),
                size(row, row.cut_bound_bytes), size(row, row.lower_bound_bytes),
                size(row, row.peak_bytes), gap(row),
                (row.proof or "") if row.is_optimal else f"open ({row.limit or row.status})",
                whole(row.states), seconds(row.solve_seconds), whole(row.peak_rss_mb),
            )
            for row in some
        ],
    )  # fmt: skip


def conditions(rows: Sequence[Row]) -> Iterable[str]:
    """Say what rows ran with beside commit and machine."""
    for values, form in (
        ([row.python and f"{row.python} with {row.packages}" for row in rows], "Python {}"),
        ([row.kernel for row in rows], "{} kernel"),
        ([row.workers and str(row.workers) for row in rows], "workers: {}"),
        ([row.time_limit and f"{row.time_limit:g}" for row in rows], "time limit: {} s"),
    ):
        if found := distinct(value or None for value in values):
            yield form.format(found)


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of the registry; those it does not know last."""
    place = {instance.name: i for i, instance in enumerate(INSTANCES)}
    return sorted(rows, key=lambda row: (place.get(row.name, len(place)), row.name))


def family(row: Row) -> str:
    """Name without its seed, or the group where names have none."""
    stem = row.name.partition("_s")[0]
    return stem if row.group in {"ws", "layered", "closed"} else row.group


def _families(rows: Iterable[Row]) -> Lines:
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(family(row), []).append(row)
    lines = []
    for name, some in families.items():
        times = [row.solve_seconds for row in some if row.solve_seconds is not None]
        lines.append(
            (
                name,
                f"{sum(row.is_optimal for row in some)} of {len(some)}",
                seconds(statistics.median(times) if times else None),
                seconds(max(times, default=None)),
                whole(max((row.states or 0 for row in some), default=None)),
                whole(max((row.peak_rss_mb or 0 for row in some), default=None)),
            )
        )
    yield from table(
        ("instances", "proven", "median, s", "slowest, s", "most states", "most MB"), lines
    )


def size(row: Row, value: int | None) -> str:
    """Write bytes in the unit of the row's group."""
    return "" if value is None else number(value / SECTIONS[row.group].unit)


def _saved(row: Row) -> str:
    if not row.file_order_bytes or row.peak_bytes is None:
        return ""
    return f"{100 * (1 - row.peak_bytes / row.file_order_bytes):.0f}"


def gap(row: Row) -> str:
    """Write the gap in percent."""
    if not row.gap_percent:
        return "" if row.gap_percent is None else "0"
    return f"{row.gap_percent:.2f}"

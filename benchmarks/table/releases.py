"""The latest release at a glance: what is open, which targets are met; and all releases."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.registry import INSTANCES, Instance
from benchmarks.rows import Row, latest
from benchmarks.table.cells import made_by, seconds, table, whole
from benchmarks.table.groups import SECTIONS, conditions, family, gap, ordered, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.table.cells import Lines

#: What makes the rows of a release; a file of its own for each.
COMMAND = "python -m benchmarks.run --csv FILE"

#: What changed with each release, by version.
CHANGES: Mapping[str, str] = {
    "0.1.0": "first release: cut bounds, beams, exact search in both directions",
}


def by_version(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    """Latest rows by version, versions ascending."""
    versions: dict[str, list[Row]] = {}
    for row in rows:
        versions.setdefault(row.version or "", []).append(row)
    return {v: latest(versions[v]) for v in sorted(versions, key=_version_key)}


def _version_key(version: str) -> tuple[tuple[int, str], ...]:
    parts = version.split(".")
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in parts)


def open_lines(rows: Sequence[Row]) -> Lines:
    """Count what is proven; list what is not."""
    left = [row for row in ordered(rows) if not row.is_optimal]
    wrong = [row for row in rows if row.peak_bytes is not None and not row.is_verified]
    if rows:
        yield (
            f"{len(rows) - len(left)} of {len(rows)} instances are proven optimal; "
            f"verification found {len(wrong) or 'nothing'} wrong."
        )
        yield ""
        yield made_by(COMMAND, rows, *conditions(rows))
    if left:
        yield ""
        yield from table(
            ("instance", "ops", "bound", "peak", "in", "gap %", "stopped by", "seconds"),
            [
                (
                    row.name, whole(row.ops), size(row, row.lower_bound_bytes),
                    size(row, row.peak_bytes), SECTIONS[row.group].unit_name, gap(row),
                    row.limit or row.note or row.status, seconds(row.solve_seconds),
                )
                for row in left
            ],
        )  # fmt: skip


def target_lines(rows: Sequence[Row]) -> Lines:
    """One line per set of instances with one target."""
    known = {instance.name: instance for instance in INSTANCES}
    sets: dict[tuple[str, float, float], list[Row]] = {}
    for row in ordered(rows):
        instance = known.get(row.name)
        if instance is not None and instance.target is not None:
            key = (family(row), instance.target, instance.target_gap)
            sets.setdefault(key, []).append(row)
    lines = []
    for (name, target, percent), some in sets.items():
        met = [row for row in some if _meets(row, known[row.name])]
        goal = f"within {percent:g} % in {target:g} s" if percent else f"proven in {target:g} s"
        missed = ", ".join(row.name for row in some if row not in met)
        times = [row.solve_seconds for row in some if row.solve_seconds is not None]
        lines.append(
            (name, goal, f"{len(met)} of {len(some)}", seconds(max(times, default=None)), missed)
        )
    if lines:
        yield from table(("instances", "target", "met by", "slowest, s", "missed by"), lines)
        yield ""
        yield made_by(COMMAND, rows)


def _meets(row: Row, instance: Instance) -> bool:
    if instance.target is None or row.solve_seconds is None or row.gap_percent is None:
        return False
    if instance.target_gap:
        # A limit at the target may be overrun by what one step takes.
        return row.gap_percent <= instance.target_gap and row.solve_seconds <= (
            1.05 * instance.target
        )
    return row.is_optimal and row.solve_seconds <= instance.target


def history_lines(releases: Mapping[str, Sequence[Row]]) -> Lines:
    """One line per release."""
    lines = []
    for version, rows in releases.items():
        times = [row.solve_seconds for row in rows if row.is_optimal and row.solve_seconds]
        lines.append(
            (
                version,
                " ".join(dict.fromkeys(f"`{row.commit}`" for row in rows)),
                max((row.date or "" for row in rows), default=""),
                f"{sum(row.is_optimal for row in rows)} of {len(rows)}",
                seconds(statistics.median(times) if times else None),
                CHANGES.get(version, ""),
            )
        )
    if lines:
        headings = ("version", "commit", "date", "proven", "median, s", "what changed")
        yield from table(headings, lines)
        yield ""
        yield made_by(COMMAND, [row for rows in releases.values() for row in rows])

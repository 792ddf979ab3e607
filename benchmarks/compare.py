"""Compare two files of results: ratios of time and states by group, and answers that changed.

Ratios are new over old, so below one is better. The exit code is 1 if the files contradict each
other:
an optimum of one that the other's order undercuts or the other's bound exceeds.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rows import Row, RowError, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Pair = tuple[Row, Row]

_LEAST_SECONDS = 0.001  # below is noise


@dataclass(frozen=True, slots=True)
class Ratio:
    """Geometric means of new over old for one group.

    Attributes
    ----------
    group : str
        The group, or ``"all"``.
    instances : int
        Instances solved to optimality in both.
    seconds, states : float
        The ratios.
    """

    group: str
    instances: int
    seconds: float
    states: float


@dataclass(frozen=True, slots=True)
class Change:
    """An instance whose answer is another; ``contradiction`` if both cannot be right."""

    name: str
    what: str
    contradiction: bool = False


def pairs(old: Iterable[Row], new: Iterable[Row]) -> list[Pair]:
    """Join rows of the same name."""
    before = {row.name: row for row in old}
    return [(before[row.name], row) for row in new if row.name in before]


def ratios(joined: Iterable[Pair]) -> list[Ratio]:
    """Compute the ratios of each group and of all, over instances that both proved."""
    groups: dict[str, list[Pair]] = {}
    for old, new in joined:
        if old.is_optimal and new.is_optimal and old.graph == new.graph:
            groups.setdefault(new.group, []).append((old, new))
    if len(groups) > 1:
        groups["all"] = [pair for some in groups.values() for pair in some]
    return [
        Ratio(
            group,
            len(some),
            _mean(_seconds(new) / _seconds(old) for old, new in some),
            _mean(max(new.states or 0, 1) / max(old.states or 0, 1) for old, new in some),
        )
        for group, some in groups.items()
    ]


def changes(joined: Iterable[Pair]) -> Iterator[Change]:
    """Find the instances whose graph or answer is another."""
    for old, new in joined:
        if None not in (old.graph, new.graph) and old.graph != new.graph:
            yield Change(new.name, "another graph: not compared")
        elif _contradict(old, new) or _contradict(new, old):
            what = f"{_answer(old)} became {_answer(new)}: one of them is wrong"
            yield Change(new.name, what, contradiction=True)
        elif _answer(old) != _answer(new):
            yield Change(new.name, f"{_answer(old)} became {_answer(new)}")


def _contradict(proven: Row, other: Row) -> bool:
    """Whether ``other`` has an order below the optimum of ``proven``, or a bound above its order.

    The bound of any row must stay at or below the peak of any order.
    """
    if None in (proven.lower_bound_bytes, other.peak_bytes):
        return False
    assert proven.lower_bound_bytes is not None
    assert other.peak_bytes is not None
    return other.peak_bytes < proven.lower_bound_bytes


def _answer(row: Row) -> str:
    if row.peak_bytes is None:
        return row.status
    if row.is_optimal:
        return f"optimum {row.peak_bytes}"
    return f"{row.lower_bound_bytes} to {row.peak_bytes}"


def _seconds(row: Row) -> float:
    return max(row.solve_seconds or 0, _LEAST_SECONDS)


def _mean(values: Iterable[float]) -> float:
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def report(old: Sequence[Row], new: Sequence[Row]) -> tuple[str, bool]:
    """Describe the differences; also say whether there is no contradiction."""
    joined = pairs(old, new)
    lines = [f"{len(joined)} instances in both; new over old where both proved the optimum:"]
    lines += [f"{'group':12} {'instances':>9} {'time':>8} {'states':>8}"]
    lines += [
        f"{r.group:12} {r.instances:9} {r.seconds:8.3f} {r.states:8.3f}" for r in ratios(joined)
    ]
    found = list(changes(joined))
    lines += [f"{change.name}: {change.what}" for change in found]
    if not found:
        lines.append("every answer is the same")
    return "\n".join(lines) + "\n", not any(change.contradiction for change in found)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare two files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(argv)
    try:
        text, consistent = report(read_rows(options.old), read_rows(options.new))
    except RowError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(text)
    return 0 if consistent else 1


if __name__ == "__main__":
    sys.exit(main())

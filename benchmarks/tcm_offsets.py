"""Offsets in the TCM for plans of least traffic: what they take, what they cost, how long it takes.

Networks and sizes of TCM are those of :mod:`benchmarks.traffic`. In streaming mode operands need
no room, so that half and a quarter of these sizes are of interest too.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import write_rows
from benchmarks.traffic import INSTANCES, sizes_of
from solver.limits import Limits
from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.layout import find_offsets
from solver.traffic.simulate import Move, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHARES = {"resident": (1,), "streaming": (2, 4)}  # of the sizes of TCM


@dataclass(frozen=True)
class Row:
    """One network under one TCM.

    ``extra`` is what the plan with offsets moves more than the one without; ``seconds`` is for the
    offsets alone.
    """

    instance: str
    ops: int
    mode: str
    tcm: int
    status: str
    traffic: int
    stays: int
    peak: int
    arena: int | None
    extra: int | None
    same_plan: bool
    seconds: float


def measure(name: str, limit: float) -> Iterator[Row]:
    """Plan one network at every size."""
    graph = INSTANCES[name]()
    sizes = set(sizes_of(graph).values())
    for mode, shares in _SHARES.items():
        least = make_traffic_problem(graph, 1, mode=mode).least_capacity
        for tcm in sorted({max(least, size // share) for size in sizes for share in shares}):
            outcome = minimize_traffic(graph, tcm, Limits(seconds=limit), mode=mode)
            problem = make_traffic_problem(graph, tcm, mode=mode)
            steps = tuple(Move.from_mapping(step) for step in outcome.steps)
            replay = simulate(problem, steps)
            start = time.perf_counter()
            found = find_offsets(problem, steps, 1, Limits()).placement
            seconds = time.perf_counter() - start
            yield Row(
                name,
                len(graph.ops),
                mode,
                tcm,
                outcome.status.value,
                replay.traffic,
                len(replay.stays),
                replay.peak,
                None if found is None else found.arena,
                None if found is None else found.replay.traffic - replay.traffic,
                found is not None and found.steps == steps,
                round(seconds, 3),
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the CSV file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tcm_offsets", description=__doc__)
    parser.add_argument("--instance", action="append", choices=INSTANCES, metavar="NAME")
    parser.add_argument("--time-limit", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    for name in options.instance or INSTANCES:
        for row in measure(name, options.time_limit):
            rows.append(row)
            sys.stdout.write(
                f"{row.instance:16} {row.ops:4} ops {row.mode:9} {row.tcm:>10} B  {row.status:9} "
                f"peak {row.peak:>10} arena {row.arena!s:>10} extra {row.extra!s:>6} "
                f"{row.seconds:7.2f} s\n"
            )
            sys.stdout.flush()
    if options.csv is not None:
        write_rows(options.csv, Row, rows)
    at_once = sum(row.same_plan for row in rows)
    sys.stdout.write(
        f"{at_once} of {len(rows)} plans have offsets as they are; "
        f"{sum(row.extra == 0 and not row.same_plan for row in rows)} were replaced for nothing, "
        f"{sum((row.extra or 0) > 0 for row in rows)} at a price, "
        f"{sum(row.extra is None for row in rows)} have none; "
        f"{max(row.seconds for row in rows):.2f} s at most\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time limits on least traffic of large networks: seconds used, and what they led to.

Seconds are those of the whole call: stating the problem, the plan, its offsets, and the check of
both by independent code.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import write_rows
from models import zoo
from solver.limits import Limits
from solver.traffic import make_traffic_problem
from solver.traffic.plan import plan_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models import Graph

INSTANCES: dict[str, Callable[[], Graph]] = {
    **{
        f"training_{depth}": partial(zoo.graph, "training", model="residual", depth=depth)
        for depth in (25, 100, 500)
    },
    **{f"layered_{ops}": partial(zoo.graph, "random_layered", ops=ops) for ops in (250, 1000)},
}
_LIMITS = (1.0, 5.0, 20.0)  # seconds
_SHARES = (1, 40)  # times the largest footprint of one op


@dataclass(frozen=True)
class Row:
    """One network in one TCM under one limit.

    ``seconds`` have passed, ``cpu_seconds`` are those of the processor: other work on the machine
    does not count.
    """

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


def measure(name: str, limits: Sequence[float]) -> Iterator[Row]:
    """Plan one network at every size under every limit."""
    graph = INSTANCES[name]()
    least = make_traffic_problem(graph, 1).least_capacity
    for tcm in (share * least for share in _SHARES):
        for limit in limits:
            start, cpu = time.perf_counter(), time.process_time()
            plan = plan_traffic(graph, tcm, Limits(seconds=limit))
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            yield Row(
                name,
                len(graph.ops),
                tcm,
                limit,
                plan.status.value,
                plan.traffic_bytes or 0,
                plan.lower_bound_bytes,
                plan.tcm_offsets is not None,
                round(seconds, 3),
                round(cpu, 3),
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the CSV file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.traffic_limits", description=__doc__
    )
    parser.add_argument("--instance", action="append", choices=INSTANCES, metavar="NAME")
    parser.add_argument("--limit", action="append", type=float, metavar="SECONDS")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    for name in options.instance or INSTANCES:
        for row in measure(name, options.limit or _LIMITS):
            rows.append(row)
            sys.stdout.write(
                f"{row.instance:14} {row.ops:6} ops {row.tcm:>10} B  limit {row.time_limit:5g} s: "
                f"{row.seconds:7.2f} s, {row.cpu_seconds:6.2f} s of the processor  {row.status}\n"
            )
            sys.stdout.flush()
    if options.csv is not None:
        write_rows(options.csv, Row, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

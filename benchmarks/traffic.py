"""Least traffic under a TCM: the joint optimum of order and replacement, beside heuristics.

Heuristics are those of ``python -m solver.compare --tcm``, run by the same code; their orders do
not depend on the size of the TCM and are found once for all three.

Sizes of TCM are those of COSMA (Zhang et al., 2023): ``M_R``, the largest footprint of a single
op; ``M_P``, the least peak, with which nothing need be spilled; ``M_H``, half-way between.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import write_rows
from models import zoo
from solver.limits import Limits, Meter
from solver.peak.engine import Engine
from solver.traffic import make_traffic_problem
from solver.traffic.baselines import find_orders
from solver.traffic.baselines.comparison import compare_traffic
from solver.traffic.nospill import peak_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models import Graph

_WHOLE = ("resnet50", "densenet121", "inception_v3", "mobilenetv2", "unet", "swiftnet")
_CELLS = ("darts", "nasnet_a", "amoebanet_a", "pnasnet")
_PEAK_SECONDS = 60.0

INSTANCES: Mapping[str, Callable[[], Graph]] = {
    **{name: partial(zoo.graph, name) for name in _WHOLE},
    **{f"{name}_2": partial(zoo.graph, name, cells=2) for name in _CELLS},
    **{name: partial(zoo.graph, name) for name in _CELLS},
    **{
        f"ws{nodes}_s{seed}": partial(
            zoo.graph, "randwire_cell", graph="ws", nodes=nodes, k=4, p=0.75, graph_seed=seed
        )
        for nodes in (32, 48, 64)
        for seed in range(2)
    },
    **{
        f"layered{ops}_s0": partial(zoo.graph, "random_layered", ops=ops, graph_seed=0)
        for ops in (100, 250)
    },
    **{
        f"training{depth}": partial(zoo.graph, "training", model="residual", depth=depth)
        for depth in (9, 30, 100)
    },
}
_SMOKE = ("swiftnet", "densenet121", "darts_2", "ws32_s0")


@dataclass(frozen=True)
class Row:
    """One network under one TCM; ``spilled`` and ``bound`` are non-compulsory bytes.

    The last columns are what the heuristics of :mod:`solver.traffic.baselines` spill; None where
    one has no answer in time.
    """

    instance: str
    ops: int
    size: str
    tcm: int
    status: str
    compulsory: int
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


def sizes_of(graph: Graph) -> dict[str, int]:
    """Sizes of TCM for a network, in bytes."""
    least = make_traffic_problem(graph, 1)
    smallest = least.least_capacity
    found = Engine(peak_problem(least), Meter(Limits(seconds=_PEAK_SECONDS))).solve().peak
    peak = max(found, smallest)
    return {"M_P": peak, "M_H": (smallest + peak) // 2, "M_R": smallest}


def measure(name: str, limit: float) -> Iterator[Row]:
    """Solve one instance at the three sizes."""
    graph = INSTANCES[name]()
    limits = Limits(seconds=limit)
    orders = find_orders(graph, limits=limits)
    for size, tcm in sizes_of(graph).items():
        comparison = compare_traffic(graph, tcm, limits, orders=orders)
        plan = comparison.plan
        yield Row(
            name,
            len(graph.ops),
            size,
            tcm,
            plan.status.value,
            comparison.compulsory,
            comparison.spilled(comparison.exact),
            comparison.bound - comparison.compulsory,
            plan.certificate["states"],
            round(plan.seconds, 3),
            limit,
            **{row.name: comparison.spilled(row) for row in comparison.rows},
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the CSV file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traffic", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help=f"only {', '.join(_SMOKE)}")
    parser.add_argument("--instance", action="append", choices=INSTANCES, metavar="NAME")
    parser.add_argument("--time-limit", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    names = options.instance or (_SMOKE if options.smoke else tuple(INSTANCES))
    rows: list[Row] = []
    for name in names:
        for row in measure(name, options.time_limit):
            rows.append(row)
            sys.stdout.write(
                f"{row.instance:16} {row.ops:4} ops {row.size} {row.tcm:>10} B  {row.status:9} "
                f"spilled {row.spilled:>10} bound {row.bound:>10} {row.states:>9} states "
                f"{row.seconds:8.2f} s\n"
            )
            sys.stdout.flush()
    if options.csv is not None:
        write_rows(options.csv, Row, rows)
    proven = sum(row.status == "optimal" for row in rows)
    sys.stdout.write(f"{proven} of {len(rows)} proven least\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

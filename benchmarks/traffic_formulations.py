"""Time the search for least traffic beside CP-SAT, HiGHS and CBC, on the same small graphs.

One worker each and a process of its own. Every method starts from the graph alone. Formulations are
given what is cheap to know, the best of the simple orders with its best replacement, and their time
includes that; loading a solver's library is left out for all. Whatever a method claims is replayed.
Timeouts and crashes are rows too. Sizes of TCM are those of :mod:`benchmarks.traffic`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import contest
from benchmarks.registry import fingerprint
from models import zoo
from solver.limits import Limits, Meter
from solver.peak.backend import NAMES
from solver.peak.engine import Engine
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.backend import Hint, backend
from solver.traffic.heuristics import quick
from solver.traffic.intervals import best_replacement
from solver.traffic.model import Mode
from solver.traffic.nospill import peak_problem
from solver.traffic.residency import plan_steps, spilled_bytes
from solver.traffic.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from models import Graph
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Residency

#: Methods in the order of the table; the first is what the others are compared with.
METHODS = ("search", *NAMES)

_TIME_LIMIT = 20.0
_SMOKE = ("darts_cell M_R", "ws16_s0 M_H")


class Instance(NamedTuple):
    """A network, the name of a size of TCM, and where operands may be."""

    build: Callable[[], Graph]
    size: str
    mode: Mode = Mode.RESIDENT


def _networks() -> Iterator[tuple[str, Callable[[], Graph]]]:
    for name in ("amoebanet_a_cell", "darts_cell", "nasnet_a_cell", "pnasnet_cell"):
        yield name, partial(zoo.graph, name)
    for nodes in (16, 24, 32):
        for seed in range(2):
            build = partial(
                zoo.graph, "randwire_cell", graph="ws", nodes=nodes, k=4, p=0.75, graph_seed=seed
            )
            yield f"ws{nodes}_s{seed}", build
    for name in ("swiftnet", "densenet121"):
        yield name, partial(zoo.graph, name)
    yield "darts_2", partial(zoo.graph, "darts", cells=2)


def _instances() -> Iterator[tuple[str, Instance]]:
    for name, build in _networks():
        for size in ("M_H", "M_R"):
            yield f"{name} {size}", Instance(build, size)
        if name.endswith("_cell") or name in ("ws16_s0", "ws24_s0", "swiftnet"):
            yield f"{name} M_H streaming", Instance(build, "M_H", Mode.STREAMING)


#: By name. A name always means the same network, size and mode.
INSTANCES: Mapping[str, Instance] = dict(_instances())


@dataclass(frozen=True, slots=True)
class Trial(contest.Trial):
    """One method on one network. The bounds and what is spilled are non-compulsory bytes.

    Attributes
    ----------
    tcm_bytes : int or None
        Size of the TCM.
    spilled_bytes : int or None
        What its plan spills, replayed.
    hint_spilled_bytes : int or None
        What the plan it was given spills.
    """

    tcm_bytes: int | None = None
    spilled_bytes: int | None = None
    hint_spilled_bytes: int | None = None

    @property
    def value(self) -> int | None:
        """What is spilled."""
        return self.spilled_bytes


def measure(name: str, method: str, time_limit: float) -> dict[str, Any]:
    """Run a method on an instance in this process; return fields of the trial."""
    instance = INSTANCES[name]
    graph = instance.build()
    tcm = _tcm(graph, instance)
    known = {"graph": fingerprint(graph), "ops": len(graph.ops), "tcm_bytes": tcm}
    if method == METHODS[0]:
        return {**known, **_search(graph, tcm, instance.mode, time_limit)}
    problem = make_traffic_problem(graph, tcm, mode=instance.mode)
    return {**known, **_formulation(method, problem, time_limit)}


def _tcm(graph: Graph, instance: Instance) -> int:
    """Bytes of TCM; the least peak, where it is needed, is not part of anybody's time."""
    problem = make_traffic_problem(graph, 1, mode=instance.mode)
    smallest = problem.least_capacity
    if instance.size == "M_R":
        return smallest
    peak = Engine(peak_problem(problem), Meter()).solve().peak
    return (smallest + max(peak, smallest)) // 2


def _search(graph: Graph, tcm: int, mode: Mode, time_limit: float) -> dict[str, Any]:
    start = time.perf_counter()
    outcome = minimize_traffic(graph, tcm, Limits(seconds=time_limit), mode=mode, method="dp")
    seconds = time.perf_counter() - start
    return {
        "status": outcome.status.value,
        "limit": outcome.limit,
        "spilled_bytes": outcome.spilled_bytes,
        "bound_bytes": outcome.traffic_lower_bound_bytes - outcome.compulsory_bytes,
        "nodes": outcome.states,
        "seconds": round(seconds, 4),
    }


def _formulation(method: str, problem: TrafficProblem, time_limit: float) -> dict[str, Any]:
    solver = backend(method)
    if not solver.is_available():  # loads the library, or starts the process that does
        return {"note": f"{method} is not available"}
    start = time.perf_counter()
    plan = _quick(problem)
    left = max(0.01, time_limit - (time.perf_counter() - start))
    outcome = solver.solve(problem, Limits(seconds=left), Hint(plan))
    seconds = time.perf_counter() - start
    spilled = simulate(problem, plan_steps(problem, outcome.plan)).spilled
    status = "optimal" if outcome.bound == spilled else "feasible"
    return {
        "status": "wrong" if outcome.bound > spilled else status,
        "limit": outcome.limit,
        "spilled_bytes": spilled,
        "bound_bytes": outcome.bound,
        "hint_spilled_bytes": spilled_bytes(problem, plan),
        "hint_bound_bytes": 0,
        "nodes": outcome.nodes,
        "seconds": round(seconds, 4),
    }


def _quick(problem: TrafficProblem) -> Residency:
    """Return the best replacement for the best of the simple orders."""
    activations = peak_problem(problem, loads=False)
    orders = [order for find in SIMPLE_ORDERS.values() if (order := find(activations)) is not None]
    plans = [plan for order in orders for plan in quick(problem, order)]
    best = min(plans, key=lambda plan: spilled_bytes(problem, plan))
    return best_replacement(problem, best.order) or best


CONTEST = contest.Contest(
    "benchmarks.traffic_formulations",
    Trial,
    measure,
    INSTANCES,
    METHODS,
    _SMOKE,
    "spilled",
    _TIME_LIMIT,
)

if __name__ == "__main__":
    sys.exit(CONTEST.main(None, __doc__))

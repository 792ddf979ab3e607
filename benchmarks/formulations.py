"""Time the engine beside CP-SAT, HiGHS and CBC, each to its proof, on the same small graphs.

One worker each and a process of its own. Every method starts from the graph alone. Formulations are
given what is cheap to know, the best of the simple orders and the cut bound of every op, and their
time includes that; loading a solver's library is left out for all. Whatever a method claims is
replayed. Timeouts and crashes are rows too.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import contest
from benchmarks.layered import layered_closed
from benchmarks.registry import fingerprint
from models import zoo
from solver import Limits, minimize_peak
from solver.memory import Problem, make_problem
from solver.peak.backend import NAMES, Hint, backend
from solver.peak.bounds import CutBounds
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from models import Graph

#: Methods in the order of the table; the first is what the others are compared with.
METHODS = ("engine", *NAMES)

_SMOKE = ("darts_cell", "ws8_s0", "closed20_s0")


def _instances() -> Iterator[tuple[str, Callable[[], Graph]]]:
    cells = ("amoebanet_a_cell", "darts_cell", "nasnet_a_cell", "pnasnet_cell")
    for name in (*cells, "unet"):
        yield name, partial(zoo.graph, name)
    for nodes in (8, 16, 24, 32):
        for seed in range(2):
            build = partial(
                zoo.graph, "randwire_cell", graph="ws", nodes=nodes, k=4, p=0.75, graph_seed=seed
            )
            yield f"ws{nodes}_s{seed}", build
    for ops in (20, 25, 30, 40):
        for seed in range(2):
            yield f"closed{ops}_s{seed}", partial(layered_closed, ops, ops // 5, seed)
    for ops in (20, 25, 30, 40):
        for seed in range(2):
            build = partial(zoo.graph, "random_layered", ops=ops, width=ops // 5, graph_seed=seed)
            yield f"layered{ops}_s{seed}", build


#: Graphs by name. A name always means the same graph, as in :mod:`benchmarks.registry`.
INSTANCES: Mapping[str, Callable[[], Graph]] = dict(_instances())


@dataclass(frozen=True, slots=True)
class Trial(contest.Trial):
    """One method on one graph.

    Attributes
    ----------
    peak_bytes : int or None
        Peak of its order, replayed.
    hint_peak_bytes : int or None
        That of the order it was given.
    """

    peak_bytes: int | None = None
    hint_peak_bytes: int | None = None

    @property
    def value(self) -> int | None:
        """The peak."""
        return self.peak_bytes


def measure(name: str, method: str, time_limit: float) -> dict[str, Any]:
    """Run a method on a graph in this process; return fields of the trial."""
    graph = INSTANCES[name]()
    known = {"graph": fingerprint(graph), "ops": len(graph.ops)}
    if method == "engine":
        return {**known, **_engine(graph, time_limit)}
    return {**known, **_formulation(method, make_problem(graph), time_limit)}


def _engine(graph: Graph, time_limit: float) -> dict[str, Any]:
    start = time.perf_counter()
    plan = minimize_peak(graph, limits=Limits(seconds=time_limit))
    seconds = time.perf_counter() - start
    return {
        "status": plan.status.value,
        "limit": plan.limit,
        "peak_bytes": plan.peak_bytes,
        "bound_bytes": plan.lower_bound_bytes,
        "nodes": plan.certificate["states"],
        "seconds": round(seconds, 4),
    }


def _formulation(method: str, problem: Problem, time_limit: float) -> dict[str, Any]:
    solver = backend(method)
    if not solver.is_available():  # loads the library, or starts the process that does
        return {"note": f"{method} is not available"}
    start = time.perf_counter()
    hint = _hint(problem)
    left = max(0.01, time_limit - (time.perf_counter() - start))
    outcome = solver.solve(problem, Limits(seconds=left), hint)
    seconds = time.perf_counter() - start
    assert outcome.order is not None
    assert hint.order is not None
    peak = problem.replay(outcome.order).peak
    status = "optimal" if outcome.bound == peak else "feasible"
    return {
        "status": "wrong" if outcome.bound > peak else status,
        "limit": outcome.limit,
        "peak_bytes": peak,
        "bound_bytes": outcome.bound,
        "hint_peak_bytes": problem.replay(hint.order).peak,
        "hint_bound_bytes": hint.floor,
        "nodes": outcome.nodes,
        "seconds": round(seconds, 4),
    }


def _hint(problem: Problem) -> Hint:
    """Return the best simple order and the cut bounds."""
    orders = [order for find in SIMPLE_ORDERS.values() if (order := find(problem)) is not None]
    best = min(orders, key=lambda order: problem.replay(order).peak)
    cuts = CutBounds(Space(problem))
    return Hint(tuple(best), op_bounds={v: cuts.cut(v).bound for v in range(len(problem))})


CONTEST = contest.Contest(
    "benchmarks.formulations", Trial, measure, INSTANCES, METHODS, _SMOKE, "peak"
)

if __name__ == "__main__":
    sys.exit(CONTEST.main(None, __doc__))

"""From a graph to a plan of least external traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from solver.limits import Limit, Limits, Meter, Observer, SilentObserver
from solver.memory import MemoryRules
from solver.peak.backend import NAMES
from solver.peak.engine import METHODS
from solver.plan import Status
from solver.traffic.budget import CappedRun
from solver.traffic.model import Mode, TrafficProblem, Weights, make_traffic_problem
from solver.traffic.outcome import TrafficOutcome
from solver.traffic.pinning import minimize_with_pinning
from solver.traffic.residency import plan_steps
from solver.traffic.rules import Rules
from solver.traffic.run import Run
from solver.traffic.simulate import as_mappings, simulate

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.traffic.residency import Residency


def minimize_traffic(
    graph: Graph,
    tcm: int,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    pruning: Rules | None = None,
    method: str = "auto",
    workers: int = 1,
    budget: int | None = None,
) -> TrafficOutcome:
    """Find the plan that moves the fewest bytes between a TCM and external memory, and prove it.

    Parameters
    ----------
    graph : Graph
        The network.
    tcm : int
        Bytes of TCM.
    limits : Limits, optional
        When one is reached, the outcome holds the best plan and bound so far.
    observer : Observer, optional
        Told about incumbents and bounds (total traffic, in bytes) and progress.
    mode : Mode or str
        ``"resident"``: operands of the running op are in the TCM; ``"streaming"``: they need not.
    weights : Weights or str
        ``"ignore"`` constants, ``"stream"`` them once per op that reads them, or ``"pin"`` some
        of them in the TCM for good and stream the others.
    rules : MemoryRules, optional
        Alignment and views.
    pruning : Rules, optional
        Switches of the exact search.
    method : str
        ``"dp"`` for the exact search; ``"auto"``, with CP-SAT beside it where it is stuck and there
        are workers; ``"cpsat"``, ``"ilp-highs"`` or ``"ilp-cbc"`` for a formulation in its place.
    workers : int
        Threads. The answer does not depend on it, unless time or memory run out; a limit on
        nodes, which is there for repeatable runs, allows one only, and so do pinned weights and a
        budget.
    budget : int, optional
        Bytes of TCM and external memory together, weights left out; not for a formulation.

    Returns
    -------
    TrafficOutcome
        Optimal unless a limit was reached or the user interrupted; INFEASIBLE if some op cannot
        run in this TCM at all. Within a budget it may also be feasible or unknown without any
        limit: see :mod:`solver.traffic.budget`.

    Raises
    ------
    ValueError
        If the TCM is not positive or beyond the budget, an option is unknown, the rules allow
        in-place reuse, or a formulation is given a budget.
    BackendUnavailableError
        If the library of the formulation is not installed.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    if method in NAMES and budget is not None:
        raise ValueError(f"method {method!r} knows no budget under a TCM")
    problem = make_traffic_problem(
        graph, tcm, mode=mode, weights=weights, rules=rules, budget=budget
    )
    meter = Meter(limits or Limits(), observer or SilentObserver())
    if problem.oversized():
        return _infeasible(graph, problem, Weights(weights), meter)
    if Weights(weights) is Weights.PIN:

        def activations(room: int, limits: Limits, observer: Observer) -> TrafficOutcome:
            within = None if problem.external is None else room + problem.external
            return minimize_traffic(
                graph,
                room,
                limits,
                observer,
                mode=mode,
                rules=rules,
                pruning=pruning,
                method=method,
                budget=within,
            )

        rules = rules or MemoryRules()
        pinned = minimize_with_pinning(graph, problem, rules, meter, activations)
        return replace(pinned, method=method)
    assisted = method == "auto" and workers > 1 and meter.limits.nodes is None
    run = _run(problem, meter, pruning or Rules(), method, assisted=assisted)
    common = _common(graph, problem, Weights(weights), run)
    if run.best is None:
        return TrafficOutcome(
            **common,
            status=Status.INFEASIBLE if run.is_infeasible else Status.UNKNOWN,
            order=(),
            steps=(),
            traffic_bytes=None,
            peak_bytes=None,
            limit=None if run.limit is None else run.limit.value,
        )
    steps = plan_steps(problem, run.best)
    replay = simulate(problem, steps)
    proven = replay.traffic == common["traffic_lower_bound_bytes"]
    keep_limit = run.limit is not None and (not proven or run.limit is Limit.INTERRUPT)
    return TrafficOutcome(
        **common,
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        order=tuple(problem.names[v] for v in replay.order),
        steps=as_mappings(steps),
        traffic_bytes=replay.traffic,
        peak_bytes=replay.peak,
        limit=run.limit.value if run.limit is not None and keep_limit else None,
        external_bytes=None if problem.external is None else replay.external,
    )


def _run(
    problem: TrafficProblem,
    meter: Meter,
    pruning: Rules,
    method: str = "auto",
    *,
    assisted: bool = False,
) -> Run:
    total = problem.idle_bytes + sum(b.size for b in problem.buffers)
    run: Run
    if problem.external is None or problem.external >= total:
        run = Run(problem, meter, pruning, method, assisted)
    else:
        run = CappedRun(problem, meter, pruning, method)
    run.solve()
    return run


def _common(graph: Graph, problem: TrafficProblem, weights: Weights, run: Run) -> dict[str, Any]:
    """Parts of an outcome with or without a plan."""
    return {
        "model": graph.name,
        "tcm_bytes": problem.capacity,
        "mode": problem.mode,
        "weights": weights,
        "compulsory_bytes": problem.compulsory_bytes,
        "traffic_lower_bound_bytes": problem.compulsory_bytes + run.bound,
        "proof": run.proof,
        "landmarks": tuple(problem.names[v] for v in run.landmarks),
        "baselines": run.baselines,
        "least_tcm_bytes": problem.least_capacity,
        "states": run.meter.states,
        "seconds": round(run.meter.seconds, 6),
        "curve": tuple(run.curve),
        "warnings": graph.warnings,
        "method": run.method,
        "budget_bytes": problem.live_capacity,
        "least_budget_bytes": run.least_budget,
    }


def best_residency(
    problem: TrafficProblem, limits: Limits
) -> tuple[Residency | None, Limit | None]:
    """Return the best plan of a problem without oversized ops, and what stopped the solver.

    There is none only if external memory is capped.
    """
    run = _run(problem, Meter(limits), Rules())
    return run.best, run.limit


def _infeasible(
    graph: Graph, problem: TrafficProblem, weights: Weights, meter: Meter
) -> TrafficOutcome:
    return TrafficOutcome(
        model=graph.name,
        status=Status.INFEASIBLE,
        tcm_bytes=problem.capacity,
        mode=problem.mode,
        weights=weights,
        order=(),
        steps=(),
        traffic_bytes=None,
        compulsory_bytes=problem.compulsory_bytes,
        traffic_lower_bound_bytes=problem.compulsory_bytes,
        peak_bytes=None,
        proof="footprint",
        oversized={problem.names[v]: problem.footprint(v) for v in problem.oversized()},
        least_tcm_bytes=problem.least_capacity,
        seconds=round(meter.seconds, 6),
        warnings=graph.warnings,
        budget_bytes=problem.live_capacity,
    )

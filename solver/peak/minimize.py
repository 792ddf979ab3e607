"""From a graph to a verified plan of least peak memory."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.limits import Limit, Limits, Meter, Observer, SilentObserver
from solver.memory import MemoryRules, Problem, make_problem
from solver.peak.engine import Engine, Outcome
from solver.plan import Plan, Status
from solver.verify import check_replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.peak.search import Rules


def minimize_peak(
    graph: Graph,
    budget: int | None = None,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    rules: MemoryRules | None = None,
    pruning: Rules | None = None,
    workers: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Find the order of least peak memory and prove it.

    Parameters
    ----------
    graph : Graph
        The network.
    budget : int, optional
        Bytes available for activations; decides ``fits``.
    limits : Limits, optional
        When one is reached, the plan holds the best order and bound so far.
    observer : Observer, optional
        Told about incumbents, bounds and progress.
    rules : MemoryRules, optional
        What the runtime allows; conservative when omitted.
    pruning : Rules, optional
        Switches of the exact search.
    workers : int
        Threads of exact search. The answer does not depend on it, unless time or memory run out;
        a limit on nodes, which is there for repeatable runs, allows one only.
    options : mapping, optional
        Reading options to record in the plan.

    Returns
    -------
    Plan
        Optimal unless a limit was reached or the user interrupted.

    Raises
    ------
    ValueError
        If the budget or the number of workers is not positive.
    VerificationError
        If the independent replay contradicts the solver: a bug, never caught.
    """
    if budget is not None and budget <= 0:
        raise ValueError(f"the budget must be positive, not {budget} bytes")
    if workers < 1:
        raise ValueError(f"there must be at least one worker, not {workers}")
    rules = rules or MemoryRules()
    limits = limits or Limits()
    if limits.nodes is not None:
        workers = 1
    meter = Meter(limits, observer or SilentObserver())
    problem = make_problem(graph, rules)
    outcome = Engine(problem, meter, pruning, workers).solve()
    proven = outcome.peak == outcome.bound
    plan = Plan(
        model=graph.name,
        problem="peak",
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        limit=_limit(outcome),
        budget_bytes=budget,
        fits=_fits(outcome, budget),
        peak_bytes=outcome.peak,
        lower_bound_bytes=outcome.bound,
        order=tuple(problem.names[v] for v in outcome.order),
        baselines=outcome.baselines,
        seconds=round(meter.seconds, 6),
        certificate=_certificate(problem, outcome),
        options={
            **(options or {}),
            "alignment": rules.alignment,
            "in_place": rules.in_place,
            "views": rules.views,
        },
        curve=tuple(outcome.curve),
        warnings=graph.warnings,
        versions={
            "tightfit": __version__,
            "python": platform.python_version(),
            "networkx": version("networkx"),
            "scipy": version("scipy"),
        },
    )
    check_replay(plan, graph)
    return plan


def _limit(outcome: Outcome) -> str | None:
    """Name the limit that mattered; an interrupt is always worth telling."""
    if outcome.limit is None or (
        outcome.peak == outcome.bound and outcome.limit is not Limit.INTERRUPT
    ):
        return None
    return outcome.limit.value


def _fits(outcome: Outcome, budget: int | None) -> bool | None:
    if budget is None:
        return None
    if outcome.peak <= budget:
        return True
    return False if outcome.bound > budget else None


def _certificate(problem: Problem, outcome: Outcome) -> dict[str, Any]:
    """Evidence for the bound: a cut that anyone can recompute, a search, or the two ends."""
    found: dict[str, Any] = {
        "bound_bytes": outcome.bound,
        "kind": "ends",
        "ends": {"start": problem.live_at_start, "end": problem.live_at_end},
        "states": outcome.states,
    }
    if outcome.cut is not None:
        cut = outcome.cut
        found["cut"] = {
            "op": problem.names[cut.op],
            "bound_bytes": cut.bound,
            "before": [problem.names[v] for v in sorted(cut.before)],
            "live": [problem.storages[b].name for b in live_during(problem, cut.before, cut.op)],
        }
        if cut.bound == outcome.bound:
            found["kind"] = "cut"
    if outcome.refutation is not None and found["kind"] != "cut":
        refutation = outcome.refutation
        found["kind"] = "search"
        found["search"] = {
            "refuted_bytes": refutation.bound - 1,
            "direction": "backward" if refutation.backward else "forward",
            "states": refutation.states,
            "window": [problem.names[v] for v in refutation.window],
        }
    return found


def live_during(problem: Problem, before: frozenset[int], op: int) -> list[int]:
    """Storages in use while ``op`` runs in state ``before``, largest first."""
    live = [
        b
        for b, storage in enumerate(problem.storages)
        if (storage.is_input or any(p == op or p in before for p in storage.producers))
        and (storage.is_output or any(u not in before for u in storage.users))
        and storage.size
    ]
    return sorted(live, key=lambda b: (-problem.storages[b].size, b))

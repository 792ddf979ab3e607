"""From a graph to a verified plan of least peak memory."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.limits import Limit, Limits, Meter, Observer, SilentObserver
from solver.memory import MemoryRules, make_problem
from solver.peak.backend import libraries
from solver.peak.certificate import make_certificate
from solver.peak.engine import Engine
from solver.plan import Plan, Status
from solver.verify import check_replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.peak.outcome import Outcome
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
    method: str = "auto",
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
    method : str
        ``"auto"``; ``"dp"`` for the exact search alone, without CP-SAT beside it where it is stuck;
        ``"cpsat"``, ``"ilp-highs"`` or ``"ilp-cbc"`` for a formulation in place of the search.
    options : mapping, optional
        Reading options to record in the plan.

    Returns
    -------
    Plan
        Optimal unless a limit was reached or the user interrupted.

    Raises
    ------
    ValueError
        If the budget or the number of workers is not positive, or there is no such method.
    BackendUnavailableError
        If the library of the formulation is not installed.
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
    outcome = Engine(problem, meter, pruning, workers, method).solve()
    seconds = meter.seconds
    try:
        certificate = make_certificate(graph, problem, outcome)
    except KeyboardInterrupt:  # the order and its bound stand; be brief about the rest
        outcome.limit = Limit.INTERRUPT
        certificate = make_certificate(graph, problem, outcome, closed=False)
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
        seconds=round(seconds, 6),
        certificate=certificate,
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
            **{name: version(name) for name in libraries(_methods_used(outcome, method))},
        },
    )
    check_replay(plan, graph)
    return plan


def _methods_used(outcome: Outcome, method: str) -> set[str]:
    return {method} if outcome.claim is None else {method, outcome.claim.method}


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

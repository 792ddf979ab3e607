"""Prove a bound on traffic again by another method than the one that found it.

What the exact search proved, a formulation proves again; what a formulation claims, the search. The
problem they share is stated by :mod:`solver.traffic.model`, nothing else. Of plans with pinned
weights only the activations are proven by another method, for each size of room that matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Limits, Meter, SilentObserver
from solver.memory import MemoryRules
from solver.peak.backend import NAMES
from solver.traffic.backend import Hint, backend
from solver.traffic.formulate import formulate
from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import Weights, make_traffic_problem
from solver.traffic.residency import spilled_bytes
from solver.traffic.search import Search
from solver.traffic.space import Space

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.plan import Plan
    from solver.traffic.model import TrafficProblem

_MEMORY = 4 << 30  # bytes this process may take

#: Whether the bound holds, None if that remains open, and how we know.
_Answer = tuple[bool | None, str]


def recheck_traffic(plan: Plan, graph: Graph, seconds: float | None = None) -> _Answer:
    """Look for plans that move less than the bound, with the method that the plan did not use.

    Parameters
    ----------
    plan : Plan
        One of least traffic that :func:`solver.verify.check` accepts.
    graph : Graph
        Its network.
    seconds : float, optional
        Wall time allowed.
    """
    if plan.budget_bytes is not None:
        return None, "undecided: there is no second method for bounds within a budget"
    method = "dp"
    if "formulation" not in plan.certificate:
        found = next((name for name in NAMES if backend(name).is_available()), None)
        if found is None:
            return None, "undecided: needs a formulation, pip install 'tightfit[cpsat]'"
        method = found
    words = "the exact search" if method == "dp" else f"the {method} formulation"
    assert plan.tcm_bytes is not None
    problem = make_traffic_problem(
        graph,
        plan.tcm_bytes,
        mode=plan.options["mode"],
        weights=plan.options["weights"],
        rules=_rules(plan),
    )
    limits = Limits(seconds, _MEMORY)
    if plan.options["weights"] == Weights.PIN:
        return _with_pinning(plan, graph, limits, method, words)
    below = plan.lower_bound_bytes - problem.compulsory_bytes
    try:
        least = _least_below(problem, below, Meter(limits), method)
    except LimitReachedError as stop:
        return None, _undecided(stop.limit)
    if least is not None:
        return False, f"{words} found a plan that moves {problem.compulsory_bytes + least} bytes"
    return True, f"{words} finds no plan below the bound either"


def _rules(plan: Plan) -> MemoryRules:
    return MemoryRules(plan.options.get("alignment", 1), views=plan.options.get("views", False))


def _undecided(limit: str) -> str:
    return f"undecided, stopped by the limit on {limit}"


def _least_below(problem: TrafficProblem, below: int, meter: Meter, method: str) -> int | None:
    """Bytes that some plan spills, fewer than ``below``; None if there is none.

    Raises
    ------
    LimitReachedError
        If that remains open.
    """
    if method == "dp":
        plan = Search(Space(problem), meter, below).run()
        return None if plan is None else spilled_bytes(problem, plan)

    def enough(spilled: int) -> None:
        if spilled < below:
            raise LimitReachedError(Limit.NODES)

    found = formulate(problem, Hint(cutoff=below), method=method, meter=meter, on_plan=enough)
    if found.limit is Limit.INTERRUPT:
        raise KeyboardInterrupt
    spilled = spilled_bytes(problem, found.plan)
    if spilled < below:
        return spilled
    if found.bound < below:
        raise LimitReachedError(found.limit or Limit.NODES)
    return None


def _with_pinning(plan: Plan, graph: Graph, limits: Limits, method: str, words: str) -> _Answer:
    assert plan.tcm_bytes is not None
    bound = plan.lower_bound_bytes
    again = minimize_traffic(
        graph,
        plan.tcm_bytes,
        limits,
        _Until(bound),
        mode=plan.options["mode"],
        weights=Weights.PIN,
        rules=_rules(plan),
        method=method,
    )
    if again.limit == Limit.INTERRUPT:
        raise KeyboardInterrupt
    if again.traffic_bytes is not None and again.traffic_bytes < bound:
        return False, f"{words} found a plan that moves {again.traffic_bytes} bytes"
    if again.traffic_lower_bound_bytes < bound:
        return None, _undecided(again.limit or Limit.NODES)
    return True, f"{words}, for each size of room, finds no plan below the bound either"


class _Until(SilentObserver):
    """Ends a solve once it is known on which side of the bound its answer lies."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._is_known = False

    def on_incumbent(self, peak: int) -> None:
        """Take note of a plan below the bound."""
        self._is_known |= peak < self._bound

    def on_bound(self, bound: int) -> None:
        """Take note of a bound that is as good."""
        self._is_known |= bound >= self._bound

    def on_progress(self, states: int) -> None:  # noqa: ARG002
        """Stop where a limit would."""
        if self._is_known:
            raise LimitReachedError(Limit.NODES)

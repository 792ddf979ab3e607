"""Prove a bound again by another method than the one that found it.

For bounds whose proof a plan does not carry: a search too long to record, a formulation. The window
that the plan names is searched one byte below the bound, in both directions of time, with all
pruning rules and with few, in turns; the search that the plan itself names is left out. This is the
only part of checking that uses the solver's own code. For plans of least traffic see
:mod:`solver.traffic.recheck`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.limits import LimitReachedError, Limits, Meter
from solver.memory import MemoryRules, make_problem
from solver.peak.search import Found, Rules, Search
from solver.peak.space import Space
from solver.traffic.recheck import recheck_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.graph import Graph
    from solver.peak.search import Refuted
    from solver.plan import Plan

_MEMORY = 4 << 30  # bytes this process may take
_SLICE = 512  # states of a compiled search per turn
_SLOWER = 16  # a Python search gets so many times fewer
_PLAIN = Rules(lookahead=1, compiled=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the bound holds, None if that remains open, and how we know."""

    holds: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class _Method:
    """A search, and what to call it."""

    words: str
    search: Search
    turns: Iterator[Found | Refuted | None]


def recheck(plan: Plan, graph: Graph, seconds: float | None = None) -> Answer:
    """Look again for anything below the bound of a plan, one byte at least.

    Parameters
    ----------
    plan : Plan
        One that :func:`solver.verify.check` accepts, proven by a search or a formulation.
    graph : Graph
        Its network.
    seconds : float, optional
        Wall time allowed.
    """
    if plan.problem == "traffic":
        return Answer(*recheck_traffic(plan, graph, seconds))
    options = plan.options
    rules = MemoryRules(
        options.get("alignment", 1), options.get("in_place", False), options.get("views", False)
    )
    problem = make_problem(graph, rules)
    index = {name: v for v, name in enumerate(problem.names)}
    claim = plan.certificate[plan.certificate["kind"]]
    window = [index[name] for name in claim["window"]]
    order = [index[name] for name in plan.order]
    begin = min(map(order.index, window))
    end = begin + len(window)
    meter = Meter(Limits(seconds, _MEMORY))
    budget = plan.lower_bound_bytes - 1
    spaces = (
        Space(problem, order[end:], window, backward=True),
        Space(problem, order[:begin], window),
    )
    methods = list(_methods(spaces, budget, meter, claim.get("direction")))
    try:
        method, outcome = _first_answer(methods)
    except LimitReachedError as stop:
        return Answer(None, f"undecided, stopped by the limit on {stop.limit.value}")
    if isinstance(outcome, Found):
        whole = [*order[:begin], *outcome.order, *order[end:]]
        peak = max(problem.replay(whole).step_peaks[begin:end])
        assert peak <= budget, "a search found an order that does not keep its promise"
        return Answer(False, f"{method.words} found an order of the window that peaks at {peak}")
    states = "1 state" if method.search.states == 1 else f"{method.search.states} states"
    return Answer(True, f"{method.words} of {states} finds no order below the bound either")


def _methods(
    spaces: Sequence[Space], budget: int, meter: Meter, named: str | None
) -> Iterator[_Method]:
    for space in spaces:
        direction = "backward" if space.backward else "forward"
        if direction != named:
            search = Search(space, budget, meter)
            yield _Method(f"a {direction} search", search, search.run(_SLICE))
        search = Search(space, budget, meter, _PLAIN)
        words = f"a {direction} search in Python without lookahead"
        yield _Method(words, search, search.run(_SLICE // _SLOWER))


def _first_answer(methods: Sequence[_Method]) -> tuple[_Method, Found | Refuted]:
    """Give each method its turn until one knows."""
    while True:
        for method in methods:
            outcome = next(method.turns)
            if outcome is not None:
                return method, outcome

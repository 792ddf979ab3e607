"""Improve an order part by part, where the whole is out of reach of exact search.

A part is a run of consecutive steps around the bottleneck; the states at its two ends stay fixed,
so it is a small least-peak problem of its own. Exact search, with a fixed share of states, lowers
the bottleneck, or proves that this part cannot, or gives up; in both of the latter cases a part
twice as long is tried, up to the whole window. The lower bound of the whole stays untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Meter
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.space import Space

if TYPE_CHECKING:
    from solver.memory import Problem
    from solver.peak.window import Window

_SMALLEST = 16  # ops
_GROWTH = 2
_FEWEST_STATES = 512  # a part may take so many, or this share of what was spent so far
_SHARE = 64


def refine(
    problem: Problem,
    window: Window,
    done: tuple[int, ...],
    *,
    bound: int,
    meter: Meter,
    rules: Rules,
) -> bool:
    """Lower the bottlenecks of the best order of a window, one after another.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    window : Window
        Its best order is improved in place.
    done : tuple of int
        Ops before the window.
    bound : int
        Stop when the peak reaches this many bytes.
    meter : Meter
        Its limits hold here as well.
    rules : Rules
        Switches of the exact search.

    Returns
    -------
    bool
        Whether the peak of the window fell.
    """
    improved = False
    states = max(_FEWEST_STATES, meter.states // _SHARE)
    size = _SMALLEST
    while window.peak > bound and size < _GROWTH * len(window.order):
        middle = window.bottleneck()
        begin = max(0, min(middle - size // 2, len(window.order) - size))
        part = window.order[begin : begin + size]
        before = (*done, *window.order[:begin])
        better = _solve_part(
            problem, before, part, window.peak - 1, meter=meter, rules=rules, states=states
        )
        if better is None:
            size *= _GROWTH
            continue
        order = [*window.order[:begin], *better, *window.order[begin + len(part) :]]
        if window.offer(order):
            improved = True
        else:  # another bottleneck as high is left: keep the order, it has one less
            window.order = order
    return improved


def _solve_part(
    problem: Problem,
    done: tuple[int, ...],
    part: list[int],
    budget: int,
    *,
    meter: Meter,
    rules: Rules,
    states: int,
) -> list[int] | None:
    """Order of the part with every step peak within ``budget``, if one is found cheaply."""
    for backward in (True, False):
        before = done if not backward else _after(problem, done, part)
        space = Space(problem, before, tuple(part), backward=backward)
        try:
            outcome = _run(Search(space, budget, meter, rules), states)
        except LimitReachedError as stop:
            if stop.limit is Limit.MEMORY:
                continue
            raise
        if isinstance(outcome, Found):
            return outcome.order
        if isinstance(outcome, Refuted):
            return None
    return None


def _run(search: Search, states: int) -> Found | Refuted | None:
    for event in search.run():
        if event is not None:
            return event
        if search.states >= states:
            return None
    return None


def _after(problem: Problem, done: tuple[int, ...], part: list[int]) -> tuple[int, ...]:
    inside = {*done, *part}
    return tuple(v for v in range(len(problem)) if v not in inside)

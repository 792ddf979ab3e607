"""From a plan of least traffic to one with offsets in the TCM.

Nearly always the plan has offsets as it is. Loads are as late and evictions as soon as its order
and its gaps of absence allow, so no stay could be shorter. If there is no room for some stay all
the same, since what is free lies in pieces, other plans are tried until one of the same traffic
has offsets:

1. the same order with other gaps of absence: each set of kept gaps that is found to clash is
   forbidden in the integer program of :mod:`solver.traffic.intervals`, which is then solved again;
2. orders nearby, one op moved at a time, of the same traffic;
3. plans for a smaller TCM, which leave some of this one free.

Of the plans that move more, the one that moves least is returned. Bounds on traffic hold for
plans with offsets too, so nothing else changes.
"""

from __future__ import annotations

import math
import random
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.traffic.clash import Clashes
from solver.traffic.intervals import best_replacement
from solver.traffic.minimize import best_residency
from solver.traffic.placement import Attempt, place
from solver.traffic.residency import (
    Residency,
    fits,
    intervals,
    plan_steps,
    read_residency,
    spilled_bytes,
)
from solver.traffic.simulate import ExternalFullError, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.model import TrafficProblem
    from solver.traffic.placement import Placement
    from solver.traffic.residency import Gap
    from solver.traffic.simulate import Move

_SECONDS = 5.0  # for everything
_AS_IT_IS = 0.3  # share of the time for the plan as it is
_SAME_ORDER, _NEARBY, _SMALLER = 0.45, 0.75, 0.95  # shares that are over at the end of each stage
_GLANCE = 0.3  # seconds for any other plan
_LEAST = 0.02  # seconds for any plan
_PATIENCE = 500  # moves in a row that lead nowhere new
_DETOUR = 3  # moves in a row to orders that do not fit
_SOLVE = 0.2  # share of the time for one smaller TCM


@dataclass(frozen=True, slots=True)
class LaidOut:
    """The best plan with offsets, if any was found, and what stopped the search for a better."""

    placement: Placement | None
    limit: Limit | None = None


def find_offsets(
    problem: TrafficProblem, steps: Sequence[Move], alignment: int, limits: Limits
) -> LaidOut:
    """Find offsets for a plan, or another plan that has some.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    steps : sequence of Move
        The best plan known.
    alignment : int
        Bytes: every offset is a multiple.
    limits : Limits
        Of these, no more time is taken than a few seconds; that these are over is no limit.
    """
    given = math.inf if limits.seconds is None else limits.seconds
    seconds = min(_SECONDS, given)
    search = _Search(problem, steps, alignment, limits, seconds)
    try:
        search.run()
    except LimitReachedError as stop:
        is_own = stop.limit is Limit.TIME and seconds < given
        return LaidOut(search.best, None if is_own else stop.limit)
    except KeyboardInterrupt:
        return LaidOut(search.best, Limit.INTERRUPT)
    return LaidOut(search.best)


class _StageOverError(Exception):
    pass


class _Search:
    """Plans tried so far; ``best`` has offsets and moves the least."""

    def __init__(
        self,
        problem: TrafficProblem,
        steps: Sequence[Move],
        alignment: int,
        limits: Limits,
        seconds: float,
    ) -> None:
        self.best: Placement | None = None
        self._problem = problem
        self._steps = steps
        self._alignment = alignment
        self._meter = Meter(replace(limits, seconds=seconds, nodes=None))
        self._seconds = seconds
        self._until = seconds
        self._goal = 0

    def run(self) -> None:
        """Try one plan after the other.

        Raises
        ------
        LimitReachedError
            When a limit is hit.
        """
        first = self._place(self._steps, _AS_IT_IS * self._seconds)
        if first.placement is not None:
            return
        replay = simulate(self._problem, self._steps)
        self._goal = replay.spilled
        start = read_residency(self._problem, replay)
        for share, stage in (
            (_SAME_ORDER, partial(self._try_same_order, start)),
            (_NEARBY, partial(self._try_nearby, start)),
            (_SMALLER, partial(self._try_smaller, replay.peak)),
        ):
            self._until = share * self._seconds
            with suppress(_StageOverError):
                stage()
            if self._is_met:
                return
        self._until = self._seconds
        if self.best is None:
            every = (g.gap for g in intervals(self._problem, start.order))
            self._try(Residency(start.order, frozenset(every)))
        if not first.is_refuted:
            self._place(self._steps, self._time_left)

    @property
    def _is_met(self) -> bool:
        return self.best is not None and self.best.replay.spilled <= self._goal

    @property
    def _time_left(self) -> float:
        """Seconds of the stage, a few at least."""
        return max(_LEAST, self._until - self._meter.seconds)

    def _check(self) -> None:
        self._meter.check()
        if self._meter.seconds > self._until:
            raise _StageOverError

    def _improves(self, residency: Residency) -> bool:
        best = self.best
        return best is None or spilled_bytes(self._problem, residency) < best.replay.spilled

    def _try(self, residency: Residency, seconds: float = _GLANCE) -> Attempt:
        self._check()
        return self._place(plan_steps(self._problem, residency), min(seconds, self._time_left))

    def _place(self, steps: Sequence[Move], seconds: float) -> Attempt:
        limits = replace(self._meter.limits, seconds=seconds)
        try:
            attempt = place(self._problem, steps, self._alignment, limits)
        except ExternalFullError:
            return Attempt(None)
        found = attempt.placement
        if found is not None and (
            self.best is None or found.replay.spilled < self.best.replay.spilled
        ):
            self.best = found
        return attempt

    # The same order.

    def _try_same_order(self, plan: Residency) -> None:
        """Find the plan that moves least of those with the order of one that failed."""
        order = plan.order
        clashes = Clashes(self._problem, order, self._alignment, self._check)
        known: list[frozenset[Gap]] = []
        while True:
            new = clashes.proven(plan.absent) or [clashes.supposed(plan.absent)]
            if not all(new):
                return
            known += new
            dropped = (min(clash, key=self._size) for clash in new)
            self._try(Residency(order, plan.absent.union(dropped)))
            found = best_replacement(self._problem, order, self._time_left, known)
            if found is None or not self._improves(found):
                return
            plan = found
            if self._try(plan).placement is not None:
                return

    def _size(self, gap: Gap) -> int:
        return self._problem.buffers[gap[0]].size

    # Other orders.

    def _try_nearby(self, here: Residency) -> None:
        """Walk from order to order with the same gaps of absence, where something clashes."""
        rng = random.Random(0)
        while True:
            clashes = Clashes(self._problem, here.order, self._alignment, self._check)
            windows = clashes.windows(here.absent)
            if not windows:
                break
            whole = (0, len(here.order))
            found = self._walk(here, windows[0], rng) or self._walk(here, whole, rng)
            if found is None:
                return
            here = found
        self._try(here)

    def _walk(
        self, here: Residency, window: tuple[int, int], rng: random.Random
    ) -> Residency | None:
        """Move ops of a window, on detours that do not fit, until nothing in it clashes."""
        problem, known = self._problem, {here.order}
        there, detour, idle = here, 0, 0
        while idle < _PATIENCE:
            self._check()
            idle += 1
            order = _moved(problem, there.order, window, rng)
            if order == there.order:
                continue
            there = Residency(order, here.absent)
            is_dearer = spilled_bytes(problem, there) > self._goal
            if not is_dearer and fits(problem, there):
                here, detour = there, 0
                if order not in known:
                    known.add(order)
                    idle = 0
                    clashes = Clashes(problem, order, self._alignment, self._check)
                    if not clashes.is_refuted(window, here.absent):
                        return here
            elif is_dearer or detour == _DETOUR:
                there, detour = here, 0
            else:
                detour += 1
        return None

    def _try_smaller(self, peak: int) -> None:
        """Solve for smaller and smaller TCMs until the plan has offsets in this one."""
        least = self._problem.least_capacity
        drop = max(1, math.gcd(*(b.size for b in self._problem.buffers)))
        while peak > least:
            smaller = replace(self._problem, capacity=max(least, peak - drop))
            self._check()
            seconds = max(_LEAST, min(_SOLVE * self._seconds, self._time_left))
            limits = replace(self._meter.limits, seconds=seconds)
            plan, limit = best_residency(smaller, limits)
            if limit is Limit.INTERRUPT:
                raise KeyboardInterrupt
            if plan is None:
                return
            if self._improves(plan):
                if self._try(plan).placement is None:
                    self._try_same_order(plan)
            elif limit is None:
                return  # smaller ones only cost more
            peak = simulate(smaller, plan_steps(smaller, plan)).peak
            drop *= 2


def _moved(
    problem: TrafficProblem, order: Sequence[int], window: tuple[int, int], rng: random.Random
) -> tuple[int, ...]:
    """Move one op of a window to another place in it, between its predecessors and successors."""
    begin, end = window
    at = rng.randrange(begin, end)
    inside = [*order[begin:at], *order[at + 1 : end]]
    v = order[at]
    before, after = set(problem.predecessors[v]), set(problem.successors[v])
    first = max((i + 1 for i, w in enumerate(inside) if w in before), default=0)
    last = min((i for i, w in enumerate(inside) if w in after), default=len(inside))
    to = rng.randint(first, last)
    return (*order[:begin], *inside[:to], v, *inside[to:], *order[end:])

"""From a plan of least traffic to one with offsets in the TCM.

Nearly always the plan has offsets as it is. Loads are as late and evictions as soon as its order
and its gaps of absence allow, so no stay could be shorter. If none are found all the same, as what
is free lies in pieces, other plans are tried until one of the same traffic has some:

1. the same plan window by window (:mod:`solver.traffic.rolling`), less what finds no room;
2. the same order with other gaps of absence: each set of kept gaps that is found to clash is
   forbidden in the integer program of :mod:`solver.traffic.intervals`, which is then solved again;
3. orders nearby, one op moved at a time, of the same traffic;
4. plans for a smaller TCM, which leave some of this one free.

Of the plans found that move more, the one that moves least is returned. Bounds on traffic hold for
plans with offsets too, so nothing else changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from solver.arena.pack import Packers
from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.traffic.clash import Clashes
from solver.traffic.intervals import best_replacement
from solver.traffic.minimize import best_residency
from solver.traffic.nearby import Walk
from solver.traffic.placement import Attempt, place
from solver.traffic.residency import (
    Residency,
    plan_steps,
    read_residency,
    room,
    spilled_bytes,
)
from solver.traffic.rolling import Rolling
from solver.traffic.simulate import ExternalFullError, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.traffic.model import TrafficProblem
    from solver.traffic.placement import Placement
    from solver.traffic.residency import Gap
    from solver.traffic.simulate import Move

_SECONDS = 6.0  # for everything
_AS_IT_IS = 0.5  # seconds for the plan as it is, at first
_AT_FIRST = 0.25  # share of the time for that
_ROLLING, _SAME_ORDER, _NEARBY, _SMALLER = 0.65, 0.75, 0.85, 0.97  # shares at the end of each stage
#: Steps settled at a time, steps looked at, and what may be used beside first fit.
_PASSES = (
    (8, 16, Packers(canonical=False, omnimalloc=False, cpsat=False)),
    *((stride, width, Packers()) for stride, width in ((16, 32), (16, 48), (24, 48), (12, 48))),
)
_GLANCE = 0.6  # seconds for any other plan
_LEAST = 0.02  # seconds for any plan
_NEVER = 2**62
_SOLVE = 0.2  # share of the time for one smaller TCM
_FEW_OPS = 200  # of a network for which the whole problem is solved again for a smaller TCM


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
    limit: Limit | None
    try:
        search.run()
    except LimitReachedError as stop:
        limit = stop.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    else:
        limit = Limit.TIME if search.is_cut else None
    is_own = limit is Limit.TIME and seconds < given
    return LaidOut(search.best, None if is_own else limit)


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
        self.is_cut = False  # for want of time
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
        first = self._place(self._steps, min(_AS_IT_IS, _AT_FIRST * self._seconds))
        if first.placement is not None:
            return
        replay = simulate(self._problem, self._steps)
        self._goal = replay.spilled
        start = read_residency(self._problem, replay)
        for share, stage in (
            (_SMALLER, partial(self._try_windows, start, _PASSES[:1])),
            (
                _ROLLING,
                partial(self._try_windows, start, _PASSES[1 : 2 if first.is_refuted else None]),
            ),
            (_SAME_ORDER, partial(self._try_same_order, start)),
            (_NEARBY, partial(self._try_nearby, start)),
            (_SMALLER, partial(self._try_smaller, start, replay.peak)),
        ):
            self._until = share * self._seconds
            try:
                stage()
            except _StageOverError:
                self.is_cut = True
            if self._is_met:
                return
        self._until = self._seconds
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

    def _try(self, residency: Residency) -> Attempt:
        self._check()
        return self._place(plan_steps(self._problem, residency), min(_GLANCE, self._time_left))

    def _place(
        self, steps: Sequence[Move], seconds: float, offsets: Sequence[int] | None = None
    ) -> Attempt:
        limits = replace(self._meter.limits, seconds=seconds)
        try:
            attempt = place(self._problem, steps, self._alignment, limits, offsets)
        except ExternalFullError:
            return Attempt(None)
        found = attempt.placement
        if found is not None and (
            self.best is None or found.replay.spilled < self.best.replay.spilled
        ):
            self.best = found
        return attempt

    # The same order.

    def _try_windows(self, plan: Residency, passes: Iterable[tuple[int, int, Packers]]) -> None:
        """Keep as much of a plan as finds room, window by window."""
        for stride, width, packers in passes:
            if not self._improves(plan):
                return
            spilled = spilled_bytes(self._problem, plan)
            most = _NEVER if self.best is None else self.best.replay.spilled - spilled
            rolling = Rolling(
                self._problem, plan, self._alignment, self._check, stride, width, most, packers
            )
            if rolling.run():
                steps = plan_steps(self._problem, rolling.residency)
                try:
                    offsets = rolling.offsets_of(simulate(self._problem, steps))
                except ExternalFullError:
                    return
                self._place(steps, self._time_left, offsets)

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
        """Move ops where something clashes, with the same gaps of absence, until nothing does."""
        walk = Walk(self._problem, self._alignment, self._goal, self._check)
        while True:
            windows = walk.clashes(here.order).windows(here.absent)
            if not windows:
                break
            whole = (0, len(here.order))
            found = walk.from_plan(here, windows[0]) or walk.from_plan(here, whole)
            if found is None:
                return
            here = found
        self._try(here)

    def _try_smaller(self, start: Residency, peak: int) -> None:
        """Place plans for smaller and smaller TCMs, until they move too much themselves."""
        least = self._problem.least_capacity
        drop = max(1, math.gcd(*(b.size for b in self._problem.buffers)))
        while peak > least:
            self._check()
            smaller = replace(self._problem, capacity=max(least, peak - drop))
            plan = self._solve(smaller, start.order)
            if plan is None or not self._improves(plan):
                return
            if self._try(plan).placement is None:
                self._try_windows(plan, _PASSES[1:3])
                self._try_same_order(plan)
            peak = max(room(smaller, plan))
            drop *= 2

    def _solve(self, smaller: TrafficProblem, order: Sequence[int]) -> Residency | None:
        """Solve for a smaller TCM; large networks in the order they have."""
        seconds = min(_SOLVE * self._seconds, self._time_left)
        if len(smaller) > _FEW_OPS:
            return best_replacement(smaller, order, seconds)
        plan, limit = best_residency(smaller, replace(self._meter.limits, seconds=seconds))
        if limit is Limit.INTERRUPT:
            raise KeyboardInterrupt
        return plan

"""SERENITY's scheduler: dynamic programming with adaptive soft budgeting.

Source: Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of Irregularly Wired Neural Networks
for Edge Devices" (MLSys 2020), section 3.1 (dynamic programming over zero-indegree sets,
Algorithm 1) and section 3.2 (divide and conquer at single-node cuts; adaptive soft budgeting,
Algorithm 2). Identity graph rewriting (section 3.3) changes the network and is not part of it.
There is no public code; this follows the paper, in Python, without any of our own pruning.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from solver.peak.heuristics import kahn_order
from solver.peak.space import Space, bits
from solver.peak.split import boundaries

if TYPE_CHECKING:
    from solver.limits import Meter
    from solver.memory import Problem

_STEP_SECONDS = 1.0  # the paper's T: what one step of one search may take


class _Flag(Enum):
    NO_SOLUTION = auto()
    TIMEOUT = auto()


@dataclass(frozen=True, slots=True)
class _Partial:
    """The best schedule known for one zero-indegree set."""

    peak: int
    memory: int
    state: int
    op: int
    back: _Partial | None


def serenity_order(
    problem: Problem, meter: Meter, step_seconds: float = _STEP_SECONDS
) -> list[int]:
    """Order of least peak memory, as SERENITY finds it.

    Parameters
    ----------
    problem : Problem
        What to schedule.
    meter : Meter
        Limits of the whole run.
    step_seconds : float
        Seconds that one step of a search (one more op scheduled) may take before the soft budget
        is lowered.

    Raises
    ------
    LimitReachedError
        When a limit is hit; there is no order then.
    """
    whole = kahn_order(problem)
    profile = problem.replay(whole)
    live = (profile.live_before, *profile.live_after)
    order: list[int] = []
    for begin, end in itertools.pairwise(boundaries(problem, whole)):
        space = Space(problem, whole[:begin], whole[begin:end], start_memory=live[begin])
        hard_budget = max(live[begin], *profile.step_peaks[begin:end])
        order += _budgeted(space, hard_budget, step_seconds, meter)
    return order


def _budgeted(space: Space, hard_budget: int, step_seconds: float, meter: Meter) -> list[int]:
    """Find a soft budget that is small enough for speed and large enough for a solution.

    Algorithm 2 begins with the peak of Kahn's order, halves on a timeout and goes back half of the
    way when there is no solution. Here that is a bisection between the largest budget without a
    solution and the smallest that timed out; where these meet, which the paper leaves open,
    a step gets twice the time.
    """
    too_small, too_large, budget = -1, hard_budget + 1, hard_budget
    while True:
        found = _schedule(space, budget, step_seconds, meter)
        if isinstance(found, list):
            return found
        if found is _Flag.TIMEOUT:
            too_large = budget
        else:
            too_small = budget
        if too_large - too_small <= 1:
            too_large, step_seconds = hard_budget + 1, 2 * step_seconds
        budget = (too_small + too_large) // 2


def _schedule(space: Space, budget: int, step_seconds: float, meter: Meter) -> list[int] | _Flag:
    """Extend, op by op, the best schedule of every zero-indegree set, dropping those over budget.

    A zero-indegree set stands for the ops scheduled so far, so memory is a function of it, and
    only the schedule of least peak need be kept (Algorithm 1).
    """
    start = _Partial(space.start_memory, space.start_memory, 0, -1, None)
    level = {space.ready(0): start}
    for _ in space.ops:
        deadline = time.monotonic() + step_seconds
        reached: dict[int, _Partial] = {}
        for ready, partial in level.items():
            meter.tick_heuristic()
            if time.monotonic() > deadline:
                return _Flag.TIMEOUT
            for i in bits(ready):
                rise, net = space.effect(i, partial.state)
                peak = max(partial.peak, partial.memory + rise)
                if peak > budget:
                    continue
                state = partial.state | 1 << i
                new_ready = space.ready_after(i, state, ready)
                known = reached.get(new_ready)
                if known is None or peak < known.peak:
                    new = _Partial(peak, partial.memory + net, state, i, partial)
                    reached[new_ready] = new
        if not reached:
            return _Flag.NO_SOLUTION
        level = reached
    (last,) = level.values()
    return space.order(reversed(_path(last)))


def _path(partial: _Partial) -> list[int]:
    """Window ops of a schedule, last first."""
    path: list[int] = []
    while partial.back is not None:
        path.append(partial.op)
        partial = partial.back
    return path

"""Which segments to solve, and how large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.traffic.residency import spilled_bytes
from solver.traffic.search import Search
from solver.traffic.segments.cut import Segment, Timetable
from solver.traffic.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.limits import Meter
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Residency
    from solver.traffic.rules import Rules

_FIRST, _LARGEST = 24, 128  # ops of a segment
_STATES = 2**14  # of the search of a segment


class Splitter:
    """Improves a plan segment by segment, until nothing is found any more.

    Parameters
    ----------
    problem : TrafficProblem
        The whole network, in resident mode and without a cap on external memory.
    meter : Meter
        Limits and observer.
    rules : Rules
        Of the search.
    offer : callable
        Given a better plan, tells what to go on from.
    """

    def __init__(
        self,
        problem: TrafficProblem,
        meter: Meter,
        rules: Rules,
        offer: Callable[[Residency], Residency],
    ) -> None:
        self._problem = problem
        self._meter = meter
        self._rules = rules
        self._offer = offer
        self._settled: set[TrafficProblem] = set()  # parts with no better plan
        self._size = _FIRST

    def run(self, plan: Residency, states: int, until: float) -> None:
        """Improve a plan for about so many states, until so many seconds of the meter at most.

        A pass over the network that finds nothing is followed by one with larger segments, unless
        it could not solve any. A later call goes on with the size that an earlier one ended with.

        Raises
        ------
        LimitReachedError
            When a limit is hit. What was offered before is not lost.
        """
        most = self._meter.states + states
        while self._size <= _LARGEST:
            improved = solved = False
            timetable = Timetable(self._problem, plan)
            size = self._size
            end = len(self._problem)
            while end > 0:
                if self._meter.states >= most or self._meter.seconds >= until:
                    return
                self._meter.check()
                found, is_solved = self._solve(timetable, max(0, end - size), end, until)
                solved |= is_solved
                if found is not None:
                    improved = True
                    timetable = Timetable(self._problem, found)
                end = 0 if end <= size else end - size // 2
            if improved:
                plan = self._offer(timetable.plan)
            elif solved and size < len(self._problem):
                self._size = size * 3 // 2
            else:
                return

    def _solve(
        self, timetable: Timetable, begin: int, end: int, until: float
    ) -> tuple[Residency | None, bool]:
        """Return a plan that is better in a segment, and whether the segment has been solved."""
        segment = Segment(self._problem, timetable, begin, end)
        part = segment.part
        if part is None or part in self._settled:
            return None, part is not None
        spilled = spilled_bytes(part, segment.plan)
        if not spilled:
            return None, True
        search = Search(Space(part), self._meter, spilled, self._rules)
        found = search.run(states=_STATES, until=until)
        if found is None:
            if search.is_done:
                self._settled.add(part)
            return None, search.is_done
        plan = segment.whole(found)
        return plan, search.is_done

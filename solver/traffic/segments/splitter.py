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

_FIRST, _LARGEST = 24, 256  # ops of a segment
_STATES = 2**13  # of the search of a segment
_WIDTH, _WIDEST = 100, 3000  # of the beam where that does not settle it


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
        Is given each better plan.
    polish : callable
        Is given the best of them after a pass over the network, and tells what to go on from.
    """

    def __init__(
        self,
        problem: TrafficProblem,
        meter: Meter,
        rules: Rules,
        offer: Callable[[Residency], object],
        polish: Callable[[Residency], Residency],
    ) -> None:
        self._problem = problem
        self._meter = meter
        self._rules = rules
        self._offer = offer
        self._polish = polish
        self._settled: set[TrafficProblem] = set()  # parts with no better plan
        self._size = _FIRST
        self._width = _WIDTH

    def run(self, plan: Residency, states: int, until: float) -> None:
        """Improve a plan for about so many states, until so many seconds of the meter at most.

        A pass over the network that finds nothing is followed by one with larger segments, and
        after the largest by one with small segments and a wider beam. A later call goes on with the
        size and the width that an earlier one ended with.

        Raises
        ------
        LimitReachedError
            When a limit is hit. What was offered before is not lost.
        """
        most = self._meter.states + states
        while self._width <= _WIDEST:
            improved = False
            timetable = Timetable(self._problem, plan)
            size = self._size
            end = len(self._problem)
            while end > 0:
                if self._meter.states >= most or self._meter.seconds >= until:
                    return
                self._meter.check()
                found = self._solve(timetable, max(0, end - size), end, until)
                if found is not None:
                    improved = True
                    self._offer(found)
                    timetable = Timetable(self._problem, found)
                end = 0 if end <= size else end - size // 2
            if improved:
                plan = self._polish(timetable.plan)
            elif size < min(_LARGEST, len(self._problem)):
                self._size = size * 3 // 2
            else:
                self._size, self._width = _FIRST, 3 * self._width

    def _solve(self, timetable: Timetable, begin: int, end: int, until: float) -> Residency | None:
        """Return a plan that is better in a segment; None if none was found."""
        segment = Segment(self._problem, timetable, begin, end)
        part = segment.part
        if part is None or part in self._settled:
            return None
        spilled = spilled_bytes(part, segment.plan)
        if not spilled:
            return None
        space = Space(part)
        search = Search(space, self._meter, spilled, self._rules)
        found = search.run(states=_STATES, until=until)
        if not search.is_done:
            beam = Search(space, self._meter, spilled, self._rules, width=self._width)
            found = beam.run(until=until)
        elif found is None:
            self._settled.add(part)
        return None if found is None else segment.whole(found)

"""A ladder of sketches, each finer than the one before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from solver.limits import Limit, LimitReachedError
from solver.traffic.kernel import NativeExplorer, NativeSketch
from solver.traffic.rules import Event, Rules, Sketch
from solver.traffic.sketch import PythonSketch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from solver.limits import Meter
    from solver.traffic.space import Space

_LEAST = 8  # exact buffers of the coarsest sketch, if sizes allow
_GROWTH = 2
_WAIVED = (0.9, 0.5, 0.25)  # shares of the TCM
_MOST_TIME = 0.1  # of what is left
_SLICE = 2**10


class Rung(NamedTuple):
    """How many of the largest buffers a sketch tells apart, and the bytes it waives."""

    exact: int
    waived: int


def rungs(space: Space) -> list[list[Rung]]:
    """List the sketches to search: for less and less waived, with more and more exact buffers.

    Buffers of one size go together. If all are of about one size there is a single sketch: a finer
    one would be as hard as the search itself.
    """
    count = len(space.size)
    steps: list[int] = []
    for exact in range(1, count):
        if space.size[exact] < space.size[exact - 1] and _GROWTH * exact <= count:
            wanted = _GROWTH * steps[-1] if steps else _LEAST
            if exact >= wanted:
                steps.append(exact)
    shares = _WAIVED if steps else _WAIVED[:1]
    steps.append(count)
    return [[Rung(exact, int(share * space.capacity)) for exact in steps] for share in shares]


class Ladder:
    """Sketches of a space, searched further and further.

    Parameters
    ----------
    space : Space
        The whole problem, in resident mode.
    meter : Meter
        Limits and observer.
    rules : Rules
        Of the search that the sketches are for.

    Attributes
    ----------
    rows : int
        How many rows of sketches there are; the first waives most.
    """

    def __init__(self, space: Space, meter: Meter, rules: Rules) -> None:
        self._space = space
        self._meter = meter
        self._rules = rules
        self._rows = rungs(space)
        self.rows = len(self._rows)
        self._sketches: dict[Rung, Sketch] = {}
        self._done: set[Rung] = set()

    @property
    def best(self) -> Sketch | None:
        """The sketch of highest bound, the finest of several."""
        return max(reversed(self._sketches.values()), key=lambda s: s.bound, default=None)

    def is_done(self, row: int) -> bool:
        """Whether all sketches up to a row have been searched to their ends."""
        return all(rung in self._done for each in self._rows[: row + 1] for rung in each)

    def climb(
        self,
        row: int,
        states: int,
        upper: Callable[[], int],
        on_bound: Callable[[int], None],
    ) -> Iterator[list[int]]:
        """Search the sketches of a row up to so many states each; yield the orders they find.

        No finer sketch of a row is searched before the coarser one has ended.

        Parameters
        ----------
        row : int
            Which row. The one before has been searched before.
        states : int
            States of each sketch, those of earlier calls included.
        upper : callable
            Tells the bytes below which costs are of interest.
        on_bound : callable
            Told about bounds.

        Raises
        ------
        LimitReachedError
            When a limit is hit, after ``on_bound`` was told.
        """
        sketch = self._sketches[self._rows[row - 1][0]] if row else None
        for rung in self._rows[row]:
            if rung not in self._sketches:
                self._sketches[rung] = self._make(upper(), rung, sketch)
            sketch = self._sketches[rung]
            if rung in self._done:
                continue
            event = self._explore(sketch, states, on_bound)
            if event in (Event.SLICE, Event.STUCK):
                return
            self._done.add(rung)
            if event is Event.FOUND:
                yield [self._space.ops[i] for i in reversed(sketch.order())]

    def _make(self, upper: int, rung: Rung, coarser: Sketch | None) -> Sketch:
        """Return a sketch, compiled if the search will be; the same as its coarser one."""
        if NativeExplorer.fits(self._space, self._rules):
            assert coarser is None or isinstance(coarser, NativeSketch)
            return NativeSketch(self._space, upper, *rung, coarser)
        assert coarser is None or isinstance(coarser, PythonSketch)
        return PythonSketch(self._space, upper, *rung, coarser)

    def _explore(self, sketch: Sketch, states: int, on_bound: Callable[[int], None]) -> Event:
        """Search a sketch for its share."""
        meter, until = self._meter, share_of(self._meter)

        def check() -> bool:
            meter.check()
            return meter.seconds >= until

        while sketch.states < states and meter.seconds < until:
            before = sketch.states
            event = sketch.advance(meter.allowance(_SLICE), meter.memory_left(), check)
            on_bound(sketch.bound)
            meter.add(sketch.states - before)
            if event is Event.NO_MEMORY:
                raise LimitReachedError(Limit.MEMORY)
            if event is not Event.SLICE:
                return event
        return Event.SLICE


def share_of(meter: Meter) -> float:
    """Tell when something that need not end has to stop, in seconds of the meter."""
    if meter.limits.seconds is None:
        return math.inf
    return meter.seconds + _MOST_TIME * (meter.limits.seconds - meter.seconds)

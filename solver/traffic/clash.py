"""Which gaps cannot all be kept in a given order: there is room for their bytes, but in pieces.

The question is asked of windows of the order, narrow ones first. What lies in a window has to be
placed there in any case, so if it cannot be, nor can the whole.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from solver.arena.blocks import Block
from solver.limits import Limits
from solver.traffic.model import Mode
from solver.traffic.placement import fit, instance_within, whole_units
from solver.traffic.residency import intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from solver.arena.layout import Instance
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Gap

_NARROWEST = 8  # ops in a window
_SECONDS = 0.2  # for one question


class _Verdict(NamedTuple):
    fits: bool
    is_refuted: bool


class _Window(NamedTuple):
    """Ops of an order from ``start`` to ``end``, gaps that reach into them, buffers of either."""

    start: int
    end: int
    gaps: list[Gap]
    buffers: list[int]


class Clashes:
    """Looks for sets of gaps that clash in one order.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    order : sequence of int
        Ops.
    alignment : int
        Bytes.
    check : callable
        Called now and then; what it raises ends the search.
    """

    def __init__(
        self,
        problem: TrafficProblem,
        order: Sequence[int],
        alignment: int,
        check: Callable[[], None],
    ) -> None:
        self._problem = problem
        self._order = order
        self._alignment = alignment
        self._check = check
        step = {v: i for i, v in enumerate(order)}
        self._uses = [sorted(step[v] for v in b.users) for b in problem.buffers]
        self._gaps = sorted(intervals(problem, order), key=lambda g: g.begin + g.end)
        self._every = frozenset(g.gap for g in self._gaps)

    def proven(self, absent: AbstractSet[Gap]) -> list[frozenset[Gap]]:
        """Return sets of kept gaps that are proven to clash; none if none were found."""
        return [
            self._narrow(self._window(*window), absent, proven=True)
            for window in self.windows(absent)
        ]

    def windows(self, absent: AbstractSet[Gap]) -> list[tuple[int, int]]:
        """Return disjoint windows, the narrowest in which something is proven to clash."""
        width, count = _NARROWEST, len(self._order)
        while True:
            found: list[tuple[int, int]] = []
            start = 0
            while start < count:
                window = start, min(count, start + width)
                if self.is_refuted(window, absent):
                    found.append(window)
                    start += width
                else:
                    start += width // 2
            if found or width >= count:
                return found
            width *= 2

    def is_refuted(self, window: tuple[int, int], absent: AbstractSet[Gap]) -> bool:
        """Tell whether it is proven that something clashes within a window."""
        return self._ask(self._window(*window), absent).is_refuted

    def supposed(self, absent: AbstractSet[Gap]) -> frozenset[Gap]:
        """Return kept gaps for which no room is found at once."""
        return self._narrow(self._window(0, len(self._order)), absent, proven=False)

    def _narrow(self, window: _Window, absent: AbstractSet[Gap], *, proven: bool) -> frozenset[Gap]:
        """Leave out gaps without which the others clash all the same."""
        core = [gap for gap in window.gaps if gap not in absent]
        size = len(core)
        while size > 1:
            size = -(-size // 2)
            for first in reversed(range(0, len(core), size)):
                fewer = core[:first] + core[first + size :]
                verdict = self._ask(window, self._every.difference(fewer))
                if verdict.is_refuted or not (proven or verdict.fits):
                    core = fewer
        return frozenset(core)

    def _ask(self, window: _Window, absent: AbstractSet[Gap]) -> _Verdict:
        self._check()
        room = whole_units(self._problem, self._alignment)
        packed = fit(self._instance(window, absent), room, Limits(seconds=_SECONDS))
        return _Verdict(packed.height <= room, packed.lower_bound > room)

    def _window(self, start: int, end: int) -> _Window:
        across = [g for g in self._gaps if g.begin < end and start <= g.end]
        touched = {b for v in self._order[start:end] for b in self._problem.touched[v]}
        return _Window(
            start,
            end,
            [g.gap for g in across],
            sorted(touched.union(g.buffer for g in across)),
        )

    def _instance(self, window: _Window, absent: AbstractSet[Gap]) -> Instance:
        """State what is in the TCM in a window; a step for each op."""
        first, last = window.start, window.end
        blocks = [
            Block(buffer.name, buffer.size, max(begin, first), min(end, last), b)
            for b in window.buffers
            for buffer in (self._problem.buffers[b],)
            for begin, end in self._stays(b, absent)
            if begin < last and first < end
        ]
        runs = [(self._order[step], step) for step in range(first, last)]
        return instance_within(self._problem, self._alignment, blocks, runs)

    def _stays(self, b: int, absent: AbstractSet[Gap]) -> Iterator[tuple[int, int]]:
        """Yield half-open ranges of ops for which a buffer is in the TCM."""
        uses = self._uses[b]
        begin = uses[0]
        for here, there in itertools.pairwise((*uses, -1)):
            if there >= 0 and (b, self._order[here]) not in absent:
                continue
            if here > begin or self._problem.mode is Mode.RESIDENT:
                yield begin, here + 1
            begin = there

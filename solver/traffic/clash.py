"""Which gaps cannot all be kept in a given order: there is room for their bytes, but in pieces.

The question is asked of windows of the order, narrow ones first. What lies in a window has to be
placed there in any case, so if it cannot be, nor can the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from solver.limits import Limits
from solver.traffic.placement import fit, whole_units
from solver.traffic.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Gap
    from solver.traffic.timeline import Window

_NARROWEST = 16  # ops in a window
_SECONDS = 0.2  # for one question


class _Verdict(NamedTuple):
    fits: bool
    is_refuted: bool


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
        self._room = whole_units(problem, alignment)
        self._timeline = Timeline(problem, order, alignment)
        self._every = frozenset(g.gap for g in self._timeline.gaps)
        self._check = check

    def proven(self, absent: AbstractSet[Gap]) -> list[frozenset[Gap]]:
        """Return sets of kept gaps that are proven to clash; none if none were found."""
        return [
            self._narrow(self._timeline.window(*window), absent, proven=True)
            for window in self.windows(absent)
        ]

    def windows(self, absent: AbstractSet[Gap]) -> list[tuple[int, int]]:
        """Return disjoint windows, the narrowest in which something is proven to clash."""
        width, count = _NARROWEST, len(self._timeline.order)
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
        return self._ask(self._timeline.window(*window), absent).is_refuted

    def supposed(self, absent: AbstractSet[Gap]) -> frozenset[Gap]:
        """Return kept gaps for which no room is found at once."""
        return self._narrow(
            self._timeline.window(0, len(self._timeline.order)), absent, proven=False
        )

    def _narrow(self, window: Window, absent: AbstractSet[Gap], *, proven: bool) -> frozenset[Gap]:
        """Leave out gaps without which the others clash all the same."""
        core = [gap.gap for gap in window.gaps if gap.gap not in absent]
        size = len(core)
        while size > 1:
            size = -(-size // 2)
            for first in reversed(range(0, len(core), size)):
                fewer = core[:first] + core[first + size :]
                verdict = self._ask(window, self._every.difference(fewer))
                if verdict.is_refuted or not (proven or verdict.fits):
                    core = fewer
        return frozenset(core)

    def _ask(self, window: Window, absent: AbstractSet[Gap]) -> _Verdict:
        self._check()
        instance, _ = self._timeline.instance(window, absent)
        packed = fit(instance, self._room, Limits(seconds=_SECONDS))
        return _Verdict(packed.height <= self._room, packed.lower_bound > self._room)

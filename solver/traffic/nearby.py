"""Orders near one that has no offsets: one op moved at a time, for the same traffic."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.traffic.clash import Clashes
from solver.traffic.residency import Residency, fits, spilled_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.traffic.model import TrafficProblem

_PATIENCE = 500  # moves in a row that lead nowhere new
_DETOUR = 3  # moves in a row to orders that do not fit


@dataclass(slots=True)
class Walk:
    """A random walk over orders, with the gaps of absence that a plan has.

    Attributes
    ----------
    problem : TrafficProblem
        No op may be oversized.
    alignment : int
        Bytes.
    goal : int
        Spilled bytes that no plan on the way may exceed.
    check : callable
        Called now and then; what it raises ends the walk.
    """

    problem: TrafficProblem
    alignment: int
    goal: int
    check: Callable[[], None]
    _rng: random.Random = field(default_factory=lambda: random.Random(0))

    def clashes(self, order: Sequence[int]) -> Clashes:
        """Return what looks for clashes in an order."""
        return Clashes(self.problem, order, self.alignment, self.check)

    def from_plan(self, here: Residency, window: tuple[int, int]) -> Residency | None:
        """Move ops of a window, on detours that do not fit, until no clash in it is proven."""
        known = {here.order}
        there, detour, idle = here, 0, 0
        while idle < _PATIENCE:
            self.check()
            idle += 1
            order = self._moved(there.order, window)
            if order == there.order:
                continue
            there = Residency(order, here.absent)
            is_dearer = spilled_bytes(self.problem, there) > self.goal
            if not is_dearer and fits(self.problem, there):
                here, detour = there, 0
                if order not in known:
                    known.add(order)
                    idle = 0
                    if not self.clashes(order).is_refuted(window, here.absent):
                        return here
            elif is_dearer or detour == _DETOUR:
                there, detour = here, 0
            else:
                detour += 1
        return None

    def _moved(self, order: Sequence[int], window: tuple[int, int]) -> tuple[int, ...]:
        """Move one op of a window to a place in it between its predecessors and successors."""
        begin, end = window
        at = self._rng.randrange(begin, end)
        inside = [*order[begin:at], *order[at + 1 : end]]
        v = order[at]
        before = set(self.problem.predecessors[v])
        after = set(self.problem.successors[v])
        first = max((i + 1 for i, w in enumerate(inside) if w in before), default=0)
        last = min((i for i, w in enumerate(inside) if w in after), default=len(inside))
        to = self._rng.randint(first, last)
        return (*order[:begin], *inside[:to], v, *inside[to:], *order[end:])

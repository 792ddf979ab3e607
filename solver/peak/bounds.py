"""Lower bounds on the peak by minimum cut.

Whatever the order, when op ``v`` runs the state contains all ancestors of ``v`` and no descendant.
The least step peak of ``v`` over all such states is a minimum cut, and the largest of these over
all ops bounds every order from below.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.peak.flow import Cheapest, cheapest_state
from solver.peak.space import Room, Space, bits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.limits import Meter

_REUSE_CHOICES = 16
_DIGITS = bytes.maketrans(b"\0\1", b"01")


@dataclass(frozen=True, slots=True)
class OpBound:
    """At least ``bound`` bytes are in use whenever ``op`` (a problem op) runs.

    ``before`` holds the problem ops executed before it in a cheapest state.
    """

    bound: int
    op: int
    before: frozenset[int]


class CutBounds:
    """Least step peaks of single ops over all states of a (forward) space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._before = [tuple(bits(need)) for need in space.need]

    def _sides(self, op: int) -> tuple[int, int]:
        """Masks of what precedes ``op`` in every order, and of ``op`` with what follows it."""
        return _reach(op, self._before) & ~(1 << op), _reach(op, self._space.follow)

    def cut(self, op: int) -> OpBound:
        """Least step peak of window op ``op`` and a state that attains it."""
        space = self._space
        inside, outside = self._sides(op)
        rooms = [
            replace(room, initial=True) if room.allocators >> op & 1 else room
            for room in space.rooms.values()
        ]
        best: Cheapest | None = None
        for reuse_rooms, credit in self._reuse_cases(op, outside):
            found = cheapest_state(space, inside, outside, [*rooms, *reuse_rooms])
            found = Cheapest(found.cost - credit, found.state)
            if best is None or found.cost < best.cost:
                best = found
        assert best is not None
        return OpBound(
            bound=best.cost + space.constant + space.workspace[op],
            op=space.ops[op],
            before=space.done.union(space.ops[i] for i in bits(best.state)),
        )

    def _reuse_cases(self, op: int, outside: int) -> list[tuple[list[Room], int]]:
        """Ways to grant in-place credit: a room that is live unless the credit is due."""
        possible = [
            [(others, size) for others, size in choices if not others & outside]
            for choices in self._space.reuse[op].values()
        ]
        choices = list(filter(None, possible))
        if math.prod(map(len, choices)) > _REUSE_CHOICES:
            return [([], sum(max(size for _, size in c) for c in choices))]
        return [
            (
                [Room(size, 0, others, initial=True, kept=False) for others, size in case],
                sum(size for _, size in case),
            )
            for case in itertools.product(*choices)
        ]

    def best(
        self,
        ceiling: Sequence[int],
        floor: int = 0,
        on_bound: Callable[[OpBound], None] | None = None,
        meter: Meter | None = None,
    ) -> OpBound | None:
        """Largest op bound above ``floor``.

        Parameters
        ----------
        ceiling : sequence of int
            Per window op, a step peak it has in some order: its bound is no higher, so ops
            whose ceiling does not beat the best bound so far need no cut.
        floor : int
            A bound already known.
        on_bound : callable, optional
            Called with each improvement.
        meter : Meter, optional
            Checked before every cut.
        """
        best: OpBound | None = None
        for i in sorted(range(len(self._space.ops)), key=lambda i: (-ceiling[i], i)):
            if ceiling[i] <= floor:
                break
            if meter is not None:
                meter.check()
            found = self.cut(i)
            if found.bound > floor:
                best, floor = found, found.bound
                if on_bound is not None:
                    on_bound(found)
        return best


def _reach(op: int, edges: Sequence[Sequence[int]]) -> int:
    """Mask of ops reached from ``op``, itself included."""
    reached = bytearray(len(edges))
    reached[op] = 1
    stack = [op]
    while stack:
        for i in edges[stack.pop()]:
            if not reached[i]:
                reached[i] = 1
                stack.append(i)
    digits = bytes(reached).translate(_DIGITS)
    return int(digits[::-1], 2)

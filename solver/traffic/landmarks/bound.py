"""Which ops to take for landmarks, and how many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from solver.traffic.landmarks.program import ChainProgram
from solver.traffic.residency import Residency, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from solver.traffic.model import TrafficProblem

_GROWTH = 4
_MOST_PLACES = 2**17  # ops times landmarks
_LEAST_SECONDS, _MOST_SECONDS = 0.01, 10.0  # for one program


class Bound(NamedTuple):
    """Bytes that every plan spills at least, by what is absent while some ops run."""

    spilled: int
    ops: tuple[int, ...]


class Landmarks:
    """Bounds on what every plan spills, by more and more landmarks.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    order : sequence of int
        An order of low peak. Landmarks are ops beside which much is live in it; the bounds hold for
        all orders.
    """

    def __init__(self, problem: TrafficProblem, order: Sequence[int]) -> None:
        self._problem = problem
        used = room(problem, Residency(tuple(order), frozenset()))
        self._excess = {v: bytes_ - problem.capacity for v, bytes_ in zip(order, used, strict=True)}
        self._chain = self._heaviest(order)
        self._next = 1
        self._unit = math.gcd(*(b.size for b in problem.buffers)) or 1

    def bounds(self, most: int, seconds: Callable[[], float]) -> Iterator[Bound]:
        """Yield bounds, from more and more landmarks; go on where an earlier call ended.

        Parameters
        ----------
        most : int
            The most landmarks to use.
        seconds : callable
            Tells how long the next program may take.
        """
        while self._next <= most and self._next < _GROWTH * len(self._chain):
            count = min(self._next, len(self._chain))
            if count * len(self._problem) > _MOST_PLACES:
                return
            ops = self.some(count)
            program = ChainProgram(self._problem, ops, self._unit)
            found = program.bound(min(max(seconds(), _LEAST_SECONDS), _MOST_SECONDS))
            if found is None:
                return
            self._next *= _GROWTH
            yield Bound(found * self._unit, tuple(ops))

    def some(self, count: int) -> list[int]:
        """Spread so many landmarks over the chain: of each part the one of most excess."""
        chain = self._chain
        count = min(count, len(chain))
        ends = [len(chain) * i // count for i in range(count + 1)]
        parts = (chain[ends[i] : ends[i + 1]] for i in range(count))
        return [max(part, key=self._excess.__getitem__) for part in parts]

    def _heaviest(self, order: Sequence[int]) -> list[int]:
        """Return the chain of ops of positive excess with the largest sum."""
        best: list[int] = [0] * len(order)
        before: list[int] = [-1] * len(order)
        for v in order:
            for u in self._problem.predecessors[v]:
                if best[u] > best[v]:
                    best[v], before[v] = best[u], u
            best[v] += max(0, self._excess[v])
        v = max(order, key=best.__getitem__, default=-1)
        chain: list[int] = []
        while v >= 0:
            if self._excess[v] > 0:
                chain.append(v)
            v = before[v]
        return self._tops(chain[::-1])

    def _tops(self, chain: list[int]) -> list[int]:
        """Leave out ops beside which less is live than beside the one before or after."""
        heights = [0, *(self._excess[v] for v in chain), 0]
        return [v for i, v in enumerate(chain) if heights[i + 1] >= max(heights[i], heights[i + 2])]

"""Which ops to take for landmarks, and how many."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

from solver.traffic.landmarks.program import ChainProgram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from solver.traffic.model import TrafficProblem

_GROWTH = 4
_SLOWER = 8  # times as long, at most, as the program with fewer landmarks took


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
        self._excess = excess(problem, order)
        self._chain = self._heaviest(order)
        self._unit = math.gcd(*(b.size for b in problem.buffers)) or 1

    def bounds(self, clock: Callable[[], float], until: float) -> Iterator[int]:
        """Yield bounds in bytes, from more and more landmarks, while there is time for more.

        Parameters
        ----------
        clock : callable
            Tells the time in seconds.
        until : float
            When to stop, by that clock.
        """
        count = 1
        while self._chain:
            begin = clock()
            if begin >= until:
                return
            found = ChainProgram(self._problem, self.some(count), self._unit).bound(until - begin)
            if found is None:
                return
            yield found * self._unit
            now = clock()
            if count >= len(self._chain) or now + _SLOWER * (now - begin) > until:
                return
            count *= _GROWTH

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
        return chain[::-1]


def excess(problem: TrafficProblem, order: Sequence[int]) -> list[int]:
    """Bytes beyond the TCM that are live while each op runs in an order, by op."""
    step = {v: i for i, v in enumerate(order)}
    change = [0] * (len(order) + 1)
    beside = [problem.footprint(v) - problem.capacity for v in range(len(order))]
    for buffer in problem.buffers:
        steps = [step[v] for v in buffer.users]
        change[min(steps)] += buffer.size
        change[max(steps) + 1] -= buffer.size
        for v in buffer.users:
            beside[v] -= buffer.size
    for v, live in zip(order, accumulate(change), strict=False):
        beside[v] += live
    return beside

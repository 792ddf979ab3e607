"""Weights that may stay in the TCM, and the least that the others move.

The activations use so many bytes of what the weights leave as some of them add up to, beside the
workspace of some op. Between two such totals more room is of no use to them: of the choices that
leave as much, in this sense, only the one that saves most matters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.errors import InvalidModelError
from solver.traffic.knapsack import Item, Knapsack
from solver.traffic.model import streamed_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.traffic.model import TrafficProblem

_LARGEST_TOTAL = 2**60  # bytes; sums stay within 64 bits
_MOST_CELLS = 2**20  # of a table of totals


class Pinnable:
    """The weights of a network beside its activations.

    Parameters
    ----------
    graph : Graph
        The network.
    problem : TrafficProblem
        The problem of pinning, with the whole TCM.
    rules : MemoryRules
        A pinned weight takes its size, rounded up.

    Attributes
    ----------
    sizes, most : list of int
        Bytes of TCM, rising, and the most that pinning so many bytes saves; what leaves as much
        for the activations and saves less is left out.
    all : int
        Traffic of all weights if none is pinned.
    """

    def __init__(self, graph: Graph, problem: TrafficProblem, rules: MemoryRules) -> None:
        items = [
            Item(w.name, rules.aligned(w.size), streamed_bytes(w))
            for w in graph.weights
            if streamed_bytes(w)
        ]
        self.all = sum(item.saving for item in items)
        if self.all > _LARGEST_TOTAL:
            raise InvalidModelError(f"the weights move {self.all} bytes, more than any memory has")
        self._knapsack = Knapsack(items, problem.capacity - problem.largest_footprint)
        worth = _last_of_each(problem, self._knapsack.sizes)
        self.sizes = [self._knapsack.sizes[i] for i in worth]
        self.most = [self._knapsack.savings[i] for i in worth]

    def choose(self, room: int) -> tuple[Item, ...]:
        """Choose what to pin in ``room`` bytes."""
        return self._knapsack.choose(room)

    def streamed(self, room: int) -> int:
        """Traffic of the weights not chosen."""
        return self.all - self._knapsack.saving(room)

    def least_streamed(self, entry: int) -> int:
        """Traffic of the weights at least, in the room of an entry and up to that of the next."""
        return self.all - self.most[entry]


def _last_of_each(problem: TrafficProblem, sizes: Sequence[int]) -> list[int]:
    """Find the last of all entries in a row that leave the activations room for the same totals."""
    unit = math.gcd(*(b.size for b in problem.buffers)) or 1
    cells = problem.capacity // unit
    if cells > _MOST_CELLS:
        return list(range(len(sizes)))
    is_total = np.zeros(cells + 1, bool)
    is_total[0] = True
    for b in problem.buffers:
        step = b.size // unit
        if step <= cells:
            is_total[step:] = is_total[step:] | is_total[: cells + 1 - step]
    below = np.maximum.accumulate(np.where(is_total, np.arange(cells + 1), 0))
    rooms = problem.capacity - np.array(sizes, np.int64)
    is_last = np.zeros(len(sizes), bool)
    is_last[-1] = True
    for workspace in {0, *problem.workspace}:
        left = (rooms - workspace) // unit
        totals = np.where(left < 0, -1, below[np.maximum(left, 0)])
        is_last[:-1] |= totals[:-1] != totals[1:]
    return [int(i) for i in np.flatnonzero(is_last)]

"""Weights that may stay in the TCM, and the least that the others move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import InvalidModelError
from solver.traffic.knapsack import Item, Knapsack
from solver.traffic.model import streamed_bytes

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.traffic.model import TrafficProblem

_LARGEST_TOTAL = 2**60  # bytes; sums stay within 64 bits


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
        Bytes of TCM, rising, and the most that pinning so many bytes saves.
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
        self.sizes = self._knapsack.sizes
        self.most = self._knapsack.savings

    def choose(self, room: int) -> tuple[Item, ...]:
        """Choose what to pin in ``room`` bytes."""
        return self._knapsack.choose(room)

    def streamed(self, room: int) -> int:
        """Traffic of the weights not chosen."""
        return self.all - self._knapsack.saving(room)

    def least_streamed(self, entry: int) -> int:
        """Traffic of the weights at least, in the room of an entry and up to that of the next."""
        return self.all - self.most[entry]

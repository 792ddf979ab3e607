"""Which weights to pin in so much room: a 0/1 knapsack, for all sizes of room at once.

The sets of weights that no other set beats, in bytes and in savings, form a *frontier*. It is built
weight by weight, as a list while it is short (Nemhauser and Ullmann, Management Science 1969) and
as a table over all sizes once that is denser (Bellman). It is exact unless both get too long: then
sizes are rounded to a grid, down for what no choice goes beyond and up for what a choice reaches,
so that both remain true.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_MOST_CELLS = 1 << 18  # entries of a list; a table may have _DENSE times as many
_DENSE = 8  # cells of the table per entry of the list, from which on the table is faster


@dataclass(frozen=True, slots=True)
class Item:
    """Something to put in: its name, the bytes it takes, the bytes it saves."""

    name: str
    size: int
    saving: int

    def __post_init__(self) -> None:
        if self.size <= 0 or self.saving <= 0:
            raise ValueError(f"{self.name!r} takes {self.size} and saves {self.saving} bytes")


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Sizes in cells, and savings, of the sets worth choosing; both rise."""

    sizes: NDArray[np.int64]
    savings: NDArray[np.int64]

    def join(self, size: int, saving: int, room: int) -> _Frontier:
        """Return the frontier with one more item."""
        count = int(np.searchsorted(self.sizes, room - size, side="right"))
        sizes = np.concatenate((self.sizes, self.sizes[:count] + size))
        savings = np.concatenate((self.savings, self.savings[:count] + saving))
        order = np.argsort(sizes, kind="stable")
        sizes, savings = sizes[order], savings[order]
        best = np.maximum.accumulate(savings)
        worth = np.flatnonzero(np.concatenate(([True], savings[1:] > best[:-1])))
        sizes, savings = sizes[worth], savings[worth]
        last = np.flatnonzero(np.concatenate((sizes[1:] > sizes[:-1], [True])))
        return _Frontier(sizes[last], savings[last])

    def table(self, room: int) -> NDArray[np.int64]:
        """Most savings for each size up to ``room``."""
        cells = np.zeros(room + 1, np.int64)
        cells[self.sizes] = self.savings
        return np.maximum.accumulate(cells)

    @classmethod
    def of_table(cls, cells: NDArray[np.int64]) -> _Frontier:
        """Keep the sizes at which savings rise."""
        rises = np.flatnonzero(np.concatenate(([True], cells[1:] > cells[:-1])))
        return cls(rises.astype(np.int64), cells[rises])


class Knapsack:
    """The best choices of items for every room up to a largest.

    Parameters
    ----------
    items : sequence of Item
        What there is to choose from.
    room : int
        The largest room asked for, in bytes.
    most_cells : int, optional
        Sizes are rounded to a grid where a list gets longer than this.

    Attributes
    ----------
    sizes, savings : list of int
        The frontier, from the smallest room on: no choice that fits in a room saves more than the
        last entry that fits.
    is_exact : bool
        Whether there is a choice for each entry of the frontier.
    """

    def __init__(self, items: Sequence[Item], room: int, *, most_cells: int | None = None) -> None:
        self._items = [item for item in items if item.size <= room]
        self._most_cells = most_cells or _MOST_CELLS
        self._grid = exact = math.gcd(*(item.size for item in self._items)) or 1
        found = self._frontier(self._items, room // self._grid, self._down)
        while found is None:
            self._grid = max(2 * self._grid, room // self._most_cells)
            found = self._frontier(self._items, room // self._grid, self._down)
        self.is_exact = self._grid == exact
        self.sizes = [int(size) * self._grid for size in found.sizes]
        self.savings = [int(saving) for saving in found.savings]
        self._chosen: dict[int, tuple[Item, ...]] = {}

    def _down(self, item: Item) -> int:
        return item.size // self._grid

    def _up(self, item: Item) -> int:
        return -(-item.size // self._grid)

    def choose(self, room: int) -> tuple[Item, ...]:
        """Find a choice that fits in ``room``: a best one if the frontier is exact."""
        cells = room // self._grid
        if cells not in self._chosen:
            self._chosen[cells] = tuple(self._choose(self._items, cells))
        return self._chosen[cells]

    def saving(self, room: int) -> int:
        """Bytes that :meth:`choose` saves."""
        if self.is_exact:
            return self.savings[bisect_right(self.sizes, room) - 1]
        return sum(item.saving for item in self.choose(room))

    def _choose(self, items: Sequence[Item], room: int) -> list[Item]:
        """Halve the items, find the best way to share the room, and choose in each half."""
        if sum(map(self._up, items)) <= room:
            return list(items)
        if len(items) <= 1:
            return []
        half = len(items) // 2
        parts = items[:half], items[half:]
        left, right = (self._frontier(part, room, self._up, forced=True) for part in parts)
        assert left is not None
        assert right is not None
        index = np.searchsorted(right.sizes, room - left.sizes, side="right") - 1
        share = int(left.sizes[np.argmax(left.savings + right.savings[index])])
        return self._choose(parts[0], share) + self._choose(parts[1], room - share)

    def _frontier(
        self,
        items: Sequence[Item],
        room: int,
        size_of: Callable[[Item], int],
        *,
        forced: bool = False,
    ) -> _Frontier | None:
        """Build the frontier of sets within ``room`` cells; None if it gets too long."""
        found = _Frontier(np.zeros(1, np.int64), np.zeros(1, np.int64))
        table: NDArray[np.int64] | None = None
        for item in items:
            size = size_of(item)
            if size > room:
                continue
            if table is None and len(found.sizes) * _DENSE > room:
                table = found.table(room)
            if table is not None:
                table[size:] = np.maximum(table[size:], table[: room + 1 - size] + item.saving)
                continue
            found = found.join(size, item.saving, room)
            if len(found.sizes) > self._most_cells and not forced:
                return None
        return found if table is None else _Frontier.of_table(table)

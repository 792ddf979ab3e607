"""Dijkstra's algorithm, for the oracles: plain, over states of any kind."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    State = TypeVar("State", bound=Hashable)


def least_cost(
    start: State,
    steps: Callable[[State], Iterable[tuple[int, State]]],
    is_end: Callable[[State], bool],
) -> int | None:
    """Cost of the cheapest way to an end; None if there is none."""
    cost = {start: 0}
    serial = itertools.count()
    heap = [(0, next(serial), start)]
    while heap:
        paid, _, state = heapq.heappop(heap)
        if paid > cost[state]:
            continue
        if is_end(state):
            return paid
        for price, following in steps(state):
            if paid + price < cost.get(following, paid + price + 1):
                cost[following] = paid + price
                heapq.heappush(heap, (paid + price, next(serial), following))
    return None

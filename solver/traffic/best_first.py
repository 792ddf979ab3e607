"""The queue and the tables that the searches of backward states in pure Python share."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from solver.traffic.rules import Event
from solver.traffic.state import first_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.traffic.rules import Rules
    from solver.traffic.space import Space
    from solver.traffic.state import State


class BestFirst(ABC):
    """Expands states by least cost plus bound; see :class:`solver.traffic.rules.Explorer`.

    Parameters
    ----------
    space : Space
        What to search.
    upper : int
        Look only for plans that cost less than this many bytes.
    rules : Rules
        Pruning.
    greed : int
        Extra weight of the cost to come in the order of expansion; ``bound`` means nothing then.
    by_level : bool
        Expand the states with the fewest ops undone first; likewise.
    """

    def __init__(
        self, space: Space, upper: int, rules: Rules, greed: int = 0, *, by_level: bool = False
    ) -> None:
        self.states = 0
        self.bound = 0
        self.space = space
        self.upper = upper
        self.greed = greed
        self.rules = rules
        self.found: State | None = None
        self._by_level = by_level
        self._heap: list[tuple[int, int, int, int, State]] = []
        self._serial = 0
        self._known: dict[int, list[State]] = {}

    def advance(
        self,
        states: int,
        memory: int,  # noqa: ARG002  watched by the meter
        check: Callable[[], bool] | None = None,
    ) -> Event:
        """Expand up to ``states`` states."""
        for _ in range(states):
            if check is not None and check():
                break
            while self._heap and self._heap[0][-1].is_obsolete():
                heapq.heappop(self._heap)
            if not self._heap:
                self.bound = max(self.bound, self.upper)
                return Event.EXHAUSTED
            node = heapq.heappop(self._heap)[-1]
            self.bound = max(self.bound, node.total)
            if node.undone == self.space.full:
                self.found = node
                return Event.FOUND
            if self._is_beyond(node):
                continue
            self.states += 1
            self._expand(node)
        return Event.SLICE

    def moves(self) -> list[int]:
        """Ops undone and buffers dropped, in backward time."""
        assert self.found is not None
        found: list[int] = []
        link = self.found.path
        while link is not None:
            found.append(link[0])
            link = link[1]
        return found[::-1]

    def _begin(self) -> None:
        self._offer(first_state(self.space))

    def _is_beyond(self, node: State) -> bool:  # noqa: ARG002
        """Whether a node is not to be expanded."""
        return False

    @abstractmethod
    def _expand(self, node: State) -> None:
        """Offer what follows a node."""

    @abstractmethod
    def _offer(self, node: State) -> None:
        """Queue a state unless it is dominated or too dear."""

    @abstractmethod
    def _dominates(self, a: State, b: State) -> bool:
        """Whether ``a`` is nowhere worse than ``b``, with the same ops undone."""

    def _is_new(self, node: State) -> bool:
        """Whether no known state dominates a node; those it dominates are dead then."""
        known = self._known.setdefault(node.undone, [])
        if any(self._dominates(old, node) for old in known):
            return False
        kept = []
        for old in known:
            if self._dominates(node, old):
                old.dead = True
            else:
                kept.append(old)
        kept.append(node)
        self._known[node.undone] = kept
        return True

    def _push(self, node: State, least: int) -> None:
        """Queue a node that has cost at least so much."""
        if node.total < self.upper:
            self._serial += 1
            rank = node.total + self.greed * (node.total - least)
            level = node.undone.bit_count()
            key = (level * self._by_level, rank, -level, -self._serial, node)
            heapq.heappush(self._heap, key)

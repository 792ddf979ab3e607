"""Walk the states below a root in pure Python.

The compiled kernel (:mod:`solver.peak.kernel`) walks the same states: tests compare the two.
"""

from __future__ import annotations

import heapq
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from solver.peak.space import bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.peak.space import Space

NOTHING_REJECTED = 2**63 - 1


class Event(Enum):
    """Why an explorer paused."""

    SLICE = 0
    REFUTED = 1
    VALLEY = 2
    FULL = 3
    NO_MEMORY = 4


class Explorer(Protocol):
    """Expands states below a root, lowest memory first.

    Attributes
    ----------
    states : int
        States expanded so far.
    rejected : int
        After a refutation: the least step peak that the budget ruled out.
    """

    states: int
    rejected: int

    def advance(self, states: int, memory: int) -> Event:
        """Expand up to ``states`` states with tables of up to ``memory`` bytes."""

    def path(self) -> list[int]:
        """After VALLEY or FULL: ops from the root to the state found."""

    def commit(self, ops: Sequence[int]) -> list[int]:
        """Move the root along ``ops`` and what is free there; return all ops joined."""

    def raise_budget(self) -> None:
        """After a refutation: go on with ``rejected`` as the budget, keeping all tables."""


class _Node(NamedTuple):
    """An open state: memory, ready ops, and the path from the root as nested pairs."""

    state: int
    memory: int
    ready: int
    path: _Path


_Path = tuple[int, "_Path"] | None


class PythonExplorer:
    """The reference explorer. ``chain`` is the longest chain of free moves, 0 for none."""

    def __init__(self, space: Space, budget: int, *, chain: int, commits: bool) -> None:
        self.states = 0
        self.rejected = NOTHING_REJECTED
        self._space = space
        self._budget = budget
        self._chain = chain
        self._commits = commits
        self._root = _Node(0, space.start_memory, space.ready(0), None)
        self._found = self._root
        self._seen: set[int] = set()
        self._heap: list[tuple[int, int, _Node]] = []
        # Closed states by the least step peak that the budget ruled out for them.
        self._deferred: list[tuple[int, int, _Node]] = []
        self._serial = 0

    def advance(self, states: int, memory: int) -> Event:  # noqa: ARG002  watched by the meter
        """Expand up to ``states`` states."""
        for _ in range(states):
            if not self._heap:
                self.rejected = min((e[0] for e in self._deferred), default=NOTHING_REJECTED)
                return Event.REFUTED
            node = heapq.heappop(self._heap)[2]
            self.states += 1
            event = self._expand(node)
            if event is not None:
                return event
        return Event.SLICE

    def path(self) -> list[int]:
        """Ops from the root to the state found."""
        return _unwind(self._found.path)

    def commit(self, ops: Sequence[int]) -> list[int]:
        """Move the root and drop the tables."""
        node = self._root
        for op in ops:
            node = self._step(node, op, self._space.effect(op, node.state)[1])
        node = self._settle(node, node.ready)
        self._root = node._replace(path=None)
        self._seen = {node.state}
        self._heap = [(node.memory, 0, self._root)]
        self._deferred = []
        self._serial = 0
        return _unwind(node.path)

    def raise_budget(self) -> None:
        """Reopen the closed states for which the larger budget allows more."""
        self._budget = self.rejected
        again = [(n.memory, key, n) for r, key, n in self._deferred if r <= self._budget]
        self._deferred = [entry for entry in self._deferred if entry[0] > self._budget]
        self._heap.extend(again)
        heapq.heapify(self._heap)

    def _expand(self, node: _Node) -> Event | None:
        space = self._space
        rejected = NOTHING_REJECTED
        for op in bits(node.ready):
            rise, net = space.effect(op, node.state)
            if node.memory + rise > self._budget:
                rejected = min(rejected, node.memory + rise)
                continue
            new = self._step(node, op, net)
            if new.state in self._seen:
                continue
            new = self._settle(new, self._affected(node, op, new))
            if new.state in self._seen:
                continue
            self._seen.add(new.state)
            self._found = new
            if new.state == space.full:
                return Event.FULL
            if self._commits and new.memory <= self._root.memory:
                return Event.VALLEY
            self._serial += 1
            heapq.heappush(self._heap, (new.memory, -self._serial, new))
        if rejected < NOTHING_REJECTED:
            self._deferred.append((rejected, self.states, node))
        return None

    def _step(self, node: _Node, op: int, net: int) -> _Node:
        state = node.state | 1 << op
        ready = self._space.ready_after(op, state, node.ready)
        return _Node(state, node.memory + net, ready, (op, node.path))

    def _affected(self, before: _Node, op: int, after: _Node) -> int:
        """Ready ops whose chains may have changed when ``op`` ran in a settled state."""
        if after.memory < before.memory:
            return after.ready
        return after.ready & (self._space.touch[op] | ~before.ready)

    def _settle(self, node: _Node, look: int) -> _Node:
        """Take free moves and nested valleys from the ops in ``look`` while there are any."""
        while look and self._chain:
            low = look & -look
            look ^= low
            op = low.bit_length() - 1
            valley = self._follow(node, op)
            if valley is None:
                continue
            touched = 0
            link = valley.path
            while link is not node.path:
                assert link is not None
                touched |= self._space.touch[link[0]]
                link = link[1]
            if valley.memory < node.memory:
                look = valley.ready
            else:
                look = (look | touched | ~node.ready) & valley.ready
            node = valley
        return node

    def _follow(self, node: _Node, op: int) -> _Node | None:
        """Follow the chain of ``op`` until memory is no higher than in ``node``."""
        space = self._space
        here = node
        for _ in range(self._chain):
            rise, net = space.effect(op, here.state)
            if here.memory + rise > self._budget:
                return None
            here = self._step(here, op, net)
            if here.memory <= node.memory:
                return here
            ready = [
                (space.effect(i, here.state)[1], i) for i in space.follow[op] if here.ready >> i & 1
            ]
            if not ready:
                return None
            op = min(ready)[1]
        return None


def _unwind(path: _Path) -> list[int]:
    ops: list[int] = []
    while path is not None:
        ops.append(path[0])
        path = path[1]
    ops.reverse()
    return ops

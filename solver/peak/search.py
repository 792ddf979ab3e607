"""Exact search: an order within a budget, or the next budget to try.

A state is the set of ops done. Three facts keep the search small; each is a switch so that tests
can prove that none changes an answer:

* *free moves*: an op that fits and does not raise memory is taken at once;
* *valley commits*: let ``W`` be reachable from ``S`` within the budget with memory no higher than
  in every state between the two. Some completion within the budget, if there is any, begins with
  the path to ``W``, because memory is submodular. Below a state found no higher than ``S``, the
  largest cheapest state of the interval is such a ``W``: a minimum cut;
* *lookahead*: the same replacement below any open state, found by following short chains of ops.

Commits at the root drop everything found before (this is where a network falls apart into
segments); duplicates are dropped always.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.peak.flow import cheapest_between
from solver.peak.space import Space, bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.limits import Meter

_NONE_REJECTED = 1 << 200


@dataclass(frozen=True, slots=True)
class Rules:
    """Switches of the pruning rules, and the length of lookahead chains."""

    free_moves: bool = True
    commits: bool = True
    lookahead: int = 8


@dataclass(frozen=True, slots=True)
class Found:
    """An order of the window (problem ops, forward time) within the budget."""

    order: list[int]


@dataclass(frozen=True, slots=True)
class Refuted:
    """No order fits. Every order needs at least ``bound`` bytes; ``states`` were expanded."""

    bound: int
    states: int


@dataclass(frozen=True, slots=True)
class _Node:
    """An open state: memory, ready ops, and the path that led here as a linked list."""

    state: int
    memory: int
    ready: int
    path: _Path | None


@dataclass(frozen=True, slots=True)
class _Path:
    op: int
    back: _Path | None


class Search:
    """One decision: an order of ``space`` with every step peak within ``budget``."""

    def __init__(self, space: Space, budget: int, meter: Meter, rules: Rules | None = None) -> None:
        self.space = space
        self.budget = budget
        self.states = 0
        self._meter = meter
        self._rules = rules or Rules()
        self._prefix: list[int] = []

    def run(self, slice_states: int = 1 << 60) -> Iterator[Found | Refuted | None]:
        """Search, yielding None after every ``slice_states`` states and then the outcome.

        Resumed after a refutation, it goes on with the refuting bound as its budget and keeps
        what it has: commits and closed states stay right under a larger budget.
        """
        space = self.space
        root = self._settle(_Node(0, space.start_memory, space.ready(0), None))
        while True:
            root = self._commit(root)
            if root.state == space.full:
                yield Found(space.order(self._prefix))
                return
            for event in self._explore(root):
                if isinstance(event, _Node):
                    root = self._settle(self._deepest(root, event))
                    break
                if event is not None or self.states % slice_states == 0:
                    yield event

    def _commit(self, root: _Node) -> _Node:
        self._prefix.extend(reversed(list(_unwind(root.path))))
        return _Node(root.state, root.memory, root.ready, None)

    def _explore(self, root: _Node) -> Iterator[_Node | Refuted | None]:
        """Open states below ``root``, lowest memory first, until one is no higher than it."""
        space = self.space
        seen = {root.state}
        heap: list[tuple[int, int, _Node]] = [(root.memory, 0, root)]
        # Closed states by the least step peak that the budget ruled out for them.
        deferred: list[tuple[int, int, _Node]] = []
        serial = 0
        while True:
            while heap:
                node = heapq.heappop(heap)[2]
                self._meter.tick()
                self.states += 1
                rejected = _NONE_REJECTED
                for op in bits(node.ready):
                    rise, net = space.effect(op, node.state)
                    if node.memory + rise > self.budget:
                        rejected = min(rejected, node.memory + rise)
                        continue
                    new = self._settle(self._step(node, op, net), node)
                    if new.state in seen:
                        continue
                    seen.add(new.state)
                    if new.state == space.full or (
                        self._rules.commits and new.memory <= root.memory
                    ):
                        yield new
                        return
                    serial += 1
                    heapq.heappush(heap, (new.memory, -serial, new))
                if rejected < _NONE_REJECTED:
                    deferred.append((rejected, self.states, node))
                yield None
            bound = min(entry[0] for entry in deferred)
            yield Refuted(bound, self.states)
            self.budget = bound
            heap = [(n.memory, i, n) for r, i, n in deferred if r <= bound]
            deferred = [entry for entry in deferred if entry[0] > bound]
            heapq.heapify(heap)

    def _step(self, node: _Node, op: int, net: int) -> _Node:
        state = node.state | 1 << op
        ready = self.space.ready_after(op, state, node.ready)
        return _Node(state, node.memory + net, ready, _Path(op, node.path))

    def _settle(self, node: _Node, parent: _Node | None = None) -> _Node:
        """Replace a state by one that is at least as good: free moves, then nested valleys.

        ``parent`` is a settled state one op before: only its neighbours need a look.
        """
        while True:
            if self._rules.free_moves:
                node = self._free_moves(node, parent)
            valley = self._look_ahead(node)
            if valley is None:
                return node
            node, parent = self._deepest(node, valley), None

    def _free_moves(self, node: _Node, parent: _Node | None) -> _Node:
        space, budget = self.space, self.budget
        look = node.ready
        if parent is not None and node.memory >= parent.memory:
            assert node.path is not None
            look &= space.touch[node.path.op] | ~parent.ready
        while look:
            low = look & -look
            look ^= low
            op = low.bit_length() - 1
            rise, net = space.effect(op, node.state)
            if net <= 0 and node.memory + rise <= budget:
                before = node
                node = self._step(node, op, net)
                # Whatever this op changed may have become free; less memory may free anything.
                look |= node.ready & (space.touch[op] | ~before.ready)
                look &= node.ready
                if net < 0:
                    look = node.ready
        return node

    def _look_ahead(self, node: _Node) -> _Node | None:
        """Follow a chain from each ready op until memory is back where it was."""
        for op in bits(node.ready if self._rules.lookahead else 0):
            valley = self._follow(node, op)
            if valley is not None:
                return valley
        return None

    def _follow(self, node: _Node, op: int) -> _Node | None:
        space = self.space
        here, near = node, 0
        for _ in range(self._rules.lookahead):
            rise, net = space.effect(op, here.state)
            if here.memory + rise > self.budget:
                return None
            here = self._step(here, op, net)
            if here.memory <= node.memory:
                return here
            near |= space.touch[op]
            best: tuple[int, int, int] | None = None
            for i in bits(here.ready & (near | ~node.ready)):
                rise, net = space.effect(i, here.state)
                if best is None or (net, rise, i) < best:
                    best = (net, rise, i)
            if best is None:
                return None
            op = best[2]
        return None

    def _deepest(self, low: _Node, high: _Node) -> _Node:
        """Largest cheapest state between two, reached by the ops of the path that it holds."""
        target = cheapest_between(self.space, low.state, high.state).state
        if target == high.state:
            return high
        path: list[int] = []
        link = high.path
        while link is not low.path:
            assert link is not None
            path.append(link.op)
            link = link.back
        node = low
        for op in reversed(path):
            if target >> op & 1:
                node = self._step(node, op, self.space.effect(op, node.state)[1])
        return node


def _unwind(path: _Path | None) -> Iterator[int]:
    while path is not None:
        yield path.op
        path = path.back

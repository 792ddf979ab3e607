"""Record a refutation so that others can check it: a closed set of states.

The walk follows the rules of :mod:`solver.peak.explorer` and writes down what it does: from each
state, each op within the budget leads back into the set through commits (free moves, chains).
Commits at the root come first and drop what was found before them. :mod:`solver.verify.closed` says
why that is a proof, and checks it. One direction of time often needs far fewer states than the
other, so both are walked in turns.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from solver.peak.flow import cheapest_between
from solver.peak.space import bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.peak.space import Space

#: No closed set beyond this size is recorded: a plan stays within a few megabytes.
MOST_STATES = 5000
MOST_OPS = 2000
#: Steps tried in each direction; both take about a second. No clock: equal runs give equal plans.
MOST_STEPS = 300_000
_CHAIN = 8  # ops in a chain that may replace a state, as in solver.peak.search

#: Window ops that are run at once.
Group = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClosedSet:
    """States that no order leaves within a budget.

    Attributes
    ----------
    backward : bool
        Direction of time.
    start : tuple of Group
        Commits that lead from the start of the window into the set.
    states : dict of int to list of tuple of Group
        For each state, the paths that lead back into the set: an op, then commits.
    """

    backward: bool
    start: tuple[Group, ...]
    states: dict[int, list[tuple[Group, ...]]]

    def to_json(self) -> dict[str, object]:
        """Return what a certificate holds: see :func:`solver.verify.closed.check_closed`."""
        return {
            "direction": "backward" if self.backward else "forward",
            "start": _text(self.start),
            "states": {
                format(state, "x"): [_text(path) for path in paths]
                for state, paths in self.states.items()
            },
        }


class TooLargeError(Exception):
    """No closed set within the limits; the message says which was in the way."""


class _Node(NamedTuple):
    """A state, its memory, its ready ops."""

    state: int
    memory: int
    ready: int


def closed_set(
    spaces: Sequence[Space],
    budget: int,
    *,
    most_states: int = MOST_STATES,
    most_ops: int = MOST_OPS,
    most_steps: int = MOST_STEPS,
) -> ClosedSet | None:
    """Walk all states within ``budget`` and return those that remain after the last commit.

    Parameters
    ----------
    spaces : sequence of Space
        One window, in one direction of time or in both.
    budget : int
        Bytes that no order of the window is to stay within.
    most_states, most_ops, most_steps : int
        Limits on the set, the window, and the work in each direction.

    Returns
    -------
    ClosedSet or None
        That of the direction which takes the least work; None if an order fits.

    Raises
    ------
    TooLargeError
        If the set, the window or the work is beyond the limits.
    """
    if any(len(space.ops) > most_ops for space in spaces):
        raise TooLargeError(f"the window has more than {most_ops} ops")
    walks = [_Walk(space, budget, most_states, most_steps) for space in spaces]
    while True:
        walk = min(walks, key=lambda walk: walk.steps)
        try:
            if walk.advance():
                return walk.result()
        except TooLargeError:
            walks.remove(walk)
            if not walks:
                raise


class _Walk:
    """One direction; ``steps`` counts the work."""

    def __init__(self, space: Space, budget: int, most_states: int, most_steps: int) -> None:
        self.steps = 0
        self._space = space
        self._budget = budget
        self._most_states = most_states
        self._most_steps = most_steps
        self._start: list[Group] = []
        self._states: dict[int, list[tuple[Group, ...]]] = {}
        self._heap: list[tuple[int, int, _Node]] = []
        # How each state was first reached from the root: the state before, and the ops since.
        self._reached: dict[int, tuple[int, Group]] = {}
        self._root = self._settle_root(_Node(0, space.start_memory, space.ready(0)))

    def advance(self) -> bool:
        """Expand one state; return whether that was the last, or an order fits."""
        if self._heap:
            valley = self._expand(heapq.heappop(self._heap)[2])
            if valley is not None:
                self._root = self._settle_root(self._commit(valley))
        return not self._heap or self._space.full in self._states

    def result(self) -> ClosedSet | None:
        """Return the closed set, or None if an order fits."""
        if self._space.full in self._states:
            return None
        return ClosedSet(self._space.backward, tuple(self._start), self._states)

    def _settle_root(self, node: _Node) -> _Node:
        """Begin anew from ``node`` and what is free there."""
        root, groups = self._settle(node, node.ready)
        self._start += groups
        self._states = {root.state: []}
        self._reached = {}
        self._heap = [(root.memory, 0, root)]
        return root

    def _commit(self, valley: _Node) -> _Node:
        """Move to the largest cheapest state between the root and a state no higher."""
        root = self._root
        path: list[int] = []
        state = valley.state
        while state != root.state:
            state, ops = self._reached[state]
            path[:0] = ops
        target = cheapest_between(self._space, root.state, valley.state).state
        group = tuple(op for op in path if target >> op & 1)
        self._start.append(group)
        for op in group:
            root = self._step(root, op, self._effect(op, root.state)[1])
        return root

    def _expand(self, node: _Node) -> _Node | None:
        """Write down where each op leads; return a state no higher than the root, if there is."""
        paths = self._states[node.state]
        for op in bits(node.ready):
            rise, net = self._effect(op, node.state)
            if node.memory + rise > self._budget:
                continue
            new = self._step(node, op, net)
            groups: list[Group] = []
            if new.state not in self._states:
                new, groups = self._settle(new, self._affected(node, op, new))
            paths.append(((op,), *groups))
            if new.state in self._states:
                continue
            if len(self._states) >= self._most_states:
                raise TooLargeError(f"the closed set has more than {self._most_states} states")
            self._states[new.state] = []
            self._reached[new.state] = (node.state, (op, *(i for group in groups for i in group)))
            if new.state == self._space.full:
                return None
            if new.memory <= self._root.memory:
                return new
            heapq.heappush(self._heap, (new.memory, -len(self._states), new))
        return None

    def _effect(self, op: int, state: int) -> tuple[int, int]:
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooLargeError(f"recording takes more than {self._most_steps} steps")
        return self._space.effect(op, state)

    def _step(self, node: _Node, op: int, net: int) -> _Node:
        state = node.state | 1 << op
        return _Node(state, node.memory + net, self._space.ready_after(op, state, node.ready))

    def _affected(self, before: _Node, op: int, after: _Node) -> int:
        """Ready ops whose chains may have changed when ``op`` ran in a settled state."""
        if after.memory < before.memory:
            return after.ready
        return after.ready & (self._space.touch[op] | ~before.ready)

    def _settle(self, node: _Node, look: int) -> tuple[_Node, list[Group]]:
        """Commit to chains from the ops in ``look`` while there are any that pay."""
        groups: list[Group] = []
        while look:
            low = look & -look
            look ^= low
            found = self._follow(node, low.bit_length() - 1)
            if found is None:
                continue
            valley, group = found
            groups.append(group)
            touched = 0
            for op in group:
                touched |= self._space.touch[op]
            if valley.memory < node.memory:
                look = valley.ready
            else:
                look = (look | touched | ~node.ready) & valley.ready
            node = valley
        return node, groups

    def _follow(self, node: _Node, op: int) -> tuple[_Node, Group] | None:
        """Follow the chain of ``op`` until memory is no higher than in ``node``.

        Each op of the chain waits for the one before, so its prefixes are all the states between.
        """
        space, need = self._space, self._space.need
        state, memory = node.state, node.memory
        chain: list[int] = []
        while len(chain) < _CHAIN:
            rise, net = self._effect(op, state)
            if memory + rise > self._budget:
                return None
            chain.append(op)
            state |= 1 << op
            memory += net
            if memory <= node.memory:
                for i in chain:
                    node = self._step(node, i, 0)
                return node._replace(memory=memory), tuple(chain)
            ready = [i for i in space.follow[op] if not need[i] & ~state]
            if not ready:
                return None
            op = ready[0]
            if len(ready) > 1:
                op = min((self._effect(i, state)[1], i) for i in ready)[1]
        return None


def _text(path: Sequence[Group]) -> str:
    return "; ".join(" ".join(map(str, group)) for group in path)

"""Best-first search of the backward states, in pure Python.

The compiled kernel (:mod:`solver.traffic.kernel`) walks the same states: tests compare the two.

A drop is made only if the op that comes next needs the room, and only inclusion-minimal sets are
dropped, largest victim first. In resident mode the victims come first and the op after, so that
what they make room for at once (free moves) is found once and not for each op that waits. In
streaming mode the op's own operands may be victims too, so the op is chosen first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from solver.peak.space import bits
from solver.traffic.moves import Mover, Node
from solver.traffic.tally import Tally

if TYPE_CHECKING:
    from solver.traffic.space import Space

UNBOUNDED = 2**62


class Event(Enum):
    """Why an explorer paused."""

    SLICE = 0
    FOUND = 1
    EXHAUSTED = 2
    NO_MEMORY = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """Switches of the pruning rules; none changes an answer.

    Attributes
    ----------
    free_moves : bool
        Undo at once what needs no drop and cannot be regretted.
    valleys : bool
        With free moves: undo an op at once, and the free moves after it, if that loses nothing.
    dominance : bool
        Discard a state that is nowhere better than another with the same ops undone; otherwise
        only equal states are merged.
    trade : bool
        Let a state dominate also what it can become by dropping or storing at once.
    lazy : bool
        Drop only what the next op needs the room of, and only inclusion-minimal sets; otherwise
        anything may be dropped at any time.
    furthest : bool
        Do not drop a buffer if another of its size, no dearer, is needed only after it for sure.
    tally : bool
        Bound the cost to come by the tally problem.
    compiled : bool
        Use the compiled kernel where it is installed; it walks the same states.
    """

    free_moves: bool = True
    valleys: bool = True
    dominance: bool = True
    trade: bool = True
    lazy: bool = True
    furthest: bool = True
    tally: bool = True
    compiled: bool = True


class Explorer(Protocol):
    """Expands states by least cost plus bound.

    Attributes
    ----------
    states : int
        States and choices expanded so far.
    bound : int
        No plan costs less, unless it costs at least the upper limit the search was given.
    """

    states: int
    bound: int

    def advance(self, states: int, memory: int) -> Event:
        """Expand up to ``states`` states with tables of up to ``memory`` bytes."""

    def moves(self) -> list[int]:
        """After FOUND: ops undone (>= 0) and buffers dropped (~b), in backward time."""


class PythonExplorer:
    """The reference explorer.

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
    """

    def __init__(self, space: Space, upper: int, rules: Rules, *, greed: int = 0) -> None:
        self.states = 0
        self.bound = 0
        self.space = space
        self.upper = upper
        self.rules = rules
        self.greed = greed
        self._mover = Mover(space, free_moves=rules.free_moves, valleys=rules.valleys)
        self._tally = Tally(space) if rules.tally else None
        self._found: Node | None = None
        self._heap: list[tuple[int, int, int, Node]] = []
        self._serial = 0
        self._known: dict[int, list[Node]] = {}
        self._offer(self._mover.root())

    def advance(self, states: int, memory: int) -> Event:  # noqa: ARG002  watched by the meter
        """Expand up to ``states`` states."""
        for _ in range(states):
            while self._heap and self._heap[0][3].is_obsolete():
                heapq.heappop(self._heap)
            if not self._heap:
                self.bound = max(self.bound, self.upper)
                return Event.EXHAUSTED
            node = heapq.heappop(self._heap)[3]
            self.bound = max(self.bound, node.total)
            if node.undone == self.space.full:
                self._found = node
                return Event.FOUND
            self.states += 1
            if node.origin is None:
                self._expand(node)
            elif self.space.streaming:
                self._leave_out(node)
            else:
                self._make_room(node)
        return Event.SLICE

    def moves(self) -> list[int]:
        """Ops undone and buffers dropped, in backward time."""
        assert self._found is not None
        return self._found.moves()

    def _expand(self, node: Node) -> None:
        short = False
        for op in bits(node.ready):
            lack = self._mover.lack(node, op)
            if lack <= 0:
                self._undo(node.copy(), op)
            elif self.rules.lazy and self.space.streaming:
                new = node.copy()
                new.op, new.lack, new.origin = op, lack, node
                self._queue_leaving_out(new)
            elif self.space.streaming:
                self._undo_partly(node, op)
            else:
                short = True
        if not self.rules.lazy:
            for k in bits(node.resident):
                new = node.copy()
                self._mover.drop(new, k)
                self._offer(new)
        elif short:
            self._drop_each(node, node)

    def _undo(self, node: Node, op: int, out: int = 0) -> None:
        """Undo ``op``, settle, and queue the result."""
        self._mover.step(node, op, out)
        self._mover.settle(node)
        node.be_state()
        self._offer(node)

    # Resident mode: victims first.

    def _make_room(self, node: Node) -> None:
        """Go on from a state in which some victims have been dropped."""
        assert node.origin is not None
        trial = node.copy()
        self._mover.settle(trial)
        if trial.undone != node.undone:
            trial.be_state()
            self._offer(trial)
            return
        dropped = node.origin.resident & ~node.resident
        short = False
        for op in bits(node.ready):
            if self.space.touch[op] & dropped:
                continue
            lack = self._mover.lack(node, op)
            if lack > 0:
                short = True
            elif lack + node.last > 0 and not self._is_regretted(node, op):
                self._undo(node.copy(), op)
        if short:
            self._drop_each(node, node.origin)

    def _drop_each(self, node: Node, origin: Node) -> None:
        """Queue the choices of one more victim, of those that serve some op that waits."""
        space = self.space
        dropped = origin.resident & ~node.resident
        useful = 0
        for op in bits(node.ready):
            if not space.touch[op] & dropped and self._mover.lack(node, op) > 0:
                useful |= ~space.touch[op]
        for k in bits((node.resident & useful) >> node.limit << node.limit):
            new = node.copy()
            self._mover.drop(new, k)
            new.origin, new.limit, new.last = origin, k + 1, space.size[k]
            self._raise_total(new)
            self._push(new)

    def _is_regretted(self, node: Node, op: int) -> bool:
        """Whether one of the victims dropped for ``op`` should have been spared.

        That is so if another resident buffer of its size, no dearer, is needed only after the one
        user that the victim has left.
        """
        if not self.rules.furthest:
            return False
        assert node.origin is not None
        space, stored = self.space, node.origin.stored
        others = node.resident & ~space.touch[op]
        for k in bits(node.origin.resident & ~node.resident & ~space.touch[op]):
            left = space.users[k] & ~node.undone
            if left & (left - 1):
                continue
            price = space.drop_cost(k, node.undone, stored)
            for other in bits(others):
                if (
                    space.size[other] == space.size[k]
                    and space.drop_cost(other, node.undone, stored) <= price
                    and all(space.need[u] & left for u in bits(space.users[other] & ~node.undone))
                ):
                    return True
        return False

    # Streaming mode: the op first.

    def _leave_out(self, node: Node) -> None:
        """Choose one more victim for the chosen op."""
        for k in bits(self._victims(node)):
            new = node.copy()
            new.limit = k + 1
            new.lack = node.lack - self.space.size[k]
            self._sacrifice(new, k)
            if new.lack > 0:
                self._queue_leaving_out(new)
            elif not self._is_regretted(new, new.op):
                self._undo(new, new.op, new.out)

    def _queue_leaving_out(self, node: Node) -> None:
        """Queue a choice that still has to drop something, unless that cannot help."""
        if self.space.bytes_of(self._victims(node)) >= node.lack:
            node.total = max(node.total, node.cost + node.lack)
            self._push(node)

    def _victims(self, node: Node) -> int:
        """Buffers that may be dropped for the chosen op or left outside it, from the limit on."""
        space = self.space
        fresh = space.touch[node.op] & ~node.resident & ~node.out
        victims = node.resident | fresh & ~space.finished(node.op, node.undone | 1 << node.op)
        return victims >> node.limit << node.limit

    def _sacrifice(self, node: Node, k: int) -> None:
        """Drop a victim; if it is an operand, leave it outside at the chosen op, too."""
        space = self.space
        if node.resident >> k & 1:
            self._mover.drop(node, k)
        if space.touch[node.op] >> k & 1:
            node.out |= 1 << k
            after = node.undone | 1 << node.op
            if space.users[k] & ~after:
                node.cost += space.drop_cost(k, after, node.stored)

    def _undo_partly(self, node: Node, op: int) -> None:
        """Undo an op with each set of operands outside (not lazy)."""
        space = self.space
        fresh = space.touch[op] & ~node.resident & ~space.finished(op, node.undone | 1 << op)
        outside = fresh
        while outside:
            new = node.copy()
            new.op = op
            for k in bits(outside):
                self._sacrifice(new, k)
            held = node.bytes + space.bytes_of(fresh & ~outside) + space.fixed[op]
            if held <= space.capacity:
                self._undo(new, op, outside)
            outside = (outside - 1) & fresh

    # Tables.

    def _offer(self, node: Node) -> None:
        """Queue a state unless it is dominated or too dear."""
        self._raise_total(node)
        if node.total >= self.upper:
            return
        known = self._known.setdefault(node.undone, [])
        if any(self._dominates(old, node) for old in known):
            return
        kept = [node]
        for old in known:
            if self._dominates(node, old):
                old.dead = True
            else:
                kept.append(old)
        self._known[node.undone] = kept
        self._push(node)

    def _raise_total(self, node: Node) -> None:
        """Add the bound on the cost to come."""
        rest = 0
        if self._tally is not None:
            cheap = sum(
                self.space.size[k]
                for k in bits(node.resident)
                if self.space.drop_cost(k, node.undone, node.stored) <= self.space.size[k]
            )
            rest = self._tally.rest(node.undone, node.ready, node.bytes, cheap)
        node.total = max(node.total, node.cost + rest)

    def _dominates(self, a: Node, b: Node) -> bool:
        """Whether state a, with the same ops undone, is nowhere worse than b."""
        if a.cost > b.cost:
            return False
        if not self.rules.dominance:
            return a.resident == b.resident and a.stored == b.stored
        more = a.resident & ~b.resident
        less = b.stored & ~a.stored & b.resident
        if not (more or less):
            return True
        if not (self.rules.trade and self.rules.lazy):  # else a drop would look like its own cause
            return False
        spare = b.cost - a.cost
        for k in bits(less):
            spare -= self.space.size[k]
        for k in bits(more):
            spare -= self.space.drop_cost(k, a.undone, a.stored)
        return spare >= 0

    def _push(self, node: Node) -> None:
        if node.total < self.upper:
            self._serial += 1
            rank = node.total + self.greed * (node.total - node.cost)
            key = (rank, -node.undone.bit_count(), -self._serial, node)
            heapq.heappush(self._heap, key)

"""Best-first search of the backward states, in pure Python.

The compiled kernel (:mod:`solver.traffic.kernel`) walks the same states: tests compare the two.
A node is a state with its cost so far, or a state in which an op has been chosen and victims are
being dropped one by one, largest first, to make room for it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from solver.peak.space import bits
from solver.traffic.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        With free moves: undo an op at once, and the free moves after it, if then nothing is
        resident that was not so before.
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
    parts : bool
        Bound the cost to come by the optima of parts of the network.
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
    parts: bool = True
    compiled: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """Buffers in disjoint groups, each with the least that its own moves cost in any plan."""

    group: tuple[int, ...]  # per tracked buffer, -1 for none
    floor: tuple[int, ...]  # per group

    def rest(self, paid: Sequence[int]) -> int:
        """Bytes still to pay when each group has paid ``paid``."""
        return sum(f - p for f, p in zip(self.floor, paid, strict=True) if f > p)


class Explorer(Protocol):
    """Expands states by least cost plus bound.

    Attributes
    ----------
    states : int
        States expanded so far.
    bound : int
        No plan costs less, unless it costs at least the upper limit the search was given.
    """

    states: int
    bound: int

    def advance(self, states: int, memory: int) -> Event:
        """Expand up to ``states`` states with tables of up to ``memory`` bytes."""

    def moves(self) -> list[int]:
        """After FOUND: ops undone (>= 0) and buffers dropped (~b), in backward time."""


class _Node:
    __slots__ = (
        "bytes", "cost", "dead", "lack", "limit", "op", "origin", "out", "paid", "path", "ready",
        "resident", "stored", "total", "undone",
    )  # fmt: skip

    undone: int
    resident: int
    stored: int
    bytes: int  # of resident
    cost: int
    total: int  # cost plus bound
    ready: int
    paid: tuple[int, ...]  # per part
    path: _Path
    dead: bool
    op: int  # chosen op, -1 for none
    origin: _Node | None  # state in which it was chosen
    lack: int  # bytes to free before it fits
    limit: int  # victims are taken from this buffer on
    out: int  # operands of the op that stay outside (streaming)

    def __init__(self) -> None:
        self.dead = False
        self.op = -1
        self.origin = None
        self.lack = self.limit = self.out = 0

    def is_obsolete(self) -> bool:
        """Whether it was dominated since it was queued, or is a choice of a state that was."""
        return self.dead or (self.origin is not None and self.origin.dead)


_Path = tuple[int, "_Path"] | None


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
    parts : Parts, optional
        A bound on the cost to come.
    greed : int
        Extra weight of the cost to come in the order of expansion; ``bound`` means nothing then.
    """

    def __init__(
        self,
        space: Space,
        upper: int,
        rules: Rules,
        parts: Parts | None = None,
        *,
        greed: int = 0,
    ) -> None:
        self.states = 0
        self.bound = 0
        self.space = space
        self.upper = upper
        self.greed = greed
        self.rules = rules
        self.parts = parts if rules.parts else None
        self.tally = Tally(space) if rules.tally else None
        self.found: _Node | None = None
        self._heap: list[tuple[int, int, int, _Node]] = []
        self._serial = 0
        self._known: dict[int, list[_Node]] = {}
        root = _Node()
        root.undone = root.resident = root.stored = root.bytes = root.cost = root.total = 0
        root.ready = space.ready(0)
        root.paid = () if self.parts is None else (0,) * len(self.parts.floor)
        root.path = None
        self._offer(root)

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
                self.found = node
                return Event.FOUND
            self.states += 1
            if node.op >= 0:
                self._choose_victim(node)
            else:
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

    # Expansion.

    def _expand(self, node: _Node) -> None:
        for op in bits(node.ready):
            lack = self._lack(node, op)
            if lack <= 0:
                self._undo(node, op, 0)
            elif self.rules.lazy:
                self._choose_op(node, op, lack)
            elif self.space.streaming:
                self._undo_partly(node, op)
        if not self.rules.lazy:
            for k in bits(node.resident):
                new = _copy(node)
                self._drop(new, k, node.undone)
                self._offer(new)

    def _lack(self, node: _Node, op: int) -> int:
        """Bytes missing when every operand that lives on is to be in the TCM."""
        space = self.space
        fresh = space.touch[op] & ~node.resident
        if space.streaming and fresh:
            fresh &= ~space.finished(op, node.undone | 1 << op)
        return node.bytes + space.bytes_of(fresh) + space.fixed[op] - space.capacity

    def _choose_op(self, node: _Node, op: int, lack: int) -> None:
        new = _copy(node)
        new.op, new.lack, new.limit, new.origin = op, lack, 0, node
        self._queue_choice(new)

    def _queue_choice(self, node: _Node) -> None:
        """Queue a node that still has to drop something, unless that cannot help."""
        victims = self._victims(node)
        least, easy = self._least_price(node, victims)
        if least < 0:
            return
        rest = least
        if self.parts is not None:
            rest = max(rest, self.parts.rest(node.paid))
        if self.tally is not None:
            rest = max(rest, 2 * node.lack - easy + self._rest_after(self.tally, node, easy))
        node.total = max(node.total, node.cost + rest)
        self._push(node)

    def _rest_after(self, tally: Tally, node: _Node, easy: int) -> int:
        """Cost to come at least once the chosen op is undone, ``easy`` cheap bytes dropped."""
        space, op = self.space, node.op
        after = node.undone | 1 << op
        finished = space.finished(op, after)
        rewritten = space.rewritten(op)
        held = cheap = 0
        for k in bits((node.resident | space.touch[op]) & ~(finished | node.out)):
            held += space.size[k]
            stored = node.stored & ~rewritten
            if not node.resident >> k & 1 and space.users[k] & node.undone:
                stored |= 1 << k
            if space.drop_cost(k, after, stored) <= space.size[k]:
                cheap += space.size[k]
        ready = space.ready_after(op, after, node.ready)
        return tally.rest(after, ready, max(0, held - node.lack), cheap - easy)

    def _victims(self, node: _Node) -> int:
        """Buffers that may be dropped for the chosen op, from the limit on."""
        space = self.space
        victims = node.resident & ~space.touch[node.op]
        if space.streaming:
            victims |= node.resident
            fresh = space.touch[node.op] & ~node.resident & ~node.out
            victims |= fresh & ~space.finished(node.op, node.undone | 1 << node.op)
        return victims >> node.limit << node.limit

    def _price(self, node: _Node, victim: int) -> int:
        """Tell what it costs to drop a victim before, or leave it outside at, the chosen op."""
        space, op = self.space, node.op
        if not space.touch[op] >> victim & 1:
            return space.drop_cost(victim, node.undone, node.stored)
        after = node.undone | 1 << op
        price = 0
        stored = node.stored
        if node.resident >> victim & 1:
            price = space.drop_cost(victim, node.undone, stored)
            stored |= 1 << victim
        if space.users[victim] & ~after:
            price += space.drop_cost(victim, after, stored)
        return price

    def _least_price(self, node: _Node, victims: int) -> tuple[int, int]:
        """Tell what must be paid at least to free what is lacking, and the cheap bytes of it.

        The price is -1 if nothing frees enough.
        """
        size = self.space.size
        cheap = dear = 0
        smallest = UNBOUNDED
        for k in bits(victims):
            smallest = min(smallest, size[k])
            if self._price(node, k) <= size[k]:
                cheap += size[k]
            else:
                dear += size[k]
        lack = max(node.lack, smallest)
        if lack > cheap + dear:
            return -1, 0
        return lack + max(0, lack - cheap), min(node.lack, cheap)

    def _choose_victim(self, node: _Node) -> None:
        space = self.space
        victims = self._victims(node)
        for k in bits(victims):
            passed = node.resident & ((1 << k) - 1)
            if self.rules.furthest and self._is_regrettable(node, k, passed):
                continue
            new = _copy(node)
            new.limit = k + 1
            new.lack = node.lack - space.size[k]
            self._sacrifice(new, k)
            if new.lack > 0:
                self._queue_choice(new)
            elif not self._is_regretted(new):
                self._undo(new, new.op, new.out)

    def _sacrifice(self, node: _Node, k: int) -> None:
        """Drop a victim, or leave it outside at the chosen op; the latter is paid in `_undo`."""
        if node.resident >> k & 1:
            self._drop(node, k, node.undone)
        if self.space.touch[node.op] >> k & 1:
            node.out |= 1 << k
            after = node.undone | 1 << node.op
            if self.space.users[k] & ~after:
                self._pay(node, k, self.space.drop_cost(k, after, node.stored))

    def _is_regrettable(self, node: _Node, k: int, others: int) -> bool:
        """Whether keeping ``k`` and dropping one of ``others`` instead is no worse for sure.

        That is so if the other has its size, is no dearer, and is needed only after the one user
        that ``k`` has left.
        """
        space = self.space
        origin = node.origin
        assert origin is not None
        left = space.users[k] & ~node.undone
        if space.touch[node.op] >> k & 1 or left & (left - 1):
            return False
        price = space.drop_cost(k, node.undone, origin.stored)
        return any(
            space.size[other] == space.size[k]
            and space.drop_cost(other, node.undone, origin.stored) <= price
            and all(space.need[u] & left for u in bits(space.users[other] & ~node.undone))
            for other in bits(others & ~space.touch[node.op])
        )

    def _is_regretted(self, node: _Node) -> bool:
        """Whether the victims are complete and one of them should have been spared."""
        if not self.rules.furthest:
            return False
        assert node.origin is not None
        dropped = node.origin.resident & ~node.resident
        return any(self._is_regrettable(node, k, node.resident) for k in bits(dropped))

    def _undo_partly(self, node: _Node, op: int) -> None:
        """Undo an op with each set of operands outside (streaming, not lazy)."""
        space = self.space
        after = node.undone | 1 << op
        fresh = space.touch[op] & ~node.resident & ~space.finished(op, after)
        both = space.touch[op] & node.resident
        del both
        outside = fresh
        while outside:
            new = _copy(node)
            new.op = op
            for k in bits(outside):
                self._sacrifice(new, k)
            held = node.bytes + space.bytes_of(fresh & ~outside) + space.fixed[op]
            if held <= space.capacity:
                self._undo(new, op, outside)
            outside = (outside - 1) & fresh

    # Moves.

    def _pay(self, node: _Node, k: int, price: int) -> None:
        node.cost += price
        if self.parts is not None:
            group = self.parts.group[k]
            if group >= 0:
                paid = list(node.paid)
                paid[group] += price
                node.paid = tuple(paid)

    def _drop(self, node: _Node, k: int, undone: int) -> None:
        space = self.space
        self._pay(node, k, space.drop_cost(k, undone, node.stored))
        node.resident &= ~(1 << k)
        node.bytes -= space.size[k]
        if not (space.clean >> k & 1 or undone & space.writers[k]):
            node.stored |= 1 << k
        node.path = (~k, node.path)

    def _undo(self, node: _Node, op: int, out: int) -> None:
        """Undo ``op``, take free moves, and queue the result."""
        new = _copy(node)
        self._step(new, op, out)
        if self.rules.free_moves:
            self._settle(new)
        self._offer(new)

    def _step(self, node: _Node, op: int, out: int) -> None:
        space = self.space
        node.undone |= 1 << op
        node.ready = space.ready_after(op, node.undone, node.ready)
        finished = space.finished(op, node.undone)
        node.stored &= ~(finished | space.rewritten(op))
        node.path = (op, node.path)
        for k in bits(out & ~finished):  # paid when it was chosen
            if not (space.clean >> k & 1 or node.undone & space.writers[k]):
                node.stored |= 1 << k
            node.path = (~k, node.path)
        node.resident = (node.resident | space.touch[op]) & ~(finished | out)
        node.bytes = space.bytes_of(node.resident)
        node.op, node.lack, node.limit, node.out, node.origin = -1, 0, 0, 0, None

    def _settle(self, node: _Node) -> None:
        """Take free moves, and an op with free moves after it where that ends in a valley.

        A state reached without a drop, in which nothing is resident that was not so before, loses
        nothing: follow any other plan from there on, without the ops already undone. Buffers
        that live on have fewer users left, so fewer gaps, and nothing else takes room.
        """
        self._slide(node)
        look = node.ready if self.rules.valleys else 0
        while look:
            low = look & -look
            look ^= low
            op = low.bit_length() - 1
            if self._lack(node, op) > 0:
                continue
            trial = _copy(node)
            self._step(trial, op, 0)
            self._slide(trial)
            if self._is_valley(node, trial):
                for name in ("undone", "ready", "resident", "stored", "bytes", "path"):
                    setattr(node, name, getattr(trial, name))
                look = node.ready

    def _is_valley(self, high: _Node, low: _Node) -> bool:
        """Whether ``low``, reached from ``high`` without a drop, loses nothing."""
        space = self.space
        done = low.undone & ~high.undone
        if any(
            space.writers[k] & done for k in bits(low.resident) if space.writers[k].bit_count() > 1
        ):
            return False
        new = low.resident & ~high.resident
        if not new:
            return True
        if new & (new - 1) or space.users[new.bit_length() - 1] & high.undone:
            return False
        return self._has_heir(high, low, new.bit_length() - 1)

    def _has_heir(self, high: _Node, low: _Node, n: int) -> bool:
        """Whether the one new buffer always has a stand-in on the way down, in whatever order.

        A stand-in is at least as large and as dear to drop as ``n``, and ended on the way; one of
        them is resident to begin with. Each op that ends one touches ``n`` or another that it does
        not end. So in any state between the two in which ``n`` has not been touched some stand-in
        is live: ``n`` can take its room, or be dropped when all of them are.
        """
        space = self.space
        size = space.size[n]
        price = size * (1 if space.clean >> n & 1 else 2)
        begun = False
        for op in bits(low.undone & ~high.undone):
            ends = goes_on = False
            for k in bits(space.touch[op]):
                if k == n:
                    goes_on = True
                elif self._is_stand_in(high, low, k, size, price):
                    last = self._ends_at(high.undone, k)
                    ends |= last == op
                    goes_on |= last not in (op, -1)
                    begun |= last >= 0 and bool(high.resident >> k & 1)
            if ends and not goes_on:
                return False
        return begun

    def _is_stand_in(self, high: _Node, low: _Node, k: int, size: int, price: int) -> bool:
        space = self.space
        if space.size[k] < size or space.users[k] & ~low.undone:
            return False
        if space.users[k] & high.undone:
            resident = bool(high.resident >> k & 1)
            return resident and space.drop_cost(k, high.undone, high.stored) >= price
        return space.size[k] * (1 if space.clean >> k & 1 else 2) >= price

    def _ends_at(self, undone: int, k: int) -> int:
        """Find the op that ends ``k`` whatever the order, -1 if that depends on it."""
        last = self.space.writers[k] or self.space.users[k] & ~undone
        return -1 if last & (last - 1) or last & undone else last.bit_length() - 1

    def _slide(self, node: _Node) -> None:
        """Take free moves while there are any."""
        look = node.ready
        while look:
            low = look & -look
            op = low.bit_length() - 1
            if self._is_free(node, op):
                self._step(node, op, 0)
                look = node.ready
            else:
                look ^= low

    def _is_free(self, node: _Node, op: int) -> bool:
        """Whether undoing ``op`` now cannot be regretted.

        It fits, no operand has to reappear for later, and what it brings in is no more than one
        buffer it ends: neither in bytes, nor in what dropping it could cost.
        """
        space = self.space
        after = node.undone | 1 << op
        touch = space.touch[op]
        if self._lack(node, op) > 0:
            return False
        finished = space.finished(op, after)
        if space.rewritten(op) & ~finished:
            return False
        fresh = touch & ~node.resident & ~finished
        if not fresh:
            return True
        bytes_in = price_in = 0
        for k in bits(fresh):
            if space.users[k] & node.undone:
                return False
            bytes_in += space.size[k]
            price_in += space.size[k] * (1 if space.clean >> k & 1 else 2)
        return any(
            bytes_in <= space.size[k] and price_in <= space.drop_cost(k, node.undone, node.stored)
            for k in bits(finished & node.resident)
        )

    # Tables.

    def _offer(self, node: _Node) -> None:
        """Queue a state unless it is dominated or too dear."""
        rest = 0 if self.parts is None else self.parts.rest(node.paid)
        if self.tally is not None:
            rest = max(rest, self._rest(self.tally, node))
        node.total = max(node.total, node.cost + rest)
        if node.total >= self.upper:
            return
        known = self._known.setdefault(node.undone, [])
        for old in known:
            if self._dominates(old, node):
                return
        kept = []
        for old in known:
            if self._dominates(node, old):
                old.dead = True
            else:
                kept.append(old)
        kept.append(node)
        self._known[node.undone] = kept
        self._push(node)

    def _rest(self, tally: Tally, node: _Node) -> int:
        cheap = sum(
            self.space.size[k]
            for k in bits(node.resident)
            if self.space.drop_cost(k, node.undone, node.stored) <= self.space.size[k]
        )
        return tally.rest(node.undone, node.ready, node.bytes, cheap)

    def _dominates(self, a: _Node, b: _Node) -> bool:
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

    def _push(self, node: _Node) -> None:
        if node.total < self.upper:
            self._serial += 1
            rank = node.total + self.greed * (node.total - node.cost)
            key = (rank, -node.undone.bit_count(), -self._serial, node)
            heapq.heappush(self._heap, key)


def _copy(node: _Node) -> _Node:
    new = _Node()
    for name in _Node.__slots__:
        if name != "dead":
            setattr(new, name, getattr(node, name))
    return new

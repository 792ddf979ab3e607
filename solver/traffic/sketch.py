"""Lower bounds, and good orders, by a coarser search: sketches.

A sketch knows of the largest buffers whether they are resident, of all others only how many
bytes are. Those are taken to be the ones that an op touches, as far as they go, and cheap ones are
dropped first; what stays beside the operands of an op is the total of some live buffers. Ops that
bring in no more than they end are undone at once (:mod:`solver.traffic.draft`). Each plan has a
way through the sketch states that costs no more, so the least cost of such a way is a lower bound,
and its order of ops is often a good one. With no exact buffer at all this is the tally problem of
:mod:`solver.traffic.tally`.

What a sketch has found bounds finer searches. Let ``v`` be its bound, and ``a`` a state reached at
cost ``g`` along states whose totals are all below ``v``. From any state ``x`` of a real plan that
``a`` can be made nowhere worse than for a price ``p``, at least ``v - g - p`` is still to pay:
the way to ``a``, the change, and what the plan does from ``x`` on is a way through the sketch, so
either its costs or a total along it come to ``v``, and no bound on what the rest of a real plan
costs is above that. So a finer search starts where the coarser ones ended (compare Holte et al.,
"Hierarchical A*: searching abstraction hierarchies efficiently", AAAI 1996).

The exact buffers are the largest, with all of one size, so that what takes the room of a buffer
that ends is exact only if that buffer is.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.draft import Draft, Drafts, Sums
from solver.traffic.rules import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from solver.traffic.space import Space


MOST_WAYS = 2**13  # to make room in one state; more than that takes a search of victims


class _Node:
    """A state in the tables."""

    __slots__ = ("dead", "draft", "op", "parent")

    def __init__(self, draft: Draft, parent: _Node | None, op: int) -> None:
        self.draft = draft
        self.parent = parent
        self.op = op  # undone to get here, -1 for none
        self.dead = False


class PythonSketch:
    """The reference; the compiled kernel walks the same states.

    Parameters
    ----------
    space : Space
        The whole problem, in resident mode.
    upper : int
        Look only for what costs less than this many bytes.
    exact : int
        How many of the largest buffers are told apart; those of one size all or none.
    waived : int
        An op that needs no more than so many bytes may be undone at once whether or not it fits.
    coarser : PythonSketch, optional
        One searched before, with no more exact buffers and no less waived.
    """

    def __init__(
        self,
        space: Space,
        upper: int,
        exact: int,
        waived: int,
        coarser: PythonSketch | None = None,
    ) -> None:
        self.states = 0
        self.bound = 0
        self.space = space
        self.drafts = Drafts(space, exact, waived)
        self.upper = upper
        self.coarser = coarser
        self.tally = space.tally
        self._heap: list[tuple[int, int, int, _Node]] = []
        self._serial = 0
        self._ways = 0  # tried to make room in the state being expanded
        self._known: dict[int, list[_Node]] = {}
        self._found: _Node | None = None
        self._offer(_Node(self._root([]), None, -1))

    def _root(self, trace: list[int]) -> Draft:
        root = Draft(0, self.space.ready(0), 0, 0, 0, 0)
        self.drafts.settle(root, trace)
        return root

    def advance(
        self,
        states: int,
        memory: int,  # noqa: ARG002  watched by the meter
        check: Callable[[], bool] | None = None,
    ) -> Event:
        """Expand states, until so many ways to make room have been tried."""
        work = 0
        while work < states and not (check is not None and check()):
            if self._ways > MOST_WAYS:
                return Event.STUCK
            while self._heap and self._heap[0][3].dead:
                heapq.heappop(self._heap)
            if not self._heap:
                self.bound = max(self.bound, self.upper)
                return Event.EXHAUSTED
            node = heapq.heappop(self._heap)[3]
            self.bound = max(self.bound, node.draft.total)
            if node.draft.undone == self.space.full:
                self._found = node
                return Event.FOUND
            self._ways = 0
            for op in bits(node.draft.ready):
                for after in self._after(node.draft, op, []):
                    self._offer(_Node(after, node, op))
            work += 1 + self._ways
        return Event.SLICE

    def order(self) -> list[int]:
        """All ops in backward time, along the way found."""
        way: list[_Node] = []
        node = self._found
        while node is not None:
            way.append(node)
            node = node.parent
        ops: list[int] = []
        self._root(ops)
        for node in way[-2::-1]:
            assert node.parent is not None
            trace: list[int] = []
            self._ways = 0
            for after in self._after(node.parent.draft, node.op, trace):
                after.total = node.draft.total
                if after == node.draft:
                    break
                trace.clear()
            ops += trace
        return ops

    def total_through(self, finer: Draft) -> int:
        """Bytes at least of any plan through a finer state."""
        total = self.bound
        sketch: PythonSketch = self
        while True:
            coarser = sketch.coarser
            # Otherwise no state was below the bound of the coarser sketch.
            if coarser is None or coarser.bound < sketch.bound:
                total = max(total, sketch.bound + sketch._excess(finer))
            if coarser is None:
                return total
            sketch = coarser

    def _excess(self, finer: Draft) -> int:
        """Bytes by which the way to a finer state is known to be dearer than the least here."""
        image = self.drafts.image(finer)
        excess = 0
        for node in self._known.get(image.undone, ()):
            if node.draft.total < self.bound:
                price = self.drafts.price_of_change(node.draft, image)
                excess = max(excess, finer.cost - node.draft.cost - price)
        return excess

    def _after(self, draft: Draft, op: int, trace: list[int]) -> Iterator[Draft]:
        """Undo ``op`` with each set of exact victims that is worth while; note the ops undone."""
        space, known = self.space, self.drafts.known
        touch = space.touch[op]
        room = space.capacity - space.fixed[op] - space.bytes_of(touch)
        if room < 0:
            return
        back = sum(space.size[k] for k in bits(touch & ~known) if space.users[k] & draft.undone)
        others = draft.held - min(back, draft.held)
        victims = list(bits(draft.resident & ~touch))
        sums = Sums(self.drafts, draft.undone, op, room) if others else None

        def surplus(room: int) -> int:
            return 0 if sums is None else max(0, others - sums.fitting(room))

        def choose(begin: int, room: int, chosen: tuple[int, ...], cost: int) -> Iterator[Draft]:
            if cost >= self.upper:
                return
            self._ways += 1
            if self._ways > MOST_WAYS:
                return
            if room >= 0:
                dropped = surplus(room)
                if not any(
                    room >= space.size[k] and surplus(room - space.size[k]) == dropped
                    for k in chosen
                ):
                    yield self._undo(self._without(draft, chosen, cost), op, dropped, trace)
                if not dropped:
                    return
            for i in range(begin, len(victims)):
                if room + sum(space.size[k] for k in victims[i:]) < 0:
                    return
                k = victims[i]
                price = space.drop_cost(k, draft.undone, draft.stored)
                yield from choose(i + 1, room + space.size[k], (*chosen, k), cost + price)

        free = room - sum(space.size[k] for k in victims)
        yield from choose(0, free, (), draft.cost)

    def _without(self, before: Draft, victims: tuple[int, ...], cost: int) -> Draft:
        """Drop exact buffers."""
        draft = replace(before, cost=cost)
        for k in victims:
            draft.resident &= ~(1 << k)
            if not (self.space.clean >> k & 1 or before.undone & self.space.writers[k]):
                draft.stored |= 1 << k
        return draft

    def _undo(self, before: Draft, op: int, dropped: int, trace: list[int]) -> Draft:
        """Undo an op with so many of the bytes held dropped."""
        space, exact = self.space, self.drafts.exact
        back = new = new_cheap = gone = 0
        finished = space.finished(op, before.undone | 1 << op)
        for k in bits(space.touch[op] >> exact << exact):
            size = space.size[k]
            if space.users[k] & before.undone:
                back += size
            else:
                new += size
                new_cheap += size * (space.clean >> k & 1)
            gone += size * (finished >> k & 1)
        away = back - min(back, before.held)
        easy = min(dropped, before.cheap)
        held = max(0, before.held + away - dropped + new - gone)
        undone = before.undone | 1 << op
        draft = Draft(
            undone,
            space.ready_after(op, undone, before.ready),
            (before.resident | space.touch[op] & self.drafts.known) & ~finished,
            before.stored & ~(finished | space.rewritten(op)),
            held,
            min(held, before.cheap - easy + away + new_cheap),
            before.cost + 2 * dropped - easy,
            before.total,
        )
        trace.append(op)
        self.drafts.settle(draft, trace)
        return draft

    def _offer(self, node: _Node) -> None:
        """Queue a state unless it is dominated or too dear."""
        draft, change = node.draft, self.drafts.price_of_change
        if draft.cost >= self.upper:
            return
        held, cheap = self.drafts.totals(draft, draft.resident)
        rest = self.tally.rest(draft.undone, draft.ready, held, cheap)
        draft.total = max(draft.total, draft.cost + rest)
        if self.coarser is not None and draft.total < self.upper:
            draft.total = max(draft.total, self.coarser.total_through(draft))
        if draft.total >= self.upper:
            return
        self.states += 1
        others = self._known.setdefault(draft.undone, [])
        if any(old.draft.cost + change(old.draft, draft) <= draft.cost for old in others):
            return
        for old in others:
            old.dead |= draft.cost + change(draft, old.draft) <= old.draft.cost
        self._known[draft.undone] = [old for old in others if not old.dead] + [node]
        self._serial += 1
        key = (draft.total, -draft.undone.bit_count(), -self._serial, node)
        heapq.heappush(self._heap, key)

"""Best-first search of the backward states, in pure Python.

The compiled kernel (:mod:`solver.traffic.kernel`) walks the same states: tests compare the two.
A node is a state with its cost so far, or a state in which an op has been chosen and victims are
being dropped one by one, largest first, to make room for it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.best_first import BestFirst
from solver.traffic.choice import (
    is_regrettable,
    is_regretted,
    least_price,
    rest_after,
    victims_of,
)
from solver.traffic.draft import Draft
from solver.traffic.settle import settle
from solver.traffic.state import State, drop, is_allowed, lack_of, sacrifice, step

if TYPE_CHECKING:
    from solver.traffic.rules import Rules
    from solver.traffic.sketch import PythonSketch
    from solver.traffic.space import Space
    from solver.traffic.tally import Tally

_CHOICES = 4  # of a beam, for each of its states


class PythonExplorer(BestFirst):
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
    width : int
        Of a beam: expand the states with the fewest ops undone first, and of those with as many ops
        undone no more than so many, nor more than four times so many choices; ``bound`` means
        nothing then. 0 for no beam.
    sketch : PythonSketch, optional
        Bounds the cost to come, too.
    """

    def __init__(
        self,
        space: Space,
        upper: int,
        rules: Rules,
        *,
        greed: int = 0,
        width: int = 0,
        sketch: PythonSketch | None = None,
    ) -> None:
        super().__init__(space, upper, rules, greed, by_level=width > 0)
        self.width = width
        self._expanded: Counter[tuple[int, bool]] = Counter()  # of a beam, by level and kind
        self.sketch = sketch
        self.tally = space.tally if rules.tally else None
        self._begin()

    def _is_beyond(self, node: State) -> bool:
        """Whether enough of a node's kind and level have been expanded."""
        if not self.width:
            return False
        is_choice = node.op >= 0
        key = node.undone.bit_count(), is_choice
        self._expanded[key] += 1
        return self._expanded[key] > (_CHOICES if is_choice else 1) * self.width

    # Expansion.

    def _expand(self, node: State) -> None:
        if node.op >= 0:
            self._choose_victim(node)
            return
        for op in bits(node.ready):
            if not is_allowed(self.space, node, op):
                continue
            lack = lack_of(self.space, node, op)
            if lack <= 0:
                self._undo(node, op, 0)
            elif self.rules.lazy:
                self._choose_op(node, op, lack)
            elif self.space.streaming:
                self._undo_partly(node, op)
        if not self.rules.lazy:
            for k in bits(node.resident & ~self.space.kept):
                new = node.copy()
                drop(self.space, new, k)
                self._offer(new)

    def _choose_op(self, node: State, op: int, lack: int) -> None:
        new = node.copy()
        new.op, new.lack, new.limit, new.origin = op, lack, 0, node
        self._queue_choice(new)

    def _queue_choice(self, node: State) -> None:
        """Queue a node that still has to drop something, unless that cannot help."""
        rest, easy = least_price(self.space, node)
        if rest < 0:
            return
        if self.tally is not None:
            tally = 2 * node.lack - easy + rest_after(self.space, self.tally, node, easy)
            rest = max(rest, tally)
        node.total = max(node.total, node.cost + rest)
        self._push(node, node.cost)

    def _choose_victim(self, node: State) -> None:
        space = self.space
        for k in bits(victims_of(space, node)):
            passed = node.resident & ((1 << k) - 1)
            if self.rules.furthest and is_regrettable(space, node, k, passed):
                continue
            new = node.copy()
            new.limit = k + 1
            new.lack = node.lack - space.size[k]
            sacrifice(space, new, k)
            if new.lack > 0:
                self._queue_choice(new)
            elif not (self.rules.furthest and is_regretted(space, new)):
                self._undo(new, new.op, new.out)

    def _undo_partly(self, node: State, op: int) -> None:
        """Undo an op with each set of operands outside (streaming, not lazy)."""
        space = self.space
        fresh = space.touch[op] & ~node.resident & ~space.finished(op, node.undone | 1 << op)
        fresh &= ~space.kept
        outside = fresh
        while outside:
            new = node.copy()
            new.op = op
            for k in bits(outside):
                sacrifice(space, new, k)
            held = node.bytes + space.bytes_of(fresh & ~outside) + space.fixed[op]
            if held <= space.capacity:
                self._undo(new, op, outside)
            outside = (outside - 1) & fresh

    def _undo(self, node: State, op: int, out: int) -> None:
        """Undo ``op``, take free moves, and queue the result."""
        new = node.copy()
        step(self.space, new, op, out)
        if self.rules.free_moves:
            settle(self.space, new, valleys=self.rules.valleys)
        self._offer(new)

    # Tables.

    def _offer(self, node: State) -> None:
        """Queue a state unless it is dominated or too dear."""
        rest = 0 if self.tally is None else self._rest(self.tally, node)
        node.total = max(node.total, node.cost + rest)
        if node.total >= self.upper:
            return
        if self.sketch is not None:
            draft = Draft(node.undone, node.ready, node.resident, node.stored, 0, 0, node.cost)
            node.total = max(node.total, self.sketch.total_through(draft))
            if node.total >= self.upper:
                return
        if self._is_new(node):
            self._push(node, node.cost)

    def _rest(self, tally: Tally, node: State) -> int:
        cheap = sum(
            self.space.size[k]
            for k in bits(node.resident)
            if self.space.drop_cost(k, node.undone, node.stored) <= self.space.size[k]
        )
        return tally.rest(node.undone, node.ready, node.bytes, cheap)

    def _dominates(self, a: State, b: State) -> bool:
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
        if more & self.space.kept:
            return False
        spare = b.cost - a.cost
        for k in bits(less):
            spare -= self.space.size[k]
        for k in bits(more):
            spare -= self.space.drop_cost(k, a.undone, a.stored)
        return spare >= 0

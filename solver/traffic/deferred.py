"""Best-first search in which no victims are chosen: what was dropped is decided when it is touched.

Between two uses a buffer is kept throughout or dropped at once; nothing in between is cheaper. So
when an op is undone that does not fit beside all that may be resident, nothing need be chosen: it
is enough to remember that no more than so many bytes of it can have been kept. Whether a buffer
has been is decided when it is touched next, and paid for then, or when it turns out to be
impossible.

A state stands for all those states of :mod:`solver.traffic.explorer` that differ in what was
dropped. ``resident`` are the buffers that can be kept in any case, ``tight`` those under limits,
see :mod:`solver.traffic.slack`; ``cost`` is paid for the others. The states of that search are
many more, and most are reached in several ways: by dropping one buffer now and another one later,
or the other way round.

*Free moves and valleys* hold for each of the states that one stands for, if they touch no tight
buffer and there is room beside the most that can have been kept. Nothing depends then on which of
the tight buffers are resident.

*Dominance.* Let ``worst`` be the cost if all that may be resident is dropped. Let any set ``K``
be kept that can be in ``B``. ``A`` is no worse if it can keep a subset of ``K`` and pays no more.
So it is if its ``worst`` is less than that of ``B`` at least by what dropping the rest of ``K``
costs, and by one write for each buffer that only ``A`` has stored: to keep it saves ``A`` a
reload only. (What only ``B`` has stored, ``A`` can store at once: that is in its ``worst``.) Sets
under limits are nested; drop buffers from the least set on that is over its limit. That takes no
more bytes than the largest excess, plus less than one buffer, as buffers are dropped whole. A
buffer that ``A`` has dropped is under a limit of none.

*Bound.* The dearest bytes that can have been kept under limits on nested sets are found greedily,
in part if need be: those that save a write and a reload first, then the others. The tally problem
tells what is to come. Keeping less costs no less: the least cost to come falls by no more per
byte dropped, or stored, than that costs.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.best_first import BestFirst
from solver.traffic.settle import settle
from solver.traffic.slack import keep, loosen, most_kept, shortage
from solver.traffic.state import State, drop, is_allowed, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.traffic.rules import Rules
    from solver.traffic.space import Space

_SHARE = 0.75  # of the buffers
MOST_TOUCHED = 16  # tracked buffers of an op: all sets of them are tried


def may_defer(space: Space) -> bool:
    """Whether this search serves a space."""
    return not (space.streaming or space.kept) and all(
        touch.bit_count() <= MOST_TOUCHED for touch in space.touch
    )


def defers(space: Space, rules: Rules) -> bool:
    """Whether a space is searched like this, without sketches: where most buffers are of one size.

    Elsewhere dominance is weaker than in the other search, and that makes use of sketches.
    """
    if not (rules.defer and rules.lazy and may_defer(space)):
        return False
    most = max(Counter(space.size).values(), default=0)
    return most >= _SHARE * len(space.size)


class DeferredExplorer(BestFirst):
    """The reference explorer of deferred choices.

    Parameters
    ----------
    space : Space
        What to search, see `may_defer`.
    upper : int
        Look only for plans that cost less than this many bytes.
    rules : Rules
        Pruning.
    greed : int
        Extra weight of the cost to come in the order of expansion; ``bound`` means nothing then.
    """

    def __init__(self, space: Space, upper: int, rules: Rules, *, greed: int = 0) -> None:
        super().__init__(space, upper, rules, greed)
        self._unit = math.gcd(*space.size)
        self._begin()

    # Expansion.

    def _expand(self, node: State) -> None:
        for op in bits(node.ready):
            if is_allowed(self.space, node, op):
                tight = list(bits(self.space.touch[op] & node.tight))
                for kept in itertools.product((False, True), repeat=len(tight)):
                    self._undo(node, op, dict(zip(tight, kept, strict=True)))

    def _undo(self, node: State, op: int, kept: Mapping[int, bool]) -> None:
        """Undo ``op`` if it can be that so many of its tight operands have been kept."""
        space = self.space
        touch, size = space.touch[op], space.size
        new = node.copy()
        slack = new.slack = dict(node.slack)
        for k, is_kept in kept.items():
            if not is_kept:
                del slack[k]
                drop(space, new, k)
            elif not keep(slack, size, k):
                return
        room = space.capacity - space.fixed[op] - space.bytes_of(touch)
        room -= room % self._unit if self._unit else 0
        for k in bits(new.resident & ~touch):
            slack[k] = room
        for k in sorted(slack):
            slack[k] = min(slack[k], room)
            if slack[k] < size[k]:
                del slack[k]
                drop(space, new, k)
        new.resident &= touch
        for k in loosen(slack, size):
            new.resident |= 1 << k
        new.tight = sum(1 << k for k in slack)
        new.held = max(slack.values(), default=0)
        step(space, new, op, 0)
        if self.rules.free_moves:
            settle(space, new, valleys=self.rules.valleys)
        self._offer(new)

    # Tables.

    def _offer(self, node: State) -> None:
        """Queue a state unless it is dominated or too dear."""
        least = self._weigh(node)
        if node.total < self.upper and self._is_new(node):
            self._push(node, least)

    def _weigh(self, node: State) -> int:
        """Find its ``worst`` cost and its bound; return the least cost so far."""
        space, size = self.space, self.space.size
        pending = node.resident | node.tight
        dear = sum(
            1 << k for k in bits(pending) if space.drop_cost(k, node.undone, node.stored) > size[k]
        )
        node.worst = node.cost + space.bytes_of(pending) + space.bytes_of(dear)
        held = node.bytes
        held_dear = space.bytes_of(dear & node.resident)
        held_dear += most_kept(node.slack, size, bits(dear & node.tight))
        least = node.worst - held - held_dear
        rest = 0
        if self.rules.tally and least < self.upper:
            rest = space.tally.rest(node.undone, node.ready, held, held - held_dear)
        node.total = max(node.total, least + rest)
        return least

    def _dominates(self, a: State, b: State) -> bool:
        spare = b.worst - a.worst
        if spare < 0:
            return False
        space, size = self.space, self.space.size
        pending = b.resident | b.tight
        if not self.rules.dominance:
            return (a.resident, a.slack, a.stored, a.cost) == (
                b.resident, b.slack, b.stored, b.cost,
            )  # fmt: skip
        lost = pending & ~a.resident & ~a.tight
        spare -= space.bytes_of(a.stored & ~b.stored & pending & ~lost)
        if spare < 0:
            return False
        limits = {k: a.slack.get(k, 0) for k in bits(pending & ~a.resident)}
        excess, members = shortage(limits, b.slack, size)
        if not excess:
            return True
        if not self.rules.trade:
            return False
        excess += max(size[k] for k in members) - self._unit
        prices = (space.drop_cost(k, b.undone, b.stored) for k in members)
        return min(2 * excess, sum(prices)) <= spare

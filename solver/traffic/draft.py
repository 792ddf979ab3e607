"""Sketch states: the largest buffers by name, all others by their bytes.

A *draft* is a sketch state under construction, see :mod:`solver.traffic.sketch` for what
sketches are. The first ``exact`` buffers of a space, its largest, are told apart.

*Settling* undoes at once each op that brings in no more bytes than one buffer it ends. *Proof
that this is no loss, if the room at that op is waived:* let ``v`` be such an op, ``e`` the buffer
it ends, and take any plan from there on in which ``v`` is undone later. Undo ``v`` now and follow
the plan otherwise. Operands of ``v`` that live on stay as they are, resident or absent, over a gap
that was two gaps before. As long as ``e`` is resident in the plan, what ``v`` brings in takes its
room; when the plan drops ``e``, that is dropped in its place, for no more, as it gets the lower of
the two prices; while ``e`` is absent it is absent too, for nothing. At no time is more resident
than in the plan.

A *large* op is settled only if it fits, with all that it touches and that lives on resident, and if
prices need not be lowered: then nothing is waived.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from solver.peak.space import bits

if TYPE_CHECKING:
    from solver.traffic.space import Space

MOST_SUMS = 256


@dataclass(slots=True)
class Draft:
    """A sketch state.

    Attributes
    ----------
    undone, ready : int
        Masks of the ops undone and of those that may be undone next.
    resident, stored : int
        Masks of exact buffers: resident, and absent in an earlier gap.
    held, cheap : int
        Resident bytes of other buffers, and those of them whose absence costs a reload only.
    cost, total : int
        Bytes paid so far, and those of a whole plan at least.
    """

    undone: int
    ready: int
    resident: int
    stored: int
    held: int
    cheap: int
    cost: int = 0
    total: int = 0


class Turn(NamedTuple):
    """What undoing an op at once would do."""

    brought: int  # mask of buffers that become live
    gone: int  # bytes of buffers not exact that end
    heir_of: int  # the largest buffer that ends, a resident one if there are several; -1: none


class Drafts:
    """What can be done to drafts of a space.

    Parameters
    ----------
    space : Space
        In resident mode.
    exact : int
        How many of the largest buffers are told apart; those of one size all or none.
    waived : int
        Bytes; ops that need more are large.

    Raises
    ------
    ValueError
        If buffers of one size would be treated differently.
    """

    def __init__(self, space: Space, exact: int, waived: int) -> None:
        if 0 < exact < len(space.size) and space.size[exact - 1] == space.size[exact]:
            raise ValueError(f"{exact} exact buffers would split those of one size")
        self.space = space
        self.exact = exact
        self.known = (1 << exact) - 1
        self.large = 0
        for op, touch in enumerate(space.touch):
            if space.fixed[op] + space.bytes_of(touch) > waived:
                self.large |= 1 << op

    def settle(self, draft: Draft, trace: list[int] | None = None) -> None:
        """Undo at once what loses nothing; note the ops in ``trace``."""
        look = draft.ready
        while look:
            low = look & -look
            look ^= low
            op = low.bit_length() - 1
            turn = self._turn(draft, op)
            if turn is None or (self.large >> op & 1 and not self._is_free(draft, op, turn)):
                continue
            self._turn_over(draft, op, turn)
            if trace is not None:
                trace.append(op)
            look = draft.ready

    def _turn(self, draft: Draft, op: int) -> Turn | None:
        """Return what undoing ``op`` brings and ends, None if it brings more than one it ends."""
        space = self.space
        brought = gone = 0
        heir_of = -1
        for k in bits(space.touch[op]):
            size = space.size[k]
            if not space.users[k] & ~(draft.undone | 1 << op):
                if k >= self.exact:
                    gone += size
                if (
                    heir_of < 0
                    or size > space.size[heir_of]
                    or (size == space.size[heir_of] and draft.resident >> k & 1)
                ):
                    heir_of = k
            elif space.writers[k] >> op & 1:
                return None
            elif not space.users[k] & draft.undone:
                brought |= 1 << k
        if brought and (heir_of < 0 or space.bytes_of(brought) > space.size[heir_of]):
            return None
        return Turn(brought, gone, heir_of)

    def _is_free(self, draft: Draft, op: int, turn: Turn) -> bool:
        """Whether a large op fits as it is, and what it brings in is as dear as what it ends."""
        space, touch = self.space, self.space.touch[op]
        exact = turn.brought and turn.heir_of < self.exact
        if exact and not draft.resident >> turn.heir_of & 1:
            return False
        cheap = exact and self._is_cheap(draft, turn.heir_of)
        if cheap and turn.brought & ~space.clean:
            return False
        back = 0
        for k in bits(touch):
            if not space.users[k] & draft.undone:
                continue
            if k >= self.exact:
                back += space.size[k]
            elif not draft.resident >> k & 1 and space.users[k] & ~(draft.undone | 1 << op):
                return False
        room = space.capacity - space.fixed[op] - space.bytes_of(touch)
        others, beside = draft.held - back, room - space.bytes_of(draft.resident & ~touch)
        if others < 0 or beside < others:
            return False
        return not others or others <= Sums(self, draft.undone, op, room).fitting(beside)

    def _turn_over(self, draft: Draft, op: int, turn: Turn) -> None:
        space, e = self.space, turn.heir_of
        exact = 0 <= e < self.exact
        cheap = exact and self._is_cheap(draft, e)
        resident = not exact or bool(draft.resident >> e & 1)
        finished = space.finished(op, draft.undone | 1 << op)
        draft.resident &= ~finished
        draft.stored &= ~finished
        # Without an exact heir it is not known whether what comes takes the room of what goes.
        draft.held -= min(draft.held, turn.gone) if exact else turn.gone
        for k in bits(turn.brought if resident else 0):
            if k < self.exact:
                draft.resident |= 1 << k
                draft.stored |= cheap << k
            else:
                draft.held += space.size[k]
                draft.cheap += space.size[k] if cheap or space.clean >> k & 1 else 0
        draft.held = max(0, draft.held)
        draft.cheap = min(draft.cheap, draft.held)
        draft.undone |= 1 << op
        draft.ready = space.ready_after(op, draft.undone, draft.ready)

    def _is_cheap(self, draft: Draft, k: int) -> bool:
        """Whether the absence of an exact buffer costs a reload only."""
        return self.space.drop_cost(k, draft.undone, draft.stored) <= self.space.size[k]

    def image(self, finer: Draft) -> Draft:
        """Return what a state that tells more buffers apart looks like here."""
        held, cheap = self.totals(finer, finer.resident & ~self.known)
        draft = replace(
            finer,
            resident=finer.resident & self.known,
            stored=finer.stored & self.known,
            held=held,
            cheap=min(cheap, held),
        )
        self.settle(draft)
        return draft

    def totals(self, draft: Draft, buffers: int) -> tuple[int, int]:
        """Bytes held with those of resident ``buffers``, and the cheap ones among them."""
        space = self.space
        held, cheap = draft.held, draft.cheap
        for k in bits(buffers):
            held += space.size[k]
            if space.drop_cost(k, draft.undone, draft.stored) <= space.size[k]:
                cheap += space.size[k]
        return held, cheap

    def price_of_change(self, a: Draft, b: Draft) -> int:
        """Bytes to pay at most to make of ``a`` what is nowhere worse than ``b``.

        Buffers are dropped, or written back, at once. The two have the same ops undone.
        """
        space = self.space
        dear, held = a.held - a.cheap, min(a.held, b.held)
        stays = min(dear, held)
        price = a.held - held + dear - stays + max(0, stays - (b.held - b.cheap))
        more = a.resident & ~b.resident
        price += space.bytes_of(b.stored & ~a.stored & ~more)
        return price + sum(space.drop_cost(k, a.undone, a.stored) for k in bits(more))


class Sums:
    """Subset sums up to ``room`` of live buffers that are neither exact nor touched by an op."""

    def __init__(self, drafts: Drafts, undone: int, op: int, room: int) -> None:
        space = drafts.space
        live = [
            space.size[k]
            for k in range(drafts.exact, len(space.size))
            if space.users[k] & undone and space.users[k] & ~undone and not space.touch[op] >> k & 1
        ]
        self._total = sum(live)
        sums: set[int] | None = {0}
        for size in live:
            assert sums is not None
            sums |= {total + size for total in sums if total + size <= room}
            if len(sums) > MOST_SUMS:
                sums = None
                break
        self._sums = None if sums is None else sorted(sums)

    def fitting(self, room: int) -> int:
        """Return the largest sum within ``room``; ``room`` itself if there are too many sums."""
        if self._total <= room:
            return self._total
        if self._sums is None:
            return room
        return self._sums[bisect_right(self._sums, room) - 1]

"""A lower bound on the cost to come: forget which buffers are resident, remember how many bytes.

In the *tally* problem a state is the set of ops undone, the number of resident bytes ``held`` and
the number of those, ``cheap``, whose absence costs a reload only. Three things make it easier than
the real problem, so that its least cost to come is a lower bound:

* Whatever an op touches is taken to be among the resident bytes as far as these go, so that
  buffers reappear as rarely as possible. Cheap bytes are dropped first. Any number of bytes may be
  dropped, but what stays beside the operands of an op is the total of some live buffers.
* Ops that bring in no more than one buffer they end are undone at once, whether or not they
  fit, and whether or not their operands are resident. *Proof that this is no loss:* let ``v`` be
  such an op, and take any plan from a state ``S`` in which ``v`` is undone later. Undo ``v`` now
  and follow the plan otherwise. Operands of ``v`` that live on stay as they are, resident or
  absent, over a gap that was two gaps before. If what ``v`` ends is resident, what it brings in
  takes its room until the plan comes to ``v``, and is dropped when the plan drops it (for no more,
  as it is given the same price); if it is absent, so is what ``v`` brings in, until its next user.
  At no time is more resident than in the plan. The room at ``v`` itself is waived.

Few sets of ops are left after that, so the least costs are computed by dynamic programming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from solver.peak.space import bits

if TYPE_CHECKING:
    from solver.traffic.space import Space

MOST_STEPS = 2**21  # work after which states not known yet are given no bound
_MOST_SUMS = 256
_STEP_WORDS = 4  # of masks of ops that one step can handle

State = tuple[int, int, int]  # index of the settled set, held, cheap


class Effect(NamedTuple):
    """What undoing an op does to the bytes, from a settled set of ops undone.

    Attributes
    ----------
    back : int
        Bytes of operands that are live already.
    new, new_cheap : int
        Bytes of operands that become live, and how many of them are cheap to drop.
    gone : int
        Bytes of operands that leave for good.
    beside : int
        The most bytes that can stay resident beside the operands.
    change, change_cheap : int
        Live bytes after settling, less those before it, and cheap ones that became live in it.
    after : int
        Index of the settled set.
    """

    back: int
    new: int
    new_cheap: int
    gone: int
    beside: int
    change: int
    change_cheap: int
    after: int


class _Set(NamedTuple):
    """A settled set of ops undone."""

    undone: int
    ready: int
    effects: list[Effect]  # of the ready ops, made on demand


class _Settled(NamedTuple):
    """What settling leads to: the set's place, the change of live bytes, new cheap bytes."""

    place: int
    change: int
    cheap: int


class Tally:
    """Least costs to come in the tally problem of ``space``."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._sets: list[_Set] = []
        self._index: dict[int, int] = {}
        self._settled: dict[int, _Settled] = {}
        self._rest: dict[State, int] = {}
        self._steps = 0
        self._warming: list[State] | None = None  # what is left of the whole problem
        self._given_up = False
        self._step_cost = 1 + (len(space.ops) + 63) // 64 // _STEP_WORDS

    def rest(self, undone: int, ready: int, held: int, cheap: int) -> int:
        """Bytes at least still to pay.

        Parameters
        ----------
        undone, ready : int
            Masks of the ops undone and of those that may be undone next.
        held, cheap : int
            Resident bytes, and those of them whose absence costs a reload only.
        """
        if self._given_up:
            return 0
        state = self._state(undone, ready, held, cheap)
        if state not in self._rest:
            if self._steps > MOST_STEPS:
                return 0
            self._work([state], MOST_STEPS)
        return self._rest.get(state, 0)

    def warm(self, steps: int) -> bool:
        """Work towards the bound of the whole problem for so many steps; whether that is done.

        No steps: give it up, so that there are no bounds. So it is if there have been too many.
        """
        if self._warming is None:
            self._warming = [self._state(0, self._space.ready(0), 0, 0)]
        self._work(self._warming, min(self._steps + steps, MOST_STEPS))
        self._given_up = bool(self._warming) and (self._steps > MOST_STEPS or not steps)
        return not self._warming or self._given_up

    def _state(self, undone: int, ready: int, held: int, cheap: int) -> State:
        settled = self._settle(undone, ready)
        held = max(0, held + settled.change)
        return settled.place, held, min(max(0, cheap) + settled.cheap, held)

    def _work(self, stack: list[State], until: int) -> None:
        """Work off a stack of states until there have been more than ``until`` steps.

        Depth first by hand: chains of ops are longer than Python's stack.
        """
        rest = self._rest
        while stack:
            top = stack[-1]
            if top not in rest:
                value = self._value(top, stack)
                if value is None:
                    if self._steps > until:
                        return
                    continue
                rest[top] = value
            stack.pop()

    def _value(self, state: State, stack: list[State]) -> int | None:
        """Least cost to come, or None once states it depends on are on the stack."""
        index, held, cheap = state
        if self._sets[index].undone == self._space.full:
            return 0
        best: int | None = None
        missing = False
        self._steps += len(self._effects(index)) * self._step_cost
        for k in range(len(self._effects(index))):
            after, cost = self._step(index, k, held, cheap)
            rest = self._rest.get(after)
            if rest is None:
                missing = True
                stack.append(after)
            elif best is None or cost + rest < best:
                best = cost + rest
        return None if missing else best

    def _step(self, index: int, k: int, held: int, cheap: int) -> tuple[State, int]:
        """Undo the ``k``-th ready op: the state after, and what it costs."""
        effect = self._sets[index].effects[k]
        back = min(effect.back, held)  # operands that are resident
        away = effect.back - back
        if self._space.streaming:
            # Operands that leave for good need no room if they are away; any may stay outside.
            away = max(0, away - effect.gone)
            others = held + away + effect.new
            left = others - min(effect.gone, back)
        else:
            others = held - back
            left = others + effect.back + effect.new - effect.gone
        drop = max(0, others - effect.beside)
        easy = (
            min(drop, cheap + away + effect.new_cheap)
            if self._space.streaming
            else min(drop, cheap)
        )
        left = max(0, left - drop + effect.change)
        cheap = max(0, cheap + away + effect.new_cheap - easy) + effect.change_cheap
        return (effect.after, left, min(left, cheap)), 2 * drop - easy

    def _settle(self, undone: int, ready: int) -> _Settled:
        """Undo all that can be undone at once."""
        found = self._settled.get(undone)
        if found is not None:
            return found
        now, look, change, cheap = undone, ready, 0, 0
        while look:
            low = look & -look
            look ^= low
            more = self._gain(low.bit_length() - 1, now)
            if more is not None:
                now |= low
                ready = self._space.ready_after(low.bit_length() - 1, now, ready)
                look = ready
                change += more[0]
                cheap += more[1]
        index = self._index.get(now)
        if index is None:
            index = self._index[now] = len(self._sets)
            self._sets.append(_Set(now, ready, []))
        settled = self._settled[undone] = _Settled(index, change, cheap)
        return settled

    def _gain(self, op: int, undone: int) -> tuple[int, int] | None:
        """Change of live bytes and new cheap bytes if ``op`` is undone; None if it might harm."""
        space = self._space
        after = undone | 1 << op
        new = new_cheap = gone = largest = 0
        for k in bits(space.touch[op]):
            size = space.size[k]
            if not space.users[k] & ~after:
                gone += size
                largest = max(largest, size)
            elif space.writers[k] >> op & 1:
                return None
            elif not space.users[k] & undone:
                new += size
                new_cheap += size * (space.clean >> k & 1)
        return (new - gone, new_cheap) if new <= largest else None

    def _effects(self, index: int) -> list[Effect]:
        """Effects of the ready ops of a set."""
        here = self._sets[index]
        if not here.effects:
            here.effects.extend(self._effect(op, here) for op in bits(here.ready))
        return here.effects

    def _effect(self, op: int, here: _Set) -> Effect:
        space = self._space
        after = here.undone | 1 << op
        back = new = new_cheap = gone = 0
        for k in bits(space.touch[op]):
            size = space.size[k]
            if space.users[k] & here.undone:
                back += size
            else:
                new += size
                new_cheap += size * (space.clean >> k & 1)
            if not space.users[k] & ~after:
                gone += size
        beside = space.capacity - space.fixed[op]
        if not space.streaming:
            beside = self._fitting(op, here.undone, beside - back - new)
        ready = space.ready_after(op, after, here.ready)
        settled = self._settle(after, ready)
        return Effect(
            back, new, new_cheap, gone, beside, settled.change, settled.cheap, settled.place
        )

    def _fitting(self, op: int, undone: int, room: int) -> int:
        """Largest total of live buffers beside the operands of ``op`` that is within ``room``."""
        space = self._space
        sizes = [
            size
            for k, size in enumerate(space.size)
            if not space.touch[op] >> k & 1 and space.users[k] & undone and space.users[k] & ~undone
        ]
        if sum(sizes) <= room:
            return sum(sizes)
        sums = {0}
        for size in sizes:
            sums |= {total + size for total in sums if total + size <= room}
            if len(sums) > _MOST_SUMS:
                return room
        return max(sums)

"""Replacing a state by one that is at least as good: free moves and valleys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.state import is_allowed, is_calm, lack_of, step

if TYPE_CHECKING:
    from solver.traffic.space import Space
    from solver.traffic.state import State


def settle(space: Space, state: State, *, valleys: bool) -> None:
    """Take free moves, and an op with free moves after it where that ends in a valley.

    A state reached without a drop, in which nothing is resident that was not so before, loses
    nothing: follow any other plan from there on, without the ops already undone. Buffers
    that live on have fewer users left, so fewer gaps, and nothing else takes room.

    An op that touches a tight buffer is left alone.

    Under a cap on live bytes these have to reach a valley too, see :func:`_is_live_valley`.
    """
    _slide(space, state)
    look = state.ready if valleys else 0
    while look:
        low = look & -look
        look ^= low
        op = low.bit_length() - 1
        if space.touch[op] & state.tight or lack_of(space, state, op) > 0:
            continue
        if not is_allowed(space, state, op):
            continue
        trial = state.copy()
        step(space, trial, op, 0)
        _slide(space, trial)
        if _is_valley(space, state, trial) and _is_live_valley(space, state, trial, op):
            for name in ("undone", "ready", "resident", "stored", "bytes", "live", "path"):
                setattr(state, name, getattr(trial, name))
            look = state.ready


def _slide(space: Space, state: State) -> None:
    """Take free moves while there are any."""
    look = state.ready
    while look:
        low = look & -look
        op = low.bit_length() - 1
        if _is_free(space, state, op):
            step(space, state, op, 0)
            look = state.ready
        else:
            look ^= low


def _is_free(space: Space, state: State, op: int) -> bool:
    """Whether undoing ``op`` now cannot be regretted.

    It fits, no operand has to reappear for later, and what it brings in is no more than one
    buffer it ends: neither in bytes, nor in what dropping it could cost. Nor are there more live
    bytes after it, if these are capped.
    """
    after = state.undone | 1 << op
    if space.touch[op] & state.tight or lack_of(space, state, op) > 0:
        return False
    if not is_calm(space, state, op):
        return False
    finished = space.finished(op, after)
    if space.rewritten(op) & ~finished:
        return False
    fresh = space.touch[op] & ~state.resident & ~finished
    if not fresh:
        return True
    bytes_in = price_in = 0
    for k in bits(fresh):
        if space.users[k] & state.undone:
            return False
        bytes_in += space.size[k]
        price_in += space.size[k] * (1 if space.clean >> k & 1 else 2)
    return any(
        bytes_in <= space.size[k] and price_in <= space.drop_cost(k, state.undone, state.stored)
        for k in bits(finished & state.resident)
    )


def _is_live_valley(space: Space, high: State, low: State, first: int) -> bool:
    """Whether no set of ops between the two states leaves fewer bytes live than ``low``.

    Then following the way down first does not raise live bytes at any op undone later, as they are
    submodular. All ops but the first were calm when they
    were undone. So it is enough that the first is so too, or that each of the others needs it and
    there are no more live bytes in the end than in the beginning.
    """
    if space.live_capacity is None or is_calm(space, high, first):
        return True
    others = low.undone & ~high.undone & ~(1 << first)
    return low.live <= high.live and all(space.need[op] >> first & 1 for op in bits(others))


def _is_valley(space: Space, high: State, low: State) -> bool:
    """Whether ``low``, reached from ``high`` without a drop, loses nothing."""
    done = low.undone & ~high.undone
    if any(space.writers[k] & done for k in bits(low.resident) if space.writers[k].bit_count() > 1):
        return False
    new = low.resident & ~high.resident
    if not new:
        return True
    if new & (new - 1) or space.users[new.bit_length() - 1] & high.undone:
        return False
    return _has_heir(space, high, low, new.bit_length() - 1)


def _has_heir(space: Space, high: State, low: State, n: int) -> bool:
    """Whether the one new buffer always has a stand-in on the way down, in whatever order.

    A stand-in is at least as large and as dear to drop as ``n``, and ended on the way; one of
    them is resident to begin with. Each op that ends one touches ``n`` or another that it does
    not end. So in any state between the two in which ``n`` has not been touched some stand-in
    is live: ``n`` can take its room, or be dropped when all of them are.
    """
    begun = False
    for op in bits(low.undone & ~high.undone):
        ends = goes_on = False
        for k in bits(space.touch[op]):
            if k == n:
                goes_on = True
            elif _is_stand_in(space, high, low, k, n):
                last = _ends_at(space, high.undone, k)
                ends |= last == op
                goes_on |= last not in (op, -1)
                begun |= last >= 0 and bool(high.resident >> k & 1)
        if ends and not goes_on:
            return False
    return begun


def _is_stand_in(space: Space, high: State, low: State, k: int, n: int) -> bool:
    price = space.size[n] * (1 if space.clean >> n & 1 else 2)
    if space.size[k] < space.size[n] or space.users[k] & ~low.undone:
        return False
    if space.users[k] & high.undone:
        resident = bool(high.resident >> k & 1)
        return resident and space.drop_cost(k, high.undone, high.stored) >= price
    return space.size[k] * (1 if space.clean >> k & 1 else 2) >= price


def _ends_at(space: Space, undone: int, k: int) -> int:
    """Find the op that ends ``k`` whatever the order, -1 if that depends on it."""
    last = space.writers[k] or space.users[k] & ~undone
    return -1 if last & (last - 1) or last & undone else last.bit_length() - 1

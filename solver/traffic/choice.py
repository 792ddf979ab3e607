"""Which buffers to drop for an op that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.space import bits
from solver.traffic.rules import UNBOUNDED

if TYPE_CHECKING:
    from solver.traffic.space import Space
    from solver.traffic.state import State
    from solver.traffic.tally import Tally


def victims_of(space: Space, choice: State) -> int:
    """Buffers that may be dropped for the chosen op, from the limit on."""
    victims = choice.resident & ~space.touch[choice.op]
    if space.streaming:
        victims |= choice.resident
        fresh = space.touch[choice.op] & ~choice.resident & ~choice.out
        victims |= fresh & ~space.finished(choice.op, choice.undone | 1 << choice.op)
    return (victims & ~space.kept) >> choice.limit << choice.limit


def least_price(space: Space, choice: State) -> tuple[int, int]:
    """Tell what must be paid at least to free what is lacking, and the cheap bytes of it.

    The price is -1 if nothing frees enough.
    """
    size = space.size
    cheap = dear = 0
    smallest = UNBOUNDED
    for k in bits(victims_of(space, choice)):
        smallest = min(smallest, size[k])
        if _price(space, choice, k) <= size[k]:
            cheap += size[k]
        else:
            dear += size[k]
    lack = max(choice.lack, smallest)
    if lack > cheap + dear:
        return -1, 0
    return lack + max(0, lack - cheap), min(choice.lack, cheap)


def _price(space: Space, choice: State, victim: int) -> int:
    """Tell what it costs to drop a victim before, or leave it outside at, the chosen op."""
    op = choice.op
    if not space.touch[op] >> victim & 1:
        return space.drop_cost(victim, choice.undone, choice.stored)
    after = choice.undone | 1 << op
    price = 0
    stored = choice.stored
    if choice.resident >> victim & 1:
        price = space.drop_cost(victim, choice.undone, stored)
        stored |= 1 << victim
    if space.users[victim] & ~after:
        price += space.drop_cost(victim, after, stored)
    return price


def rest_after(space: Space, tally: Tally, choice: State, easy: int) -> int:
    """Cost to come at least once the chosen op is undone, ``easy`` cheap bytes dropped."""
    op = choice.op
    after = choice.undone | 1 << op
    finished = space.finished(op, after)
    rewritten = space.rewritten(op)
    held = cheap = 0
    for k in bits((choice.resident | space.touch[op]) & ~(finished | choice.out)):
        held += space.size[k]
        stored = choice.stored & ~rewritten
        if not choice.resident >> k & 1 and space.users[k] & choice.undone:
            stored |= 1 << k
        if space.drop_cost(k, after, stored) <= space.size[k]:
            cheap += space.size[k]
    ready = space.ready_after(op, after, choice.ready)
    return tally.rest(after, ready, max(0, held - choice.lack), cheap - easy)


def is_regrettable(space: Space, choice: State, k: int, others: int) -> bool:
    """Whether keeping ``k`` and dropping one of ``others`` instead is no worse for sure.

    That is so if the other has its size, is no dearer, and is needed only after the one user
    that ``k`` has left.
    """
    origin = choice.origin
    assert origin is not None
    left = space.users[k] & ~choice.undone
    if space.touch[choice.op] >> k & 1 or left & (left - 1):
        return False
    price = space.drop_cost(k, choice.undone, origin.stored)
    return any(
        space.size[other] == space.size[k]
        and space.drop_cost(other, choice.undone, origin.stored) <= price
        and all(space.need[u] & left for u in bits(space.users[other] & ~choice.undone))
        for other in bits(others & ~space.touch[choice.op])
    )


def is_regretted(space: Space, choice: State) -> bool:
    """Whether the victims are complete and one of them should have been spared."""
    assert choice.origin is not None
    dropped = choice.origin.resident & ~choice.resident
    return any(is_regrettable(space, choice, k, choice.resident) for k in bits(dropped))

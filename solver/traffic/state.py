"""A backward state, or a choice of victims in one, and what can be done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.space import bits

if TYPE_CHECKING:
    from solver.traffic.space import Space

Path = tuple[int, "Path"] | None


class State:
    """A node of the search."""

    __slots__ = (
        "bytes", "cost", "dead", "held", "lack", "limit", "live", "op", "origin", "out", "path",
        "ready", "resident", "slack", "stored", "tight", "total", "undone", "worst",
    )  # fmt: skip

    undone: int
    resident: int
    stored: int
    bytes: int  # of resident
    live: int  # bytes before the ops undone, wherever they are; counted only under a cap
    cost: int
    total: int  # cost plus bound
    ready: int
    path: Path
    dead: bool
    op: int  # chosen op, -1 for none
    origin: State | None  # state in which it was chosen
    lack: int  # bytes to free before it fits
    limit: int  # victims are taken from this buffer on
    out: int  # operands of the op that stay outside (streaming)

    # Where it is decided later what has been dropped, see :mod:`solver.traffic.deferred`:
    tight: int  # buffers that may be resident or not
    slack: dict[int, int]  # bytes, per tight buffer
    held: int  # bytes of tight buffers resident at most; counted in ``bytes``
    worst: int  # cost if all that may be resident is dropped at once

    def __init__(self) -> None:
        self.dead = False
        self.op = -1
        self.origin = None
        self.lack = self.limit = self.out = 0
        self.tight = self.held = self.worst = 0
        self.slack = {}

    def is_obsolete(self) -> bool:
        """Whether it was dominated since it was queued, or is a choice of a state that was."""
        return self.dead or (self.origin is not None and self.origin.dead)

    def copy(self) -> State:
        """Return the same, not dominated."""
        new = State()
        for name in State.__slots__:
            if name != "dead":
                setattr(new, name, getattr(self, name))
        return new


def first_state(space: Space) -> State:
    """Return the state in which no op is undone."""
    root = State()
    root.undone = root.resident = root.stored = root.bytes = root.cost = root.total = 0
    root.live = space.live
    root.ready = space.ready(0)
    root.path = None
    return root


def is_allowed(space: Space, state: State, op: int) -> bool:
    """Whether what is live while ``op`` runs is within the cap on all memory."""
    if space.live_capacity is None:
        return True
    return space.live_at(op, state.undone, state.live)[0] <= space.live_capacity


def is_calm(space: Space, state: State, op: int) -> bool:
    """Whether undoing ``op`` is allowed and leaves no more live than there was.

    Then it can be undone first in any plan: live bytes are submodular in the set of ops undone, so
    they are no more at any op undone later.
    """
    if space.live_capacity is None:
        return True
    during, before = space.live_at(op, state.undone, state.live)
    return during <= space.live_capacity and before <= state.live


def lack_of(space: Space, state: State, op: int) -> int:
    """Bytes missing when every operand that lives on is to be in the TCM."""
    fresh = space.touch[op] & ~state.resident
    if space.streaming and fresh:
        fresh &= ~space.finished(op, state.undone | 1 << op)
    return state.bytes + space.bytes_of(fresh) + space.fixed[op] - space.capacity


def drop(space: Space, state: State, k: int) -> None:
    """Drop the resident buffer ``k``."""
    state.cost += space.drop_cost(k, state.undone, state.stored)
    state.resident &= ~(1 << k)
    state.bytes -= space.size[k]
    if not (space.clean >> k & 1 or state.undone & space.writers[k]):
        state.stored |= 1 << k
    state.path = (~k, state.path)


def sacrifice(space: Space, state: State, k: int) -> None:
    """Drop a victim, or leave it outside at the chosen op."""
    if state.resident >> k & 1:
        drop(space, state, k)
    if space.touch[state.op] >> k & 1:
        state.out |= 1 << k
        after = state.undone | 1 << state.op
        if space.users[k] & ~after:
            state.cost += space.drop_cost(k, after, state.stored)


def step(space: Space, state: State, op: int, out: int) -> None:
    """Undo ``op``, the operands in ``out`` staying outside."""
    if space.live_capacity is not None:
        state.live = space.live_at(op, state.undone, state.live)[1]
    state.undone |= 1 << op
    state.ready = space.ready_after(op, state.undone, state.ready)
    finished = space.finished(op, state.undone)
    state.stored &= ~(finished | space.rewritten(op))
    state.path = (op, state.path)
    for k in bits(out & ~finished):  # paid when it was chosen
        if not (space.clean >> k & 1 or state.undone & space.writers[k]):
            state.stored |= 1 << k
        state.path = (~k, state.path)
    state.resident = (state.resident | space.touch[op]) & ~(finished | out)
    state.bytes = space.bytes_of(state.resident) + state.held
    state.op, state.lack, state.limit, state.out, state.origin = -1, 0, 0, 0, None

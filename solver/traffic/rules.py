"""Switches of the search, and what an explorer of the backward states offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

UNBOUNDED = 2**62


class Event(Enum):
    """Why an explorer paused."""

    SLICE = 0
    FOUND = 1
    EXHAUSTED = 2
    NO_MEMORY = 3
    STUCK = 4  # too many ways to make room


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
    defer : bool
        Decide whether a buffer was dropped only when it is touched next, where most buffers are of
        one size, see :mod:`solver.traffic.deferred` (resident mode).
    furthest : bool
        Do not drop a buffer if another of its size, no dearer, is needed only after it for sure.
    tally : bool
        Bound the cost to come by the tally problem.
    sketch : bool
        Bound the cost to come by coarser searches, see :mod:`solver.traffic.sketch` (resident
        mode).
    compiled : bool
        Use the compiled kernel where it is installed; it walks the same states.
    """

    free_moves: bool = True
    valleys: bool = True
    dominance: bool = True
    trade: bool = True
    lazy: bool = True
    defer: bool = True
    furthest: bool = True
    tally: bool = True
    sketch: bool = True
    compiled: bool = True


class Advances(Protocol):
    """Expands states by least cost plus bound.

    Attributes
    ----------
    states : int
        States expanded so far; of a sketch, those reached below its upper limit.
    bound : int
        No plan costs less, unless it costs at least the upper limit the search was given.
    """

    states: int
    bound: int

    def advance(self, states: int, memory: int, check: Callable[[], bool] | None = None) -> Event:
        """Expand up to ``states`` states with tables of up to ``memory`` bytes.

        ``check`` is called now and then. If it is true, there is no next state; if it raises, the
        work is left as it is: the bound holds, but there is no going on.
        """


class Explorer(Advances, Protocol):
    """Searches for plans."""

    def moves(self) -> list[int]:
        """After FOUND: ops undone (>= 0) and buffers dropped (~b), in backward time."""


class Sketch(Advances, Protocol):
    """Searches a relaxation, see :mod:`solver.traffic.sketch`."""

    def order(self) -> list[int]:
        """After FOUND: all ops in backward time."""

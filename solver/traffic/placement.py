"""Offsets in the TCM for the steps of a plan.

Each stay of a buffer (:class:`solver.traffic.replay.Stay`) is a block of its own: what is evicted
and loaded again may lie elsewhere. The scratch bytes of an op are a block at its run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from solver.arena.blocks import Block
from solver.arena.layout import Instance
from solver.arena.pack import pack
from solver.limits import Limit
from solver.traffic.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.arena.pack import Packed, Packers
    from solver.limits import Limits
    from solver.traffic.model import TrafficProblem
    from solver.traffic.replay import Replay
    from solver.traffic.simulate import Move


@dataclass(frozen=True, slots=True)
class Placement:
    """Steps with an offset for every stay.

    Attributes
    ----------
    steps : tuple of Move
        The plan.
    replay : Replay
        What it moves, and its stays.
    offsets : tuple of int
        Bytes from the start of the TCM, one per stay.
    arena : int
        Bytes: the highest end of a buffer or of scratch.
    """

    steps: tuple[Move, ...]
    replay: Replay
    offsets: tuple[int, ...]
    arena: int


class Attempt(NamedTuple):
    """Offsets if any were found, and whether it is known that there are none."""

    placement: Placement | None
    is_refuted: bool = False


def place(
    problem: TrafficProblem,
    steps: Sequence[Move],
    alignment: int,
    limits: Limits,
    offsets: Sequence[int] | None = None,
) -> Attempt:
    """Look for offsets within the TCM.

    Parameters
    ----------
    problem : TrafficProblem
        Sizes of its buffers are multiples of the alignment.
    steps : sequence of Move
        A valid plan.
    alignment : int
        Bytes: every offset is a multiple.
    limits : Limits
        For the packers.
    offsets : sequence of int, optional
        Those of the stays, if they are known: what is left is a check, and scratch.

    Raises
    ------
    ContradictionError
        If known offsets overlap.
    KeyboardInterrupt
        If the user pressed Ctrl-C before any were found.
    """
    replay = simulate(problem, steps)
    stays = [
        Block(problem.buffers[b].name, problem.buffers[b].size, begin, end, b)
        for b, begin, end in replay.stays
    ]
    runs = list(zip(replay.order, replay.runs, strict=True))
    room = whole_units(problem, alignment)
    instance = instance_within(problem, alignment, stays, runs)
    if offsets is not None:
        instance = replace(instance, pins=(*instance.pins, *enumerate(offsets)))
    packed = fit(instance, room, limits)
    if packed.height > room:
        return Attempt(None, packed.lower_bound > room)
    sizes = [block.size for block in stays]
    sizes += [problem.workspace[v] for v, _ in runs if problem.workspace[v]]
    ends = (offset + size for offset, size in zip(packed.offsets, sizes, strict=True))
    return Attempt(
        Placement(tuple(steps), replay, packed.offsets[: len(stays)], max(ends, default=0))
    )


def whole_units(problem: TrafficProblem, alignment: int) -> int:
    """Bytes of TCM that are whole units of alignment."""
    return problem.capacity // alignment * alignment


def instance_within(
    problem: TrafficProblem, alignment: int, stays: Sequence[Block], runs: Iterable[tuple[int, int]]
) -> Instance:
    """State a layout: stays, then the scratch of ops that run at some position.

    Where the TCM ends in less than a unit of alignment, scratch that cannot do without these bytes
    is pinned below them.
    """
    room = whole_units(problem, alignment)
    blocks = list(stays)
    pins: list[tuple[int, int]] = []
    for v, run in runs:
        size = problem.workspace[v]
        if not size:
            continue
        if problem.capacity > room:
            beside = sum(block.size for block in stays if block.begin <= run < block.end)
            if beside + -(-size // alignment) * alignment > room:
                size = size // alignment * alignment
                pins.append((len(blocks), room - size))
        blocks.append(Block(f"scratch of {problem.names[v]}", size, run, run + 1, None))
    return Instance(tuple(blocks), alignment, tuple(pins))


def fit(instance: Instance, room: int, limits: Limits, packers: Packers | None = None) -> Packed:
    """Pack within ``room`` bytes, or until it is known that nothing does.

    Raises
    ------
    KeyboardInterrupt
        If the user pressed Ctrl-C before that.
    """
    packed = pack(instance, limits, packers=packers, enough=room, decide=True)
    if packed.limit is Limit.INTERRUPT and packed.height > room:
        raise KeyboardInterrupt
    return packed

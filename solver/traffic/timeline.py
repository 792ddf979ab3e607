"""Who is in the TCM while which op of an order runs: a step for each op."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from solver.arena.blocks import Block
from solver.traffic.model import Mode
from solver.traffic.placement import instance_within
from solver.traffic.residency import intervals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from solver.arena.layout import Instance
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Interval

#: A stay by its buffer and the step with which it begins.
Key = tuple[int, int]


class Window(NamedTuple):
    """Steps from ``start`` to before ``end``, gaps that reach into them, buffers touched there."""

    start: int
    end: int
    gaps: list[Interval]
    buffers: set[int]


class Timeline:
    """Stays of a fixed order.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    order : sequence of int
        Ops.
    alignment : int
        Bytes.

    Attributes
    ----------
    order : sequence of int
        Ops.
    gaps : list of Interval
        All gaps, by time.
    """

    def __init__(self, problem: TrafficProblem, order: Sequence[int], alignment: int) -> None:
        self.order = order
        self.gaps = sorted(intervals(problem, order), key=lambda g: g.begin + g.end)
        self._begin = np.array([g.begin for g in self.gaps])
        self._end = np.array([g.end for g in self.gaps])
        self._problem = problem
        self._alignment = alignment
        step = {v: i for i, v in enumerate(order)}
        self._uses = [sorted(step[v] for v in b.users) for b in problem.buffers]

    def window(self, start: int, end: int) -> Window:
        """Return what steps from ``start`` to before ``end`` have to do with."""
        across = [self.gaps[i] for i in np.flatnonzero((self._begin < end) & (start <= self._end))]
        touched = {b for v in self.order[start:end] for b in self._problem.touched[v]}
        return Window(start, end, across, touched)

    def instance(
        self,
        window: Window,
        absent: AbstractSet[tuple[int, int]],
        pins: Mapping[Key, int] | None = None,
    ) -> tuple[Instance, list[Key]]:
        """State what is in the TCM in a window, and whose stays its first blocks are.

        ``pins`` are offsets of stays.
        """
        first, last = window.start, window.end
        kept = (gap.buffer for gap in window.gaps if gap.gap not in absent)
        stays = [
            (b, begin, end)
            for b in sorted(window.buffers.union(kept))
            for begin, end in self.stays(b, absent)
            if begin < last and first < end
        ]
        blocks = [
            Block(buffer.name, buffer.size, max(begin, first), min(end, last), b)
            for b, begin, end in stays
            for buffer in (self._problem.buffers[b],)
        ]
        runs = [(self.order[step], step) for step in range(first, last)]
        keys = [(b, begin) for b, begin, _ in stays]
        instance = instance_within(self._problem, self._alignment, blocks, runs)
        if pins:
            known = tuple((i, pins[key]) for i, key in enumerate(keys) if key in pins)
            instance = replace(instance, pins=(*instance.pins, *known))
        return instance, keys

    def stays(self, b: int, absent: AbstractSet[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield half-open ranges of steps for which a buffer is in the TCM."""
        uses = self._uses[b]
        begin = uses[0]
        for here, there in itertools.pairwise((*uses, -1)):
            if there >= 0 and (b, self.order[here]) not in absent:
                continue
            if here > begin or self._problem.mode is Mode.RESIDENT:
                yield begin, here + 1
            begin = there

"""A stretch of a problem between two states that every order passes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from solver.memory import Problem, Profile

_UNKNOWN = 1 << 200


class Window:
    """Ops ``begin`` to ``end`` of every order, with the best order of them so far.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    order : sequence of int
        Some order of the whole problem.
    begin, end : int
        Positions in it.
    profile : Profile
        Its replay.

    Attributes
    ----------
    index : dict of int to int
        Op of the window by op of the problem.
    order : list of int
        Best order of the window.
    peak : int
        Its highest step peak, in bytes.
    ceiling : dict of int to int
        Per op, the least step peak it has had in any order seen.
    """

    def __init__(
        self, problem: Problem, order: Sequence[int], begin: int, end: int, profile: Profile
    ) -> None:
        self.ops = tuple(sorted(order[begin:end]))
        self.index = {v: i for i, v in enumerate(self.ops)}
        self.begin, self.end = begin, end
        self.order: list[int] = []
        self.peak = _UNKNOWN
        self.ceiling = dict.fromkeys(self.ops, _UNKNOWN)
        self._problem = problem
        self._whole = order
        live = (profile.live_before, *profile.live_after)
        self._memory_before, self._memory_after = live[begin], live[end]

    @cached_property
    def forward(self) -> Space:
        """States of the window in forward time."""
        done = self._whole[: self.begin]
        return Space(self._problem, done, self.ops, start_memory=self._memory_before)

    @cached_property
    def backward(self) -> Space:
        """States of the window in reversed time."""
        done = self._whole[self.end :]
        return Space(self._problem, done, self.ops, backward=True, start_memory=self._memory_after)

    @cached_property
    def shape(self) -> Hashable:
        """Equal for windows that differ in names and places only."""
        space = self.forward
        return (
            space.start_memory,
            tuple(space.need),
            tuple(space.rooms.values()),
            tuple(space.workspace),
            tuple(tuple(map(tuple, reuse.values())) for reuse in space.reuse),
        )

    def offer_twin(self, twin: Window) -> bool:
        """Keep the best order of a window of equal shape if it is better."""
        return twin.peak < self.peak and self.offer([self.ops[twin.index[v]] for v in twin.order])

    def offer_whole(self, order: Sequence[int], profile: Profile) -> bool:
        """Keep the window's part of an order of the whole problem if it is the best so far."""
        part = slice(self.begin, self.end)
        return self._keep(order[part], profile.step_peaks[part])

    def offer(self, order: Sequence[int]) -> bool:
        """Replay an order of the window and keep it if it is the best so far."""
        return self._keep(order, self.step_peaks(order))

    def step_peaks(self, order: Sequence[int]) -> list[int]:
        """Bytes in use while each op of an order of the window runs."""
        space = self.forward
        state, memory = 0, space.start_memory
        peaks: list[int] = []
        for v in order:
            rise, net = space.effect(self.index[v], state)
            peaks.append(memory + rise)
            memory += net
            state |= 1 << self.index[v]
        return peaks

    def bottleneck(self) -> int:
        """Position in the best order of its (first) highest step peak."""
        return self.step_peaks(self.order).index(self.peak)

    def _keep(self, order: Sequence[int], peaks: Sequence[int]) -> bool:
        for v, peak in zip(order, peaks, strict=True):
            self.ceiling[v] = min(self.ceiling[v], peak)
        if max(peaks) >= self.peak:
            return False
        self.order, self.peak = list(order), max(peaks)
        return True

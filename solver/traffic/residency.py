"""From an order and the gaps to keep to the steps of a plan, and the bytes that costs.

Every solver decides an order and, for each buffer, which of the gaps between its consecutive uses
it stays in the TCM for. The rest follows: loads come as late as possible, write-backs and evictions
at once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.traffic.model import Mode
from solver.traffic.simulate import Action, Move

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from solver.traffic.model import TrafficProblem
    from solver.traffic.simulate import Replay

#: A gap by its buffer and the use it begins with (an op).
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Residency:
    """An order and the gaps during which buffers are absent; all other gaps are kept."""

    order: tuple[int, ...]
    absent: frozenset[Gap]


@dataclass(frozen=True, slots=True)
class Interval:
    """A gap in a fixed order.

    Attributes
    ----------
    buffer : int
        Whose gap it is.
    begin, end : int
        Steps of the two uses.
    begins_with : int
        Op at ``begin``.
    dirty : bool
        Whether a producer follows: absence always costs a write-back and a reload.
    """

    buffer: int
    begin: int
    end: int
    begins_with: int
    dirty: bool

    @property
    def gap(self) -> Gap:
        """Name that does not depend on the order of the rest."""
        return self.buffer, self.begins_with


def intervals(problem: TrafficProblem, order: Sequence[int]) -> list[Interval]:
    """List all gaps of ``order``, by buffer and step."""
    step = {v: i for i, v in enumerate(order)}
    found: list[Interval] = []
    for b, buffer in enumerate(problem.buffers):
        uses = sorted(buffer.users, key=step.__getitem__)
        for here, there in itertools.pairwise(uses):
            dirty = there in buffer.writers
            found.append(Interval(b, step[here], step[there], here, dirty))
    return found


def read_residency(problem: TrafficProblem, replay: Replay) -> Residency:
    """Read the order and the gaps of absence off the replay of a plan."""
    stays: dict[int, list[tuple[int, int]]] = {}
    for buffer, begin, end in replay.stays:
        stays.setdefault(buffer, []).append((begin, end))
    runs = replay.runs
    absent = (
        gap.gap
        for gap in intervals(problem, replay.order)
        if not any(
            begin <= runs[gap.begin] and runs[gap.end] < end
            for begin, end in stays.get(gap.buffer, ())
        )
    )
    return Residency(replay.order, frozenset(absent))


def spilled_bytes(problem: TrafficProblem, residency: Residency) -> int:
    """Non-compulsory bytes that ``residency`` costs."""
    total = 0
    stored: set[int] = set()
    for interval in intervals(problem, residency.order):
        if interval.gap not in residency.absent:
            continue
        buffer = problem.buffers[interval.buffer]
        total += buffer.size
        if interval.dirty:
            total += buffer.size
        elif not buffer.is_input and not buffer.is_output and interval.buffer not in stored:
            stored.add(interval.buffer)
            total += buffer.size
    return total


def room(problem: TrafficProblem, residency: Residency) -> list[int]:
    """Bytes of TCM in use while each op of the order runs."""
    steps = len(residency.order)
    difference = [0] * (steps + 1)
    present: list[set[int]] = [set() for _ in range(steps)]
    for interval in intervals(problem, residency.order):
        if interval.gap in residency.absent:
            continue
        size = problem.buffers[interval.buffer].size
        difference[interval.begin + 1] += size
        difference[interval.end] -= size
        present[interval.begin].add(interval.buffer)
        present[interval.end].add(interval.buffer)
    used: list[int] = []
    across = 0
    for i, v in enumerate(residency.order):
        across += difference[i]
        operands: AbstractSet[int] = present[i]
        if problem.mode is Mode.RESIDENT:
            operands = set(problem.touched[v])
        at_op = sum(problem.buffers[b].size for b in operands) + problem.workspace[v]
        used.append(across + at_op)
    return used


def fits(problem: TrafficProblem, residency: Residency) -> bool:
    """Whether every step stays within the TCM."""
    return all(used <= problem.capacity for used in room(problem, residency))


def plan_steps(problem: TrafficProblem, residency: Residency) -> tuple[Move, ...]:
    """Write the steps of a plan; :func:`solver.traffic.simulate.simulate` judges them."""
    absent = residency.absent
    left = [len(b.users) for b in problem.buffers]
    inside: set[int] = set()
    outside = {i for i, b in enumerate(problem.buffers) if b.is_input}
    steps: list[Move] = []

    def add(action: Action, b: int) -> None:
        steps.append(Move(action, problem.buffers[b].name))

    for v in residency.order:
        streamed: list[int] = []
        for b in problem.touched[v]:
            if b in inside:
                continue
            stays = left[b] > 1 and (b, v) not in absent
            if problem.mode is Mode.STREAMING and not stays:
                streamed.append(b)
            elif left[b] < len(problem.buffers[b].users) or problem.buffers[b].is_input:
                add(Action.LOAD, b)
                inside.add(b)
        for b in streamed:
            add(Action.STREAM, b)
        steps.append(Move(Action.RUN, problem.names[v]))
        for b in problem.touched[v]:
            buffer = problem.buffers[b]
            left[b] -= 1
            writes = v in buffer.writers
            if b in streamed:
                outside.add(b)
                continue
            inside.add(b)
            if writes:
                outside.discard(b)
            if left[b] and (b, v) not in absent:
                continue
            if b not in outside and (left[b] or buffer.is_output):
                add(Action.STORE, b)
                outside.add(b)
            add(Action.EVICT, b)
            inside.remove(b)
    return tuple(steps)

"""From an order and the gaps to keep to the steps of a plan, and the bytes that costs.

Every solver decides an order and, for each buffer, which of the gaps between its consecutive uses
it stays in the TCM for. The rest follows: loads come as late as possible, write-backs and evictions
at once.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.traffic.model import Mode
from solver.traffic.simulate import Action, Move

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from solver.traffic.model import TrafficProblem
    from solver.traffic.replay import Replay

#: A gap by its buffer and the use it begins with (an op).
Gap = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Residency:
    """An order and the gaps during which buffers are absent; all other gaps are kept.

    Attributes
    ----------
    order : tuple of int
        Ops.
    absent : frozenset of Gap
        Gaps of absence.
    lingers, hurries, rushes : frozenset of (Gap, int)
        Ops of absent gaps: the buffer leaves only after the first; it is back before the second,
        or as soon as the third has run, before anything is stored. That moves nothing more and
        frees external memory for as long. Inputs have a gap before their first use as well,
        outputs one after their last.
    """

    order: tuple[int, ...]
    absent: frozenset[Gap]
    lingers: frozenset[tuple[Gap, int]] = frozenset()
    hurries: frozenset[tuple[Gap, int]] = frozenset()
    rushes: frozenset[tuple[Gap, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Interval:
    """A gap in a fixed order.

    Attributes
    ----------
    buffer : int
        Whose gap it is.
    begin, end : int
        Steps of the two uses; -1 and the number of steps for what is before the first and after
        the last.
    begins_with : int
        Op at ``begin``, -1 before the first use.
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

    def is_margin(self, steps: int) -> bool:
        """Whether it is before the first use or after the last, in an order of so many steps."""
        return self.begin < 0 or self.end == steps


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


def margins(problem: TrafficProblem, order: Sequence[int]) -> list[Interval]:
    """List the gaps of inputs before their first use, and those of outputs after their last."""
    step = {v: i for i, v in enumerate(order)}
    found: list[Interval] = []
    for b, buffer in enumerate(problem.buffers):
        uses = sorted(buffer.users, key=step.__getitem__)
        if buffer.is_input and not buffer.is_output:
            found.append(Interval(b, -1, step[uses[0]], -1, dirty=False))
        if buffer.is_output and not buffer.is_input:
            found.append(Interval(b, step[uses[-1]], len(order), uses[-1], dirty=False))
    return found


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
    step = {v: i for i, v in enumerate(residency.order)}
    lingers = {gap: step[v] + 1 for gap, v in residency.lingers}
    back = {gap: step[v] for gap, v in residency.hurries}
    back |= {gap: step[v] + 1 for gap, v in residency.rushes}
    every = (*intervals(problem, residency.order), *margins(problem, residency.order))
    for interval in every:
        b, gap = interval.buffer, interval.gap
        inside = [(interval.begin + 1, interval.end)]
        if gap in residency.absent or interval.is_margin(steps):
            inside = [(interval.begin + 1, lingers[gap])] if gap in lingers else []
            inside += [(back[gap], interval.end)] if gap in back else []
        for begin, end in inside:
            difference[begin] += problem.buffers[b].size
            difference[end] -= problem.buffers[b].size
            if begin == interval.begin + 1 > 0:
                present[interval.begin].add(b)
            if end == interval.end < steps:
                present[interval.end].add(b)
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

    def leave(b: int) -> None:
        if b not in outside and (left[b] or problem.buffers[b].is_output):
            add(Action.STORE, b)
            outside.add(b)
        add(Action.EVICT, b)
        inside.remove(b)

    def enter(b: int) -> None:
        add(Action.LOAD, b)
        inside.add(b)

    lingers = dict(residency.lingers)
    before, at_once, after = (
        _by_op(some) for some in (residency.hurries, residency.rushes, residency.lingers)
    )
    for v in residency.order:
        for b in before[v]:
            enter(b)
        streamed: list[int] = []
        for b in problem.touched[v]:
            if b in inside:
                continue
            stays = (b, v) in lingers or (left[b] > 1 and (b, v) not in absent)
            if problem.mode is Mode.STREAMING and not stays:
                streamed.append(b)
            elif left[b] < len(problem.buffers[b].users) or problem.buffers[b].is_input:
                enter(b)
        for b in streamed:
            add(Action.STREAM, b)
        steps.append(Move(Action.RUN, problem.names[v]))
        to_store: list[int] = []
        for b in problem.touched[v]:
            buffer = problem.buffers[b]
            left[b] -= 1
            if b in streamed:
                outside.add(b)
                continue
            inside.add(b)
            if v in buffer.writers:
                outside.discard(b)
            if (left[b] and (b, v) not in absent) or (b, v) in lingers:
                continue
            if b not in outside and (left[b] or buffer.is_output):
                to_store.append(b)
            else:
                leave(b)
        for b in at_once[v]:
            enter(b)
        for b in (*to_store, *after[v]):
            leave(b)
    return tuple(steps)


def _by_op(events: Iterable[tuple[Gap, int]]) -> dict[int, list[int]]:
    """List the buffers of the gaps by op."""
    found: dict[int, list[int]] = defaultdict(list)
    for (b, _), v in sorted(events):
        found[v].append(b)
    return found

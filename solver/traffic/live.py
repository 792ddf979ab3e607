"""What is live anywhere, in the TCM or outside: limits that a cap on all memory sets.

While an op runs, all that is live is in one memory or the other. Only those bytes of a memory count
that some set of buffers can fill, in the TCM beside the op's workspace and, in resident mode, its
operands: the rest is as good as workspace. A buffer larger than what there is of external memory is
always in the TCM.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from solver.memory import Problem, Storage
from solver.traffic.model import Mode

if TYPE_CHECKING:
    from solver.traffic.model import TrafficProblem

_MOST_SUMS = 2**22


def live_workspace(problem: TrafficProblem) -> tuple[int, ...]:
    """Bytes per op of workspace, and of both memories that no buffers can fill while it runs."""
    assert problem.external is not None
    sums = _Sums(problem)
    outside = problem.external - problem.idle_bytes
    unused = outside - sums.most(outside)
    found: list[int] = []
    for v, workspace in enumerate(problem.workspace):
        operands = 0
        if problem.mode is Mode.RESIDENT:
            operands = problem.footprint(v) - workspace
        left = problem.capacity - workspace - operands
        found.append(workspace + left - sums.most(left) + unused)
    return tuple(found)


class _Sums:
    """Totals of sets of buffers, as bits of one number."""

    def __init__(self, problem: TrafficProblem) -> None:
        assert problem.external is not None
        self._unit = math.gcd(*(b.size for b in problem.buffers)) or 1
        self._total = sum(b.size for b in problem.buffers)
        cells = min(max(problem.capacity, problem.external), self._total) // self._unit
        self._bits: int | None = None
        if cells > _MOST_SUMS:
            return
        self._bits, mask = 1, (2 << cells) - 1
        for b in problem.buffers:
            self._bits = (self._bits | self._bits << b.size // self._unit) & mask

    def most(self, room: int) -> int:
        """Return the largest total within ``room``, or ``room`` where that is not known."""
        if room >= self._total:
            return self._total
        if room < 0 or self._bits is None:
            return room
        return ((self._bits & (2 << room // self._unit) - 1).bit_length() - 1) * self._unit


def live_problem(problem: TrafficProblem) -> Problem:
    """State what is live anywhere as a least-peak problem."""
    storages = [
        Storage(b.name, b.size, b.writers, b.readers, b.is_input, b.is_output)
        for b in problem.buffers
    ]
    if problem.idle_bytes:
        storages.append(Storage("idle", problem.idle_bytes, (), (), is_input=True, is_output=True))
    return Problem(
        names=problem.names,
        predecessors=problem.predecessors,
        storages=tuple(storages),
        workspace=live_workspace(problem),
        reuses=tuple(() for _ in problem.names),
    )


def least_external(problem: TrafficProblem) -> int:
    """Bytes of external memory that all inputs take at the start, or all outputs at the end."""
    inputs = sum(b.size for b in problem.buffers if b.is_input)
    outputs = sum(b.size for b in problem.buffers if b.is_output)
    return max(inputs, outputs) + problem.idle_bytes

"""The only judge of a plan: replay its steps and count bytes.

Steps, in the order in which they happen:

``load`` b
    Copy b from external memory into the TCM.
``store`` b
    Copy b from the TCM to external memory.
``evict`` b
    Give up b's room in the TCM.
``stream`` b
    The op of the next run accesses b straight in external memory (streaming mode only).
``run`` v
    Run op v. What it writes for the first time and does not stream gets room in the TCM.

A buffer holds room in external memory from its first store, or first streamed write, until its last
load or streamed access; a network input from the start, a network output to the end.

The replay is plain on purpose and shares nothing with the solvers.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from solver.traffic.model import Mode
from solver.traffic.replay import Replay, Stay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from solver.traffic.model import TrafficProblem


class Action(StrEnum):
    """What a step does."""

    LOAD = "load"
    STORE = "store"
    EVICT = "evict"
    STREAM = "stream"
    RUN = "run"


class Move(NamedTuple):
    """One step: the action and the name of a buffer or, for a run, of an op."""

    action: Action
    name: str

    def as_mapping(self) -> dict[str, str]:
        """Return the step as plans write it."""
        return {self.action.value: self.name}

    @classmethod
    def from_mapping(cls, step: Mapping[str, str]) -> Move:
        """Read a step as plans write it.

        Raises
        ------
        InvalidStepError
            If it is no step.
        """
        if len(step) != 1:
            raise InvalidStepError(f"a step has one key, not {len(step)}")
        ((key, name),) = step.items()
        try:
            return cls(Action(key), name)
        except ValueError:
            raise InvalidStepError(f"unknown step {key!r}") from None


class InvalidStepError(ValueError):
    """A step that cannot be taken, or a plan that ends too soon."""


class ExternalFullError(InvalidStepError):
    """A plan that takes more external memory than there is."""


def simulate(problem: TrafficProblem, steps: Iterable[Move]) -> Replay:
    """Replay ``steps``.

    Raises
    ------
    InvalidStepError
        On the first step that cannot be taken, with its position, or if the plan ends before all
        ops have run and all outputs are in external memory.
    ExternalFullError
        If all steps can be taken but for the external memory that there is.
    """
    tcm = _Tcm(problem)
    for position, step in enumerate(steps):
        try:
            tcm.take(step)
        except InvalidStepError as error:
            raise InvalidStepError(
                f"step {position} ({step.action} {step.name}): {error}"
            ) from None
    return tcm.finish()


class _Tcm:
    """Both memories during a replay."""

    def __init__(self, problem: TrafficProblem) -> None:
        self.problem = problem
        self.buffer_id = {b.name: i for i, b in enumerate(problem.buffers)}
        self.op_id = {name: v for v, name in enumerate(problem.names)}
        self.position = 0
        self.inside: dict[int, int] = {}  # since which step
        self.held = 0  # bytes of what is inside
        self.stays: list[Stay] = []
        self.runs: list[int] = []
        # External copies that hold what the buffer holds now.
        self.outside = {i for i, b in enumerate(problem.buffers) if b.is_input}
        self.pending = [set(b.users) for b in problem.buffers]
        self.written = [0 for _ in problem.buffers]
        self.marked: list[int] = []  # to be streamed by the next run
        self.order: list[int] = []
        self.done: set[int] = set()
        self.loaded = self.stored = self.streamed = self.peak = 0
        # Steps at which each buffer holds room in external memory, the last one included.
        self.begin = {i: -1 for i, b in enumerate(problem.buffers) if b.is_input}
        self.end: dict[int, int] = {}

    def take(self, step: Move) -> None:
        """Take a step.

        Raises
        ------
        InvalidStepError
            If it cannot be taken.
        """
        self.act(step)
        self.position += 1

    def act(self, step: Move) -> None:
        if step.action is Action.RUN:
            if step.name not in self.op_id:
                raise InvalidStepError("no such op")
            self.run(self.op_id[step.name])
            return
        if step.name not in self.buffer_id:
            raise InvalidStepError("no such buffer")
        if self.marked and step.action is not Action.STREAM:
            raise InvalidStepError("a run must follow what it streams")
        b = self.buffer_id[step.name]
        match step.action:
            case Action.LOAD:
                self.load(b)
            case Action.STORE:
                self.store(b)
            case Action.EVICT:
                self.evict(b)
            case _:
                self.mark(b)

    def load(self, b: int) -> None:
        if b in self.inside:
            raise InvalidStepError("it is in the TCM already")
        if b not in self.outside:
            raise InvalidStepError("external memory has no valid copy")
        self.enter(b)
        self.end[b] = self.position
        self.loaded += self.problem.buffers[b].size
        self.use(0)

    def store(self, b: int) -> None:
        if b not in self.inside:
            raise InvalidStepError("it is not in the TCM")
        if b in self.outside:
            raise InvalidStepError("external memory has a valid copy already")
        self.outside.add(b)
        self.begin.setdefault(b, self.position)
        self.stored += self.problem.buffers[b].size

    def evict(self, b: int) -> None:
        if b not in self.inside:
            raise InvalidStepError("it is not in the TCM")
        needed = bool(self.pending[b]) or self.problem.buffers[b].is_output
        if needed and b not in self.outside:
            raise InvalidStepError("its only copy would be lost")
        self.stays.append(Stay(b, self.inside.pop(b), self.position))
        self.held -= self.problem.buffers[b].size

    def enter(self, b: int) -> None:
        if b not in self.inside:
            self.inside[b] = self.position
            self.held += self.problem.buffers[b].size

    def mark(self, b: int) -> None:
        if self.problem.mode is not Mode.STREAMING:
            raise InvalidStepError("operands must be resident")
        if b in self.inside:
            raise InvalidStepError("it is in the TCM")
        if b in self.marked:
            raise InvalidStepError("it is streamed twice")
        self.marked.append(b)

    def run(self, v: int) -> None:
        problem = self.problem
        if v in self.done:
            raise InvalidStepError("it has run already")
        for p in problem.predecessors[v]:
            if p not in self.done:
                raise InvalidStepError(f"{problem.names[p]} must run first")
        strangers = set(self.marked).difference(problem.touched[v])
        if strangers:
            raise InvalidStepError(f"it does not touch {problem.buffers[min(strangers)].name}")
        for b in problem.touched[v]:
            self.access(b, v)
        self.marked.clear()
        self.use(problem.workspace[v])
        self.done.add(v)
        self.order.append(v)
        self.runs.append(self.position)

    def access(self, b: int, v: int) -> None:
        buffer = self.problem.buffers[b]
        reads = v in buffer.readers or self.written[b] > 0
        if b in self.marked:
            if reads and b not in self.outside:
                raise InvalidStepError(f"external memory has no valid copy of {buffer.name}")
            self.streamed += buffer.size * (reads + (v in buffer.writers))
            self.outside.add(b)
            self.begin.setdefault(b, self.position)
            self.end[b] = self.position
        elif reads and b not in self.inside:
            raise InvalidStepError(f"{buffer.name} is not in the TCM")
        elif v in buffer.writers:
            self.enter(b)
            self.outside.discard(b)
        if v in buffer.writers:
            self.written[b] += 1
        self.pending[b].discard(v)

    def use(self, workspace: int) -> None:
        """Count the room in use and refuse more than there is."""
        used = self.held + workspace
        if used > self.problem.capacity:
            raise InvalidStepError(f"{used} bytes do not fit in {self.problem.capacity}")
        self.peak = max(self.peak, used)

    def finish(self) -> Replay:
        problem = self.problem
        if self.marked:
            raise InvalidStepError("the plan ends before the run that streams")
        for v, name in enumerate(problem.names):
            if v not in self.done:
                raise InvalidStepError(f"op {name} never runs")
        for b, buffer in enumerate(problem.buffers):
            if buffer.is_output and b not in self.outside:
                raise InvalidStepError(f"output {buffer.name} is not in external memory at the end")
        external = self.external()
        if problem.external is not None and external > problem.external:
            raise ExternalFullError(
                f"{external} bytes do not fit in {problem.external} bytes of external memory"
            )
        moved = self.loaded + self.stored + self.streamed
        stays = [*self.stays, *(Stay(b, begin, self.position) for b, begin in self.inside.items())]
        return Replay(
            self.loaded,
            self.stored,
            self.streamed,
            problem.compulsory_bytes,
            moved + problem.weight_bytes,
            self.peak,
            external,
            tuple(self.order),
            tuple(self.runs),
            tuple(sorted(stays, key=lambda stay: (stay.begin, stay.buffer))),
        )

    def external(self) -> int:
        """Count the most bytes of external memory in use at any time."""
        change: dict[int, int] = defaultdict(int)
        for b, begin in self.begin.items():
            buffer = self.problem.buffers[b]
            change[begin] += buffer.size
            if not buffer.is_output:
                change[max(begin, self.end.get(b, begin)) + 1] -= buffer.size
        used = [self.problem.idle_bytes, *(change[position] for position in sorted(change))]
        return max(itertools.accumulate(used))


def as_mappings(steps: Sequence[Move]) -> tuple[dict[str, str], ...]:
    """Return the steps as plans write them."""
    return tuple(step.as_mapping() for step in steps)

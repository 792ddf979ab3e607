"""What a plan of least traffic does at each step: bytes in the TCM, bytes in and out, absences.

A replay for reports. It counts and does not judge: plans have been checked before they get here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.memory import MemoryRules
from solver.traffic.model import TrafficProblem, make_traffic_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models import Graph
    from solver.plan import Plan


@dataclass(frozen=True, slots=True)
class TracedStep:
    """One op and the moves around it: what comes in for it, what leaves after it.

    Attributes
    ----------
    name, kind : str
        The op's.
    used, workspace : int
        The most bytes of TCM in use meanwhile, workspace and pinned weights included; the op's
        workspace.
    inputs, reloads, weights : int
        Bytes that come in: network inputs for the first time, what has been inside before, weights
        that pass through.
    outputs, spills : int
        Bytes that go out: network outputs for good, all else.
    brought, taken, dropped : tuple of str
        Buffers that come in, that are written out, that leave because external memory has them.
    """

    name: str
    kind: str
    used: int
    workspace: int
    inputs: int
    reloads: int
    weights: int
    outputs: int
    spills: int
    brought: tuple[str, ...]
    taken: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def coming(self) -> int:
        """Bytes that come in."""
        return self.inputs + self.reloads + self.weights

    @property
    def leaving(self) -> int:
        """Bytes that go out."""
        return self.outputs + self.spills


@dataclass(frozen=True, slots=True)
class Spilled:
    """A buffer that moves beyond what is compulsory.

    Attributes
    ----------
    name : str
        Whose bytes they are.
    size : int
        Bytes of the buffer.
    written, reloaded : int
        Non-compulsory bytes, out and in.
    absences : tuple of (int, int)
        Steps of consecutive uses, counted from 0, between which it is not in the TCM.
    """

    name: str
    size: int
    written: int
    reloaded: int
    absences: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole plan.

    Attributes
    ----------
    steps : tuple of TracedStep
        In the plan's order.
    spilled : tuple of Spilled
        Those with the most bytes first.
    stays : tuple of (str, int, int, int)
        What is in the TCM while ops run: name, bytes, half-open range of steps.
    pinned : int
        Bytes of weights that are in the TCM all the time.
    """

    steps: tuple[TracedStep, ...]
    spilled: tuple[Spilled, ...]
    stays: tuple[tuple[str, int, int, int], ...]
    pinned: int


def traffic_problem_of(plan: Plan, graph: Graph) -> TrafficProblem:
    """State the problem that ``plan`` solves, under its own rules."""
    options = plan.options
    return make_traffic_problem(
        graph,
        plan.tcm_bytes or 1,
        mode=options["mode"],
        weights=options["weights"],
        rules=rules_of(plan),
    )


def trace(plan: Plan, graph: Graph) -> Trace:
    """Replay ``plan``.

    Raises
    ------
    ValueError
        If it is not one of the graph: other names, or other figures than it states.
    """
    tracer = _Tracer(plan, graph)
    try:
        for step in plan.steps or ():
            ((action, name),) = step.items()
            tracer.take(action, name)
    except KeyError as unknown:
        raise ValueError(
            f"the plan is not one of network {graph.name!r}: {unknown.args[0]!r}"
        ) from None
    found = tracer.finish()
    moved = sum(step.coming + step.leaving for step in found.steps)
    if moved != (plan.traffic_bytes or 0):
        raise ValueError(f"the steps move {moved} bytes, the plan says {plan.traffic_bytes}")
    used = max((step.used for step in found.steps), default=found.pinned)
    if used != plan.peak_bytes:
        raise ValueError(f"the steps need {used} bytes of TCM, the plan says {plan.peak_bytes}")
    return found


def footprints(plan: Plan, graph: Graph) -> tuple[int, ...]:
    """Bytes of TCM that each op needs by itself, in file order."""
    problem = traffic_problem_of(plan, graph)
    return tuple(problem.footprint(v) for v in range(len(problem)))


def rules_of(plan: Plan) -> MemoryRules:
    """Memory rules under which ``plan`` holds."""
    return MemoryRules(alignment=plan.options["alignment"], views=plan.options["views"])


@dataclass(slots=True)
class _Move:
    """Bytes of a buffer, in or out, at a step."""

    step: int
    buffer: int
    comes: bool
    is_compulsory: bool = False


class _Tracer:
    """Both memories during a replay; ``step`` is the number of ops that have run."""

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.graph = graph
        self.problem = problem = traffic_problem_of(plan, graph)
        self.op_id = {name: v for v, name in enumerate(problem.names)}
        self.buffer_id = {b.name: i for i, b in enumerate(problem.buffers)}
        rules = rules_of(plan)
        pinned = set(plan.options.get("pinned", ()))
        self.pinned = sum(rules.aligned(w.size) for w in graph.weights if w.name in pinned)
        self.weights = [0] * len(problem)
        if plan.options["weights"] != "ignore":
            for weight in graph.weights:
                for v in set(weight.consumers) if weight.name not in pinned else ():
                    self.weights[v] += weight.size
        self.inside: set[int] = set()
        self.level = self.pinned
        self.highest = 0  # after loads since the last op
        self.streamed: list[int] = []
        self.written: set[int] = set()
        self.left = [len(b.users) for b in problem.buffers]
        self.last_use: dict[int, int] = {}
        self.unbroken: set[int] = set()  # inside since their last use
        self.order: list[int] = []
        self.used: list[int] = []
        self.moves: list[_Move] = []
        self.dropped: list[tuple[int, int]] = []
        self.absences: dict[int, list[tuple[int, int]]] = {}
        self.stays: list[tuple[int, int, int]] = []
        self.since: dict[int, int] = {}

    @property
    def step(self) -> int:
        return len(self.order)

    def take(self, action: str, name: str) -> None:
        if action == "run":
            self.run(self.op_id[name])
            return
        b = self.buffer_id[name]
        size = self.problem.buffers[b].size
        if action == "load":
            self.inside.add(b)
            self.moves.append(_Move(self.step, b, comes=True))
            self.level += size
            self.highest = max(self.highest, self.level)
        elif action == "store":
            self.moves.append(_Move(max(0, self.step - 1), b, comes=False))
        elif action == "evict":
            self.evict(b)
            self.level -= size
        else:
            self.streamed.append(b)

    def evict(self, b: int) -> None:
        step = max(0, self.step - 1)
        self.inside.remove(b)
        self.unbroken.discard(b)
        if b in self.since:
            self.stays.append((b, self.since.pop(b), self.step))
        last = self.moves[-1] if self.moves else None
        was_stored = last is not None and (last.buffer, last.comes) == (b, False)
        if self.left[b] and not was_stored:
            self.dropped.append((step, b))

    def run(self, v: int) -> None:
        problem, step = self.problem, self.step
        for b in problem.touched[v]:
            buffer = problem.buffers[b]
            if b in self.last_use and b not in self.unbroken:
                self.absences.setdefault(b, []).append((self.last_use[b], step))
            if b in self.streamed:
                if v in buffer.readers or b in self.written:
                    self.moves.append(_Move(step, b, comes=True))
                if v in buffer.writers:
                    self.moves.append(_Move(step, b, comes=False))
            elif b not in self.inside:
                self.inside.add(b)
                self.level += buffer.size
            if v in buffer.writers:
                self.written.add(b)
            self.left[b] -= 1
            self.last_use[b] = step
            if b in self.inside:
                self.unbroken.add(b)
        for b in self.inside - self.since.keys():
            self.since[b] = step
        self.streamed.clear()
        self.highest = max(self.highest, self.level + problem.workspace[v])
        self.used.append(self.highest)
        self.highest = 0
        self.order.append(v)

    def finish(self) -> Trace:
        self._mark_compulsory()
        for b, begin in self.since.items():
            self.stays.append((b, begin, self.step))
        buffers = self.problem.buffers
        moves: list[list[_Move]] = [[] for _ in self.order]
        for move in self.moves:
            moves[move.step].append(move)
        dropped: list[list[str]] = [[] for _ in self.order]
        for step, b in self.dropped:
            dropped[step].append(buffers[b].name)
        return Trace(
            tuple(self._traced(i, moves[i], dropped[i]) for i in range(self.step)),
            tuple(self._spilled()),
            tuple(
                (buffers[b].name, buffers[b].size, begin, end)
                for b, begin, end in sorted(self.stays, key=lambda stay: (stay[1], stay[0]))
            ),
            self.pinned,
        )

    def _mark_compulsory(self) -> None:
        """Tell an input's first way in and an output's last way out from the rest."""
        brought: set[int] = set()
        for move in self.moves:
            if move.comes and self.problem.buffers[move.buffer].is_input:
                move.is_compulsory = move.buffer not in brought
                brought.add(move.buffer)
        taken: set[int] = set()
        for move in reversed(self.moves):
            if not move.comes and self.problem.buffers[move.buffer].is_output:
                move.is_compulsory = move.buffer not in taken
                taken.add(move.buffer)

    def _traced(self, step: int, moves: Iterable[_Move], dropped: Iterable[str]) -> TracedStep:
        sums: dict[tuple[bool, bool], int] = {}
        names: dict[bool, list[str]] = {True: [], False: []}
        for move in moves:
            key, buffer = (move.comes, move.is_compulsory), self.problem.buffers[move.buffer]
            sums[key] = sums.get(key, 0) + buffer.size
            names[move.comes].append(buffer.name)
        v = self.order[step]
        return TracedStep(
            name=self.problem.names[v],
            kind=self.graph.ops[v].kind or "",
            used=self.used[step],
            workspace=self.problem.workspace[v],
            inputs=sums.get((True, True), 0),
            reloads=sums.get((True, False), 0),
            weights=self.weights[v],
            outputs=sums.get((False, True), 0),
            spills=sums.get((False, False), 0),
            brought=tuple(names[True]),
            taken=tuple(names[False]),
            dropped=tuple(dropped),
        )

    def _spilled(self) -> list[Spilled]:
        moved: dict[int, list[int]] = {}
        for move in self.moves:
            if not move.is_compulsory:
                moved.setdefault(move.buffer, [0, 0])[move.comes] += 1
        found = []
        for b, (written, reloaded) in moved.items():
            buffer = self.problem.buffers[b]
            absences = tuple(self.absences.get(b, ()))
            found.append(
                Spilled(
                    buffer.name, buffer.size, written * buffer.size, reloaded * buffer.size,
                    absences,
                )
            )  # fmt: skip
        found.sort(key=lambda s: (-s.written - s.reloaded, s.absences))
        return found

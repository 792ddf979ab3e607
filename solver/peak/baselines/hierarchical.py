"""Schedule cells as wholes, then what is inside of them, then less and less as wholes.

In the manner of HMCOS (Wang et al., DAC 2022; ``HierarchicalSchedule`` in ``src/sched/sched.cpp``
of wzh99/HMCOS): dynamic programming over zero-indegree sets of cells and sequences; each cell runs
in post-order if that does not raise the peak, else in an order of its own from a second dynamic
program; then the cells that hold or follow the peak are taken apart, and all is repeated with the
peak as budget, until nothing is left to take apart. The grouping is that of
:mod:`solver.peak.baselines.hierarchy`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.limits import LimitReachedError
from solver.peak.baselines.hierarchy import Hierarchy, make_hierarchy
from solver.peak.baselines.types import Answer
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.limits import Meter
    from solver.memory import Problem

    Vertex = tuple[int, ...]  # sequences


@dataclass(frozen=True, slots=True)
class _Run:
    """Ops one after the other: memory at most and at the end, relative to the start."""

    ops: tuple[int, ...]
    height: int
    net: int


@dataclass(frozen=True, slots=True)
class _Partial:
    """The best schedule known for one set of vertices done."""

    peak: int
    memory: int
    state: int
    ready: frozenset[int]
    run: tuple[int, ...]
    back: _Partial | None


def hierarchical_order(problem: Problem, meter: Meter) -> Answer:
    """Order of the last round that improved; says so if a limit cut the rounds short.

    Raises
    ------
    LimitReachedError
        When a limit is hit before the first round has ended.
    """
    scheduler = _Scheduler(problem, make_hierarchy(problem), meter)
    best: list[int] | None = None
    budget: int | None = None
    cells = list(scheduler.hierarchy.cells)
    while True:
        try:
            order = scheduler.round(cells, budget)
        except LimitReachedError as stop:
            if best is None:
                raise
            return Answer(tuple(best), limit=stop.limit)
        if order is None:  # nothing within the budget
            break
        profile = problem.replay(order)
        if budget is None or profile.peak < budget:
            best, budget = order, profile.peak
        left = [cell for cell in cells if not scheduler.is_critical(cell, order)]
        if len(left) == len(cells):
            break
        cells = left
    assert best is not None, "the first round has no budget"
    return Answer(tuple(best))


@dataclass(slots=True)
class _Scheduler:
    problem: Problem
    hierarchy: Hierarchy
    meter: Meter
    space: Space = field(init=False)
    _memo: dict[tuple[Vertex, int], _Run] = field(default_factory=dict)
    _touch: dict[Vertex, int] = field(default_factory=dict)
    _critical: tuple[tuple[int, ...], frozenset[int]] = field(default=((), frozenset()))

    def __post_init__(self) -> None:
        self.space = Space(self.problem)

    def round(self, cells: Sequence[Vertex], budget: int | None) -> list[int] | None:
        """Schedule the network with these cells whole; None if every order is over the budget."""
        inside = {s for cell in cells for s in cell}
        alone = [(s,) for s in range(len(self.hierarchy.sequences)) if s not in inside]
        vertices: list[Vertex] = sorted([*cells, *alone])
        run = self._best(vertices, 0, self.space.start_memory, budget, self._run_vertex)
        return None if run is None else self.space.order(run.ops)

    def is_critical(self, cell: Vertex, order: Sequence[int]) -> bool:
        """Whether the cell holds, or directly follows, an op whose output is live at the peak."""
        if self._critical[0] != tuple(order):
            self._critical = (tuple(order), frozenset(self._at_peak(order)))
        guilty = self._critical[1]
        return any(s in guilty or self.hierarchy.predecessors[s] & guilty for s in cell)

    def _at_peak(self, order: Sequence[int]) -> set[int]:
        """Sequences whose outputs are live whenever the order is at its peak."""
        problem, profile = self.problem, self.problem.replay(order)
        home = {v: s for s, ops in enumerate(self.hierarchy.sequences) for v in ops}
        found: set[int] = set()
        for step, height in enumerate(profile.step_peaks):
            if height == profile.peak:
                before, running = set(order[:step]), order[step]
                for storage in problem.storages:
                    is_born = running in storage.producers or before & {*storage.producers}
                    if is_born and (storage.is_output or not before.issuperset(storage.users)):
                        found.update(home[p] for p in storage.producers)
        return found

    def _best(
        self,
        vertices: Sequence[Vertex],
        state: int,
        memory: int,
        budget: int | None,
        run_vertex: Callable[[Vertex, _Partial], _Run],
    ) -> _Run | None:
        """Least peak over all orders of these vertices, each run as ``run_vertex`` says."""
        home = {s: k for k, vertex in enumerate(vertices) for s in vertex}
        before = [
            {home[p] for s in vertex for p in self.hierarchy.predecessors[s] if p in home} - {k}
            for k, vertex in enumerate(vertices)
        ]
        after: list[list[int]] = [[] for _ in vertices]
        for k, earlier in enumerate(before):
            for p in earlier:
                after[p].append(k)
        masks = [self._mask(vertex) for vertex in vertices]
        ready = frozenset(k for k, earlier in enumerate(before) if not earlier)
        level = {ready: _Partial(memory, memory, state, ready, (), None)}
        for _ in vertices:
            reached: dict[frozenset[int], _Partial] = {}
            for partial in level.values():
                for k in sorted(partial.ready):
                    self.meter.tick_heuristic()
                    run = run_vertex(vertices[k], partial)
                    peak = max(partial.peak, partial.memory + run.height)
                    if budget is not None and peak > budget:
                        continue
                    done = partial.state | masks[k]
                    new = {
                        w for w in after[k] if all(masks[p] & done == masks[p] for p in before[w])
                    }
                    left = (partial.ready - {k}) | new
                    known = reached.get(left)
                    if known is None or peak < known.peak:
                        reached[left] = _Partial(
                            peak, partial.memory + run.net, done, left, run.ops, partial
                        )
            level = reached
        if not level:
            return None
        (last,) = level.values()
        return _Run(_path(last), last.peak - memory, last.memory - memory)

    def _run_vertex(self, vertex: Vertex, partial: _Partial) -> _Run:
        if len(vertex) == 1:
            return self._run_sequences(vertex, partial)
        post_order = self._run_sequences(vertex, partial)
        if partial.memory + post_order.height <= partial.peak:
            return post_order
        if vertex not in self._touch:
            ops = [i for s in vertex for i in self.hierarchy.sequences[s]]
            self._touch[vertex] = 0
            for i in ops:
                self._touch[vertex] |= self.space.touch[i]
        context = (vertex, partial.state & self._touch[vertex])
        if context not in self._memo:
            parts = [(s,) for s in vertex]
            found = self._best(parts, partial.state, 0, None, self._run_sequences)
            assert found is not None, "no budget, yet no order"
            self._memo[context] = found
        return self._memo[context]

    def _run_sequences(self, vertex: Vertex, partial: _Partial) -> _Run:
        """Run the sequences of a vertex in their own order."""
        ops = tuple(i for s in vertex for i in self.hierarchy.sequences[s])
        state, memory, height = partial.state, 0, 0
        for i in ops:
            rise, net = self.space.effect(i, state)
            height = max(height, memory + rise)
            memory += net
            state |= 1 << i
        return _Run(ops, height, memory)

    def _mask(self, vertex: Vertex) -> int:
        return sum(1 << i for s in vertex for i in self.hierarchy.sequences[s])


def _path(last: _Partial) -> tuple[int, ...]:
    runs: list[tuple[int, ...]] = []
    node: _Partial | None = last
    while node is not None:
        runs.append(node.run)
        node = node.back
    return tuple(i for run in reversed(runs) for i in run)

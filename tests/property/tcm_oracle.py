"""Least traffic by brute force: every load, store, eviction and stream is free to choose."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.property.dijkstra import least_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.traffic.model import TrafficProblem

State = tuple[frozenset[int], frozenset[int], frozenset[int]]  # ops done, inside, valid outside


class BruteForce:
    """Dijkstra over all states of both memories."""

    def __init__(self, problem: TrafficProblem) -> None:
        self.problem = problem
        self.sizes = [b.size for b in problem.buffers]
        self.streams = problem.mode.value == "streaming"

    def least(self) -> int | None:
        """Bytes of the best plan, weights left out; None if there is none."""
        problem = self.problem
        inputs = frozenset(i for i, b in enumerate(problem.buffers) if b.is_input)
        outputs = frozenset(i for i, b in enumerate(problem.buffers) if b.is_output)
        every = frozenset(range(len(problem)))
        start: State = (frozenset(), frozenset(), inputs)
        return least_cost(
            start, self.steps, lambda state: state[0] == every and outputs <= state[2]
        )

    def room(self, inside: frozenset[int]) -> int:
        return self.problem.capacity - sum(self.sizes[b] for b in inside)

    def steps(self, state: State) -> Iterator[tuple[int, State]]:
        done, inside, valid = state
        problem = self.problem
        for b in valid - inside:
            if self.sizes[b] <= self.room(inside):
                yield self.sizes[b], (done, inside | {b}, valid)
        for b in inside:
            if b not in valid:
                yield self.sizes[b], (done, inside, valid | {b})
            buffer = problem.buffers[b]
            if b in valid or (not buffer.is_output and done.issuperset(buffer.users)):
                yield 0, (done, inside - {b}, valid)
        for v in range(len(problem)):
            if v not in done and done.issuperset(problem.predecessors[v]):
                yield from self.runs(v, state)

    def runs(self, v: int, state: State) -> Iterator[tuple[int, State]]:
        done, inside, valid = state
        problem = self.problem
        touched = problem.touched[v]
        outside = [b for b in touched if b not in inside]
        choices = range(len(outside) + 1) if self.streams else (0,)
        for streamed in (set(c) for n in choices for c in itertools.combinations(outside, n)):
            price, now, then = 0, inside, valid
            for b in touched:
                writes = v in problem.buffers[b].writers
                reads = not writes or not done.isdisjoint(problem.buffers[b].writers)
                if b in streamed:
                    if reads and b not in valid:
                        break
                    price += self.sizes[b] * (reads + writes)
                    then |= {b}
                elif reads and b not in inside:
                    break
                elif writes:
                    now, then = now | {b}, then - {b}
            else:
                if problem.workspace[v] <= self.room(now):
                    yield price, (done | {v}, now, then)

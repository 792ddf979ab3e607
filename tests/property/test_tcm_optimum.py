"""Least traffic against brute force: every load, store, eviction and stream is free to choose."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from typing import TYPE_CHECKING

import pytest

from solver.memory import MemoryRules
from solver.traffic import kernel, minimize_traffic
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.rules import Rules
from tests.property.graphs import cases

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
        cost = {start: 0}
        serial = itertools.count()
        heap = [(0, next(serial), start)]
        while heap:
            paid, _, state = heapq.heappop(heap)
            if paid > cost[state]:
                continue
            if state[0] == every and outputs <= state[2]:
                return paid
            for price, following in self.steps(state):
                if paid + price < cost.get(following, paid + price + 1):
                    cost[following] = paid + price
                    heapq.heappush(heap, (paid + price, next(serial), following))
        return None

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


@pytest.mark.parametrize("mode", ["resident", "streaming"])
@pytest.mark.parametrize("seed", [940, 941, 942])
def test_the_optimum(mode: str, seed: int) -> None:
    spilled = 0
    for graph, drawn in cases(300, seed, most_ops=6, least_ops=3):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        rng = random.Random(graph.name)
        tcm = least + rng.choice((0, 0, 0, 1, 2, 5))
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        if len(problem.buffers) > 8:
            continue
        plan = plan_traffic(graph, tcm, mode=mode, rules=rules)
        optimum = BruteForce(problem).least()
        assert (plan.status, plan.traffic_bytes) == ("optimal", optimum), graph.name
        spilled += optimum != plan.compulsory_bytes
    assert spilled > 8


def test_no_plan_in_less_than_the_least_tcm() -> None:
    for graph, _ in cases(40, 943, most_ops=4, least_ops=1):
        least = make_traffic_problem(graph, 1).least_capacity
        if least > 1 and len(graph.buffers) <= 6:
            assert BruteForce(make_traffic_problem(graph, least - 1)).least() is None
            assert plan_traffic(graph, least - 1).status == "infeasible"


def switched_off() -> list[Rules]:
    """Rules with one switch off each, and with all of them off."""
    names = [f.name for f in dataclasses.fields(Rules) if isinstance(f.default, bool)]
    return [*(Rules(**{name: False}) for name in names), Rules(**dict.fromkeys(names, False))]


@pytest.mark.parametrize("pruning", switched_off(), ids=str)
def test_every_switch_gives_one_optimum(pruning: Rules) -> None:
    spilled = 0
    for k, (graph, drawn) in enumerate(cases(150, 944, most_ops=7, least_ops=3)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = ("resident", "streaming")[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        usual, other = (
            minimize_traffic(graph, least, mode=mode, rules=rules, pruning=p)
            for p in (None, pruning)
        )
        assert (usual.traffic_bytes, usual.status) == (other.traffic_bytes, other.status)
        spilled += usual.spilled_bytes != 0
    assert spilled > 8


@pytest.mark.skipif(not kernel.is_available(), reason="built without the compiled kernel")
def test_the_kernel_searches_as_the_python_code_does() -> None:
    searched = 0
    for k, (graph, _) in enumerate(cases(60, 945, most_ops=14, least_ops=8)):
        mode = ("resident", "streaming")[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode).least_capacity
        compiled, python = (
            minimize_traffic(graph, least, mode=mode, pruning=Rules(compiled=c))
            for c in (True, False)
        )
        assert (compiled.traffic_bytes, compiled.states) == (python.traffic_bytes, python.states)
        searched += compiled.states > 0
    assert searched > 10

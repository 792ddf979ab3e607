"""A cap on the bytes live anywhere: the capped search against brute force, with every switch."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from solver.limits import Meter
from solver.memory import MemoryRules, make_problem
from solver.peak.engine import Engine
from solver.traffic import kernel
from solver.traffic.live import least_external
from solver.traffic.model import Mode, make_traffic_problem
from solver.traffic.residency import spilled_bytes
from solver.traffic.rules import Rules
from solver.traffic.search import Search
from solver.traffic.space import Space
from tests.property.graphs import cases
from tests.property.tcm_oracle import BruteForce, State
from tests.property.test_tcm_optimum import switched_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.traffic.model import TrafficBuffer, TrafficProblem


class Capped(BruteForce):
    """Brute force that runs no op while too many bytes are live, and drops nothing too large."""

    def __init__(self, problem: TrafficProblem) -> None:
        super().__init__(problem)
        outside = (problem.external or 0) - problem.idle_bytes
        self.kept = {i for i, b in enumerate(problem.buffers) if b.size > outside}

    def steps(self, state: State) -> Iterator[tuple[int, State]]:
        for price, (done, inside, valid) in super().steps(state):
            is_stored = not self.kept.isdisjoint(valid - state[2])
            if not is_stored or any(self.problem.buffers[b].is_output for b in valid - state[2]):
                yield price, (done, inside, valid)

    def runs(self, v: int, state: State) -> Iterator[tuple[int, State]]:
        if is_allowed(self.problem, v, state[0]):
            yield from super().runs(v, state)


def is_allowed(problem: TrafficProblem, v: int, done: frozenset[int]) -> bool:
    """Whether what is live while an op runs can be shared out, by bytes that buffers can fill."""
    live = [b.size for b in problem.buffers if _is_live(b, v, done)]
    every = [b.size for b in problem.buffers]
    operands = 0
    if problem.mode is Mode.RESIDENT:
        operands = sum(problem.buffers[b].size for b in problem.touched[v])
    inside = operands + _most(every, problem.capacity - problem.workspace[v] - operands)
    outside = _most(every, (problem.external or 0) - problem.idle_bytes)
    return sum(live) <= inside + outside


def _is_live(b: TrafficBuffer, v: int, done: frozenset[int]) -> bool:
    is_born = b.is_input or v in b.writers or not done.isdisjoint(b.writers)
    return is_born and (b.is_output or not done.issuperset(b.users))


def _most(sizes: list[int], room: int) -> int:
    """Largest total of some of the sizes within some room, which may be negative."""
    sums = {0}
    for size in sizes:
        sums |= {total + size for total in sums}
    return max((total for total in sums if total <= room), default=room)


def capped(count: int, seed: int, most_ops: int, least_ops: int) -> Iterator[TrafficProblem]:
    """Problems under caps around the least peak of live bytes."""
    for k, (graph, drawn) in enumerate(cases(count, seed, most_ops, least_ops)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = ("resident", "streaming")[k % 2]
        rng = random.Random(graph.name)
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + rng.choice((0, 0, 0, 1, 2))
        peak = Engine(make_problem(graph, rules), Meter()).solve().peak
        for cap in (peak - 1, peak, peak + rng.choice((1, 2, 4, 8, 16))):
            problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
            if cap >= tcm + least_external(problem):
                yield make_traffic_problem(graph, tcm, mode=mode, rules=rules, budget=cap)


def spilled(problem: TrafficProblem, rules: Rules) -> int | None:
    """Least spilled bytes by search, None if no order stays within the cap."""
    search = Search(Space(problem), Meter(), rules=rules)
    found = search.run()
    if found is None:
        return None
    done: set[int] = set()
    for v in found.order:
        assert is_allowed(problem, v, frozenset(done))
        done.add(v)
    moved = spilled_bytes(problem, found)
    assert moved == search.bound
    return moved


@pytest.mark.parametrize("compiled", [True, False])
def test_the_least_under_the_cap(compiled: bool) -> None:
    """Each problem with all rules, and with one of the other sets of rules in turn."""
    every = [dataclasses.replace(rules, compiled=compiled) for rules in switched_off()]
    none = dearer = 0
    for k, problem in enumerate(capped(250, 960 + compiled, 7, 3)):
        if len(problem.buffers) > 8:
            continue
        least = Capped(problem).least()
        for rules in (Rules(compiled=compiled), every[k % len(every)]):
            moved = spilled(problem, rules)
            total = None if moved is None else problem.compulsory_bytes + moved
            assert total == least, (problem.names, rules)
        none += least is None
        dearer += least is not None and least != BruteForce(problem).least()
    assert none > 10
    assert dearer


@pytest.mark.skipif(not kernel.is_available(), reason="built without the compiled kernel")
def test_the_kernel_walks_the_same_states_under_a_cap() -> None:
    searched = 0
    for problem in capped(80, 962, 14, 8):
        counts = []
        for compiled in (True, False):
            search = Search(Space(problem), Meter(), rules=Rules(compiled=compiled))
            found = search.run()
            moved = None if found is None else spilled_bytes(problem, found)
            counts.append((moved, search.states))
        assert counts[0] == counts[1]
        searched += counts[0][1] > 10
    assert searched > 50

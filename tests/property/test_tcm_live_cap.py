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
from solver.traffic.model import make_traffic_problem
from solver.traffic.residency import spilled_bytes
from solver.traffic.rules import Rules
from solver.traffic.search import Search
from solver.traffic.space import Space
from tests.property.graphs import cases
from tests.property.tcm_oracle import BruteForce, State
from tests.property.test_tcm_optimum import switched_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.traffic.model import TrafficProblem


class Capped(BruteForce):
    """Brute force that runs no op while too many bytes are live."""

    def __init__(self, problem: TrafficProblem, cap: int) -> None:
        super().__init__(problem)
        self.cap = cap

    def runs(self, v: int, state: State) -> Iterator[tuple[int, State]]:
        if live_bytes(self.problem, v, state[0]) <= self.cap:
            yield from super().runs(v, state)


def live_bytes(problem: TrafficProblem, v: int, done: frozenset[int]) -> int:
    """Bytes live while an op runs, straight from the definition."""
    total = problem.idle_bytes + problem.workspace[v]
    for b in problem.buffers:
        is_born = b.is_input or v in b.writers or not done.isdisjoint(b.writers)
        is_dead = not b.is_output and done.issuperset(b.users)
        total += b.size * (is_born and not is_dead)
    return total


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
            if cap >= tcm:
                yield make_traffic_problem(graph, tcm, mode=mode, rules=rules, budget=cap)


def spilled(problem: TrafficProblem, rules: Rules) -> int | None:
    """Least spilled bytes by search, None if no order stays within the cap."""
    search = Search(Space(problem), Meter(), rules=rules)
    found = search.run()
    if found is None:
        return None
    done: set[int] = set()
    for v in found.order:
        assert live_bytes(problem, v, frozenset(done)) <= (problem.live_capacity or 0)
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
        least = Capped(problem, problem.live_capacity or 0).least()
        for rules in (Rules(compiled=compiled), every[k % len(every)]):
            moved = spilled(problem, rules)
            total = None if moved is None else problem.compulsory_bytes + moved
            assert total == least, (problem.names, rules)
        none += least is None
        dearer += least is not None and least != BruteForce(problem).least()
    assert none > 50
    assert dearer > 2


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


def test_an_order_is_within_the_cap_iff_the_least_peak_is() -> None:
    for graph, drawn in cases(60, 963, most_ops=7, least_ops=1):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity
        peak = Engine(make_problem(graph, rules), Meter()).solve().peak
        for cap in (peak - 1, peak):
            if cap >= tcm:
                problem = make_traffic_problem(graph, tcm, rules=rules, budget=cap)
                assert (spilled(problem, Rules()) is not None) == (cap == peak)

"""Least traffic against brute force, with every switch of the search."""

from __future__ import annotations

import dataclasses
import random
from functools import cache
from typing import TYPE_CHECKING

import pytest

from solver.memory import MemoryRules
from solver.traffic import kernel, minimize_traffic
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.rules import Rules
from tests.property.graphs import cases
from tests.property.tcm_oracle import BruteForce

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.traffic.outcome import TrafficOutcome


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


@cache
def solved(count: int, seed: int) -> list[tuple[Graph, MemoryRules, TrafficOutcome]]:
    """Cases in the least TCM and what comes of them with every switch on, once for all."""
    found = []
    for k, (graph, drawn) in enumerate(cases(count, seed, most_ops=7, least_ops=3)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = ("resident", "streaming")[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        found.append((graph, rules, minimize_traffic(graph, least, mode=mode, rules=rules)))
    return found


@pytest.mark.parametrize("pruning", switched_off(), ids=str)
def test_every_switch_gives_one_optimum(pruning: Rules) -> None:
    spilled = 0
    for graph, rules, usual in solved(150, 944):
        other = minimize_traffic(
            graph, usual.tcm_bytes, mode=usual.mode, rules=rules, pruning=pruning
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

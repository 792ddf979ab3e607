"""Bounds from landmarks: never above the optimum, and often equal to it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models import GraphBuilder
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.plan import Plan, Status
from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.landmarks import Landmarks
from solver.traffic.landmarks.linear import ONE, ZERO, LinearProgram
from solver.traffic.landmarks.program import ChainProgram, reach
from solver.traffic.plan import plan_traffic
from solver.verify.errors import VerificationError
from solver.verify.examine import examine
from solver.verify.landmarks import least_spill
from solver.verify.storages import Rules, state_memory
from tests.property.graphs import cases, random_order
from tests.property.tcm_oracle import BruteForce

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.traffic.model import TrafficProblem

LONG = 1000.0  # seconds


def some_chain(problem: TrafficProblem, rng: random.Random) -> list[int]:
    """Draw a chain that cannot be prolonged, and leave out some of it."""
    chain: list[int] = []
    left = set(range(len(problem)))
    while left:
        v = rng.choice(sorted(left))
        chain.append(v)
        left &= reach(v, problem.predecessors) | reach(v, problem.successors)
    chain.sort(key=lambda v: len(reach(v, problem.predecessors)))
    return [v for v in chain if rng.random() < 0.8] or chain


def unit_of(problem: TrafficProblem) -> int:
    return math.gcd(*(b.size for b in problem.buffers)) or 1


def bound_of(problem: TrafficProblem, chain: list[int]) -> int:
    unit = unit_of(problem)
    found = ChainProgram(problem, chain, unit).bound(LONG)
    assert found is not None
    return found * unit


@pytest.mark.parametrize("mode", ["resident", "streaming"])
@pytest.mark.parametrize("seed", [990, 991])
def test_brute_force_spills_no_less(mode: str, seed: int) -> None:
    tight = positive = 0
    for graph, drawn in cases(200, seed, most_ops=6, least_ops=4):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        problem = make_traffic_problem(graph, least, mode=mode, rules=rules)
        if len(problem.buffers) > 8 or not len(problem):
            continue
        bound = bound_of(problem, some_chain(problem, rng))
        if bound <= 0:
            continue
        optimum = BruteForce(problem).least()
        assert optimum is not None
        assert bound <= optimum - problem.compulsory_bytes, graph.name
        positive += 1
        tight += bound == optimum - problem.compulsory_bytes
    assert positive > 3
    assert tight > 1 or mode == "streaming"  # where operands take no room


@pytest.mark.parametrize("mode", ["resident", "streaming"])
def test_the_search_spills_no_less(mode: str) -> None:
    tight = positive = 0
    for graph, drawn in cases(160, 992, most_ops=16, least_ops=8):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        tcm = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        chains = some_chain(problem, rng), some_chain(problem, rng)
        bound = max(bound_of(problem, chain) for chain in chains)
        if bound <= 0:
            continue
        plan = minimize_traffic(graph, tcm, mode=mode, rules=rules)
        assert plan.traffic_bytes is not None
        spilled = plan.traffic_bytes - problem.compulsory_bytes
        assert bound <= spilled, graph.name
        positive += 1
        tight += bound == spilled
    assert positive > 20
    assert tight > 5 or mode == "streaming"


def hills(count: int) -> Graph:
    """Build hills one after the other: four buffers wait until all four have been read once."""
    builder = GraphBuilder("hills")
    builder.buffer("x0", 1, is_input=True)

    def op(name: str, *inputs: str, size: int = 1) -> str:
        builder.buffer(name, size)
        builder.op(name, inputs, [name])
        return name

    here = "x0"
    for i in range(count):
        waiting = [op(f"wait{i}_{j}", here, size=3) for j in range(4)]
        here = op(f"top{i}", *(op(f"look{i}_{j}", b) for j, b in enumerate(waiting)))
        for j, b in enumerate(waiting):
            here = op(f"end{i}_{j}", here, b)
    return builder.build()


def test_stretches_add_up() -> None:
    def bound(count: int) -> int:
        graph = hills(count)
        problem = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity)
        chain = Landmarks(problem, random_order(graph, random.Random(0))).some(10**6)
        return bound_of(problem, chain)

    one = bound(1)
    assert one > 0
    assert [bound(k) for k in (2, 3, 5)] == [2 * one, 3 * one, 5 * one]


def test_more_landmarks_say_more() -> None:
    raised = 0
    for graph, _ in cases(150, 993, most_ops=20, least_ops=10):
        tcm = make_traffic_problem(graph, 1).least_capacity
        problem = make_traffic_problem(graph, tcm)
        landmarks = Landmarks(problem, random_order(graph, random.Random(1)))
        bounds = [bound.spilled for bound in landmarks.bounds(10**6, lambda: LONG)]
        if not bounds:
            continue
        assert bound_of(problem, landmarks.some(10**6)) >= max(bounds)
        raised += bounds[-1] > bounds[0]
    assert raised > 5


def test_only_chains_are_taken() -> None:
    builder = GraphBuilder("apart")
    for name in "ab":
        builder.buffer(f"in_{name}", 1, is_input=True)
        builder.buffer(name, 1)
        builder.op(name, [f"in_{name}"], [name])
    problem = make_traffic_problem(builder.build(), 9)
    with pytest.raises(ValueError, match="not a chain"):
        ChainProgram(problem, [0, 1], 1)


def test_any_multipliers_prove_a_bound() -> None:
    """The exact value of wrong ones is a weaker bound, not a wrong one."""
    program = LinearProgram()
    x, y = program.variable(3), program.variable(5)
    program.row([(-2, x), (-1, y)], -2)  # 2 x + y >= 2
    program.row([(1, x), (-1, ONE), (4, ZERO)])
    assert program.bound(LONG) == 3
    assert program._exact([1.5, 0.0]) == 3
    for wrong in (0.0, 0.1, 1.0, 1.4, 1.6, 2.5, 5.0, 100.0, -7.0):
        assert program._exact([wrong, 0.3]) <= 3
    assert program.bound(0.0) in (None, 3)


@pytest.mark.parametrize("mode", ["resident", "streaming"])
def test_two_statements_of_the_program_agree(mode: str) -> None:
    positive = 0
    for graph, drawn in cases(150, 994, most_ops=16, least_ops=6):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        tcm = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        if not len(problem):
            continue
        chain = some_chain(problem, random.Random(graph.name))
        memory = state_memory(graph, Rules(rules.alignment, views=rules.views))
        other = least_spill(memory, chain, tcm, streams=mode == "streaming")
        assert bound_of(problem, chain) == other, graph.name
        positive += other > 0
    assert positive > 10


def proven_by_landmarks() -> Iterator[tuple[Plan, Graph]]:
    for k, (graph, drawn) in enumerate(cases(120, 995, most_ops=20, least_ops=8)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = ("resident", "streaming")[k % 2]
        tcm = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        plan = plan_traffic(graph, tcm, Limits(nodes=40), mode=mode, rules=rules)
        if plan.certificate["kind"] == "landmarks":
            yield plan, graph


def test_a_plan_proves_its_bound_by_landmarks() -> None:
    optimal = found = 0
    for plan, graph in proven_by_landmarks():
        proof = examine(plan, graph).proof
        assert proof.is_checked
        assert "chain" in proof.words
        found += 1
        optimal += plan.status == "optimal"
    assert found > 10
    assert optimal > 3


def test_wrong_landmarks_are_refused() -> None:
    refused = {"proves more": 0, "not a chain": 0, "no op": 0, "none": 0}

    def refuse(plan: Plan, graph: Graph, why: str, **changes: object) -> None:
        certificate = {**plan.certificate, **changes}
        bound = int(certificate["bound_bytes"])
        if plan.traffic_bytes is None or bound > plan.traffic_bytes:
            return
        status = Status.OPTIMAL if bound == plan.traffic_bytes else Status.FEASIBLE
        false = replace(plan, certificate=certificate, lower_bound_bytes=bound, status=status)
        with pytest.raises(VerificationError, match=r"landmark|need not run|no op|the gap"):
            examine(false, graph)
        refused[why] += 1

    for plan, graph in proven_by_landmarks():
        ops = list(plan.certificate["landmarks"])
        bound = plan.lower_bound_bytes
        refuse(plan, graph, "proves more", bound_bytes=bound + 64 * plan.options["alignment"])
        refuse(plan, graph, "not a chain", landmarks=[*ops, ops[0]])
        refuse(plan, graph, "no op", landmarks=["nobody", *ops])
        refuse(plan, graph, "none", landmarks=[])
    assert all(refused.values()), refused

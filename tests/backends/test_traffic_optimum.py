"""Every backend finds and proves the least traffic of small graphs, in both modes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from models import zoo
from solver.limits import Limits
from solver.traffic import minimize_traffic
from solver.traffic.backend import Backend, Hint, RawOutcome, backend
from solver.traffic.heuristics import quick
from solver.traffic.model import Mode, TrafficProblem, make_traffic_problem
from solver.traffic.residency import plan_steps, spilled_bytes
from solver.traffic.simulate import simulate
from tests.backends.networks import random_traffic_problems
from tests.property.tcm_oracle import BruteForce

NOTHING = Hint()
FOREVER = Limits()
COUNTS = {"cpsat": 500, "ilp-highs": 350, "ilp-cbc": 120}


def least_spilled(problem: TrafficProblem) -> int:
    moved = BruteForce(problem).least()
    assert moved is not None
    return moved - problem.compulsory_bytes + problem.weight_bytes


def replayed(problem: TrafficProblem, outcome: RawOutcome) -> int:
    """Bytes that the plan of an outcome spills, step by step."""
    return simulate(problem, plan_steps(problem, outcome.plan)).spilled


def assert_proven(problem: TrafficProblem, outcome: RawOutcome, least: int, name: str) -> None:
    assert outcome.limit is None, name
    assert (replayed(problem, outcome), outcome.bound) == (least, least), name


def test_small_graphs_against_brute_force(traffic_solver: Backend) -> None:
    count = COUNTS[traffic_solver.name]
    spilling = 0
    for name, problem in random_traffic_problems(count, 401):
        least = least_spilled(problem)
        assert_proven(problem, traffic_solver.solve(problem, FOREVER, NOTHING), least, name)
        spilling += least > 0
    assert spilling > count // 2, "too few needed a search"


def test_seven_and_eight_ops_against_brute_force(traffic_solver: Backend) -> None:
    count = COUNTS[traffic_solver.name] // 10
    for name, problem in random_traffic_problems(count, 402, most_ops=8, least_ops=7):
        outcome = traffic_solver.solve(problem, FOREVER, NOTHING)
        assert_proven(problem, outcome, least_spilled(problem), name)


def test_hints_change_nothing_but_the_work(traffic_solver: Backend) -> None:
    rng = random.Random(403)
    for name, problem in random_traffic_problems(COUNTS[traffic_solver.name] // 5, 404):
        least = least_spilled(problem)
        plan = traffic_solver.solve(problem, FOREVER, NOTHING).plan
        bound = rng.randint(0, least)
        for hint in (Hint(plan), Hint(lower_bound=bound), Hint(plan, bound)):
            assert_proven(problem, traffic_solver.solve(problem, FOREVER, hint), least, name)


def test_a_cutoff_asks_whether_there_is_anything_below_it(traffic_solver: Backend) -> None:
    for name, problem in random_traffic_problems(COUNTS[traffic_solver.name] // 5, 405):
        least = least_spilled(problem)
        outcome = traffic_solver.solve(problem, FOREVER, Hint(cutoff=least))
        assert outcome.bound == least <= replayed(problem, outcome), name
        outcome = traffic_solver.solve(problem, FOREVER, Hint(cutoff=least + 1))
        assert_proven(problem, outcome, least, name)


def enlarged(problem: TrafficProblem, factor: int, rng: random.Random) -> TrafficProblem:
    """Give buffers sizes that hardly share a divisor."""

    def large(size: int) -> int:
        return size * factor + rng.randrange(factor) if size else 0

    larger = replace(
        problem,
        buffers=tuple(replace(b, size=large(b.size)) for b in problem.buffers),
        workspace=tuple(map(large, problem.workspace)),
    )
    room = rng.choice((0, 0, factor // 7, factor))
    return replace(larger, capacity=larger.least_capacity + room)


@pytest.mark.parametrize("factor", [5000, 1 << 24, 1 << 38])
def test_sizes_without_a_common_divisor(traffic_solver: Backend, factor: int) -> None:
    rng = random.Random(406)
    tight = 0
    for name, small in random_traffic_problems(COUNTS[traffic_solver.name] // 6, 407):
        problem = enlarged(small, factor, rng)
        least = least_spilled(problem)
        outcome = traffic_solver.solve(problem, FOREVER, NOTHING)
        assert outcome.bound <= least <= replayed(problem, outcome), name
        tight += outcome.bound == least
        if traffic_solver.name == "cpsat" or factor == 5000:  # else floating point is too coarse
            assert_proven(problem, outcome, least, name)
        assert outcome.bound >= 0.99 * least, name
    assert tight


def test_workers_do_not_change_the_answer() -> None:
    solver = backend("cpsat")
    for name, problem in random_traffic_problems(40, 408):
        outcome = solver.solve(problem, FOREVER, NOTHING, workers=2)
        assert_proven(problem, outcome, least_spilled(problem), name)


CELLS = [
    ("amoebanet_a_cell", {}),
    ("darts_cell", {}),
    ("nasnet_a_cell", {}),
    ("randwire_cell", {"nodes": 12, "graph_seed": 0}),
    ("randwire_cell", {"nodes": 16, "graph_seed": 1}),
]


@pytest.mark.parametrize(("name", "parameters"), CELLS)
@pytest.mark.parametrize("mode", list(Mode))
def test_cells_agree_with_the_search(
    traffic_solver: Backend, name: str, parameters: dict[str, int], mode: Mode
) -> None:
    slow = (mode is Mode.STREAMING and name == "nasnet_a_cell") or (
        traffic_solver.name != "cpsat" and (mode is Mode.STREAMING or parameters)
    )
    if slow:
        pytest.skip("takes too long")
    graph = zoo.graph(name, **parameters)
    least = make_traffic_problem(graph, 1, mode=mode).least_capacity
    tcm = least if mode is Mode.RESIDENT else sum(b.size for b in graph.buffers) // 40
    problem = make_traffic_problem(graph, tcm, mode=mode)
    found = minimize_traffic(graph, tcm, mode=mode)
    assert found.spilled_bytes
    plan = min(
        quick(problem, [problem.names.index(v) for v in found.order]),
        key=lambda plan: spilled_bytes(problem, plan),
    )
    outcome = traffic_solver.solve(problem, FOREVER, Hint(plan))
    assert_proven(problem, outcome, found.spilled_bytes, name)

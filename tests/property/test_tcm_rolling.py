"""Offsets window by window: valid, and at the price that was counted."""

from __future__ import annotations

import random

import pytest

from solver.arena.pack import Packers
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.traffic import make_traffic_problem
from solver.traffic.intervals import best_replacement
from solver.traffic.layout import find_offsets
from solver.traffic.placement import place
from solver.traffic.residency import plan_steps, spilled_bytes
from solver.traffic.rolling import Rolling
from solver.traffic.simulate import simulate
from tests.property.fragments import uneven

FIRST_FIT = Packers(canonical=False, omnimalloc=False, cpsat=False)
MUCH = 2**62


def nothing() -> None:
    """Stand in for a look at the limits."""


@pytest.mark.parametrize("mode", ["resident", "streaming"])
@pytest.mark.parametrize("alignment", [1, 4])
def test_windows_fit_together(mode: str, alignment: int) -> None:
    paid = 0
    for seed in range(50):
        rng = random.Random(seed)
        graph = uneven(rng, rng.randint(4, 50), 20)
        rules = MemoryRules(alignment)
        least = make_traffic_problem(graph, 1, rules=rules).least_capacity
        tcm = least * rng.choice((10, 11, 13)) // 10
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        plan = best_replacement(problem, range(len(problem)))
        assert plan is not None
        rolling = Rolling(problem, plan, alignment, nothing, 8, 16, MUCH, FIRST_FIT)
        assert rolling.run()
        steps = plan_steps(problem, rolling.residency)
        replay = simulate(problem, steps)
        placed = place(problem, steps, alignment, Limits(), rolling.offsets_of(replay)).placement
        assert placed is not None
        assert placed.arena <= tcm
        assert list(placed.offsets) == rolling.offsets_of(replay)
        assert replay.spilled == spilled_bytes(problem, plan) + rolling.extra
        again = Rolling(problem, plan, alignment, nothing, 8, 16, rolling.extra or 1, FIRST_FIT)
        assert again.run() == (rolling.extra == 0)  # as much as that is too much
        paid += rolling.extra > 0
    assert 10 < paid < 50


@pytest.mark.parametrize("seed", range(4))
def test_uneven_networks_get_offsets(seed: int) -> None:
    rng = random.Random(seed)
    graph = uneven(rng, 120, 30, reach=14)
    problem = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity * 5 // 4)
    plan = best_replacement(problem, range(len(problem)))
    assert plan is not None
    found = find_offsets(problem, plan_steps(problem, plan), 1, Limits(seconds=20)).placement
    assert found is not None
    assert found.replay.spilled >= spilled_bytes(problem, plan)

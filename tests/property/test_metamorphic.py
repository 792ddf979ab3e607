"""What must not change the optimum, and what can change it in one direction only."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from models.graph import Graph, OpId
from solver import MemoryRules, Plan, minimize_peak
from solver.memory import make_problem
from tests.property.graphs import (
    cases,
    random_order,
    relabelled,
    reversed_time,
    scaled,
)

OPS = 20


def optimum(graph: Graph, rules: MemoryRules | None = None) -> int:
    plan = minimize_peak(graph, rules=rules)
    assert plan.status == "optimal"
    return plan.peak_bytes


def test_names_and_file_order_do_not_matter() -> None:
    for graph, rules in cases(200, seed=500, most_ops=OPS):
        shuffled = relabelled(graph, random.Random(graph.name))
        assert optimum(shuffled, rules) == optimum(graph, rules), graph.name


@pytest.mark.parametrize("factor", [3, 2**20, 2**33 + 1])
def test_scaling_all_sizes_scales_the_optimum(factor: int) -> None:
    for graph, rules in cases(100, seed=501, most_ops=OPS):
        coarse = replace(rules, alignment=rules.alignment * factor)
        assert optimum(scaled(graph, factor), coarse) == factor * optimum(graph, rules), graph.name


def test_an_extra_dependency_never_helps() -> None:
    for graph, rules in cases(200, seed=502, most_ops=OPS, least_ops=2):
        rng = random.Random(graph.name)
        order = random_order(graph, rng)
        i, j = sorted(rng.sample(range(len(order)), 2))
        ops = list(graph.ops)
        ops[order[j]] = replace(ops[order[j]], after=(*ops[order[j]].after, OpId(order[i])))
        assert optimum(replace(graph, ops=tuple(ops)), rules) >= optimum(graph, rules), graph.name


def test_less_workspace_never_hurts() -> None:
    for graph, rules in cases(150, seed=503, most_ops=OPS):
        without = replace(graph, ops=tuple(replace(op, workspace=0) for op in graph.ops))
        assert optimum(without, rules) <= optimum(graph, rules), graph.name


def test_a_larger_buffer_never_helps() -> None:
    for graph, rules in cases(200, seed=504, most_ops=OPS):
        rng = random.Random(graph.name)
        larger = replace(
            graph,
            buffers=tuple(replace(b, size=b.size + rng.choice((0, 0, 5))) for b in graph.buffers),
        )
        assert optimum(larger, rules) >= optimum(graph, rules), graph.name


def test_a_coarser_alignment_never_helps() -> None:
    for graph, rules in cases(200, seed=505, most_ops=OPS):
        coarser = replace(rules, alignment=rules.alignment * 2)
        assert optimum(graph, coarser) >= optimum(graph, rules), graph.name


def test_in_place_never_hurts() -> None:
    for graph, rules in cases(200, seed=506, most_ops=OPS):
        with_it, without = (optimum(graph, replace(rules, in_place=on)) for on in (True, False))
        assert with_it <= without, graph.name


def test_views_of_equal_size_never_hurt() -> None:
    """A view of another size may: a slice keeps all of what it looks into."""
    for graph, rules in cases(200, seed=507, most_ops=OPS):
        alike = replace(graph, buffers=tuple(replace(b, size=7) for b in graph.buffers))
        with_it, without = (optimum(alike, replace(rules, views=on)) for on in (True, False))
        assert with_it <= without, graph.name


def test_time_may_run_backwards() -> None:
    for graph, rules in cases(250, seed=508, most_ops=OPS):
        backwards = reversed_time(graph)
        plain = MemoryRules(alignment=rules.alignment)
        order = random_order(graph, random.Random(graph.name))
        there = make_problem(graph, plain).replay(order)
        back = make_problem(backwards, plain).replay(order[::-1])
        assert back.step_peaks == there.step_peaks[::-1], graph.name
        assert optimum(backwards, plain) == optimum(graph, plain), graph.name


def test_fits_is_a_threshold() -> None:
    for graph, rules in cases(100, seed=509, most_ops=OPS):
        least = optimum(graph, rules)
        for budget in {1, least - 1, least, least + 1, 2 * least + 1} - {0, -1}:
            plan = minimize_peak(graph, budget, rules=rules)
            assert plan.fits == (budget >= least), (graph.name, budget)
            assert (plan.peak_bytes, plan.lower_bound_bytes) == (least, least)


def test_the_same_plan_twice() -> None:
    def timeless(plan: Plan) -> Plan:
        curve = tuple((0.0, peak, bound) for _, peak, bound in plan.curve)
        return replace(plan, seconds=0.0, curve=curve)

    for graph, rules in cases(100, seed=510, most_ops=3 * OPS):
        first, second = (minimize_peak(graph, rules=rules) for _ in range(2))
        assert timeless(first) == timeless(second), graph.name

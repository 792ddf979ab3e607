"""Order and layout together."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

import models.zoo
from solver.arena.joint import minimize_arena, nearby_orders
from solver.arena.layout import check_layout, instance_of
from solver.arena.pack import pack
from solver.limits import Limit, Limits
from solver.memory import MemoryRules, Problem, make_problem
from solver.peak.minimize import minimize_peak
from tests.property.graphs import cases, random_order

if TYPE_CHECKING:
    from models.graph import Graph


def order_of(graph: Graph, names: tuple[str, ...]) -> list[int]:
    index = {op.name: v for v, op in enumerate(graph.ops)}
    return [index[name] for name in names]


@pytest.mark.parametrize("name", ["swiftnet", "darts_cell", "nasnet_a_cell"])
def test_the_arena_of_a_least_peak_order_is_its_peak(name: str) -> None:
    graph = models.zoo.graph(name)
    rules = MemoryRules(alignment=16)
    plan = minimize_peak(graph, rules=rules)
    problem = make_problem(graph, rules)
    found = minimize_arena(
        problem, [order_of(graph, plan.order)], plan.lower_bound_bytes, alignment=16
    )
    assert found.arena == found.peak == found.lower_bound == plan.peak_bytes
    assert (found.tried, found.limit, found.gap) == (1, None, 0.0)
    check_layout(found.packed.layout, found.arena)


def test_another_order_may_need_less_arena() -> None:
    improved = 0
    for graph, rules in cases(400, seed=21, most_ops=9):
        problem: Problem = make_problem(graph, rules)
        order = random_order(graph, random.Random(graph.name))
        peak = problem.replay(order).peak
        first = pack(instance_of(problem, order))
        found = minimize_arena(
            problem, nearby_orders(problem, order, peak=peak, most=6), 0, Limits(nodes=500)
        )
        check_layout(found.packed.layout, found.arena)
        assert found.packed.layout.instance == instance_of(problem, found.order)
        assert found.peak == problem.replay(found.order).peak <= found.arena <= first.height
        improved += found.arena < first.height
    assert improved


def test_orders_end_at_the_bound() -> None:
    graph = models.zoo.graph("darts_cell")
    problem = make_problem(graph)
    order = range(len(problem))
    peak = problem.replay(order).peak
    looked: list[tuple[int, ...]] = []

    def orders() -> list[tuple[int, ...]]:
        looked.append(tuple(order))
        return looked

    found = minimize_arena(problem, orders(), peak)
    assert found.tried == 1
    assert (found.arena, found.lower_bound) == (peak, peak)


def test_a_bound_that_is_not_met_leaves_a_gap() -> None:
    graph = models.zoo.graph("darts_cell")
    problem = make_problem(graph)
    order = range(len(problem))
    found = minimize_arena(problem, [order], 1)
    assert (found.lower_bound, found.arena) == (1, problem.replay(order).peak)
    assert found.limit is None
    assert 0.9 < found.gap < 1


def test_a_limit_keeps_the_best() -> None:
    graph = models.zoo.graph("darts_cell")
    problem = make_problem(graph)
    found = minimize_arena(problem, [range(len(problem))], 1, Limits(memory_bytes=1))
    assert found.limit is Limit.MEMORY
    check_layout(found.packed.layout, found.arena)


def test_there_must_be_an_order() -> None:
    problem = make_problem(models.zoo.graph("darts_cell"))
    with pytest.raises(ValueError, match="there is no order to lay out"):
        minimize_arena(problem, [], 1)


def test_nearby_orders_are_distinct_orders_within_the_peak() -> None:
    graph = models.zoo.graph("nasnet_a_cell")
    problem = make_problem(graph)
    order = order_of(graph, minimize_peak(graph).order)
    peak = problem.replay(order).peak
    orders = list(nearby_orders(problem, order, peak=peak, most=40, seed=3))
    assert orders[0] == tuple(order)
    assert len(orders) == len(set(orders)) == 40
    assert all(problem.replay(o).peak <= peak for o in orders)
    assert orders == list(nearby_orders(problem, order, peak=peak, most=40, seed=3))
    chain = make_problem(models.zoo.graph("mobilenetv2"))
    assert len(list(nearby_orders(chain, range(len(chain)), peak=2**40, most=3))) >= 1

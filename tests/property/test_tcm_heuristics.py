"""Heuristics under a TCM: valid plans, honest figures, never below the least traffic."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from models import GraphBuilder
from solver.limits import Limit
from solver.memory import MemoryRules
from solver.plan import Status
from solver.traffic.baselines import HEURISTICS, FoundOrder, find_orders
from solver.traffic.baselines.comparison import compare_traffic, means
from solver.traffic.heuristics import furthest_use
from solver.traffic.model import make_traffic_problem
from solver.traffic.residency import plan_steps, spilled_bytes
from solver.traffic.simulate import as_mappings, simulate
from solver.verify import check
from tests.property.graphs import cases

if TYPE_CHECKING:
    from models.graph import Graph

MODES = ("resident", "streaming")


@pytest.mark.parametrize("seed", [940, 941])
def test_no_heuristic_is_below_the_least(seed: int) -> None:
    """Each row is the count of a replay; the independent verifier counts the same."""
    spilling = 0
    for k, (graph, drawn) in enumerate(cases(120, seed, least_ops=1)):
        rules, mode = MemoryRules(drawn.alignment, views=drawn.views), MODES[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + random.Random(k).randrange(20)
        comparison = compare_traffic(graph, tcm, mode=mode, rules=rules)
        assert comparison.is_proven
        assert comparison.best == comparison.plan.traffic_bytes
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        orders = find_orders(graph, mode=mode, rules=rules)
        for row, heuristic in zip(comparison.rows, HEURISTICS, strict=True):
            order = orders[heuristic.order].order
            assert (row.name, row.limit) == (heuristic.name, None)
            assert (row.traffic is None) == (order is None)
            if row.traffic is None or order is None:
                continue
            assert row.traffic >= (comparison.best or 0)
            found = heuristic.replace(problem, order, None)
            assert found is not None
            moves = plan_steps(problem, found)
            replay = simulate(problem, moves)
            assert (
                replay.traffic
                == row.traffic
                == (problem.compulsory_bytes + spilled_bytes(problem, found))
            )
            check(
                dataclasses.replace(
                    comparison.plan,
                    order=tuple(problem.names[v] for v in replay.order),
                    steps=as_mappings(moves),
                    traffic_bytes=row.traffic,
                    peak_bytes=replay.peak,
                    lower_bound_bytes=replay.compulsory,
                    certificate={
                        **comparison.plan.certificate,
                        "bound_bytes": replay.compulsory,
                    },
                    status=Status.FEASIBLE if replay.spilled else Status.OPTIMAL,
                    curve=(),
                ),
                graph,
            )
            spilling += replay.spilled > 0
    assert spilling > 50


def test_the_best_replacement_is_the_best_of_its_order() -> None:
    for k, (graph, drawn) in enumerate(cases(150, 942, least_ops=1)):
        rules, mode = MemoryRules(drawn.alignment, views=drawn.views), MODES[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        rows = {r.name: r for r in compare_traffic(graph, least, mode=mode, rules=rules).rows}
        best = rows["least_peak_ilp"].traffic or 0
        assert best <= (rows["least_peak"].traffic or 0)
        assert best <= (rows["least_peak_knapsack"].traffic or 0)


def reuse() -> Graph:
    """A chain over x; s is used first and last, t in between as well."""
    builder = GraphBuilder("reuse")
    for name, size in {"x": 8, "s": 10, "t": 10, "u": 4, "v": 4, "y": 2}.items():
        builder.buffer(name, size, is_input=name == "x")
    builder.op("a", ["x"], ["s"])
    builder.op("b", ["x"], ["t"])
    builder.op("c", ["t"], ["u"])
    builder.op("d", ["t", "u"], ["v"])
    builder.op("e", ["s", "v"], ["y"])
    return builder.build()


def test_what_is_used_furthest_ahead_leaves() -> None:
    """With 18 bytes nothing but s can leave while t is at work: 10 out and 10 in."""
    problem = make_traffic_problem(reuse(), 18)
    plan = furthest_use(problem, range(5))
    assert plan.absent == {(1, 0)}
    assert spilled_bytes(problem, plan) == 20


def test_streamed_operands_pass_what_is_used_furthest_ahead() -> None:
    """With 18 bytes t passes by nothing: s, used last of all, leaves for it."""
    problem = make_traffic_problem(reuse(), 18, mode="streaming")
    plan = furthest_use(problem, range(5))
    names = [problem.buffers[b].name for b, _ in sorted(plan.absent)]
    assert names == ["s"]
    assert simulate(problem, plan_steps(problem, plan)).spilled == 2 * 10
    tight = furthest_use(make_traffic_problem(reuse(), 9, mode="streaming"), range(5))
    names = [problem.buffers[b].name for b, _ in sorted(tight.absent)]
    assert names == ["s", "t", "t"]  # neither has room beside x, nor alone; u and v have


def test_orders_are_found_once_and_reused() -> None:
    graph = reuse()
    orders = find_orders(graph)
    assert orders["file_order"].order == (0, 1, 2, 3, 4)
    fewer = {name: orders[name] for name in ("file_order", "kahn")}
    backwards = dataclasses.replace(orders["kahn"], order=(1, 2, 3, 0, 4))
    rows = compare_traffic(graph, 18, orders={**fewer, "kahn": backwards}).rows
    assert [row.name for row in rows] == [h.name for h in HEURISTICS]
    assert rows[1].traffic != rows[0].traffic


def test_a_limit_leaves_rows_without_an_answer() -> None:
    stopped = FoundOrder(None, 0.0, Limit.MEMORY)
    comparison = compare_traffic(reuse(), 18, orders={"serenity": stopped})
    row = next(row for row in comparison.rows if row.name == "serenity")
    assert (row.traffic, row.limit) == (None, Limit.MEMORY)
    assert (comparison.removed(row), comparison.ratio(row)) == (None, None)
    mean = next(mean for mean in means([comparison]) if mean.name == "serenity")
    assert (mean.answered, mean.ratio, mean.removed) == (0, None, None)


def test_a_network_that_does_not_run() -> None:
    comparison = compare_traffic(reuse(), 17)
    assert (comparison.rows, comparison.best, comparison.is_proven) == ((), None, True)
    assert not comparison.is_feasible
    assert means([comparison]) == []

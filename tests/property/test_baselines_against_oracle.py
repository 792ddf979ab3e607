"""Orders of other systems: valid, never better than the optimum, and equal to it where exact."""

from __future__ import annotations

import itertools
import random

import pytest

from solver.arena.blocks import blocks_of
from solver.arena.greedy import arena_bytes, greedy_offsets
from solver.limits import Meter
from solver.memory import make_problem
from solver.peak.baselines import HEURISTICS, Heuristic, UnsortedFileError
from solver.peak.baselines.hierarchy import make_hierarchy
from solver.peak.baselines.serenity import serenity_order
from tests.property.graphs import cases, in_series, random_order
from tests.property.oracle import Oracle

SEARCHES = [h for h in HEURISTICS if h.is_search]


@pytest.mark.parametrize("heuristic", HEURISTICS, ids=lambda h: h.name)
def test_orders_are_valid_and_no_better_than_the_optimum(heuristic: Heuristic) -> None:
    answered = 0
    for graph, rules in cases(250, seed=500):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        try:
            answer = heuristic.find(problem, Meter())
        except UnsortedFileError:
            assert not problem.is_order(range(len(problem)))
            continue
        answered += 1
        done: set[int] = set()
        for v in answer.order:
            assert oracle.predecessors[v] <= done, graph.name
            done.add(v)
        assert len(answer.order) == len(done) == len(graph.ops)
        assert answer.limit is None
        assert oracle.peak(answer.order) >= oracle.least_peak(), graph.name
    assert answered > 40


@pytest.mark.parametrize("heuristic", HEURISTICS, ids=lambda h: h.name)
def test_orders_of_larger_graphs_are_valid(heuristic: Heuristic) -> None:
    for graph, rules in cases(40, seed=501, most_ops=40 if not heuristic.is_search else 14):
        problem = make_problem(graph, rules)
        try:
            assert problem.is_order(heuristic.find(problem, Meter()).order), graph.name
        except UnsortedFileError:
            continue


def test_serenity_finds_the_optimum() -> None:
    """Under all rules: a zero-indegree set fixes the memory under each of them."""
    for graph, rules in cases(500, seed=502):
        order = serenity_order(make_problem(graph, rules), Meter())
        oracle = Oracle(graph, rules)
        assert oracle.peak(order) == oracle.least_peak(), graph.name


def test_soft_budgets_change_nothing_but_the_time() -> None:
    for graph, rules in cases(60, seed=503):
        order = serenity_order(make_problem(graph, rules), Meter(), step_seconds=1e-7)
        oracle = Oracle(graph, rules)
        assert oracle.peak(order) == oracle.least_peak(), graph.name


@pytest.mark.parametrize("heuristic", SEARCHES, ids=lambda h: h.name)
def test_searches_on_graphs_in_series(heuristic: Heuristic) -> None:
    drawn = list(cases(80, seed=504))
    for (a, rules), (b, _) in zip(drawn[::2], drawn[1::2], strict=True):
        problem = make_problem(in_series([a, b]), rules)
        assert problem.is_order(heuristic.find(problem, Meter()).order)


def test_a_hierarchy_can_run_as_it_is_grouped() -> None:
    """Sequences one after the other are an order, and so are cells as wholes."""
    cells = 0
    for graph, rules in cases(400, seed=505, most_ops=30):
        problem = make_problem(graph, rules)
        hierarchy = make_hierarchy(problem)
        assert problem.is_order([v for ops in hierarchy.sequences for v in ops]), graph.name
        cells += len(hierarchy.cells)
        home = {s: k for k, cell in enumerate(hierarchy.cells) for s in cell}
        assert len(home) == sum(map(len, hierarchy.cells)), graph.name
        left = {home.get(s, ~s) for s in range(len(hierarchy.sequences))}
        while left:
            waiting = {
                home.get(s, ~s)
                for s, before in enumerate(hierarchy.predecessors)
                if any(home.get(p, ~p) in left - {home.get(s, ~s)} for p in before)
            }
            assert left - waiting, graph.name
            left &= waiting
    assert cells > 30


@pytest.mark.parametrize("alignment", [1, 16])
def test_greedy_offsets_never_overlap(alignment: int) -> None:
    for graph, rules in cases(300, seed=506, most_ops=20):
        problem = make_problem(graph, rules)
        blocks = blocks_of(problem, random_order(graph, random.Random(graph.name)))
        offsets = greedy_offsets(blocks, alignment)
        sizes = [-(-block.size // alignment) * alignment for block in blocks]
        assert all(offset >= 0 and offset % alignment == 0 for offset in offsets)
        for i, j in itertools.combinations(range(len(blocks)), 2):
            apart = offsets[i] + sizes[i] <= offsets[j] or offsets[j] + sizes[j] <= offsets[i]
            is_empty = 0 in (sizes[i], sizes[j])
            assert apart or is_empty or not blocks[i].meets(blocks[j]), graph.name
        last = max((block.end for block in blocks), default=0)
        load = max(
            (
                sum(s for s, b in zip(sizes, blocks, strict=True) if b.begin <= step < b.end)
                for step in range(last)
            ),
            default=0,
        )
        assert load <= arena_bytes(blocks, offsets, alignment) <= sum(sizes)

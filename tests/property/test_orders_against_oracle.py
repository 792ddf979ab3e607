"""Windows and heuristics: valid, and never better than the optimum."""

from __future__ import annotations

import itertools

import pytest

from solver.limits import Meter
from solver.memory import make_problem
from solver.peak.heuristics import SIMPLE_ORDERS, beam_order, file_order, greedy_order
from solver.peak.space import Space
from solver.peak.split import windows
from tests.property.graphs import cases
from tests.property.oracle import START, Oracle, State

EVERYTHING = 10_000  # a beam this wide drops no state of a small graph


def window_edges(parts: list[list[int]]) -> list[State]:
    """States at the ends of the windows."""
    return [START.union(*parts[:i]) for i in range(len(parts) + 1)]


def ancestors(oracle: Oracle, v: int) -> State:
    before = oracle.predecessors[v]
    return before.union(*(ancestors(oracle, p) for p in before))


def test_windows_hold_every_op_once() -> None:
    for graph, rules in cases(400, seed=400, most_ops=40):
        parts = windows(make_problem(graph, rules))
        assert all(parts)
        assert sorted(v for part in parts for v in part) == list(range(len(graph.ops)))


def test_every_order_passes_the_edges_of_the_windows() -> None:
    """That is: no other state has as many ops."""
    for graph, rules in cases(400, seed=401):
        oracle = Oracle(graph, rules)
        edges = window_edges(windows(make_problem(graph, rules)))
        sizes = [len(edge) for edge in edges]
        states = list(oracle.states())
        assert [s for s in states if len(s) in sizes] == edges, graph.name


def test_an_op_comparable_to_all_others_is_a_window_of_its_own() -> None:
    alone = 0
    for graph, rules in cases(400, seed=402):
        oracle = Oracle(graph, rules)
        above = [ancestors(oracle, v) for v in range(len(graph.ops))]
        parts = windows(make_problem(graph, rules))
        for v in oracle.all_ops:
            below = {w for w in oracle.all_ops if v in above[w]}
            if {v, *above[v], *below} == oracle.all_ops:
                assert [v] in parts, graph.name
                alone += 1
    assert alone > 100


def test_the_optimum_is_that_of_the_worst_window() -> None:
    for graph, rules in cases(300, seed=403):
        oracle = Oracle(graph, rules)
        edges = window_edges(windows(make_problem(graph, rules)))
        peaks = [oracle.least_peak(low, high) for low, high in itertools.pairwise(edges)]
        assert max(peaks, default=oracle.memory(START)) == oracle.least_peak(), graph.name


@pytest.mark.parametrize("name", SIMPLE_ORDERS)
def test_simple_orders(name: str) -> None:
    for graph, rules in cases(200, seed=404):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        order = SIMPLE_ORDERS[name](problem)
        if order is None:
            assert SIMPLE_ORDERS[name] is file_order
            assert not problem.is_order(range(len(problem)))
        else:
            assert problem.replay(order).peak >= oracle.least_peak()


@pytest.mark.parametrize("backward", [False, True])
def test_greedy_orders(backward: bool) -> None:
    for graph, rules in cases(300, seed=405):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        order = greedy_order(Space(problem, backward=backward), Meter())
        assert problem.replay(order).peak >= oracle.least_peak(), graph.name


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_beams(backward: bool, compiled: bool) -> None:
    """A beam stays under what it is told, and one that drops nothing finds the optimum."""
    for graph, rules in cases(300, seed=406, least_ops=1):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        space = Space(problem, backward=backward)
        optimum = oracle.least_peak()

        def beam(width: int, below: int, space: Space = space) -> list[int] | None:
            return beam_order(space, width, below, Meter(), compiled=compiled)

        for width in (1, 2, 5):
            below = optimum + width
            order = beam(width, below)
            if order is not None:
                assert optimum <= problem.replay(order).peak < below, graph.name
            if space.start_memory < optimum:
                assert beam(width, optimum) is None, graph.name
        best = beam(EVERYTHING, optimum + 1)
        assert best is not None, graph.name
        assert problem.replay(best).peak == optimum, graph.name


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("ops", [20, 64, 65, 150])
def test_both_beams_find_one_order(backward: bool, ops: int) -> None:
    for graph, rules in cases(8, seed=407, most_ops=ops, least_ops=ops):
        problem = make_problem(graph, rules)
        for width in (1, 7):
            compiled, plain = (
                beam_order(
                    Space(problem, backward=backward), width, 2**62, Meter(), compiled=compiled
                )
                for compiled in (True, False)
            )
            assert compiled == plain, graph.name
            assert plain is not None
            assert problem.is_order(plain)

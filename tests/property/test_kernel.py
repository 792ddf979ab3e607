"""The compiled kernel and the Python one walk the same states and tell the same story."""

from __future__ import annotations

import random

import pytest

from models.zoo import graph as zoo_graph
from solver import minimize_peak
from solver.limits import LimitReachedError, Limits, Meter
from solver.memory import make_problem
from solver.peak.heuristics import beam_order
from solver.peak.kernel import is_available
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.space import Space
from tests.property.graphs import cases, random_graph

pytestmark = pytest.mark.skipif(not is_available(), reason="built without the compiled kernel")

Story = list[tuple[str, int, tuple[int, ...]]]


def story(space: Space, budget: int, rules: Rules) -> Story:
    """Every event of a search that climbs from ``budget`` to the optimum."""
    search = Search(space, budget, Meter(), rules)
    told: Story = []
    for event in search.run(3):
        if isinstance(event, Found):
            told.append(("found", search.states, tuple(event.order)))
            return told
        if isinstance(event, Refuted):
            told.append(("refuted", event.bound, (event.states,)))
        else:
            told.append(("slice", search.states, ()))
    raise AssertionError("the search ended without an order")


@pytest.mark.parametrize("chunk", range(8))
def test_same_states_events_and_orders(chunk: int) -> None:
    for k, (graph, memory) in enumerate(cases(250, seed=7000 + chunk, most_ops=14)):
        problem = make_problem(graph, memory)
        if not len(problem):
            continue
        lookahead = (0, 2, 3, 8)[k % 4]
        switches = {
            "free_moves": k % 5 != 0,
            "commits": k % 7 != 0,
            "lookahead": lookahead,
        }
        floor = max(problem.live_at_start, problem.live_at_end) - k % 2
        for backward in (False, True):
            told = [
                story(
                    Space(problem, backward=backward),
                    floor,
                    Rules(**switches, compiled=compiled),  # type: ignore[arg-type]
                )
                for compiled in (False, True)
            ]
            assert told[0] == told[1], graph.name


def test_same_states_beyond_one_word() -> None:
    for seed in range(12):
        graph = random_graph(random.Random(f"wide/{seed}"), most_ops=150, least_ops=100)
        problem = make_problem(graph)
        limit = 400
        for backward in (False, True):
            seen = []
            for compiled in (False, True):
                search = Search(
                    Space(problem, backward=backward),
                    problem.replay(range(len(problem))).peak - 1
                    if problem.is_order(range(len(problem)))
                    else sum(s.size for s in problem.storages),
                    Meter(),
                    Rules(compiled=compiled),
                )
                events = []
                for event in search.run(50):
                    events.append((event, search.states))
                    if search.states >= limit or event is not None:
                        break
                seen.append(events)
            assert seen[0] == seen[1], seed


def test_same_beams() -> None:
    for k, (graph, memory) in enumerate(cases(400, seed=7100, most_ops=30)):
        problem = make_problem(graph, memory)
        if not len(problem):
            continue
        total = sum(s.size for s in problem.storages) + max(problem.workspace) + 1
        for backward in (False, True):
            space = Space(problem, backward=backward)
            width = (1, 2, 5, 40)[k % 4]
            python = beam_order(space, width, total, Meter(), compiled=False)
            assert python is not None
            assert beam_order(space, width, total, Meter()) == python, graph.name
            below = problem.replay(python).peak
            again = [
                beam_order(space, width, below, Meter(), floor=below // 2, compiled=c)
                for c in (False, True)
            ]
            assert again[0] == again[1], graph.name


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("compiled", [True, False])
def test_workers_do_not_change_the_plan(workers: int, *, compiled: bool) -> None:
    networks = [zoo_graph("pnasnet"), zoo_graph("randwire_cell", nodes=48, graph_seed=3)]
    networks += [random_graph(random.Random(f"many/{seed}"), 60, 40) for seed in range(20)]
    for graph in networks:
        rules = Rules(compiled=compiled)
        alone = minimize_peak(graph, pruning=rules)
        together = minimize_peak(graph, pruning=rules, workers=workers)
        assert (alone.order, alone.peak_bytes, alone.lower_bound_bytes, alone.status) == (
            together.order,
            together.peak_bytes,
            together.lower_bound_bytes,
            together.status,
        )


class FullMeter(Meter):
    """No room for tables beyond what they start with."""

    def memory_left(self) -> int:
        return 0


def climb(search: Search) -> tuple[list[int], tuple[int, ...]]:
    bounds: list[int] = []
    for event in search.run(40):
        if isinstance(event, Refuted):
            bounds.append(event.bound)
        if isinstance(event, Found):
            return bounds, tuple(event.order)
    raise AssertionError("the search ended without an order")


@pytest.mark.parametrize("chunk", range(4))
def test_depth_first_walks_prove_the_same_bounds(chunk: int) -> None:
    walked = 0
    for k, (graph, memory) in enumerate(cases(60, seed=7200 + chunk, most_ops=34, least_ops=20)):
        problem = make_problem(graph, memory)
        rules = Rules(commits=k % 3 != 0, lookahead=(0, 8)[k % 2])
        floor = max(problem.live_at_start, problem.live_at_end) - 1
        for backward in (False, True):
            space = Space(problem, backward=backward)
            # Without commits some of these graphs are out of reach; a bound will do there.
            tables = Meter(Limits(nodes=3000))
            try:
                expected = climb(Search(space, floor, tables, rules))
            except LimitReachedError:
                continue
            search = Search(space, floor, FullMeter(), rules)
            bounds, order = climb(search)
            optimum = problem.replay(expected[1]).peak
            assert problem.replay(order).peak == optimum, graph.name
            # Commits may come at other moments, so the steps between may differ.
            assert bounds == sorted(set(bounds)), graph.name
            assert (bounds or [optimum])[-1] == optimum, graph.name
            walked += search.states != tables.states
    assert walked > 5


def test_node_limits_stop_at_one_place_with_any_number_of_workers() -> None:
    graph = zoo_graph("randwire_cell", nodes=64, graph_seed=2)
    for nodes in (100, 5000, 9000):
        plans = [
            minimize_peak(graph, limits=Limits(nodes=nodes), workers=workers) for workers in (1, 2)
        ]
        assert plans[0].order == plans[1].order
        assert plans[0].lower_bound_bytes == plans[1].lower_bound_bytes
        assert plans[0].certificate["states"] == plans[1].certificate["states"] <= nodes

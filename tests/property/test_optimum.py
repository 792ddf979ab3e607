"""The one promise: what the solver calls optimal is the optimum of the brute force."""

from __future__ import annotations

import dataclasses
import itertools
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given

from models.graph import Graph
from solver import MemoryRules, minimize_peak
from solver.limits import Meter
from solver.memory import Problem, make_problem
from solver.peak.kernel import is_available
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.space import Space
from solver.verify import check
from tests.property.graphs import GRAPHS, RULES, cases, enlarged, in_series, padded, scaled, union
from tests.property.oracle import Oracle

CHAINS = (0, 2, 3)


def switch_settings() -> list[Rules]:
    """Every combination of the pruning switches, whatever they are."""
    choices: list[tuple[Any, ...]] = [
        (True, False) if isinstance(f.default, bool) else (f.default, *CHAINS)
        for f in dataclasses.fields(Rules)
    ]
    return [Rules(*setting) for setting in itertools.product(*choices)]


SETTINGS = switch_settings()
DIRECTIONS = (False, True)


@cache
def solved(count: int, seed: int, least_ops: int = 0) -> list[tuple[Graph, MemoryRules, int]]:
    """Cases with the optimum of the brute force, once for all settings."""
    drawn = cases(count, seed, least_ops=least_ops)
    return [(graph, rules, Oracle(graph, rules).least_peak()) for graph, rules in drawn]


def check_optimum(
    graph: Graph, rules: MemoryRules, pruning: Rules | None = None, optimum: int | None = None
) -> int:
    if optimum is None:
        optimum = Oracle(graph, rules).least_peak()
    plan = minimize_peak(graph, rules=rules, pruning=pruning)
    assert (plan.peak_bytes, plan.lower_bound_bytes) == (optimum, optimum), graph.name
    assert (plan.status, plan.limit) == ("optimal", None)
    check(plan, graph)
    return optimum


def climb(problem: Problem, search: Search, slice_states: int = 1) -> tuple[list[int], int]:
    """Run a search to its end: the bounds it states on the way, and the peak it finds."""
    bounds: list[int] = []
    for event in search.run(slice_states):
        if isinstance(event, Refuted):
            bounds.append(event.bound)
        if isinstance(event, Found):
            return bounds, problem.replay(event.order).peak
    raise AssertionError("the search ended without an order")


def check_search(problem: Problem, search: Search, optimum: int, label: str) -> None:
    """Below the optimum: refuted, and resumed up to exactly the optimum. At it: found."""
    budget = search.budget
    bounds, peak = climb(problem, search)
    assert peak == optimum, (label, search.space.backward, budget)
    assert bounds == sorted(set(bounds)), label
    if budget < optimum:
        assert budget < bounds[0], label
        assert bounds[-1] == optimum, label
    else:
        assert not bounds, label


@pytest.mark.parametrize("seed", range(100, 108))
def test_the_optimum(seed: int) -> None:
    for graph, rules in cases(400, seed):
        check_optimum(graph, rules)


@given(GRAPHS, RULES)
def test_the_optimum_of_graphs_that_shrink(graph: Graph, rules: MemoryRules) -> None:
    check_optimum(graph, rules)


@pytest.mark.parametrize("pruning", SETTINGS, ids=str)
def test_every_switch_gives_one_optimum(pruning: Rules) -> None:
    for graph, rules, optimum in solved(72, 110):
        check_optimum(graph, rules, pruning, optimum)


@pytest.mark.parametrize("pruning", SETTINGS, ids=str)
def test_search_refutes_below_the_optimum_and_finds_it(pruning: Rules) -> None:
    for graph, rules, optimum in solved(72, 111, least_ops=1):
        problem = make_problem(graph, rules)
        for backward in DIRECTIONS:
            space = Space(problem, backward=backward)
            floor = problem.live_at_start
            for budget in {optimum, optimum - 1, (optimum + floor) // 2, 1}:
                check_search(problem, Search(space, budget, Meter(), pruning), optimum, graph.name)


@pytest.mark.parametrize("word", [1, 2])
def test_search_that_indexes_anew_after_commits(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solver.peak.search._WORD", word)
    for graph, rules in cases(200, seed=117, least_ops=1):
        problem = make_problem(graph, rules)
        optimum = Oracle(graph, rules).least_peak()
        for pruning in random.Random(graph.name).sample(SETTINGS, 2):
            for backward in DIRECTIONS:
                for budget in (optimum, optimum - 1, 1):
                    search = Search(Space(problem, backward=backward), budget, Meter(), pruning)
                    check_search(problem, search, optimum, graph.name)


@pytest.mark.parametrize("seed", range(112, 116))
def test_search_with_random_switches(seed: int) -> None:
    for graph, rules in cases(300, seed, most_ops=9, least_ops=1):
        problem = make_problem(graph, rules)
        optimum = Oracle(graph, rules).least_peak()
        for pruning in random.Random(graph.name).sample(SETTINGS, 3):
            for backward in DIRECTIONS:
                space = Space(problem, backward=backward)
                check_search(problem, Search(space, optimum, Meter(), pruning), optimum, graph.name)
                check_search(problem, Search(space, 1, Meter(), pruning), optimum, graph.name)


def test_search_within_any_two_states() -> None:
    """A window is a problem of its own, with the rest of the network around it."""
    for graph, rules in cases(600, seed=117):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        rng = random.Random(graph.name)
        states = list(oracle.states())
        low, high = sorted((rng.choice(states), rng.choice(states)), key=len)
        if not low < high:
            continue
        optimum = oracle.least_peak(low, high)
        window, rest = sorted(high - low), oracle.all_ops - high
        for backward in DIRECTIONS:
            space = Space(problem, rest if backward else low, window, backward=backward)
            for budget in (optimum, optimum - 1):
                *bounds, order = run_to_end(Search(space, budget, Meter(), rng.choice(SETTINGS)))
                assert peak_between(oracle, low, order) == optimum, graph.name
                assert bounds[-1:] == ([] if budget == optimum else [optimum]), graph.name


def run_to_end(search: Search) -> list[int | list[int]]:
    """Bounds stated, then the order found."""
    events = [event for event in search.run() if event is not None]
    return [e.bound if isinstance(e, Refuted) else e.order for e in events]


def peak_between(oracle: Oracle, low: frozenset[int], order: int | list[int]) -> int:
    assert isinstance(order, list)
    steps = [oracle.step_peak(low.union(order[:i]), v) for i, v in enumerate(order)]
    assert all(v in oracle.ready(low.union(order[:i])) for i, v in enumerate(order))
    return max(oracle.memory(low), *steps)


def test_medium_graphs() -> None:
    """Twelve to sixteen ops, while the brute force can still enumerate the states."""
    compared = 0
    for graph, rules in cases(100, seed=120, most_ops=16, least_ops=12):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        if sum(1 for _ in itertools.islice(oracle.states(), 1500)) == 1500:
            continue
        optimum = check_optimum(graph, rules)
        for pruning in random.Random(graph.name).sample(SETTINGS, 3):
            for backward in DIRECTIONS:
                search = Search(Space(problem, backward=backward), optimum - 1, Meter(), pruning)
                check_search(problem, search, optimum, graph.name)
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("doublings", [0, 12])
def test_sizes_near_a_terabyte_and_an_exabyte(doublings: int) -> None:
    """Past 2**31 networkx takes over the flows."""
    for graph, rules in cases(80, seed=124):
        huge = enlarged(graph, random.Random(graph.name))
        check_optimum(scaled(huge, 2**doublings), rules)
        problem = make_problem(scaled(huge, 2**doublings), rules)
        optimum = Oracle(scaled(huge, 2**doublings), rules).least_peak()
        for backward in DIRECTIONS if graph.ops else ():
            search = Search(Space(problem, backward=backward), optimum - 1, Meter())
            check_search(problem, search, optimum, graph.name)


def test_graphs_of_several_machine_words() -> None:
    """Ops that need nothing, scattered among the others, move these across 64-bit words."""
    for k, (graph, rules) in enumerate(cases(60, seed=121)):
        rng = random.Random(graph.name)
        large = padded(graph, rng.choice((56, 64, 130)), rng)
        optimum = Oracle(graph, rules).least_peak()
        plan = minimize_peak(large, rules=rules)
        assert (plan.peak_bytes, plan.lower_bound_bytes) == (optimum, optimum), graph.name
        problem = make_problem(large, rules)
        for backward in DIRECTIONS:
            search = Search(Space(problem, backward=backward), 1, Meter(), SETTINGS[k % 4])
            check_search(problem, search, optimum, graph.name)


class FullMeter(Meter):
    """No room for larger tables: past its first few states a search walks depth-first."""

    def memory_left(self) -> int:
        return 0


@pytest.mark.parametrize("commits", [False, True])
@pytest.mark.parametrize("chain", [None, 0, 8])
def test_search_without_room_for_its_tables(commits: bool, chain: int | None) -> None:
    pruning = Rules(free_moves=chain is not None, commits=commits, lookahead=chain or 0)
    most_states = 0
    for graph, rules in cases(60, seed=126, most_ops=12, least_ops=9):
        problem = make_problem(graph, rules)
        optimum = minimize_peak(graph, rules=rules).peak_bytes
        for backward in DIRECTIONS:
            space = Space(problem, backward=backward)
            for budget in (optimum, optimum - 1, problem.live_at_start - 1):
                search = Search(space, budget, FullMeter(), pruning)
                check_search(problem, search, optimum, graph.name)
                most_states = max(most_states, search.states)
    assert most_states > 100


def test_search_without_room_in_several_words() -> None:
    for k, (graph, rules) in enumerate(cases(30, seed=127, least_ops=5)):
        rng = random.Random(graph.name)
        problem = make_problem(padded(graph, 70, rng), rules)
        optimum = Oracle(graph, rules).least_peak()
        pruning = Rules(free_moves=k % 3 > 0, commits=k % 2 > 0, lookahead=0)
        for backward in DIRECTIONS:
            search = Search(Space(problem, backward=backward), optimum - 1, FullMeter(), pruning)
            check_search(problem, search, optimum, graph.name)


@pytest.mark.skipif(not is_available(), reason="the compiled kernel is not installed")
@pytest.mark.parametrize("ops", [10, 30, 63, 64, 65, 129, 200])
def test_the_compiled_search_walks_the_states_of_the_python_one(ops: int) -> None:
    for graph, rules in cases(6, seed=122, most_ops=ops, least_ops=ops):
        problem = make_problem(graph, rules)
        plan = minimize_peak(graph, rules=rules)
        pruning = random.Random(graph.name).choice(SETTINGS)
        for backward in DIRECTIONS:
            for budget in (plan.peak_bytes, plan.lower_bound_bytes - 1):
                compiled, plain = (
                    Search(
                        Space(problem, backward=backward),
                        budget,
                        Meter(),
                        dataclasses.replace(pruning, compiled=compiled),
                    )
                    for compiled in (True, False)
                )
                pairs = zip(compiled.run(100), plain.run(100), strict=False)
                for a, b in itertools.islice(pairs, 15):
                    assert a == b, (graph.name, pruning, backward, budget)
                    assert compiled.states == plain.states


def nearly(graph: Graph, rng: random.Random) -> Graph:
    """Change one thing at most, and the file order not at all."""
    buffers, ops = list(graph.buffers), list(graph.ops)
    b, v = rng.randrange(len(buffers) or 1), rng.randrange(len(ops))
    match rng.randrange(6):
        case 0 if buffers:
            buffers[b] = dataclasses.replace(buffers[b], size=buffers[b].size + 1)
        case 1:
            ops[v] = dataclasses.replace(ops[v], workspace=ops[v].workspace + 1)
        case 2:
            ops[v] = dataclasses.replace(ops[v], in_place=())
        case 3:
            ops[v] = dataclasses.replace(ops[v], views=())
        case 4:
            ops[v] = dataclasses.replace(ops[v], after=())
    return Graph(graph.name, tuple(ops), tuple(buffers))


def test_repeated_cells() -> None:
    """Three copies of a network, one after the other, of which some differ a little."""
    for graph, rules in cases(300, seed=125, most_ops=6, least_ops=3):
        rng = random.Random(graph.name)
        check_optimum(in_series([graph, nearly(graph, rng), nearly(graph, rng)]), rules)


def test_two_networks_side_by_side() -> None:
    """Their optimum lies between the larger one and what one after the other needs."""
    graphs = list(cases(120, seed=123, most_ops=5))
    for (a, rules), (b, _) in itertools.pairwise(graphs):
        both = union(a, b)
        optimum = check_optimum(both, rules)
        alone = [minimize_peak(g, rules=rules).peak_bytes for g in (a, b)]
        assert optimum >= max(alone), (a.name, b.name)
        ends = [make_problem(g, rules) for g in (a, b)]
        assert optimum <= min(
            max(alone[i] + ends[1 - i].live_at_start, alone[1 - i] + ends[i].live_at_end)
            for i in (0, 1)
        ), (a.name, b.name)

"""The replay of an order against the definitions, and the two oracles against each other."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.memory import MemoryRules, make_problem
from solver.verify import Rules, replay_peak, state_memory
from tests.property.graphs import GRAPHS, RULES, cases, random_order
from tests.property.oracle import Oracle

if TYPE_CHECKING:
    from models.graph import Graph


@pytest.mark.parametrize("seed", range(4))
def test_the_oracles_agree(seed: int) -> None:
    for graph, rules in cases(60, seed, most_ops=6):
        oracle = Oracle(graph, rules)
        assert oracle.least_peak() == oracle.least_peak_by_orders(), graph.name


def check_replay(graph: Graph, rules: MemoryRules, rng: random.Random) -> None:
    oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
    order = random_order(graph, rng)
    prefixes = [frozenset(order[:i]) for i in range(len(order) + 1)]
    profile = problem.replay(order)
    assert problem.is_order(order)
    assert profile.live_before == problem.live_at_start == oracle.memory(prefixes[0])
    assert problem.live_at_end == oracle.memory(prefixes[-1])
    assert list(profile.live_after) == [oracle.memory(done) for done in prefixes[1:]]
    assert list(profile.step_peaks) == [
        oracle.step_peak(done, v) for done, v in zip(prefixes, order, strict=False)
    ]
    memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
    assert profile.peak == oracle.peak(order) == replay_peak(order, memory)


@given(GRAPHS, RULES, st.randoms(use_true_random=False))
def test_replay(graph: Graph, rules: MemoryRules, rng: random.Random) -> None:
    check_replay(graph, rules, rng)


def test_replay_of_larger_graphs() -> None:
    for graph, rules in cases(1000, seed=10, most_ops=40):
        check_replay(graph, rules, random.Random(graph.name))


@given(GRAPHS, st.randoms(use_true_random=False))
def test_only_valid_orders_are_orders(graph: Graph, rng: random.Random) -> None:
    oracle, problem = Oracle(graph), make_problem(graph)
    order = rng.sample(range(len(graph.ops)), len(graph.ops))
    valid = all(oracle.predecessors[v] <= set(order[:i]) for i, v in enumerate(order))
    assert problem.is_order(order) == valid
    if not valid:
        with pytest.raises(ValueError, match="not an order"):
            problem.replay(order)


def test_memory_is_submodular() -> None:
    """The theorem under every pruning rule: mem(A|B) + mem(A&B) <= mem(A) + mem(B)."""
    for graph, rules in cases(400, seed=11):
        oracle = Oracle(graph, rules)
        states = list(oracle.states())
        rng = random.Random(graph.name)
        for _ in range(20):
            a, b = rng.choice(states), rng.choice(states)
            joined = oracle.memory(a | b) + oracle.memory(a & b)
            assert joined <= oracle.memory(a) + oracle.memory(b), graph.name


def test_what_a_step_adds_never_grows_with_the_state() -> None:
    for graph, rules in cases(400, seed=12):
        oracle = Oracle(graph, rules)
        states = list(oracle.states())
        rng = random.Random(graph.name)
        for _ in range(20):
            small, other = rng.choice(states), rng.choice(states)
            large = small | other
            for v in set(oracle.ready(small)) & set(oracle.ready(large)):
                rise = oracle.step_peak(large, v) - oracle.memory(large)
                assert rise <= oracle.step_peak(small, v) - oracle.memory(small), graph.name

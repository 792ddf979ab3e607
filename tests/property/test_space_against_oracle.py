"""The state space, forwards and backwards, over windows, against the definitions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.memory import make_problem
from solver.peak.space import Space, bits
from solver.peak.split import windows
from tests.property.graphs import cases
from tests.property.oracle import Oracle, State

if TYPE_CHECKING:
    from collections.abc import Iterator


def done_in(space: Space, oracle: Oracle, mask: int) -> State:
    """Ops executed, in forward time, in a state of the space."""
    joined = space.done.union(space.ops[i] for i in bits(mask))
    return oracle.all_ops - joined if space.backward else joined


def step_of(space: Space, oracle: Oracle, mask: int, op: int) -> int:
    """Bytes in use while the window op runs, from the definitions."""
    done = done_in(space, oracle, mask)
    v = space.ops[op]
    return oracle.step_peak(done - {v} if space.backward else done, v)


def masks(space: Space) -> Iterator[int]:
    """All states of a space."""
    level = {0}
    while level:
        yield from level
        level = {mask | 1 << i for mask in level for i in bits(space.ready(mask))}


def check_space(space: Space, oracle: Oracle) -> int:
    """Compare every state and every move."""
    assert space.start_memory == oracle.memory(done_in(space, oracle, 0))
    states = 0
    for mask in masks(space):
        states += 1
        memory = oracle.memory(done_in(space, oracle, mask))
        assert space.memory(mask) == memory
        assert memory >= space.constant
        ready = space.ready(mask)
        for op in bits(ready):
            after = mask | 1 << op
            rise, net = space.effect(op, mask)
            assert memory + rise == step_of(space, oracle, mask, op)
            assert memory + net == oracle.memory(done_in(space, oracle, after))
            assert space.ready_after(op, after, ready) == space.ready(after)
    return states


@pytest.mark.parametrize("backward", [False, True])
def test_the_whole_network(backward: bool) -> None:
    for graph, rules in cases(400, seed=200):
        oracle = Oracle(graph, rules)
        space = Space(make_problem(graph, rules), backward=backward)
        assert check_space(space, oracle) == sum(1 for _ in oracle.states()), graph.name


@pytest.mark.parametrize("backward", [False, True])
def test_between_any_two_states(backward: bool) -> None:
    for graph, rules in cases(600, seed=201):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        rng = random.Random(graph.name)
        states = list(oracle.states())
        low, high = sorted((rng.choice(states), rng.choice(states)), key=len)
        if low <= high:
            done = oracle.all_ops - high if backward else low
            space = Space(problem, done, sorted(high - low), backward=backward)
            between = sum(1 for _ in oracle.states(low, high))
            assert check_space(space, oracle) == between, graph.name


@pytest.mark.parametrize("backward", [False, True])
def test_over_the_windows_of_a_network(backward: bool) -> None:
    for graph, rules in cases(300, seed=202):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        parts = windows(problem)
        for i, part in enumerate(parts):
            others = parts[i + 1 :] if backward else parts[:i]
            done = [v for other in others for v in other]
            check_space(Space(problem, done, part, backward=backward), oracle)


def test_the_caller_may_know_the_start_memory() -> None:
    for graph, rules in cases(100, seed=203):
        problem = make_problem(graph, rules)
        for backward, start in ((False, problem.live_at_start), (True, problem.live_at_end)):
            told = Space(problem, backward=backward, start_memory=start)
            counted = Space(problem, backward=backward)
            assert told.start_memory == counted.start_memory
            assert told.constant == counted.constant


@pytest.mark.parametrize("backward", [False, True])
def test_a_path_of_the_space_is_an_order(backward: bool) -> None:
    for graph, rules in cases(200, seed=204):
        problem = make_problem(graph, rules)
        space = Space(problem, backward=backward)
        rng = random.Random(graph.name)
        path: list[int] = []
        mask = 0
        while mask != space.full:
            path.append(rng.choice(list(bits(space.ready(mask)))))
            mask |= 1 << path[-1]
        assert problem.is_order(space.order(path)), graph.name


@pytest.mark.parametrize("backward", [False, True])
def test_ops_that_share_nothing_leave_each_other_alone(backward: bool) -> None:
    """The promise behind every cache: an effect depends on the ops in ``touch`` only."""
    for graph, rules in cases(300, seed=205):
        space = Space(make_problem(graph, rules), backward=backward)
        for mask in masks(space):
            for op in bits(space.ready(mask)):
                for other in bits(space.ready(mask) & ~space.touch[op] & ~(1 << op)):
                    assert space.effect(op, mask) == space.effect(op, mask | 1 << other)

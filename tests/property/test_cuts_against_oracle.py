"""Minimum cuts against enumeration of all states."""

from __future__ import annotations

import random

import pytest

from solver.memory import make_problem
from solver.peak.bounds import CutBounds, OpBound
from solver.peak.flow import cheapest_between
from solver.peak.space import Space
from tests.property.graphs import cases, chain, enlarged, random_order, scaled, union
from tests.property.oracle import Oracle, State
from tests.property.test_space_against_oracle import done_in, masks


def least_step_peak(oracle: Oracle, low: State, high: State, v: int) -> int:
    """Least bytes in use while ``v`` runs, over all states between two."""
    return min(
        oracle.step_peak(done, v)
        for done in oracle.states(low, high)
        if v in oracle.ready(done) and done | {v} <= high
    )


def check_cuts(space: Space, oracle: Oracle, label: str) -> None:
    bounds = CutBounds(space)
    low, high = space.done, space.done.union(space.ops)
    for i, v in enumerate(space.ops):
        found = bounds.cut(i)
        assert found.op == v
        assert found.bound == least_step_peak(oracle, low, high, v), label
        assert found.before in set(oracle.states(low, high)), label
        assert v in oracle.ready(found.before), label
        assert oracle.step_peak(found.before, v) == found.bound, label


@pytest.mark.parametrize("seed", [300, 301])
def test_every_op_bound_is_the_least_step_peak(seed: int) -> None:
    for graph, rules in cases(250, seed):
        check_cuts(Space(make_problem(graph, rules)), Oracle(graph, rules), graph.name)


def test_op_bounds_between_any_two_states() -> None:
    for graph, rules in cases(300, seed=302):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        rng = random.Random(graph.name)
        states = list(oracle.states())
        low, high = sorted((rng.choice(states), rng.choice(states)), key=len)
        if low <= high:
            check_cuts(Space(problem, low, sorted(high - low)), oracle, graph.name)


def test_the_best_bound() -> None:
    """Skipping ops by their ceiling loses nothing, and no bound exceeds the optimum."""
    for graph, rules in cases(400, seed=303, least_ops=1):
        oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
        rng = random.Random(graph.name)
        bounds = CutBounds(Space(problem))
        order = random_order(graph, rng)
        ceiling = [0] * len(order)
        for v, peak in zip(order, problem.replay(order).step_peaks, strict=True):
            ceiling[v] = peak
        cuts = [bounds.cut(v).bound for v in range(len(order))]
        largest = max(cuts)
        floor = rng.choice((0, largest // 2, largest - 1, largest))
        reported: list[OpBound] = []
        best = bounds.best(ceiling, floor, reported.append)
        assert largest <= oracle.least_peak(), graph.name
        if largest > floor:
            assert best is not None
            assert best.bound == largest, graph.name
            assert reported[-1] == best
            rising = [bound.bound for bound in reported]
            assert rising == sorted(set(rising))
        else:
            assert best is None
            assert not reported


@pytest.mark.parametrize("backward", [False, True])
def test_the_cheapest_states_between_two(backward: bool) -> None:
    """Minimisers form a lattice: the cut finds its least or its greatest element."""
    for graph, rules in cases(400, seed=304):
        oracle = Oracle(graph, rules)
        space = Space(make_problem(graph, rules), backward=backward)
        rng = random.Random(graph.name)
        every = list(masks(space))
        for _ in range(3):
            low, high = sorted((rng.choice(every), rng.choice(every)), key=int.bit_count)
            if low & ~high:
                continue
            between = {
                mask: oracle.memory(done_in(space, oracle, mask))
                for mask in every
                if not low & ~mask and not mask & ~high
            }
            least = min(between.values())
            smallest, largest = high, low
            for mask, memory in between.items():
                if memory == least:
                    smallest, largest = smallest & mask, largest | mask
            first = cheapest_between(space, low, high, largest=False)
            last = cheapest_between(space, low, high)
            assert (first.state, last.state) == (smallest, largest), graph.name
            assert first.cost == last.cost == least - space.constant, graph.name


@pytest.mark.parametrize("factor", [2**31, 3**25, 2**40 + 1])
@pytest.mark.parametrize("largest", [False, True])
def test_sizes_beyond_32_bits(factor: int, largest: bool) -> None:
    """Another flow solver takes over: the same states, the same costs times the factor.

    A second network of single bytes keeps the factor from being a common divisor.
    """
    ones = chain([1, 1, 1])
    space = Space(make_problem(ones))
    cost_of_ones = cheapest_between(space, 0, space.full).cost
    for graph, rules in cases(60, seed=305):
        del rules  # alignment would not scale
        space = Space(make_problem(union(graph, ones)))
        small = cheapest_between(space, 0, space.full, largest=largest)
        space = Space(make_problem(union(scaled(graph, factor), ones)))
        large = cheapest_between(space, 0, space.full, largest=largest)
        assert large.state == small.state, graph.name
        assert large.cost == (small.cost - cost_of_ones) * factor + cost_of_ones, graph.name


def test_op_bounds_of_sizes_near_a_terabyte() -> None:
    for graph, rules in cases(120, seed=306, most_ops=6):
        huge = enlarged(graph, random.Random(graph.name))
        check_cuts(Space(make_problem(huge, rules)), Oracle(huge, rules), graph.name)

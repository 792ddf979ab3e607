"""A part of an order, replayed as a problem of its own, sees the memory that the whole sees."""

from __future__ import annotations

import random

import pytest

from solver.memory import make_problem
from solver.peak.heuristics import kahn_order
from solver.peak.part import part_of
from tests.property.graphs import cases


@pytest.mark.parametrize("seed", [700, 701])
def test_a_part_has_the_step_peaks_of_the_whole(seed: int) -> None:
    for graph, rules in cases(400, seed, least_ops=1):
        problem = make_problem(graph, rules)
        order = kahn_order(problem)
        whole = problem.replay(order)
        rng = random.Random(graph.name)
        begin = rng.randrange(len(order))
        end = rng.randrange(begin, len(order)) + 1
        ops = rng.sample(order[begin:end], end - begin)
        part = part_of(problem, order[:begin], ops)
        seen = part.replay([ops.index(v) for v in order[begin:end]])
        live = (whole.live_before, *whole.live_after)
        assert seen.step_peaks == whole.step_peaks[begin:end], graph.name
        assert (seen.live_before, *seen.live_after) == live[begin : end + 1], graph.name

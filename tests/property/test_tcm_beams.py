"""Beams: plans that fit, the same from either kernel, and the best one if wide enough."""

from __future__ import annotations

import pytest

from solver.limits import Meter
from solver.traffic import make_traffic_problem
from solver.traffic.residency import fits, spilled_bytes
from solver.traffic.rules import Rules
from solver.traffic.search import Search
from solver.traffic.space import Space
from tests.property.graphs import cases

ENDLESS = 10**9


@pytest.mark.parametrize("mode", ["resident", "streaming"])
def test_beams_of_any_width(mode: str) -> None:
    missed = found = 0
    for graph, _ in cases(60, 999, most_ops=16, least_ops=6):
        tcm = make_traffic_problem(graph, 1, mode=mode).least_capacity
        problem = make_traffic_problem(graph, tcm, mode=mode)
        if not len(problem):
            continue
        space = Space(problem)
        best = Search(space, Meter()).run()
        assert best is not None
        least = spilled_bytes(problem, best)
        for width in (1, 3, ENDLESS):
            beams = [
                Search(space, Meter(), rules=Rules(compiled=compiled), width=width)
                for compiled in (True, False)
            ]
            compiled, python = (beam.run() for beam in beams)
            assert (compiled is None) == (python is None)
            assert beams[0].states == beams[1].states, graph.name
            assert not beams[0].is_done
            assert beams[0].bound == 0
            if compiled is None:
                assert width < ENDLESS
                missed += 1
                continue
            assert python is not None
            assert fits(problem, compiled)
            spilled = spilled_bytes(problem, compiled)
            assert spilled == spilled_bytes(problem, python)
            assert spilled >= least
            assert spilled == least or width < ENDLESS
            missed += spilled > least
            found += spilled == least > 0
    assert missed > 5
    assert found > 50

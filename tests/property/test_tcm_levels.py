"""Replacement as a program of levels, for long orders: the same optimum."""

from __future__ import annotations

import random

import pytest

from solver.memory import MemoryRules
from solver.peak.heuristics import kahn_order
from solver.traffic import intervals, make_traffic_problem
from solver.traffic.nospill import peak_problem
from solver.traffic.residency import spilled_bytes
from tests.property.graphs import cases


@pytest.mark.parametrize("mode", ["resident", "streaming"])
def test_levels_lead_to_the_same_optimum(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spilling = 0
    for graph, drawn in cases(150, 4242, most_ops=14, least_ops=4):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        least = make_traffic_problem(graph, 1, rules=rules, mode=mode).least_capacity
        tcm = least + random.Random(graph.name).randrange(12)
        problem = make_traffic_problem(graph, tcm, rules=rules, mode=mode)
        order = kahn_order(peak_problem(problem, loads=False))
        found = []
        for entries in (10**9, -1):
            monkeypatch.setattr(intervals, "_MOST_ENTRIES", entries)
            plan = intervals.best_replacement(problem, order)
            assert plan is not None
            found.append(spilled_bytes(problem, plan))
        assert found[0] == found[1]
        spilling += found[0] > 0
    assert spilling > 50

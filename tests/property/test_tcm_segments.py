"""Segments of plans: what one saves, the whole plan saves."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.limits import Limits, Meter
from solver.memory import MemoryRules
from solver.traffic import make_traffic_problem
from solver.traffic.heuristics import quick
from solver.traffic.minimize import best_residency
from solver.traffic.residency import Residency, fits, intervals, spilled_bytes
from solver.traffic.rules import Rules
from solver.traffic.search import Search
from solver.traffic.segments import Splitter
from solver.traffic.segments.cut import Segment, Timetable
from solver.traffic.space import Space
from tests.property.graphs import cases, random_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.traffic.model import TrafficProblem

LONG = 1000.0  # seconds


def as_it_is(plan: Residency) -> Residency:
    return plan


def drawn_plans(
    count: int, seed: int, most_ops: int, least_ops: int = 1
) -> Iterator[tuple[Graph, TrafficProblem, Residency, random.Random]]:
    """Draw graphs, and plans that are absent more often than need be."""
    for graph, drawn in cases(count, seed, most_ops=most_ops, least_ops=least_ops):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        least = make_traffic_problem(graph, 1, rules=rules).least_capacity
        problem = make_traffic_problem(graph, least + rng.choice((0, 0, 1, 5)), rules=rules)
        order = random_order(graph, rng)
        plan = quick(problem, order)[-1]
        more = [gap.gap for gap in intervals(problem, order) if rng.random() < 0.2]
        yield graph, problem, Residency(plan.order, plan.absent | frozenset(more)), rng


def test_a_segment_is_a_problem_of_its_own() -> None:
    better = beside = 0
    for graph, problem, plan, rng in drawn_plans(400, 996, 14):
        assert fits(problem, plan), graph.name
        timetable = Timetable(problem, plan)
        begin, end = sorted(rng.sample(range(len(problem) + 1), 2)) if len(problem) else (0, 0)
        segment = Segment(problem, timetable, begin, end)
        part = segment.part
        if part is None:
            beside += 1
            continue
        assert fits(part, segment.plan), graph.name
        same = segment.whole(segment.plan)
        assert (same.order, same.absent) == (plan.order, plan.absent), graph.name
        spilled = spilled_bytes(part, segment.plan)
        found = Search(Space(part), Meter(), spilled).run()
        if found is None:
            continue
        other = segment.whole(found)
        assert problem.is_order(other.order)
        assert other.order[:begin] == plan.order[:begin]
        assert other.order[end:] == plan.order[end:]
        assert fits(problem, other), graph.name
        saved = spilled - spilled_bytes(part, found)
        assert saved > 0
        assert spilled_bytes(problem, plan) - spilled_bytes(problem, other) == saved, graph.name
        better += 1
    assert better > 100
    assert beside < 40


def test_a_segment_of_everything_is_the_problem() -> None:
    positive = 0
    for graph, problem, plan, _ in drawn_plans(150, 997, 9):
        segment = Segment(problem, Timetable(problem, plan), 0, len(problem))
        assert segment.part is not None
        found = Search(Space(segment.part), Meter()).run()
        assert found is not None
        usual, _ = best_residency(problem, Limits())
        assert usual is not None
        least = spilled_bytes(problem, usual)
        assert spilled_bytes(problem, segment.whole(found)) == least, graph.name
        positive += least > 0
    assert positive > 10


@pytest.mark.parametrize("compiled", [True, False])
def test_the_splitter_saves_and_says_so(compiled: bool) -> None:
    saved = 0
    count, ops = (40, 60) if compiled else (8, 40)
    for graph, problem, plan, _ in drawn_plans(count, 998, ops, 30):
        offered: list[Residency] = []

        rules = Rules(compiled=compiled)
        Splitter(problem, Meter(), rules, offered.append, as_it_is).run(plan, 2**12, LONG)
        assert all(fits(problem, better) for better in offered), graph.name
        spilled = [spilled_bytes(problem, better) for better in (plan, *offered)]
        assert spilled == sorted(set(spilled), reverse=True), graph.name
        saved += len(offered) > 0
        offered.clear()
        idle = Splitter(problem, Meter(Limits(nodes=1)), rules, offered.append, as_it_is)
        idle.run(plan, 0, LONG)
        idle.run(plan, 2**12, 0.0)
        assert not offered
    assert saved > count // 2

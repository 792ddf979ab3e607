"""The replay that reports draw from agrees with the plan, step by step and buffer by buffer."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from solver.memory import MemoryRules
from solver.report.tcm_trace import trace, traffic_problem_of
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.residency import intervals
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.plan import Plan

MODES = ("resident", "streaming")
WEIGHTS = ("ignore", "stream", "pin")


def plans(count: int, seed: int) -> Iterator[tuple[Graph, Plan]]:
    for k, (graph, drawn) in enumerate(cases(count, seed, least_ops=1)):
        rules, mode = MemoryRules(drawn.alignment, views=drawn.views), MODES[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + random.Random(k).randrange(20)
        weights = WEIGHTS[k // 2 % 3]
        yield graph, plan_traffic(graph, tcm, mode=mode, weights=weights, rules=rules)


def test_every_byte_is_drawn_once() -> None:
    spilling = 0
    for graph, plan in plans(300, 950):
        found = trace(plan, graph)
        assert tuple(step.name for step in found.steps) == plan.order
        assert sum(s.coming + s.leaving for s in found.steps) == plan.traffic_bytes
        spilled = sum(s.reloads + s.spills for s in found.steps)
        assert spilled == sum(item.written + item.reloaded for item in found.spilled)
        if plan.options["weights"] != "pin":
            once = sum(s.inputs + s.outputs + s.weights for s in found.steps)
            assert once == plan.compulsory_bytes
        assert max(s.used for s in found.steps) == plan.peak_bytes <= (plan.tcm_bytes or 0)
        spilling += bool(spilled)
    assert spilling > 40


def test_absences_cost_what_the_model_says() -> None:
    """A reload each; a write-back each where a producer follows, else one, none for what external
    memory has or is to have anyway."""
    seen = 0
    for graph, plan in plans(300, 951):
        problem = traffic_problem_of(plan, graph)
        index = {name: v for v, name in enumerate(problem.names)}
        order = [index[name] for name in plan.order]
        gaps = {(g.buffer, g.begin, g.end): g.dirty for g in intervals(problem, order)}
        for item in trace(plan, graph).spilled:
            b = next(i for i, buffer in enumerate(problem.buffers) if buffer.name == item.name)
            buffer = problem.buffers[b]
            dirty = [gaps[b, begin, end] for begin, end in item.absences]
            writes = sum(dirty)
            if not all(dirty) and not buffer.is_input and not buffer.is_output:
                writes += 1
            assert (item.written, item.reloaded) == (
                writes * buffer.size, len(dirty) * buffer.size,
            )  # fmt: skip
            seen += 1
    assert seen > 60


def test_what_stays_fills_the_tcm() -> None:
    """Stays, workspace and pinned weights make up what is in use while an op runs."""
    for graph, plan in plans(200, 952):
        found = trace(plan, graph)
        for i, step in enumerate(found.steps):
            inside = sum(size for _, size, begin, end in found.stays if begin <= i < end)
            assert inside + step.workspace + found.pinned == step.used


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traffic_bytes": 10**6}, "the plan says 1000000"),
        ({"peak_bytes": 10**6}, "the plan says 1000000"),
        ({"steps": ({"load": "nobody"},)}, "not one of network .*: 'nobody'"),
    ],
)
def test_other_plans_are_refused(change: dict[str, object], message: str) -> None:
    for graph, plan in plans(5, 953):
        changed = {"status": "feasible", "lower_bound_bytes": 0, "curve": (), **change}
        other = dataclasses.replace(plan, **changed)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=message):
            trace(other, graph)

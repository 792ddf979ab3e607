"""Plans of least traffic pass the independent verifier; mutated ones do not."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from solver.memory import MemoryRules
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.sweep import sweep
from solver.verify import VerificationError, check
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.plan import Plan

MODES = ("resident", "streaming")
_NO_OFFSETS: dict[str, Any] = dict.fromkeys(("arena_bytes", "offsets", "tcm_offsets"))


def plans(count: int, seed: int) -> Iterator[tuple[Graph, Plan]]:
    for k, (graph, drawn) in enumerate(cases(count, seed, least_ops=1)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = MODES[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        weights = ("ignore", "stream")[k // 2 % 2]
        tcm = least + random.Random(graph.name).randrange(20)
        yield graph, plan_traffic(graph, tcm, mode=mode, weights=weights, rules=rules)


@pytest.mark.parametrize("seed", [930, 931])
def test_plans_pass(seed: int) -> None:
    spilling = 0
    for graph, plan in plans(250, seed):
        check(plan, graph)
        assert plan.status == "optimal", graph.name
        assert plan.traffic_bytes is not None
        assert plan.compulsory_bytes is not None
        spilling += plan.traffic_bytes > plan.compulsory_bytes
    assert spilling > 20


def test_mutated_steps_are_refused_unless_they_do_the_same() -> None:
    """A step dropped, doubled, or swapped with the next; the sums stay as stated."""
    refused = accepted = 0
    for graph, plan in plans(120, 932):
        rng = random.Random(graph.name)
        assert plan.steps is not None
        steps = list(plan.steps)
        if len(steps) < 2:
            continue
        i = rng.randrange(len(steps) - 1)
        for mutant in (
            steps[:i] + steps[i + 1 :],
            steps[: i + 1] + steps[i:],
            [*steps[:i], steps[i + 1], steps[i], *steps[i + 2 :]],
        ):
            try:
                check(replace(plan, steps=tuple(mutant), **_NO_OFFSETS), graph)
            except VerificationError:
                refused += 1
            else:
                accepted += 1  # two loads swapped, an eviction later than need be
    assert refused > accepted


@pytest.mark.parametrize(
    "change",
    [
        {"traffic_bytes": 1},
        {"compulsory_bytes": 1},
        {"peak_bytes": 1},
        {"tcm_bytes": 1},
        {"tcm_bytes": None},
        {"order": ()},
        {"arena_bytes": 4},
        {"offsets": {}},
    ],
    ids=str,
)
def test_statements_are_checked(change: dict[str, object]) -> None:
    for graph, plan in plans(40, 933):
        name, value = next(iter(change.items()))
        if getattr(plan, name) in (value, 0) or not plan.traffic_bytes:
            continue
        if name == "tcm_bytes" and value and plan.peak_bytes <= 1:
            continue  # streamed operands take no room
        mutant = replace(plan, status="feasible", lower_bound_bytes=0)  # type: ignore[arg-type]
        object.__setattr__(mutant, "lower_bound_bytes", plan.lower_bound_bytes)
        object.__setattr__(mutant, "status", plan.status)
        object.__setattr__(mutant, name, value)
        with pytest.raises(VerificationError):
            check(mutant, graph)


def test_curves_fall_and_end_without_spills() -> None:
    for k, (graph, drawn) in enumerate(cases(30, 934, least_ops=2)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        curve = sweep(graph, 1, 400, mode=MODES[k % 2], rules=rules)
        known = [p for p in curve.points if p.traffic is not None]
        assert all(p.tcm < curve.least_tcm for p in curve.points if p.traffic is None)
        assert all(p.is_proven for p in known)
        assert [p.traffic for p in known] == sorted((p.traffic or 0 for p in known), reverse=True)
        assert curve.no_spill_tcm == curve.no_spill_bound
        for p in known:
            assert (p.traffic == curve.compulsory) == (p.tcm >= curve.no_spill_tcm)

"""Offsets in the TCM: plans have some, packings are exact, false ones are refused."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models import zoo
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.offsets import WITHOUT_OFFSETS
from solver.traffic.placement import place
from solver.traffic.plan import plan_traffic
from solver.traffic.simulate import Move, simulate
from solver.verify import VerificationError, check
from tests.property.fragments import HARD, network
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.plan import Plan
    from solver.traffic.model import TrafficProblem
    from solver.traffic.replay import Replay

MODES = ("resident", "streaming")

pytestmark = pytest.mark.usefixtures("unhurried")


def plans(count: int, seed: int) -> Iterator[tuple[Graph, Plan]]:
    for k, (graph, drawn) in enumerate(cases(count, seed, most_ops=12, least_ops=2)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode, weights = MODES[k % 2], ("ignore", "pin")[k // 2 % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + random.Random(graph.name).randrange(30)
        yield graph, plan_traffic(graph, tcm, mode=mode, weights=weights, rules=rules)


def places(plan: Plan) -> list[tuple[int, int, int, str]]:
    assert plan.tcm_offsets is not None
    return [(begin, end, offset, name) for name, begin, end, offset in plan.tcm_offsets]


@pytest.mark.parametrize("seed", [970, 971])
def test_random_plans_have_offsets_for_nothing(seed: int) -> None:
    """Drawn graphs hardly ever fragment; where a buffer comes back it may lie elsewhere."""
    moving = 0
    for graph, plan in plans(200, seed):
        check(plan, graph)
        assert plan.status == "optimal", graph.name
        assert plan.tcm_offsets is not None, graph.name
        assert WITHOUT_OFFSETS not in plan.certificate
        constant = len(plan.offsets or ()) == len({name for *_, name in places(plan)})
        assert constant or plan.offsets is None
        moving += plan.offsets is None
    assert moving > 5


def packable(problem: TrafficProblem, replay: Replay) -> bool:
    """Try every offset for every stay in turn."""
    stays = [(s.begin, s.end, problem.buffers[s.buffer].size) for s in replay.stays]
    placed: list[tuple[int, int, int, int]] = []

    def put(k: int) -> bool:
        if k == len(stays):
            return True
        begin, end, size = stays[k]
        for low in range(problem.capacity - size + 1):
            if all(
                end <= b or e <= begin or low + size <= lo or hi <= low for b, e, lo, hi in placed
            ):
                placed.append((begin, end, low, low + size))
                if put(k + 1):
                    return True
                placed.pop()
        return False

    return put(0)


def drawn_stays(rng: random.Random) -> tuple[int, list[tuple[int, int, int]]]:
    """Fill a TCM of 9 bytes to the brim."""
    load, blocks = [0] * 8, []
    for _ in range(14):
        size, begin = rng.choice((2, 3, 4)), rng.randrange(7)
        end = min(8, begin + rng.randint(2, 4))
        if max(load[begin:end]) + size <= 9:
            blocks.append((size, begin, end))
            load[begin:end] = [used + size for used in load[begin:end]]
    return 9, blocks


def test_packings_against_brute_force() -> None:
    rng = random.Random(972)
    answers = {True: 0, False: 0}
    for tcm, blocks in (*(drawn_stays(rng) for _ in range(150)), *HARD):
        problem = make_traffic_problem(network(blocks), tcm)
        outcome = minimize_traffic(network(blocks), tcm)
        steps = [Move.from_mapping(step) for step in outcome.steps]
        attempt = place(problem, steps, 1, Limits())
        found = attempt.placement is not None
        assert found != attempt.is_refuted
        assert packable(problem, simulate(problem, steps)) == found
        answers[found] += 1
    assert answers[False] >= len(HARD)
    assert answers[True] > 100


def mutants(plan: Plan, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield changes to the offsets of a plan, each of them false."""
    stays = list(plan.tcm_offsets or ())
    k = rng.randrange(len(stays))
    name, begin, end, offset = stays[k]

    def instead(*entries: tuple[str, int, int, int]) -> dict[str, Any]:
        return {"tcm_offsets": (*stays[:k], *entries, *stays[k + 1 :])}

    yield instead()
    yield instead(stays[k], stays[k])
    yield instead(stays[k], (name, begin, end, offset + plan.options["alignment"]))
    yield instead((name, begin + 1, end, offset))
    yield instead((name, begin, end - 1, offset))
    yield instead((f"no {name}", begin, end, offset))
    yield instead((name, begin, end, (plan.tcm_bytes or 0) + offset))
    yield instead((name, begin, end, offset - (plan.tcm_bytes or 0)))
    if plan.options["alignment"] > 1:
        yield instead((name, begin, end, offset + 1))
    met = [o for n, b, e, o in stays if b < end and begin < e and n != name and o != offset]
    if met:
        yield instead((name, begin, end, rng.choice(met)))
    yield {"tcm_offsets": None}
    yield {"arena_bytes": None}
    yield {"arena_bytes": (plan.tcm_bytes or 0) + 1}
    yield {"arena_bytes": (plan.arena_bytes or 0) - 1}
    yield {"offsets": {**(plan.offsets or {}), name: offset + 1}}
    yield {"certificate": {**plan.certificate, WITHOUT_OFFSETS: plan.traffic_bytes}}
    yield {"certificate": {**plan.certificate, WITHOUT_OFFSETS: plan.lower_bound_bytes - 1}}


def test_mutated_offsets_are_refused() -> None:
    refused = 0
    for graph, plan in plans(150, 973):
        if not plan.tcm_offsets:
            continue
        for changes in mutants(plan, random.Random(graph.name)):
            mutant = replace(plan, **changes)
            if changes.get("arena_bytes") and any(op.workspace for op in graph.ops):
                continue  # scratch may lie above all buffers: the arena is no more than enough
            with pytest.raises(VerificationError):
                check(mutant, graph)
            refused += 1
    assert refused > 1500


@pytest.mark.parametrize("name", ["darts", "nasnet_a", "amoebanet_a", "pnasnet"])
def test_published_networks_have_offsets_for_nothing(name: str) -> None:
    """At COSMA's sizes: the largest op, and half-way from there to the least peak."""
    graph = zoo.graph(name, cells=1)
    least = make_traffic_problem(graph, 1).least_capacity
    for tcm in (least, least * 5 // 4):
        plan = plan_traffic(graph, tcm, Limits(nodes=20000))
        check(plan, graph)
        assert plan.tcm_offsets is not None
        assert WITHOUT_OFFSETS not in plan.certificate

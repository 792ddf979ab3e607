"""Pinned weights against every subset of them, each with the least traffic of what is left."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import InvalidModelError
from models.graph import OpId, Weight
from solver.limits import Limits, SilentObserver
from solver.memory import MemoryRules
from solver.traffic import knapsack, minimize_traffic
from solver.traffic.baselines.comparison import compare_traffic
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.sweep import sweep
from solver.verify import VerificationError, check
from tests.property.graphs import cases, chain, with_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph

MODES = ("resident", "streaming")


def drawn(
    count: int, seed: int, most_ops: int = 6
) -> Iterator[tuple[Graph, MemoryRules, str, int]]:
    """Graphs with weights, rules, a mode and a TCM in which the graph runs."""
    for k, (graph, found) in enumerate(cases(count, seed, most_ops=most_ops, least_ops=1)):
        rng = random.Random(graph.name)
        rules = MemoryRules(found.alignment, views=found.views)
        weighty = with_weights(graph, rng)
        mode = MODES[k % 2]
        least = make_traffic_problem(weighty, 1, mode=mode, rules=rules).least_capacity
        yield weighty, rules, mode, least + rng.choice((0, 1, 3, 8, 20, 60))


def least_of_activations(graph: Graph, rules: MemoryRules, mode: str, room: int) -> int | None:
    """Bytes of the best plan in what the weights leave; None if there is none."""
    if room > 0:
        plan = minimize_traffic(graph, room, mode=mode, rules=rules)
        assert plan.status != "feasible"
        return plan.traffic_bytes
    problem = make_traffic_problem(graph, 1, mode=mode, rules=rules)
    if room < 0 or problem.largest_footprint:
        return None
    # Each operand of each op in external memory: one access, two where it accumulates.
    return sum(
        b.size * (len(b.readers) + 2 * len(b.writers) - bool(b.writers)) for b in problem.buffers
    )


def least_of_all_subsets(graph: Graph, rules: MemoryRules, mode: str, tcm: int) -> int:
    """Bytes of the best plan over all sets of pinned weights."""
    known: dict[int, int | None] = {}
    every = []
    for k in range(len(graph.weights) + 1):
        for pinned in itertools.combinations(graph.weights, k):
            room = tcm - sum(rules.aligned(w.size) for w in pinned)
            if room not in known:
                known[room] = least_of_activations(graph, rules, mode, room)
            moved = known[room]
            if moved is not None:
                streamed = [w for w in graph.weights if w not in pinned]
                every.append(moved + sum(w.size * len(set(w.consumers)) for w in streamed))
    return min(every)


@pytest.mark.parametrize("seed", [950, 951])
def test_no_subset_moves_less(seed: int) -> None:
    some = spilled = 0
    for graph, rules, mode, tcm in drawn(130, seed):
        plan = plan_traffic(graph, tcm, mode=mode, weights="pin", rules=rules)
        least = least_of_all_subsets(graph, rules, mode, tcm)
        assert (plan.status, plan.traffic_bytes) == ("optimal", least), graph.name
        check(plan, graph)
        some += 0 < len(plan.options["pinned"]) < len(graph.weights)
        spilled += plan.traffic_bytes != plan.compulsory_bytes
    assert some > 20
    assert spilled > 20


def test_weights_may_take_the_whole_tcm() -> None:
    """Operands of one byte, streamed, move 4 bytes; a weight of 10 bytes saves 20."""
    graph = replace(
        chain([1, 1, 1]),
        weights=(Weight("large", 10, (OpId(0), OpId(1))), Weight("small", 9, (OpId(0),))),
    )
    plan = plan_traffic(graph, 10, mode="streaming", weights="pin")
    assert (plan.status, plan.traffic_bytes) == ("optimal", 4 + 9)
    assert plan.options["pinned"] == ["large"]
    assert plan.peak_bytes == 10
    check(plan, graph)


def test_more_weights_than_any_memory() -> None:
    graph = replace(chain([1, 1]), weights=(Weight("vast", 2**61, (OpId(0),)),))
    with pytest.raises(InvalidModelError, match="more than any memory"):
        plan_traffic(graph, 10, weights="pin")


def test_a_coarse_knapsack_gives_true_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knapsack, "_MOST_CELLS", 3)
    monkeypatch.setattr(knapsack, "_DENSE", 0)
    open_ = 0
    for graph, rules, mode, tcm in drawn(80, 952):
        plan = plan_traffic(graph, tcm, mode=mode, weights="pin", rules=rules)
        least = least_of_all_subsets(graph, rules, mode, tcm)
        assert plan.traffic_bytes is not None
        assert plan.lower_bound_bytes <= least <= plan.traffic_bytes
        open_ += plan.status == "feasible"
    assert open_ > 2


def test_limits_leave_a_plan_and_a_true_bound() -> None:
    """Stopped after a few states, and interrupted at each bound."""
    stopped = 0
    for graph, rules, mode, tcm in drawn(60, 953, most_ops=8):
        whole = plan_traffic(graph, tcm, mode=mode, weights="pin", rules=rules)
        for limits, observer in ((Limits(nodes=1), None), (None, _Impatient())):
            plan = plan_traffic(graph, tcm, limits, observer, mode=mode, weights="pin", rules=rules)
            check(plan, graph)
            assert plan.traffic_bytes is not None
            assert whole.traffic_bytes is not None
            assert plan.lower_bound_bytes <= whole.traffic_bytes <= plan.traffic_bytes
            stopped += plan.status == "feasible"
    assert stopped > 3


class _Impatient(SilentObserver):
    def on_bound(self, bound: int) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


@pytest.mark.parametrize("change", ["drop", "add", "double", "stranger", "none", "ignore"])
def test_statements_about_pinned_weights_are_checked(change: str) -> None:
    refused = 0
    for graph, rules, mode, tcm in drawn(40, 954):
        plan = plan_traffic(graph, tcm, mode=mode, weights="pin", rules=rules)
        options: dict[str, Any] = dict(plan.options)
        names = list(options["pinned"])
        reading = [w.name for w in graph.weights if w.size and w.consumers]
        others = [name for name in reading if name not in names]
        match change:
            case "drop" if names:
                options["pinned"] = names[1:]
            case "add" if others:
                options["pinned"] = [*names, others[0]]
            case "double" if names:
                options["pinned"] = [*names, names[0]]
            case "stranger":
                options["pinned"] = [*names, "no such weight"]
            case "none":
                del options["pinned"]
            case "ignore":
                options["weights"] = "ignore"
            case _:
                continue
        with pytest.raises(VerificationError):
            check(replace(plan, options=options), graph)
        refused += 1
    assert refused > 5


def test_curves_and_heuristics() -> None:
    """A curve falls to what moves in any TCM; no heuristic beats the least."""
    for graph, rules, mode, tcm in drawn(12, 955):
        curve = sweep(graph, tcm, tcm + 60, mode=mode, weights="pin", rules=rules)
        moved = [p.traffic for p in curve.points if p.traffic is not None]
        assert moved == sorted(moved, reverse=True)
        for p in curve.points:
            assert (p.traffic == curve.compulsory) == (p.tcm >= curve.no_spill_tcm)
        compared = compare_traffic(graph, tcm, mode=mode, weights="pin", rules=rules)
        assert compared.best == compared.bound

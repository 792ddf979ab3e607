"""A budget for the TCM and external memory together, against brute force over both."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from solver.cli.exits import Exit, exit_code
from solver.limits import Limits, Meter
from solver.memory import MemoryRules, make_problem
from solver.peak.engine import Engine
from solver.report.traffic import without_plan
from solver.traffic.capped import best_capped_replacement, fits_both
from solver.traffic.live import least_external
from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.traffic.residency import plan_steps, spilled_bytes
from solver.traffic.simulate import ExternalFullError, simulate
from solver.verify import VerificationError, check
from tests.property.dijkstra import least_cost
from tests.property.graphs import cases, random_order, with_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.graph import Graph
    from solver.plan import Plan
    from solver.traffic.model import TrafficProblem

# Ops done; buffers inside; valid outside; with room outside; whose room outside was given up.
State = tuple[frozenset[int], frozenset[int], frozenset[int], frozenset[int], frozenset[int]]


class BothMemories:
    """Dijkstra over all states of both memories; room outside is taken and given up once."""

    def __init__(self, problem: TrafficProblem, order: Sequence[int] | None = None) -> None:
        self.problem = problem
        self.sizes = [b.size for b in problem.buffers]
        self.order = order  # ops run in this order, if one is given

    def least(self) -> int | None:
        """Bytes of the best plan; None if there is none."""
        problem = self.problem
        inputs = frozenset(i for i, b in enumerate(problem.buffers) if b.is_input)
        outputs = frozenset(i for i, b in enumerate(problem.buffers) if b.is_output)
        if not self.is_room_outside(inputs):
            return None
        start: State = (frozenset(), frozenset(), inputs, inputs, frozenset())
        return least_cost(
            start, self.steps, lambda state: len(state[0]) == len(problem) and outputs <= state[2]
        )

    def is_room_outside(self, held: frozenset[int]) -> bool:
        assert self.problem.external is not None
        used = sum(self.sizes[b] for b in held) + self.problem.idle_bytes
        return used <= self.problem.external

    def room(self, inside: frozenset[int]) -> int:
        return self.problem.capacity - sum(self.sizes[b] for b in inside)

    def steps(self, state: State) -> Iterator[tuple[int, State]]:
        done, inside, valid, held, gone = state
        buffers = self.problem.buffers
        for b in held:
            is_over = done.issuperset(buffers[b].users)
            if not buffers[b].is_output and (b in inside or is_over):
                yield 0, (done, inside, valid - {b}, held - {b}, gone | {b})
        for b in valid - inside:
            if self.sizes[b] <= self.room(inside):
                yield self.sizes[b], (done, inside | {b}, valid, held, gone)
        for b in inside:
            if b not in valid | gone and self.is_room_outside(held | {b}):
                yield self.sizes[b], (done, inside, valid | {b}, held | {b}, gone)
            if b in valid or (not buffers[b].is_output and done.issuperset(buffers[b].users)):
                yield 0, (done, inside - {b}, valid, held, gone)
        ops = range(len(self.problem)) if self.order is None else self.order[len(done) :][:1]
        for v in ops:
            if v not in done and done.issuperset(self.problem.predecessors[v]):
                yield from self.runs(v, state)

    def runs(self, v: int, state: State) -> Iterator[tuple[int, State]]:
        done, inside, valid, held, gone = state
        problem = self.problem
        touched = problem.touched[v]
        outside = [b for b in touched if b not in inside]
        choices = range(len(outside) + 1) if problem.mode.value == "streaming" else (0,)
        for streamed in (set(c) for n in choices for c in itertools.combinations(outside, n)):
            price, now, then, rooms = 0, inside, valid, held
            for b in touched:
                writes = v in problem.buffers[b].writers
                reads = not writes or not done.isdisjoint(problem.buffers[b].writers)
                if b in streamed:
                    if b in gone or (reads and b not in valid):
                        break
                    price += self.sizes[b] * (reads + writes)
                    then, rooms = then | {b}, rooms | {b}
                elif reads and b not in inside:
                    break
                elif writes:
                    now, then = now | {b}, then - {b}
            else:
                if problem.workspace[v] <= self.room(now) and self.is_room_outside(rooms):
                    yield price, (done | {v}, now, then, rooms, gone)


def drawn(
    count: int, seed: int, most_ops: int = 5
) -> Iterator[tuple[Graph, MemoryRules, str, int, int]]:
    """Graphs, rules, a mode, a TCM and budgets around the least that may do."""
    for k, (graph, found) in enumerate(cases(count, seed, most_ops, least_ops=3)):
        rng = random.Random(graph.name)
        rules = MemoryRules(found.alignment, views=found.views)
        mode = ("resident", "streaming")[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + rng.choice((0, 0, 0, 1, 2, 5))
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
        if len(problem.buffers) > 6:
            continue
        peak = Engine(make_problem(graph, rules), Meter()).solve().peak
        low = max(peak, tcm + least_external(problem))
        for budget in (low - 1, low, low + 1, low + rng.choice((2, 4, 8, 16))):
            if budget >= tcm:
                yield graph, rules, mode, tcm, budget


@pytest.mark.parametrize("seed", [980, 993])
def test_nothing_claimed_is_wrong(seed: int) -> None:
    seen: Counter[str] = Counter()
    for graph, rules, mode, tcm, budget in drawn(105 if seed == 980 else 60, seed):
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules, budget=budget)
        plan = plan_traffic(graph, tcm, mode=mode, rules=rules, budget=budget, offsets=False)
        least = BothMemories(problem).least()
        check(plan, graph)
        seen[plan.status.value] += 1
        assert plan.status == "unknown" or plan.fits == (least is not None), graph.name
        if least is None:
            assert plan.traffic_bytes is None
            continue
        assert plan.lower_bound_bytes <= least
        assert plan.traffic_bytes is None or plan.traffic_bytes >= least
        assert plan.status != "optimal" or plan.traffic_bytes == least
        free = minimize_traffic(graph, tcm, mode=mode, rules=rules)
        seen["dearer"] += least != free.traffic_bytes
    assert seen["infeasible"] > 30
    assert seen["optimal"] > 60
    assert seen["dearer"]
    assert seen["unknown"] + seen["feasible"] < 12  # what is found is nearly always proven


def test_replacements_of_an_order_are_plans() -> None:
    """The integer program knows what both memories hold: its plans replay, few are dearer."""
    met = missed = 0
    for graph, rules, mode, tcm, budget in drawn(60, 972):
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules, budget=budget)
        if least_external(problem) > (problem.external or 0):
            continue
        order = random_order(graph, random.Random(graph.name))
        least = BothMemories(problem, order).least()
        found = best_capped_replacement(problem, order)
        if found is None:
            missed += least is not None
            continue
        assert least is not None
        replay = simulate(problem, plan_steps(problem, found))
        assert replay.external <= (problem.external or 0)
        assert replay.spilled == spilled_bytes(problem, found)
        assert replay.traffic >= least
        met += replay.traffic == least
        missed += replay.traffic > least
    assert met > 60
    assert missed < 8


def test_one_byte_less_is_refused() -> None:
    full = 0
    for graph, rules, mode, tcm, budget in drawn(30, 973):
        problem = make_traffic_problem(graph, tcm, mode=mode, rules=rules, budget=budget)
        order = random_order(graph, random.Random(graph.name))
        found = best_capped_replacement(problem, order)
        if found is None:
            continue
        used = simulate(problem, plan_steps(problem, found)).external
        if used:
            smaller = replace(problem, external=used - 1)
            assert not fits_both(smaller, found)
            with pytest.raises(ExternalFullError):
                simulate(smaller, plan_steps(smaller, found))
            full += 1
    assert full > 10


@pytest.mark.parametrize("change", ["budget", "external", "fits", "status"])
def test_statements_about_the_budget_are_checked(change: str) -> None:
    refused = 0
    for graph, rules, mode, tcm, budget in drawn(20, 974):
        plan = plan_traffic(graph, tcm, mode=mode, rules=rules, budget=budget)
        used = plan.certificate.get("external_bytes")
        if used is None:
            continue
        with pytest.raises(VerificationError):
            check(_changed(plan, change, tcm + used), graph)
        refused += 1
    assert refused > 10


def _changed(plan: Plan, change: str, used: int) -> Plan:
    if change == "budget":
        return replace(plan, budget_bytes=used - 1)
    if change == "external":
        stated = plan.certificate["external_bytes"] + 1
        return replace(plan, certificate={**plan.certificate, "external_bytes": stated})
    if change == "fits":
        return replace(plan, fits=None)
    return replace(plan, budget_bytes=None)


def test_weights_are_pinned_within_a_budget() -> None:
    """Pinned weights take room from the TCM, those that are streamed none outside."""
    optimal = 0
    for graph, rules, mode, tcm, budget in drawn(40, 975, most_ops=4):
        weighty = with_weights(graph, random.Random(graph.name), most=3)
        plan = plan_traffic(weighty, tcm, mode=mode, weights="pin", rules=rules, budget=budget)
        check(plan, weighty)
        every = []
        for k in range(len(weighty.weights) + 1):
            for pinned in itertools.combinations(weighty.weights, k):
                room = tcm - sum(rules.aligned(w.size) for w in pinned)
                if room <= 0:
                    continue
                left = make_traffic_problem(
                    weighty, room, mode=mode, rules=rules, budget=room + budget - tcm
                )
                moved = None if left.oversized() else BothMemories(left).least()
                if moved is not None:
                    streamed = [w for w in weighty.weights if w not in pinned]
                    every.append(moved + sum(w.size * len(set(w.consumers)) for w in streamed))
        assert plan.status == "unknown" or plan.fits == bool(every)
        if plan.status == "optimal" and every:
            assert plan.traffic_bytes is not None
            assert plan.traffic_bytes <= min(every)  # less if nothing but weights is in the TCM
            assert plan.traffic_bytes == min(every) or plan.peak_bytes == tcm
        if every:
            assert plan.lower_bound_bytes <= min(every)
        optimal += plan.status == "optimal"
    assert optimal > 40


def test_limits_leave_what_is_true() -> None:
    open_ = 0
    for graph, rules, mode, tcm, budget in drawn(40, 976):
        whole = plan_traffic(graph, tcm, mode=mode, rules=rules, budget=budget)
        limits = Limits(nodes=1)
        plan = plan_traffic(graph, tcm, limits, mode=mode, rules=rules, budget=budget)
        check(plan, graph)
        assert plan.fits in (None, whole.fits) or whole.fits is None
        if whole.traffic_bytes is not None:
            assert plan.lower_bound_bytes <= whole.traffic_bytes
        if plan.status == "unknown":
            open_ += 1
            assert (exit_code(plan), plan.steps) == (Exit.UNDECIDED, ())
            assert "it was not proven that there is none" in without_plan(plan)
    assert open_


def test_a_tcm_beyond_the_budget() -> None:
    graph = next(cases(1, 977))[0]
    with pytest.raises(ValueError, match="beyond the budget"):
        plan_traffic(graph, 10, budget=9)

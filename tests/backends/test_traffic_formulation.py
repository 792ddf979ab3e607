"""What both traffic formulations share says what a replay says."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from solver.peak.formulation.relation import Relation
from solver.peak.formulation.units import Units
from solver.traffic.backend import Hint
from solver.traffic.formulation.solution import residency
from solver.traffic.formulation.task import Incumbent
from solver.traffic.intervals import best_replacement
from solver.traffic.model import Mode, TrafficProblem
from solver.traffic.residency import Residency, intervals, room, spilled_bytes
from tests.backends.networks import random_traffic_problems, shared, traffic_problem
from tests.property.tcm_oracle import BruteForce

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from solver.traffic.formulation.presence import Reason, Step
    from solver.traffic.formulation.task import Task

ALL_FITS = 1 << 40


def orders(problem: TrafficProblem, edges: Iterable[tuple[int, int]] = ()) -> Iterator[list[int]]:
    for order in itertools.permutations(range(len(problem))):
        step = {v: i for i, v in enumerate(order)}
        if problem.is_order(order) and all(step[u] < step[v] for u, v in edges):
            yield list(order)


def random_order(problem: TrafficProblem, rng: random.Random) -> list[int]:
    order: list[int] = []
    while len(order) < len(problem):
        ready = [
            v
            for v in range(len(problem))
            if v not in order and set(problem.predecessors[v]) <= set(order)
        ]
        order.append(rng.choice(ready))
    return order


def holds(reason: Reason, v: int, order: Sequence[int], absent: Sequence[bool]) -> bool:
    """Whether a buffer is in the TCM for this reason."""
    step = {u: i for i, u in enumerate(order)}
    if reason.births and not any(step[u] < step[v] for u in reason.births):
        return False
    if reason.deaths and all(step[u] < step[v] for u in reason.deaths):
        return False
    return not any(
        absent[span.gap]
        and all(any(step[a] < step[b] for a, b in pairs) for pairs in span.conditions)
        for span in reason.spans
    )


def used(step: Step, order: Sequence[int], absent: Sequence[bool]) -> int:
    return sum(
        occupant.size
        for occupant in step.occupants
        if any(holds(reason, step.op, order, absent) for reason in occupant.reasons)
    )


def task_of(problem: TrafficProblem) -> Task:
    return Incumbent(problem, Hint(), symmetry=False).task()


def test_steps_and_costs_are_those_of_a_replay() -> None:
    rng = random.Random(411)
    rows = spilled = 0
    for name, problem in random_traffic_problems(300, 412, most_ops=9, most_buffers=99):
        task = task_of(problem)
        steps = {step.op: step for step in task.steps}
        order = random_order(problem, rng)
        absent = [rng.random() < 0.4 for _ in task.gaps]
        plan = residency(task, order, absent)
        unit = Incumbent(problem, Hint()).units.size
        for v, bytes_used in zip(order, room(problem, plan), strict=True):
            beside = bytes_used - problem.footprint(v)
            if v in steps:
                assert used(steps[v], order, absent) * unit == beside, name
                assert steps[v].room == (problem.capacity - problem.footprint(v)) // unit
                rows += 1
            else:
                assert beside <= problem.capacity - problem.footprint(v), name
        stored = {gap.store for gap, out in zip(task.gaps, absent, strict=True) if out}
        named = {(b, v) for b, v in plan.absent}
        counted = [
            gap
            for gap, out in zip(task.gaps, absent, strict=True)
            if out and any((gap.buffer, v) in named for v in task.users[gap.buffer])
        ]
        if len(counted) == len(plan.absent):  # no absence before a first use
            cost = sum(gap.cost for gap in counted)
            cost += sum(task.stores[s] for s in stored if s is not None)
            assert cost * unit == spilled_bytes(problem, plan), name
            spilled += cost > 0
    assert rows > 500
    assert spilled > 100


def test_every_gap_has_a_name() -> None:
    rng = random.Random(413)
    for name, problem in random_traffic_problems(100, 414, most_ops=8, most_buffers=99):
        task = task_of(problem)
        order = random_order(problem, rng)
        plan = residency(task, order, [True] * len(task.gaps))
        assert plan.absent == {gap.gap for gap in intervals(problem, order)}, name


def test_ops_that_trade_places_keep_the_optimum() -> None:
    tried = 0
    for name, problem in random_traffic_problems(700, 415, most_ops=6):
        relation = Incumbent(problem, Hint()).task().relation
        plain = Relation.of(problem.predecessors)
        if relation.ancestors == plain.ancestors:
            continue
        edges = [(u, v) for v in range(len(relation)) for u in range(v) if relation.is_before(u, v)]
        plans = (best_replacement(problem, order) for order in orders(problem, edges))
        least = min(spilled_bytes(problem, plan) for plan in plans if plan is not None)
        moved = BruteForce(problem).least()
        assert moved == least + problem.compulsory_bytes - problem.weight_bytes, name
        tried += least > 0
    assert tried > 20


def test_twins_that_spill_differently_are_no_twins() -> None:
    """An output has a copy in external memory in the end, an intermediate buffer has none."""
    twins = [shared(4, (v,), (2,)) for v in range(2)]
    alike = traffic_problem(3, 99, *twins)
    assert Incumbent(alike, Hint()).task().relation.is_before(0, 1)
    differ = traffic_problem(3, 99, twins[0], shared(4, (1,), (2,), is_output=True))
    assert Incumbent(differ, Hint()).task().relation.is_open(0, 1)


class TestUnits:
    def test_only_what_is_shared_counts(self) -> None:
        problem = traffic_problem(2, 99, shared(6, (0,), (1,)), shared(35, (0,), is_output=True))
        assert Incumbent(problem, Hint()).units == Units(6, is_exact=True)

    def test_coarse_programs_allow_all_that_exact_ones_do(self) -> None:
        rng = random.Random(416)
        coarse = 0
        for name, problem in random_traffic_problems(150, 417, most_ops=8, most_buffers=99):
            incumbent = Incumbent(problem, Hint(), rng.randint(2, 9), symmetry=False)
            task = incumbent.task()
            assert task.floor == 0 or incumbent.units.is_exact
            plan = best_replacement(problem, random_order(problem, rng))
            assert plan is not None
            absent = _absent(task, plan)
            for step in task.steps:
                assert used(step, plan.order, absent) <= step.room, name
            cost = sum(gap.cost for gap, out in zip(task.gaps, absent, strict=True) if out)
            stores = {gap.store for gap, out in zip(task.gaps, absent, strict=True) if out}
            cost += sum(task.stores[s] for s in stores if s is not None)
            assert cost * incumbent.units.size <= spilled_bytes(problem, plan), name
            coarse += not incumbent.units.is_exact
        assert coarse > 50


def _absent(task: Task, plan: Residency) -> list[bool]:
    """Per gap of a task, whether a plan leaves its buffer out."""
    step = {v: i for i, v in enumerate(plan.order)}
    found = []
    for gap in task.gaps:
        earlier = [u for u in task.users[gap.buffer] if step[u] < step[gap.end]]
        begin = max(earlier, key=step.__getitem__, default=-1)
        found.append((gap.buffer, begin) in plan.absent)
    return found


class TestIncumbent:
    # Op 1 needs 3 bytes beside the 5 that wait: there is room for 6.
    PROBLEM = traffic_problem(3, 6, shared(5, (0,), (2,)), edges=((0, 1), (1, 2)), workspace={1: 3})
    SPILLING = Residency((0, 1, 2), frozenset({(0, 0)}))

    def test_begins_with_a_quick_plan(self) -> None:
        incumbent = Incumbent(self.PROBLEM, Hint())
        assert (incumbent.plan, incumbent.value, incumbent.bound) == (self.SPILLING, 10, 0)

    def test_refuses_what_is_no_plan(self) -> None:
        with pytest.raises(ValueError, match="not an order"):
            Incumbent(self.PROBLEM, Hint(Residency((0, 2, 1), frozenset())))
        with pytest.raises(ValueError, match="does not fit"):
            Incumbent(self.PROBLEM, Hint(Residency((0, 1, 2), frozenset())))
        with pytest.raises(ValueError, match="-1"):
            Hint(lower_bound=-1)
        with pytest.raises(ValueError, match="budget of external memory"):
            Incumbent(replace(self.PROBLEM, external=20), Hint())

    def test_replaces_what_does_not_fit(self) -> None:
        """The order is taken all the same: here op 1 may go first, and nothing is spilled."""
        problem = traffic_problem(3, 6, shared(5, (0,), (2,)), workspace={1: 3})
        incumbent = Incumbent(problem, Hint(self.SPILLING))
        assert not incumbent.offer(Residency((0, 1, 2), frozenset()))
        assert incumbent.offer(Residency((1, 0, 2), frozenset({(0, 0)})))
        assert (incumbent.spilled, incumbent.plan.absent) == (0, frozenset())

    def test_bounds_round_up_but_not_beyond_what_is_known(self) -> None:
        incumbent = Incumbent(self.PROBLEM, Hint(lower_bound=3))
        assert incumbent.bound == 5
        assert incumbent.raise_bound(99)
        assert (incumbent.bound, incumbent.is_optimal) == (10, True)

    def test_bounds_end_at_the_cutoff(self) -> None:
        incumbent = Incumbent(self.PROBLEM, Hint(cutoff=5))
        assert incumbent.task().ceiling == 0
        assert incumbent.refute()
        assert (incumbent.bound, incumbent.spilled, incumbent.is_optimal) == (5, 10, True)

    def test_a_refutation_does_not_count_once_a_plan_contradicts_it(self) -> None:
        problem = traffic_problem(3, 6, shared(5, (0,), (2,)), workspace={1: 3})
        incumbent = Incumbent(problem, Hint(self.SPILLING))
        assert incumbent.offer(Residency((1, 0, 2), frozenset()))
        assert not incumbent.refute()
        assert incumbent.bound == 0


def test_steps_where_all_fits_have_no_rows() -> None:
    for mode in Mode:
        problem = traffic_problem(3, ALL_FITS, shared(5, (0,), (2,)), edges=((0, 1),), mode=mode)
        assert not task_of(problem).steps

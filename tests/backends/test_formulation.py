"""What both formulations share: the closure, the symmetry, the units, the rounding."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest

from solver.memory import Problem, Reuse, make_problem
from solver.peak.backend import Hint
from solver.peak.formulation.liveness import StepPeak, step_peaks
from solver.peak.formulation.relation import Relation
from solver.peak.formulation.symmetry import interchangeable, symmetry_edges
from solver.peak.formulation.task import Incumbent
from solver.peak.formulation.units import Units, coarser, exact_units
from solver.peak.ilp.rounding import MARGIN, MOST_UNITS, safe_bound
from tests.backends.networks import problem, storage
from tests.property.graphs import cases, random_order
from tests.property.oracle import Oracle


def used(step: StepPeak, before: frozenset[int]) -> int:
    """Bytes in use by the statement of a step, when ``before`` have run."""
    rooms = sum(
        room.size
        for room in step.rooms
        if (not room.births or before & set(room.births))
        and not (room.deaths and before >= set(room.deaths))
    )
    credit = sum(
        max((c.size for c in choices if before >= set(c.others)), default=0)
        for choices in step.credits
    )
    return step.constant + rooms - credit


def least_peak(stated: Problem, edges: tuple[tuple[int, int], ...] = ()) -> int:
    return min(
        stated.replay(order).peak
        for order in itertools.permutations(range(len(stated)))
        if stated.is_order(order) and all(order.index(u) < order.index(v) for u, v in edges)
    )


class TestRelation:
    def test_closes_and_reduces(self) -> None:
        relation = Relation.of([(), (0,), (0, 1), ()])
        assert relation.is_before(0, 2)
        assert not relation.is_before(2, 0)
        assert relation.covers == ((0, 1), (1, 2))
        assert relation.open_pairs == ((0, 3), (1, 3), (2, 3))
        assert relation.earliest((1, 2, 3)) == (1, 3)
        assert relation.latest((0, 1, 3)) == (1, 3)

    def test_takes_extra_edges(self) -> None:
        assert Relation.of([(), ()], [(1, 0)]).is_before(1, 0)

    def test_refuses_a_cycle(self) -> None:
        with pytest.raises(ValueError, match="cycle"):
            Relation.of([(1,), (0,)])

    def test_cycles_leave_orders_and_nothing_else(self) -> None:
        """Of all choices for the open pairs, the walks forbid exactly those with a cycle."""
        rng = random.Random(311)
        for _ in range(60):
            n = rng.randint(3, 5)
            edges = [(u, v) for u in range(n) for v in range(u + 1, n) if rng.random() < 0.3]
            relation = Relation.of([[u for u, w in edges if w == v] for v in range(n)])
            walks = list(relation.cycles())
            left = set()
            for choice in itertools.product((True, False), repeat=len(relation.open_pairs)):
                steps = {
                    (u, v) if first else (v, u)
                    for (u, v), first in zip(relation.open_pairs, choice, strict=True)
                }
                if not any(steps.issuperset(walk) for walk in walks):
                    left.add(frozenset(steps))
            orders = {
                frozenset(
                    (u, v) for u, v in itertools.combinations(order, 2) if relation.is_open(u, v)
                )
                for order in itertools.permutations(range(n))
                if all(order.index(u) < order.index(v) for u, v in edges)
            }
            assert left == orders


def test_step_peaks_are_those_of_a_replay() -> None:
    rng = random.Random(312)
    for graph, rules in cases(400, seed=313, least_ops=1, most_ops=9):
        stated = make_problem(graph, rules)
        relation = Relation.of(stated.predecessors)
        steps = step_peaks(stated, relation, Units(1, is_exact=True))
        order = random_order(graph, rng)
        profile = stated.replay(order)
        for i, v in enumerate(order):
            assert used(steps[v], frozenset(order[:i])) == profile.step_peaks[i]
            assert steps[v].most >= profile.step_peaks[i]


class TestSymmetry:
    def test_twins(self) -> None:
        stated = problem(
            4,
            storage(8, (), (0, 1, 2), is_input=True),
            *(storage(3, (v,), (3,)) for v in range(3)),
            edges=tuple((v, 3) for v in range(3)),
        )
        assert interchangeable(stated) == ((0, 1, 2),)
        assert symmetry_edges(stated) == ((0, 1), (1, 2))

    @pytest.mark.parametrize(
        "change", ["size", "workspace", "output", "consumer", "precedence", "reuse"]
    )
    def test_nearly_twins(self, change: str) -> None:
        source = storage(8, (), (0, 1), is_input=True)
        one, two = storage(3, (0,), (2,)), storage(3, (1,), (2,))
        edges = [(0, 2), (1, 2)]
        workspace, reuses = {}, {}
        if change == "size":
            two = replace(two, size=4)
        if change == "workspace":
            workspace = {1: 1}
        if change == "output":
            two = replace(two, is_output=True)
        if change == "consumer":
            two = replace(two, consumers=(2, 3))
            edges.append((1, 3))
        if change == "precedence":
            edges.append((3, 1))
        if change == "reuse":
            reuses = {0: (Reuse(0, 1, 3),)}
        stated = problem(
            4, source, one, two, edges=tuple(edges), workspace=workspace, reuses=reuses
        )
        assert not any({0, 1} <= set(ops) for ops in interchangeable(stated))

    def test_twins_that_overwrite_each_other_s_storage(self) -> None:
        """Op 2 may overwrite what op 0 made, not what op 1 made: no twins after all."""
        made = [storage(3, (v,), (2,)) for v in range(2)]
        stated = problem(
            3,
            *made,
            storage(3, (2,), is_output=True),
            edges=((0, 2), (1, 2)),
            reuses={2: (Reuse(0, 2, 3),)},
        )
        assert not interchangeable(stated)
        both = replace(stated, reuses=((), (), (Reuse(0, 2, 3), Reuse(1, 2, 3))))
        assert interchangeable(both) == ((0, 1),)

    def test_keeps_the_optimum(self) -> None:
        tried = 0
        for graph, rules in cases(4000, seed=314, least_ops=2, most_ops=6):
            stated = make_problem(graph, rules)
            edges = symmetry_edges(stated)
            if edges:
                tried += 1
                assert least_peak(stated, edges) == Oracle(graph, rules).least_peak()
        assert tried > 100

    def test_swaps_keep_the_peak_of_every_order(self) -> None:
        rng = random.Random(315)
        for graph, rules in cases(2500, seed=316, least_ops=3, most_ops=9):
            stated = make_problem(graph, rules)
            for ops in interchangeable(stated):
                order = random_order(graph, rng)
                u, v = rng.sample(ops, 2)
                swapped = [{u: v, v: u}.get(w, w) for w in order]
                assert stated.replay(swapped) == stated.replay(order)


class TestUnits:
    def test_exact_units_are_the_common_divisor(self) -> None:
        stated = problem(1, storage(12, (0,), is_output=True), workspace={0: 18})
        assert exact_units(stated) == Units(6, is_exact=True)
        assert exact_units(problem(1)) == Units(1, is_exact=True)

    def test_coarse_units_round_to_the_safe_side(self) -> None:
        units = coarser(Units(6, is_exact=True), 5)
        assert units == Units(30, is_exact=False)
        assert (units.down(89), units.up(61)) == (2, 3)
        assert coarser(Units(6, is_exact=True), 1).is_exact

    def test_coarse_steps_never_need_more(self) -> None:
        rng = random.Random(317)
        for graph, rules in cases(200, seed=318, least_ops=1, most_ops=8):
            stated = make_problem(graph, rules)
            relation = Relation.of(stated.predecessors)
            units = Units(rng.randint(1, 20), is_exact=False)
            order = random_order(graph, rng)
            peaks = stated.replay(order).step_peaks
            steps = step_peaks(stated, relation, units)
            for i, v in enumerate(order):
                assert used(steps[v], frozenset(order[:i])) * units.size <= peaks[i]

    def test_programs_stay_small(self) -> None:
        stated = problem(
            2,
            storage(7_000_001, (), (0,), is_input=True),
            storage(5_000_000, (1,), is_output=True),
            workspace={0: 3},
        )
        exact = Incumbent(stated, Hint())
        exact.task()
        assert exact.units == Units(1, is_exact=True)
        coarse = Incumbent(stated, Hint(), MOST_UNITS)
        task = coarse.task()
        assert max(step.undecided for step in task.steps) <= MOST_UNITS
        assert not coarse.units.is_exact
        assert task.floor <= task.ceiling


class TestIncumbent:
    def test_begins_with_any_order(self) -> None:
        incumbent = Incumbent(problem(2, edges=((1, 0),), workspace={0: 2}), Hint())
        assert (incumbent.order, incumbent.peak) == ([1, 0], 2)

    def test_keeps_the_better_order(self) -> None:
        stated = problem(2, storage(5, (0,), is_output=True), workspace={1: 3})
        incumbent = Incumbent(stated, Hint((0, 1)))
        assert incumbent.peak == 8
        assert not incumbent.offer((0, 1))
        assert incumbent.offer((1, 0))
        assert incumbent.peak == 5

    def test_bounds_round_up_but_not_beyond_the_peak(self) -> None:
        stated = problem(2, storage(6, (0,), is_output=True), workspace={1: 4})
        incumbent = Incumbent(stated, Hint((0, 1), lower_bound=7))
        assert (incumbent.peak, incumbent.bound) == (10, 8)
        assert incumbent.raise_bound(99)
        assert incumbent.bound == 10
        assert not incumbent.raise_bound(1)

    def test_a_refutation_counts_unless_an_order_contradicts_it(self) -> None:
        stated = problem(2, storage(5, (0,), is_output=True), workspace={1: 3})
        incumbent = Incumbent(stated, Hint((0, 1)))
        assert incumbent.refute()
        assert incumbent.bound == 8
        incumbent = Incumbent(stated, Hint((0, 1), lower_bound=2))
        assert incumbent.bound == 5, "what lives at the end"
        assert incumbent.offer((1, 0))
        assert not incumbent.refute()
        assert incumbent.bound == 5

    def test_refuses_what_is_no_order(self) -> None:
        with pytest.raises(ValueError, match="not an order"):
            Incumbent(problem(2), Hint((0, 0)))


@pytest.mark.parametrize(
    ("bound", "units"),
    [(12.0, 12), (11.9, 12), (12.2, 12), (12.3, 13), (math.inf, None), (-math.inf, None)],
)
def test_bounds_are_rounded_with_a_margin(bound: float, units: int | None) -> None:
    assert safe_bound(bound) == units
    assert MARGIN >= 1e-6 * MOST_UNITS

"""Cut bounds of the diamond: x 1, s 4, wide 9, thin 2, r 6, out 1."""

from __future__ import annotations

import pytest

from models import GraphBuilder
from solver.memory import MemoryRules, Problem, make_problem
from solver.peak.bounds import CutBounds, OpBound
from solver.peak.space import Space
from tests.property.graphs import diamond

STEM, RIGHT, WIDEN, NARROW, JOIN = range(5)
BOUNDS = CutBounds(Space(make_problem(diamond())))
UNBOUNDED = [10**9] * 5


@pytest.mark.parametrize(
    ("op", "bound", "before"),
    [
        (STEM, 1 + 4, set()),
        (RIGHT, 4 + 6, {STEM}),
        (WIDEN, 4 + 9, {STEM}),
        (NARROW, 4 + 9 + 2, {STEM, WIDEN}),  # wide 9, thin 2 and s 4 or r 6
        (JOIN, 2 + 6 + 1, {STEM, RIGHT, WIDEN, NARROW}),
    ],
)
def test_cuts(op: int, bound: int, before: set[int]) -> None:
    assert BOUNDS.cut(op) == OpBound(bound, op, frozenset(before))


def test_the_best_bound_is_the_optimum_here() -> None:
    best = BOUNDS.best(UNBOUNDED)
    assert best is not None
    assert (best.op, best.bound) == (NARROW, 15)


def test_nothing_beats_a_floor_as_high() -> None:
    assert BOUNDS.best(UNBOUNDED, 15) is None
    assert BOUNDS.best(UNBOUNDED, 14) is not None


def test_ops_that_cannot_beat_the_bound_are_not_cut() -> None:
    """Ceilings from the order that runs the left branch first."""
    told: list[OpBound] = []
    ceiling = [5, 12, 13, 15, 9]
    BOUNDS.best(ceiling, 0, told.append)
    assert [bound.op for bound in told] == [NARROW]
    assert BOUNDS.best(ceiling, 15) is None


def test_a_window_counts_what_passes_through_it() -> None:
    space = Space(make_problem(diamond()), [STEM], [WIDEN, NARROW])
    assert CutBounds(space).cut(1) == OpBound(4 + 9 + 2, NARROW, frozenset({STEM, WIDEN}))


def overwriting(sources: int) -> Problem:
    """``add`` may overwrite any of its inputs, of 4 bytes each; all have another reader."""
    builder = GraphBuilder("adder")
    names = [f"x{i}" for i in range(sources)]
    builder.buffer("sum", 4)
    builder.op("add", names, ["sum"], in_place=[(name, "sum") for name in names])
    for name in names:
        builder.buffer(name, 4, is_input=True)
        builder.buffer(f"{name} seen", 1)
        builder.op(f"see {name}", [name], [f"{name} seen"])
    return make_problem(builder.build(), MemoryRules(in_place=True))


@pytest.mark.parametrize("sources", [1, 2, 5])
def test_one_reader_before_the_add_earns_the_credit(sources: int) -> None:
    """All inputs are live, and one of them is overwritten once a byte was written about it."""
    found = CutBounds(Space(overwriting(sources))).cut(0)
    assert found.bound == 4 * sources + 1
    assert len(found.before) == 1


def test_many_sources_are_granted_the_largest_credit_outright() -> None:
    """A weaker bound, but a bound."""
    assert CutBounds(Space(overwriting(17))).cut(0).bound == 4 * 17

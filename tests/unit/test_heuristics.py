"""Heuristic orders of the diamond: left branch first peaks at 15, anything else at 19."""

from __future__ import annotations

import pytest

from models import GraphBuilder
from solver.limits import LimitReachedError, Limits, Meter
from solver.memory import make_problem
from solver.peak.heuristics import (
    SIMPLE_ORDERS,
    beam_order,
    depth_first_order,
    file_order,
    greedy_order,
    kahn_order,
    reverse_post_order,
)
from solver.peak.space import Space
from tests.property.graphs import chain, diamond

STEM, RIGHT, WIDEN, NARROW, JOIN = range(5)
PROBLEM = make_problem(diamond())
LEFT_FIRST = [STEM, WIDEN, NARROW, RIGHT, JOIN]


def fork_file() -> GraphBuilder:
    """Listed: last, b2, a2, b1, a1, first. Two branches of two ops."""
    builder = GraphBuilder("fork")
    for name in ("s", "a", "b", "c", "d"):
        builder.buffer(name, 1)
    builder.op("last", ["c", "d"], [])
    builder.op("b2", ["b"], ["d"])
    builder.op("a2", ["a"], ["c"])
    builder.op("b1", ["s"], ["b"])
    builder.op("a1", ["s"], ["a"])
    builder.op("first", [], ["s"])
    return builder


FORK = make_problem(fork_file().build())
LAST, B2, A2, B1, A1, FIRST = range(6)


def test_file_order() -> None:
    assert file_order(PROBLEM) == [0, 1, 2, 3, 4]
    assert file_order(FORK) is None


def test_breadth_first() -> None:
    assert kahn_order(FORK) == [FIRST, B1, A1, B2, A2, LAST]


def test_depth_first() -> None:
    assert depth_first_order(FORK) == [FIRST, B1, B2, A1, A2, LAST]


def test_reverse_post_order() -> None:
    """The predecessors of last are b2 and a2, in file order."""
    assert reverse_post_order(FORK) == [FIRST, B1, B2, A1, A2, LAST]


def test_simple_orders_of_nothing() -> None:
    empty = make_problem(chain([3]))
    assert [order(empty) for order in SIMPLE_ORDERS.values()] == [[], [], [], []]


def test_greedy_forwards_takes_the_smaller_branch_first() -> None:
    assert greedy_order(Space(PROBLEM), Meter()) == [STEM, RIGHT, WIDEN, NARROW, JOIN]


def test_greedy_backwards_undoes_what_frees_most() -> None:
    """Undoing right frees r 6 and brings in s 4; undoing narrow brings in wide 9."""
    assert greedy_order(Space(PROBLEM, backward=True), Meter()) == LEFT_FIRST


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_beams_of_two(backward: bool, compiled: bool) -> None:
    space = Space(PROBLEM, backward=backward)
    assert beam_order(space, 2, 100, Meter(), compiled=compiled) == LEFT_FIRST
    assert beam_order(space, 2, 16, Meter(), compiled=compiled) == LEFT_FIRST
    assert beam_order(space, 2, 15, Meter(), compiled=compiled) is None


@pytest.mark.parametrize("compiled", [False, True])
def test_a_beam_of_one_commits_to_the_lower_state(compiled: bool) -> None:
    """Forwards that is the right branch first, and too high in the end."""
    order = beam_order(Space(PROBLEM), 1, 100, Meter(), compiled=compiled)
    assert order == [STEM, RIGHT, WIDEN, NARROW, JOIN]
    assert beam_order(Space(PROBLEM), 1, 19, Meter(), compiled=compiled) is None


@pytest.mark.parametrize("compiled", [False, True])
def test_heuristics_obey_the_clock(compiled: bool) -> None:
    space = Space(make_problem(chain(range(200))))
    with pytest.raises(LimitReachedError, match="time"):
        greedy_order(space, Meter(Limits(seconds=1e-9)))
    with pytest.raises(LimitReachedError, match="time"):
        beam_order(space, 3, 10**6, Meter(Limits(seconds=1e-9)), compiled=compiled)

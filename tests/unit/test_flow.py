"""Cheapest states, by hand."""

from __future__ import annotations

import pytest

from solver.memory import make_problem
from solver.peak.flow import Cheapest, cheapest_between, cheapest_state
from solver.peak.space import Space
from tests.property.graphs import chain, diamond, scaled, union

DIAMOND = Space(make_problem(diamond()))


def test_the_waist_of_the_diamond() -> None:
    """Between stem done and join not done, nothing beats s alone."""
    assert cheapest_between(DIAMOND, 0b00001, 0b01111) == Cheapest(4, 0b00001)


def test_with_the_wide_buffer_live() -> None:
    """Once widen has run: s 4 + wide 9; with narrow s 4 + thin 2; with right thin 2 + r 6."""
    assert cheapest_between(DIAMOND, 0b00101, 0b01111) == Cheapest(6, 0b01101)
    assert cheapest_between(DIAMOND, 0b00101, 0b00111) == Cheapest(13, 0b00101)


def test_a_single_state() -> None:
    assert cheapest_between(DIAMOND, 0b01111, 0b01111) == Cheapest(8, 0b01111)
    assert cheapest_between(DIAMOND, 0, 0) == Cheapest(1, 0)


@pytest.mark.parametrize(("largest", "state"), [(False, 0b0001), (True, 0b0111)])
def test_ties(largest: bool, state: int) -> None:
    """Sizes 9 2 5 2 9 along a chain: both twos are cheapest."""
    space = Space(make_problem(chain([9, 2, 5, 2, 9])))
    assert cheapest_between(space, 0, space.full, largest=largest) == Cheapest(2, state)


def test_equal_sizes_tie_everywhere() -> None:
    space = Space(make_problem(chain([3, 3, 3])))
    assert cheapest_between(space, 0, space.full, largest=False) == Cheapest(3, 0b00)
    assert cheapest_between(space, 0, space.full, largest=True) == Cheapest(3, 0b11)


def test_without_rooms_every_state_costs_nothing() -> None:
    assert cheapest_state(DIAMOND, 0b00001, 0b10000, []) == Cheapest(0, 0b00001)
    assert cheapest_state(DIAMOND, 0b00001, 0b10000, [], largest=True) == Cheapest(0, 0b01111)


@pytest.mark.parametrize("factor", [1, 2**29, 2**31, 2**40, 2**50])
def test_sizes_of_any_magnitude(factor: int) -> None:
    """The single byte of the second network keeps the factor from being divided out."""
    both = union(scaled(diamond(), factor), chain([1, 1]))
    space = Space(make_problem(both))
    low, high = 0b000101, 0b101111
    found = cheapest_between(space, low, high)
    assert found == Cheapest(6 * factor + 1, 0b101101)

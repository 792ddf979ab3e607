"""The state space of the diamond, forwards, backwards and over a window.

Sizes: x 1, s 4, wide 9, thin 2, r 6, out 1.
"""

from __future__ import annotations

import pytest

from solver.memory import MemoryRules, make_problem
from solver.peak.space import Space, bits
from tests.property.graphs import diamond

STEM, RIGHT, WIDEN, NARROW, JOIN = range(5)
PROBLEM = make_problem(diamond())


def mask(*ops: int) -> int:
    return sum(1 << op for op in ops)


def test_bits() -> None:
    assert list(bits(0)) == []
    assert list(bits(0b100101)) == [0, 2, 5]
    assert list(bits(1 << 200)) == [200]


def test_forwards() -> None:
    space = Space(PROBLEM)
    assert (space.start_memory, space.full, space.ops) == (1, 0b11111, (0, 1, 2, 3, 4))
    assert space.ready(0) == mask(STEM)
    assert space.effect(STEM, 0) == (4, 3)
    after_stem = mask(STEM)
    assert space.ready_after(STEM, after_stem, mask(STEM)) == mask(RIGHT, WIDEN)
    assert space.memory(after_stem) == 4
    assert space.effect(WIDEN, after_stem) == (9, 9)  # s is still needed
    assert space.effect(WIDEN, mask(STEM, RIGHT)) == (9, 5)  # and now it is not
    assert space.memory(space.full) == 1


def test_backwards() -> None:
    space = Space(PROBLEM, backward=True)
    assert space.start_memory == 1
    assert space.ready(0) == mask(JOIN)
    assert space.effect(JOIN, 0) == (2 + 6, 2 + 6 - 1)  # brings in thin and r, frees out
    undone = mask(JOIN, RIGHT)
    assert space.memory(undone) == 2 + 4  # thin and s
    assert space.ready(undone) == mask(NARROW)
    assert space.effect(WIDEN, undone | mask(NARROW)) == (0, -9)  # s is there already
    assert space.effect(WIDEN, mask(JOIN, NARROW)) == (4, 4 - 9)
    assert space.order([JOIN, RIGHT, NARROW, WIDEN, STEM]) == [STEM, WIDEN, NARROW, RIGHT, JOIN]


@pytest.mark.parametrize("backward", [False, True])
def test_a_window(backward: bool) -> None:
    """Between stem and join: only s is live at its start, thin and r at its end."""
    done = [JOIN] if backward else [STEM]
    space = Space(PROBLEM, done, [RIGHT, WIDEN, NARROW], backward=backward)
    assert space.start_memory == (8 if backward else 4)
    assert space.memory(space.full) == (4 if backward else 8)
    assert space.ops == (RIGHT, WIDEN, NARROW)
    assert space.ready(0) == (0b101 if backward else 0b011)


def test_what_no_op_of_the_window_changes_is_constant() -> None:
    """While the left branch runs, s stays live for the right one."""
    space = Space(PROBLEM, [STEM], [WIDEN, NARROW])
    assert (space.start_memory, space.constant) == (4, 4)
    assert space.memory(0b01) == 4 + 9


def test_credit_is_due_to_the_last_user_only() -> None:
    problem = make_problem(diamond(), MemoryRules(in_place=True))
    space = Space(problem)
    assert space.effect(NARROW, mask(STEM, WIDEN)) == (2 - 2, 2 - 9)
    backward = Space(problem, backward=True)
    assert backward.effect(NARROW, mask(JOIN)) == (9 - 2, 9 - 2)


def test_no_ops() -> None:
    space = Space(PROBLEM, range(5), [])
    assert (space.full, space.start_memory, space.memory(0), space.ready(0)) == (0, 1, 1, 0)

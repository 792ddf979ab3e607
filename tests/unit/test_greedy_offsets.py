"""Offsets that are greedy by size."""

from __future__ import annotations

import random

import pytest

from solver.arena.blocks import Block, blocks_of
from solver.arena.greedy import arena_bytes, greedy_offsets
from solver.limits import Meter
from solver.memory import make_problem
from solver.peak.baselines import UnsortedFileError
from solver.peak.baselines.arena import tflite_arena
from tests.property.graphs import chain, diamond, relabelled


def blocks(*ranges: tuple[int, int, int]) -> list[Block]:
    """Blocks of (size, begin, end)."""
    return [Block(f"b{i}", size, begin, end, i) for i, (size, begin, end) in enumerate(ranges)]


def test_the_largest_lies_at_the_bottom() -> None:
    assert greedy_offsets(blocks((2, 0, 1), (5, 0, 1), (3, 0, 1)), 1) == [8, 0, 5]


def test_blocks_that_never_meet_share_bytes() -> None:
    assert greedy_offsets(blocks((5, 0, 2), (4, 2, 3), (3, 1, 2)), 1) == [0, 0, 5]


def test_the_lowest_gap_that_is_large_enough() -> None:
    """At step 3, bytes 8 and 9 are free, and all from 17 on."""
    placed = blocks((10, 0, 2), (8, 2, 5), (7, 0, 4), (6, 4, 5))
    assert greedy_offsets(placed, 1)[:4] == [0, 0, 10, 8]
    assert greedy_offsets([*placed, *blocks((2, 3, 4))], 1)[-1] == 8
    assert greedy_offsets([*placed, *blocks((3, 3, 4))], 1)[-1] == 17


def test_of_two_of_one_size_the_later_goes_first() -> None:
    assert greedy_offsets(blocks((4, 0, 1), (4, 0, 1), (4, 0, 1)), 1) == [8, 4, 0]


def test_sizes_are_rounded_up() -> None:
    two = blocks((17, 0, 1), (1, 0, 1))
    assert greedy_offsets(two, 16) == [0, 32]
    assert arena_bytes(two, [0, 32], 16) == 48
    assert arena_bytes(two, [0, 32]) == 33


def test_nothing_to_place() -> None:
    assert greedy_offsets([], 16) == []
    assert arena_bytes([], []) == 0
    assert greedy_offsets(blocks((0, 0, 1), (0, 0, 1)), 16) == [0, 0]


def test_an_alignment_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least 1 byte, not 0"):
        greedy_offsets([], 0)


def test_what_tflite_micro_does() -> None:
    """Measured: tflite-micro 0.dev20261023182759 reports a head of 240 bytes for these tensors.

    The network is six int8 concatenations; with the earlier of two equal sizes first it would
    be 256 bytes.
    """
    tensors = blocks(
        (16, 0, 6), (16, 0, 3), (32, 1, 5), (64, 2, 4), (112, 3, 6), (32, 4, 6), (48, 5, 6)
    )  # fmt: skip
    offsets = greedy_offsets(tensors, 16)
    assert offsets == [224, 0, 192, 112, 0, 160, 112]
    assert arena_bytes(tensors, offsets, 16) == 240


def test_the_arena_of_file_order() -> None:
    """The diamond of x 1, s 4, r 6, wide 9, thin 2, out 1: each takes 16 bytes."""
    problem = make_problem(diamond())
    answer = tflite_arena(problem, Meter())
    assert answer.order == (0, 1, 2, 3, 4)
    assert answer.offsets is not None
    assert arena_bytes(blocks_of(problem, answer.order), answer.offsets, 16) == 48


def test_a_file_that_is_not_sorted_has_no_arena() -> None:
    graph = relabelled(chain([1] * 9), random.Random(0))
    with pytest.raises(UnsortedFileError):
        tflite_arena(make_problem(graph), Meter())

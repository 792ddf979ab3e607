"""Offsets as TensorFlow Lite Micro plans them: greedy by size, first fit.

Source: ``GreedyMemoryPlanner::CalculateOffsetsIfNeeded`` in tensorflow/tflite-micro
(``micro/memory_planner/greedy_memory_planner.cc``), without offsets planned offline; the same idea
as *greedy by size* of Pisarchyk & Lee, "Efficient memory management for deep neural net inference"
(2020, section 5.2).
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.arena.blocks import Block


def greedy_offsets(blocks: Sequence[Block], alignment: int) -> list[int]:
    """Place the largest block first, each at the lowest gap among those that it meets.

    Of two blocks of one size the later goes first, as in the runtime: it fills its list from the
    end before it sorts, and its sort is stable.

    Parameters
    ----------
    blocks : sequence of Block
        In the order in which the runtime would be told of them.
    alignment : int
        Sizes are rounded up to a multiple of this many bytes, so offsets are multiples too.

    Returns
    -------
    list of int
        Offset of each block, in bytes.

    Raises
    ------
    ValueError
        If ``alignment`` is not positive.
    """
    if alignment < 1:
        raise ValueError(f"alignment must be at least 1 byte, not {alignment}")
    sizes = [-(-block.size // alignment) * alignment for block in blocks]
    offsets = [0] * len(blocks)
    placed: list[tuple[int, int, int]] = []  # offset, when it was placed, block
    for turn, k in enumerate(sorted(range(len(blocks)), key=lambda k: (-sizes[k], -k))):
        top = 0
        for offset, _, other in placed:
            if not blocks[k].meets(blocks[other]):
                continue
            if offset - top >= sizes[k]:
                break
            top = max(top, offset + sizes[other])
        offsets[k] = top
        insort(placed, (top, turn, k))
    return offsets


def arena_bytes(blocks: Sequence[Block], offsets: Sequence[int], alignment: int = 1) -> int:
    """Highest end of any block, its size rounded up, in bytes."""
    return max(
        (
            offset + -(-block.size // alignment) * alignment
            for block, offset in zip(blocks, offsets, strict=True)
        ),
        default=0,
    )

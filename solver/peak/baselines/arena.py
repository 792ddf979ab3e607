"""TensorFlow Lite as deployed: file order, and offsets that are greedy by size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.arena.blocks import blocks_of
from solver.arena.greedy import greedy_offsets
from solver.peak.baselines.types import Answer, UnsortedFileError
from solver.peak.heuristics import file_order

if TYPE_CHECKING:
    from solver.limits import Meter
    from solver.memory import Problem

#: Bytes that TensorFlow Lite Micro rounds every buffer up to
#: (``MicroArenaBufferAlignment`` in ``micro/micro_arena_constants.h``).
TFLITE_ALIGNMENT = 16


def tflite_arena(problem: Problem, _meter: Meter) -> Answer:
    """Ops in file order, each buffer where ``GreedyMemoryPlanner`` puts it.

    Raises
    ------
    UnsortedFileError
        If the file's order is none.
    """
    order = file_order(problem)
    if order is None:
        raise UnsortedFileError
    offsets = greedy_offsets(blocks_of(problem, order), TFLITE_ALIGNMENT)
    return Answer(tuple(order), tuple(offsets))

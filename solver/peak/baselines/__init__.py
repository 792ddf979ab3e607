"""Orders that other systems find, to be put beside the optimum.

:data:`HEURISTICS` lists all of them in the order in which reports show them. Each takes a problem
and a meter, and answers with an order, :class:`~solver.peak.baselines.types.Answer`. Methods that
search raise :class:`~solver.limits.LimitReachedError` when a limit stops them empty-handed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.baselines.arena import tflite_arena
from solver.peak.baselines.hierarchical import hierarchical_order
from solver.peak.baselines.inductor import (
    inductor_bfs_order,
    inductor_dfs_order,
    inductor_order,
    lpmf_order,
)
from solver.peak.baselines.serenity import serenity_order
from solver.peak.baselines.types import Answer, Heuristic, UnsortedFileError
from solver.peak.heuristics import (
    depth_first_order,
    file_order,
    greedy_order,
    kahn_order,
    reverse_post_order,
)
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.limits import Meter
    from solver.memory import Problem


def _as_listed(problem: Problem, _meter: Meter) -> Answer:
    order = file_order(problem)
    if order is None:
        raise UnsortedFileError
    return Answer(tuple(order))


def _greedy(problem: Problem, meter: Meter) -> Answer:
    return Answer(tuple(greedy_order(Space(problem), meter)))


def _simple(find: Callable[[Problem], list[int]]) -> Callable[[Problem, Meter], Answer]:
    return lambda problem, _meter: Answer(tuple(find(problem)))


def _metered(find: Callable[[Problem, Meter], list[int]]) -> Callable[[Problem, Meter], Answer]:
    return lambda problem, meter: Answer(tuple(find(problem, meter)))


#: Every known heuristic, in a fixed order.
HEURISTICS = (
    Heuristic("file_order", "file order", "ops as the file lists them (TFLite, TFLM)", _as_listed),
    Heuristic(
        "kahn", "breadth-first (Kahn)", "the op that became ready first (Kahn, CACM 1962)",
        _simple(kahn_order),
    ),
    Heuristic(
        "depth_first", "depth-first", "the op that became ready last", _simple(depth_first_order)
    ),
    Heuristic(
        "reverse_post_order", "reverse post-order", "post-order of a walk from the outputs",
        _simple(reverse_post_order),
    ),
    Heuristic("greedy", "greedy by live bytes", "the op that leaves the fewest bytes", _greedy),
    Heuristic(
        "inductor_lpmf", "Inductor LPMF", "least peak memory first (PyTorch Inductor)",
        _metered(lpmf_order),
    ),
    Heuristic(
        "inductor_bfs", "Inductor BFS", "the op whose inputs are oldest (PyTorch Inductor)",
        _simple(inductor_bfs_order),
    ),
    Heuristic(
        "inductor_dfs", "Inductor DFS", "walk from the smallest op (PyTorch Inductor)",
        _simple(inductor_dfs_order),
    ),
    Heuristic(
        "inductor", "Inductor's best of four",
        "the least of file order and those three, as deployed",
        _metered(inductor_order),
    ),
    Heuristic(
        "tflite_arena", "TFLite arena, as deployed",
        "file order, greedy-by-size offsets, alignment 16 (TFLM)",
        tflite_arena, is_arena=True,
    ),
    Heuristic(
        "hierarchical", "hierarchical (HMCOS)",
        "two levels of DP over cells (after HMCOS, DAC 2022)",
        hierarchical_order, is_search=True,
    ),
    Heuristic(
        "serenity", "SERENITY (DP)",
        "DP with adaptive soft budgets (MLSys 2020), no rewriting",
        _metered(serenity_order), is_search=True,
    ),
)  # fmt: skip

__all__ = ["HEURISTICS", "Answer", "Heuristic", "UnsortedFileError"]

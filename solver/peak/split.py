"""Divide at states that every order passes.

When op ``v`` is comparable to every other op, each order runs exactly the ancestors of ``v`` before
it and the descendants after it. Between two such states lies a window that can be scheduled on its
own, and the optimum of the whole is the largest optimum of the windows. (SERENITY, MLSys 2020,
section 3.2, splits at single nodes in this way. Valley commits split further, inside the search.)
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from solver.peak.heuristics import kahn_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.memory import Problem


def boundaries(problem: Problem, order: Sequence[int]) -> list[int]:
    """Positions in ``order`` of states that every order passes, both ends included.

    Any topological order gives the same states, hence the same positions.
    """
    cuts = _comparable_positions(problem, order)
    return sorted({0, len(order), *cuts, *(i + 1 for i in cuts)})


def windows(problem: Problem) -> list[list[int]]:
    """Ops between consecutive states that every order passes, in order of time.

    Returns
    -------
    list of list of int
        Non-empty; together they hold every op once.
    """
    order = kahn_order(problem)
    return [sorted(order[a:b]) for a, b in itertools.pairwise(boundaries(problem, order))]


def _comparable_positions(problem: Problem, order: Sequence[int]) -> list[int]:
    """Positions of ops comparable to all others.

    All ops before position ``i`` are ancestors of the op there iff each has a successor no later
    than ``i``: following such successors climbs to ``i``. Likewise for descendants.
    """
    count = len(order)
    position = {v: i for i, v in enumerate(order)}
    first_successor = [
        min((position[w] for w in problem.successors[v]), default=count) for v in order
    ]
    last_predecessor = [
        max((position[p] for p in problem.predecessors[v]), default=-1) for v in order
    ]
    reach_down = [count] * (count + 1)
    for i in reversed(range(count)):
        reach_down[i] = min(reach_down[i + 1], last_predecessor[i])
    found: list[int] = []
    reach_up = -1
    for i in range(count):
        if reach_up <= i <= reach_down[i + 1]:
            found.append(i)
        reach_up = max(reach_up, first_successor[i])
    return found

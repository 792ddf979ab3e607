"""Lower bounds from parts: forget some ops, keep what the others still imply.

An order of the whole network, restricted to the ops of a part, is an order of the part, so the
least peak of a part bounds the least peak of the whole, as long as a part never counts a byte that
the whole might not hold. A storage counts in a part

* from the moment when a kept op that must come after one of its producers runs, if that op is also
  one that keeps it alive;
* until all kept ops have run that use it or must come before a forgotten op that uses it.

Both follow from precedence alone. What is left of a large irregular graph around its bottleneck is
small enough for exact search, and says far more than the cut of any single op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.memory import Problem, Reuse, Storage
from solver.peak.space import bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def restrict(problem: Problem, keep: Iterable[int]) -> Problem:
    """State a problem for some of the ops whose optimum is no higher than the whole's.

    Parameters
    ----------
    problem : Problem
        The whole.
    keep : iterable of int
        Ops of the part, in ascending order of the new ids.

    Returns
    -------
    Problem
        Same names for ops and storages; new ids.
    """
    kept = list(keep)
    index = {v: i for i, v in enumerate(kept)}
    before = _closure(problem.predecessors, _topological(problem), index)
    after = _closure(problem.successors, _topological(problem)[::-1], index)

    storages: list[Storage] = []
    place: dict[int, int] = {}
    for b, storage in enumerate(problem.storages):
        users = 0
        for v in storage.users:
            users |= 1 << index[v] if v in index else before[v]
        makers = 0
        for v in storage.producers:
            makers |= 1 << index[v] if v in index else after[v]
        makers &= users
        if not (makers or storage.is_input):
            continue
        if storage.is_input and not users and not storage.is_output:
            continue
        place[b] = len(storages)
        storages.append(
            Storage(
                name=storage.name,
                size=storage.size,
                producers=tuple(bits(makers)),
                consumers=tuple(bits(users)),
                is_input=storage.is_input,
                is_output=storage.is_output,
            )
        )
    return Problem(
        names=tuple(problem.names[v] for v in kept),
        predecessors=tuple(tuple(bits(before[v] & ~(1 << i))) for i, v in enumerate(kept)),
        storages=tuple(storages),
        workspace=tuple(problem.workspace[v] for v in kept),
        reuses=tuple(
            tuple(
                Reuse(place[r.source], place[r.target], r.size)
                for r in problem.reuses[v]
                if r.source in place and r.target in place
            )
            for v in kept
        ),
    )


def _topological(problem: Problem) -> list[int]:
    waiting = [len(preds) for preds in problem.predecessors]
    order = [v for v, count in enumerate(waiting) if count == 0]
    for v in order:
        for w in problem.successors[v]:
            waiting[w] -= 1
            if waiting[w] == 0:
                order.append(w)
    return order


def _closure(
    edges: Sequence[Sequence[int]], order: Sequence[int], index: dict[int, int]
) -> list[int]:
    """Per op, the mask of kept ops reached along ``edges``, without itself."""
    reached = [0] * len(edges)
    for v in order:
        for p in edges[v]:
            reached[v] |= reached[p] | (1 << index[p] if p in index else 0)
    return reached

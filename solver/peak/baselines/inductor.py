"""The orders that PyTorch Inductor tries, and the one it takes.

Source: ``torch/_inductor/memory.py`` in pytorch/pytorch: ``topological_sort_lpmf``,
``topological_sort_bfs``, ``topological_sort_dfs`` and ``reorder_for_peak_memory``, with its
default configuration (``size_threshold_for_succ_based_strategy = 0``). Ties go to the op that
the file lists first. Inductor counts neither workspace nor in-place reuse at this stage; here
each order sees the memory rules that all others see.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from solver.peak.heuristics import file_order
from solver.peak.space import Space, bits

if TYPE_CHECKING:
    from solver.limits import Meter
    from solver.memory import Problem


def lpmf_order(problem: Problem, meter: Meter) -> list[int]:
    """Least peak memory first (``topological_sort_lpmf``).

    Among ready ops, take the one that raises the highest memory so far the least while it runs;
    among those, the one that leaves the least memory. The highest memory so far begins with what
    the inputs or the outputs of the network need. Every step looks at every ready op.
    """
    space = Space(problem)
    state, ready = 0, space.ready(0)
    live = space.start_memory
    highest = max(live, problem.live_at_end)
    path: list[int] = []

    def rank(i: int) -> tuple[int, int, int]:
        meter.tick_heuristic()
        rise, net = space.effect(i, state)
        return max(live + rise, highest), net, i

    while ready:
        highest, net, i = min(map(rank, bits(ready)))
        path.append(i)
        live += net
        state |= 1 << i
        ready = space.ready_after(i, state, ready)
    return space.order(path)


def inductor_bfs_order(problem: Problem) -> list[int]:
    """Run the op whose predecessors ran earliest (``topological_sort_bfs``).

    The positions of an op's predecessors, ascending, are compared as lists: first in, first out,
    so that buffers do not live long.
    """
    waiting = [len(preds) for preds in problem.predecessors]
    heap: list[tuple[list[int], int]] = [([], v) for v, count in enumerate(waiting) if count == 0]
    position: dict[int, int] = {}
    while heap:
        _, v = heapq.heappop(heap)
        position[v] = len(position)
        for w in problem.successors[v]:
            waiting[w] -= 1
            if waiting[w] == 0:
                heapq.heappush(heap, (sorted(position[p] for p in problem.predecessors[w]), w))
    return list(position)


def inductor_dfs_order(problem: Problem) -> list[int]:
    """Post-order of a walk to the inputs, smallest ops first (``topological_sort_dfs``).

    The size of an op is the bytes of all buffers that it reads or writes.
    """
    sizes = [storage.size for storage in problem.storages]
    size = [
        sum(sizes[b] for b in {*problem.produced[v], *problem.consumed[v]})
        for v in range(len(problem))
    ]

    def smallest_first(ops: tuple[int, ...] | range) -> list[int]:
        return sorted(ops, key=lambda v: (size[v], v))

    order: list[int] = []
    seen: set[int] = set()
    for root in smallest_first(range(len(problem))):
        stack = [root]
        while stack:
            v = stack.pop()
            if v < 0:  # all that v needs has run
                order.append(~v)
            elif v not in seen:
                seen.add(v)
                stack.append(~v)
                stack += reversed(smallest_first(problem.predecessors[v]))
    return order


def inductor_order(problem: Problem, meter: Meter) -> list[int]:
    """Least peak of file order, LPMF, BFS and DFS, the first of equals.

    That is what ``reorder_for_peak_memory`` leaves in the compiled network.
    """
    orders = [
        file_order(problem),
        lpmf_order(problem, meter),
        inductor_bfs_order(problem),
        inductor_dfs_order(problem),
    ]
    return min(
        (order for order in orders if order is not None),
        key=lambda order: problem.replay(order).peak,
    )

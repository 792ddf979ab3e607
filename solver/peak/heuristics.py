"""Orders found fast: file order, Kahn, depth-first, greedy, and beams.

Each takes a problem (or a space) and returns an order, a list of op ids, in forward time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.peak.kernel import NativeExplorer, native_beam
from solver.peak.space import Space, bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from solver.limits import Meter
    from solver.memory import Problem


def file_order(problem: Problem) -> list[int] | None:
    """Ops as the file lists them; None if the file is not sorted."""
    order = list(range(len(problem)))
    return order if problem.is_order(order) else None


def kahn_order(problem: Problem) -> list[int]:
    """Breadth-first topological order (Kahn, CACM 1962), ties by file position."""
    waiting = [len(preds) for preds in problem.predecessors]
    order = [v for v, count in enumerate(waiting) if count == 0]
    for v in order:
        for w in problem.successors[v]:
            waiting[w] -= 1
            if waiting[w] == 0:
                order.append(w)
    return order


def depth_first_order(problem: Problem) -> list[int]:
    """Run the op that became ready last: finish one branch before the next."""
    waiting = [len(preds) for preds in problem.predecessors]
    stack = [v for v in reversed(range(len(problem))) if waiting[v] == 0]
    order: list[int] = []
    while stack:
        v = stack.pop()
        order.append(v)
        for w in reversed(problem.successors[v]):
            waiting[w] -= 1
            if waiting[w] == 0:
                stack.append(w)
    return order


def reverse_post_order(problem: Problem) -> list[int]:
    """Each op as late as its first consumer allows: post-order of a walk from the outputs."""
    order: list[int] = []
    seen: set[int] = set()
    for sink in (v for v in range(len(problem)) if not problem.successors[v]):
        stack = [(sink, iter(problem.predecessors[sink]))]
        seen.add(sink)
        while stack:
            v, rest = stack[-1]
            p = next((p for p in rest if p not in seen), None)
            if p is None:
                order.append(v)
                stack.pop()
            else:
                seen.add(p)
                stack.append((p, iter(problem.predecessors[p])))
    return order


def greedy_order(space: Space, meter: Meter) -> list[int]:
    """Run the ready op that leaves the least memory, then the one that needs the least meanwhile.

    Effects change only for ops that share a storage with the op just run, so a heap with lazy
    deletion keeps the cost near-linear.
    """
    state, ready = 0, space.ready(0)
    key = {i: (*reversed(space.effect(i, 0)), i) for i in bits(ready)}
    heap = list(key.values())
    heapq.heapify(heap)
    path: list[int] = []
    while heap:
        entry = heapq.heappop(heap)
        i = entry[2]
        if key.get(i) != entry:
            continue
        meter.tick_heuristic()
        del key[i]
        path.append(i)
        state |= 1 << i
        before, ready = ready, space.ready_after(i, state, ready)
        for j in bits(ready & (space.touch[i] | ~before)):
            rise, net = space.effect(j, state)
            if key.get(j) != (net, rise, j):
                key[j] = (net, rise, j)
                heapq.heappush(heap, key[j])
    return space.order(path)


@dataclass(frozen=True, slots=True)
class _Partial:
    """A partial path of a beam: its step peak so far, memory and ready ops."""

    peak: int
    memory: int
    state: int
    ready: int
    op: int
    back: _Partial | None


def beam_order(
    space: Space,
    width: int,
    below: int,
    meter: Meter,
    *,
    effort: int = 10_000,
    floor: int = 0,
    compiled: bool = True,
) -> list[int] | None:
    """Beam search for an order of the window with a peak under ``below``.

    Partial paths are ranked by peak so far, then memory, among those with as many ops done; a path
    takes ops that raise neither memory nor its own peak at once.

    Parameters
    ----------
    space : Space
        Forward or backward.
    width : int
        Paths kept per number of ops done.
    below : int
        Bytes; paths that reach it are dropped.
    effort : int
        The width falls to one once the beam has looked at this many successors per kept path.
    floor : int
        Bytes; peaks up to here count as equal. A lower bound keeps the beam from preferring
        paths that are cheap only as long as they avoid what no order can avoid.
    compiled : bool
        Use the compiled kernel where it is installed.

    Returns
    -------
    list of int or None
        None if the beam ran dry.
    """
    if space.start_memory >= below:
        return None
    if compiled and NativeExplorer.fits(space):
        path = native_beam(space, width, below, effort=effort, floor=floor, check=meter.check)
        return space.order(path) if path else None
    count = len(space.ops)
    peak = max(floor, space.start_memory)
    start = _slide(space, _Partial(peak, space.start_memory, 0, space.ready(0), -1, None))
    levels: list[dict[int, _Partial]] = [{} for _ in range(count + 1)]
    levels[start.state.bit_count()][start.state] = start
    spent = 0
    for done in range(count):
        level = sorted(levels[done].values(), key=lambda p: (p.peak, p.memory, p.state))
        levels[done] = {}
        for partial in level[: width if spent < effort * width else 1]:
            meter.tick_heuristic()
            spent += partial.ready.bit_count()
            for op in bits(partial.ready):
                rise, net = space.effect(op, partial.state)
                peak = max(partial.peak, partial.memory + rise)
                if peak >= below:
                    continue
                new = _slide(space, _step(space, partial, op, peak, net))
                bucket = levels[new.state.bit_count()]
                old = bucket.get(new.state)
                if old is None or new.peak < old.peak:
                    bucket[new.state] = new
    last = levels[count].get(space.full)
    return None if last is None else space.order(reversed(list(_trace(last))))


def _step(space: Space, partial: _Partial, op: int, peak: int, net: int) -> _Partial:
    state = partial.state | 1 << op
    ready = space.ready_after(op, state, partial.ready)
    return _Partial(peak, partial.memory + net, state, ready, op, partial)


def _slide(space: Space, partial: _Partial) -> _Partial:
    """Take every op that raises neither memory nor the peak of the path."""
    look = partial.ready
    if partial.back is not None:
        look &= space.touch[partial.op] | ~partial.back.ready
    while look:
        op = (look & -look).bit_length() - 1
        look &= look - 1
        rise, net = space.effect(op, partial.state)
        if net <= 0 and partial.memory + rise <= partial.peak:
            before = partial.ready
            partial = _step(space, partial, op, partial.peak, net)
            look = (look | space.touch[op] | ~before) & partial.ready
    return partial


def _trace(partial: _Partial) -> Iterator[int]:
    node: _Partial | None = partial
    while node is not None and node.back is not None:
        yield node.op
        node = node.back


SIMPLE_ORDERS: dict[str, Callable[[Problem], list[int] | None]] = {
    "file_order": file_order,
    "kahn": kahn_order,
    "depth_first": depth_first_order,
    "reverse_post_order": reverse_post_order,
}

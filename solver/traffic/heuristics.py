"""Quick plans: which gaps to keep for a given order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.traffic.model import Mode
from solver.traffic.residency import Gap, Residency, intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.model import TrafficProblem


def furthest_use(problem: TrafficProblem, order: Sequence[int]) -> Residency:
    """Drop what is used furthest ahead when room runs out (Belady, IBM Systems Journal 1966).

    In streaming mode an operand that will be used again competes for room with all that is there,
    and is passed by where its next use is the furthest. One that is there already is used at once,
    so it leaves last, and only where the workspace of the op needs its room.
    """
    step = {v: i for i, v in enumerate(order)}
    uses = [sorted(step[v] for v in b.users) for b in problem.buffers]
    streaming = problem.mode is Mode.STREAMING
    inside: dict[int, int] = {}  # resident buffers by the op that used them last
    absent: set[Gap] = set()

    def next_use(b: int, since: int) -> int:
        return next(u for u in uses[b] if u >= since)

    for i, v in enumerate(order):
        lasting = {b: v for b in problem.touched[v] if uses[b][-1] > i}
        arriving = {b: v for b in lasting if b not in inside} if streaming else {}
        staying = set() if streaming else set(problem.touched[v])
        held = {b: inside[b] for b in inside if b not in staying}
        room = problem.capacity - problem.footprint(v)
        room -= sum(problem.buffers[b].size for b in (*held, *arriving))
        while room < 0:
            _, _, _, victim = max(
                (next_use(b, i + (b in arriving)), problem.buffers[b].size, -b, b)
                for b in (*held, *arriving)
            )
            absent.add((victim, held.pop(victim, v)))
            if arriving.pop(victim, None) is None:
                del inside[victim]
                if victim in lasting:  # streamed now, and so not there afterwards
                    absent.add((victim, v))
            room += problem.buffers[victim].size
        for b in problem.touched[v]:
            inside.pop(b, None)
            if b in lasting and (b, v) not in absent:
                inside[b] = v
    return Residency(tuple(order), frozenset(absent))


def densest_gaps(problem: TrafficProblem, order: Sequence[int]) -> Residency:
    """Keep gaps one by one, most bytes saved per byte and step of room first."""
    free = [problem.capacity - problem.footprint(v) for v in order]
    streaming = problem.mode is Mode.STREAMING
    gaps = intervals(problem, order)
    gaps.sort(key=lambda g: ((g.end - g.begin) / (2 if g.dirty else 1), g.buffer, g.begin))
    kept: set[Gap] = set()
    present: set[tuple[int, int]] = set()
    for gap in gaps:
        size = problem.buffers[gap.buffer].size
        steps = list(range(gap.begin + 1, gap.end))
        if streaming:
            steps += [s for s in (gap.begin, gap.end) if (gap.buffer, s) not in present]
        if any(free[s] < size for s in steps):
            continue
        for s in steps:
            free[s] -= size
        kept.add(gap.gap)
        present.update(((gap.buffer, gap.begin), (gap.buffer, gap.end)))
    return Residency(tuple(order), frozenset(g.gap for g in gaps if g.gap not in kept))


def quick(problem: TrafficProblem, order: Sequence[int]) -> list[Residency]:
    """Return the quick plans for an order; the last is that of :func:`furthest_use`."""
    return [densest_gaps(problem, order), furthest_use(problem, order)]

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

    For resident mode; in streaming mode see :func:`densest_gaps`.
    """
    step = {v: i for i, v in enumerate(order)}
    uses = [sorted(step[v] for v in b.users) for b in problem.buffers]
    inside: dict[int, int] = {}  # resident buffers by the op that used them last
    absent: set[Gap] = set()
    for i, v in enumerate(order):
        operands = set(problem.touched[v])
        room = problem.capacity - problem.footprint(v)
        room -= sum(problem.buffers[b].size for b in inside if b not in operands)
        while room < 0:
            victim = max(
                (b for b in inside if b not in operands),
                key=lambda b: (next(u for u in uses[b] if u > i), problem.buffers[b].size, -b),
            )
            absent.add((victim, inside.pop(victim)))
            room += problem.buffers[victim].size
        for b in operands:
            inside[b] = v
            if uses[b][-1] == i:
                del inside[b]
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
    """Return the quick plans for an order that apply to the problem's mode."""
    plans = [densest_gaps(problem, order)]
    if problem.mode is Mode.RESIDENT:
        plans.append(furthest_use(problem, order))
    return plans

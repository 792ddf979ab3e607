"""From the values of variables to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.traffic.residency import Residency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.formulation.task import Task


def residency(task: Task, order: Sequence[int], absent: Sequence[bool]) -> Residency:
    """Name each gap of absence by the use it begins with.

    Parameters
    ----------
    order : sequence of int
        All ops.
    absent : sequence of bool
        Per gap of the task, by the use it ends with.
    """
    step = {v: i for i, v in enumerate(order)}
    found = set()
    for gap, is_absent in zip(task.gaps, absent, strict=True):
        earlier = [u for u in task.users[gap.buffer] if step[u] < step[gap.end]]
        if is_absent and earlier:  # before its first use a buffer is nowhere
            found.add((gap.buffer, max(earlier, key=step.__getitem__)))
    return Residency(tuple(order), frozenset(found))

"""What is in the TCM while an op runs fits: ``present >= born - dead - absent``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.variables import all_before, any_before
from solver.traffic.ilp.variables import absent_at

if TYPE_CHECKING:
    from solver.traffic.formulation.presence import Reason
    from solver.traffic.formulation.task import Task
    from solver.traffic.ilp.variables import Variables


def add_steps(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Let everything fit that is present while an op runs."""
    for step in task.steps:
        used = []
        for occupant in step.occupants:
            place = f"{occupant.buffer}_{step.op}"
            present = pulp.LpVariable(f"present_{place}", 0, 1)
            used.append((present, occupant.size))
            for i, reason in enumerate(occupant.reasons):
                model += present >= _needed(model, variables, reason, step.op, f"{place}_{i}")
        model += pulp.LpAffineExpression(used) <= step.room


def _needed(
    model: pulp.LpProblem, variables: Variables, reason: Reason, v: int, place: str
) -> pulp.LpAffineExpression:
    """At most 1, and 1 if a buffer has to be present."""
    needed = pulp.LpAffineExpression(constant=1)
    if reason.births:
        needed = any_before(model, variables, reason.births, v, f"born_{place}")
    if reason.deaths:
        needed = needed - all_before(model, variables, reason.deaths, v, f"dead_{place}")
    shared = []
    for k, span in enumerate(reason.spans):
        absent = absent_at(model, variables, span, f"gap_{k}_{place}")
        needed = needed - absent
        stored = variables.stored_for(span.gap)
        if stored is not None:
            shared.append((absent, stored))
    if len(shared) > 1:  # one gap at most spans an op, so one write-back covers their sum
        model += shared[0][1] >= pulp.lpSum(absent for absent, _ in shared)
    return needed

"""What is in the TCM while an op runs fits: ``present >= born - dead - absent``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from solver.peak.cpsat.variables import all_before, any_before
from solver.traffic.cpsat.variables import absent_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.peak.cpsat.variables import Literal
    from solver.traffic.cpsat.variables import Variables
    from solver.traffic.formulation.presence import Reason
    from solver.traffic.formulation.task import Task


def add_steps(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Let everything fit that is present while an op runs."""
    for step in task.steps:
        present = []
        for occupant in step.occupants:
            place = f"{occupant.buffer} at {step.op}"
            present.append(model.new_bool_var(place))
            for i, reason in enumerate(occupant.reasons):
                why_not = _why_not(model, variables, reason, step.op, f"{place}, {i}")
                model.add_bool_or([present[-1], *why_not])
        sizes = [occupant.size for occupant in step.occupants]
        used = cp_model.LinearExpr.weighted_sum(present, sizes)
        model.add_linear_constraint(used, 0, step.room)


def _why_not(
    model: cp_model.CpModel, variables: Variables, reason: Reason, v: int, place: str
) -> Iterator[Literal]:
    """Literals one of which holds if a buffer need not be present."""
    if reason.births:
        born = any_before(model, variables, reason.births, v, f"born {place}")
        yield not born if isinstance(born, bool) else ~born
    if reason.deaths:
        yield all_before(model, variables, reason.deaths, v, f"dead {place}")
    for k, span in enumerate(reason.spans):
        yield absent_at(model, variables, span, f"gap {k} of {place}")

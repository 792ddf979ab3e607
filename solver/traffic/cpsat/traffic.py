"""What absence costs beside the reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from solver.traffic.cpsat.variables import Variables
    from solver.traffic.formulation.task import Task


def add_write_backs(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Have a buffer written back once if it is absent before any of its readers."""
    for gap, absent in zip(task.gaps, variables.absent, strict=True):
        if gap.store is not None:
            model.add_implication(absent, variables.stored[gap.store])

"""What is known beforehand: no plan spills less, no other plan is worth while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from solver.traffic.cpsat.variables import Variables
    from solver.traffic.formulation.task import Task


def add_floor(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Every plan spills at least the bound given."""
    if task.floor > 0:
        model.add(variables.traffic >= task.floor)


def add_cutoff(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Only a plan that beats the incumbent is of interest."""
    model.add(variables.traffic <= task.ceiling)

"""What is known beforehand: no order needs less, no other order is worth while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from solver.peak.cpsat.variables import Variables
    from solver.peak.formulation.task import Task


def add_floor(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Every order needs at least the bounds given."""
    model.add(variables.peak >= task.floor)


def add_cutoff(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Only an order that beats the incumbent is of interest."""
    model.add(variables.peak <= task.ceiling)

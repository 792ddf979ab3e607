"""What is known beforehand: no plan spills less, no other plan is worth while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulp

    from solver.traffic.formulation.task import Task
    from solver.traffic.ilp.variables import Variables


def add_floor(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Every plan spills at least the bound given."""
    if task.floor > 0:
        model += variables.traffic >= task.floor


def add_cutoff(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Only a plan that beats the incumbent is of interest."""
    model += variables.traffic <= task.ceiling

"""What is known beforehand: no order needs less, no other order is worth while."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulp

    from solver.peak.formulation.task import Task
    from solver.peak.ilp.variables import Variables


def add_floor(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Every order needs at least the bounds given."""
    model += variables.peak >= task.floor


def add_cutoff(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Only an order that beats the incumbent is of interest."""
    model += variables.peak <= task.ceiling

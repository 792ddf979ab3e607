"""What absence costs beside the reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulp

    from solver.traffic.formulation.task import Task
    from solver.traffic.ilp.variables import Variables


def add_write_backs(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Have a buffer written back once if it is absent before any of its readers."""
    for gap, absent in zip(task.gaps, variables.absent, strict=True):
        if gap.store is not None:
            model += variables.stored[gap.store] >= absent

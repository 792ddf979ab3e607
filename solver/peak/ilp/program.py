"""The whole integer linear program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.memory import add_step_peaks
from solver.peak.ilp.precedence import add_no_cycles
from solver.peak.ilp.tightening import add_cutoff, add_floor
from solver.peak.ilp.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.peak.formulation.task import Task


class Program:
    """A task as an integer linear program: ``model`` and its ``variables``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = pulp.LpProblem("least_peak", pulp.LpMinimize)
        self.variables = Variables(task)

    def add_constraints(self) -> None:
        """State everything."""
        self.model += self.variables.peak
        parts = self.model, self.variables, self.task
        add_no_cycles(*parts)
        add_step_peaks(*parts)
        add_floor(*parts)
        add_cutoff(*parts)

    def read(self, value: Callable[[pulp.LpVariable], float]) -> tuple[int, ...]:
        """Read the order off a solution."""
        return tuple(self.variables.order(value))

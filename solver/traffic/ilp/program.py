"""The whole integer linear program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.precedence import add_no_cycles
from solver.traffic.ilp.memory import add_steps
from solver.traffic.ilp.tightening import add_cutoff, add_floor
from solver.traffic.ilp.traffic import add_write_backs
from solver.traffic.ilp.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.traffic.formulation.task import Task
    from solver.traffic.residency import Residency


class Program:
    """A task as an integer linear program: ``model`` and its ``variables``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = pulp.LpProblem("least_traffic", pulp.LpMinimize)
        self.variables = Variables(task)

    def add_constraints(self) -> None:
        """State everything."""
        self.model += self.variables.traffic
        parts = self.model, self.variables, self.task
        add_no_cycles(*parts)
        add_steps(*parts)
        add_write_backs(*parts)
        add_floor(*parts)
        add_cutoff(*parts)

    def read(self, value: Callable[[pulp.LpVariable], float]) -> Residency:
        """Read the plan off a solution."""
        return self.variables.plan(value)

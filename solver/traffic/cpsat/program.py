"""The whole constraint program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.cpsat.precedence import add_no_cycles
from solver.traffic.cpsat.memory import add_steps
from solver.traffic.cpsat.tightening import add_cutoff, add_floor
from solver.traffic.cpsat.traffic import add_write_backs
from solver.traffic.cpsat.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortools.sat.python import cp_model

    from solver.traffic.formulation.task import Task
    from solver.traffic.residency import Residency

_MOST_FOR_PRESOLVE = 2**28  # units


class Program:
    """A task as a constraint program: ``model`` and its ``variables``."""

    def __init__(self, model: cp_model.CpModel, task: Task) -> None:
        self.task = task
        self.model = model
        self.variables = Variables(model, task)

    def add_constraints(self) -> None:
        """State everything."""
        parts = self.model, self.variables, self.task
        add_no_cycles(*parts)
        add_steps(*parts)
        add_write_backs(*parts)
        add_floor(*parts)
        add_cutoff(*parts)
        self.model.minimize(self.variables.traffic)

    def tune(self, solver: cp_model.CpSolver) -> None:
        """Use what helps where it is right, see :mod:`solver.traffic.cpsat`."""
        parameters = solver.parameters
        parameters.linearization_level = 0
        parameters.optimize_with_core = True
        largest = max(self.task.most, self.task.widest)
        parameters.cp_model_presolve = largest < _MOST_FOR_PRESOLVE
        parameters.presolve_inclusion_work_limit = 0

    def read(self, is_true: Callable[[cp_model.IntVar], bool]) -> Residency:
        """Read the plan off a solution."""
        return self.variables.plan(is_true)

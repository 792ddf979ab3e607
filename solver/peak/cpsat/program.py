"""The whole constraint program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.peak.cpsat.memory import add_step_peaks
from solver.peak.cpsat.precedence import add_no_cycles
from solver.peak.cpsat.tightening import add_cutoff, add_floor
from solver.peak.cpsat.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortools.sat.python import cp_model

    from solver.peak.formulation.task import Task


class Program:
    """A task as a constraint program: ``model`` and its ``variables``."""

    def __init__(self, model: cp_model.CpModel, task: Task) -> None:
        self.task = task
        self.model = model
        self.variables = Variables(self.model, task)

    def add_constraints(self) -> None:
        """State everything."""
        parts = self.model, self.variables, self.task
        add_no_cycles(*parts)
        add_step_peaks(*parts)
        add_floor(*parts)
        add_cutoff(*parts)
        self.model.minimize(self.variables.peak)

    def tune(self, solver: cp_model.CpSolver) -> None:
        """Switch off what does not help, or is wrong."""
        solver.parameters.linearization_level = 0
        solver.parameters.cp_model_presolve = False

    def read(self, is_true: Callable[[cp_model.IntVar], bool]) -> tuple[int, ...]:
        """Read the order off a solution."""
        return tuple(self.variables.order(is_true))

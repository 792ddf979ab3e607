"""The whole constraint program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from solver.peak.cpsat.memory import add_step_peaks
from solver.peak.cpsat.precedence import add_no_cycles
from solver.peak.cpsat.tightening import add_cutoff, add_floor
from solver.peak.cpsat.variables import Variables

if TYPE_CHECKING:
    from solver.peak.formulation.task import Task


class Program:
    """A task as a constraint program: ``model`` and its ``variables``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = cp_model.CpModel()
        self.variables = Variables(self.model, task)

    def add_constraints(self) -> None:
        """State everything."""
        parts = self.model, self.variables, self.task
        add_no_cycles(*parts)
        add_step_peaks(*parts)
        add_floor(*parts)
        add_cutoff(*parts)
        self.model.minimize(self.variables.peak)

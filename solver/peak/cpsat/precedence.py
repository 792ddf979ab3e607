"""The choices for all open pairs together are an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from solver.peak.cpsat.variables import Order
    from solver.peak.formulation.relation import Ordered


def add_no_cycles(model: cp_model.CpModel, variables: Order, task: Ordered) -> None:
    """Of every closed walk at least one step runs the other way."""
    for walk in task.relation.cycles():
        model.add_bool_or([variables.before(v, u) for u, v in walk])

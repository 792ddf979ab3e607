"""The choices for all open pairs together are an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

if TYPE_CHECKING:
    from solver.peak.formulation.relation import Ordered
    from solver.peak.ilp.variables import Order


def add_no_cycles(model: pulp.LpProblem, variables: Order, task: Ordered) -> None:
    """Of every closed walk at least one step runs the other way (3-dicycle inequalities)."""
    for walk in task.relation.cycles():
        model += pulp.lpSum(variables.before(u, v) for u, v in walk) <= len(walk) - 1

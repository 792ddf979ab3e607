"""The unknowns: which op of an open pair runs first, and where buffers are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.variables import Order
from solver.traffic.formulation.solution import residency

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.traffic.formulation.presence import Span
    from solver.traffic.formulation.task import Task
    from solver.traffic.residency import Residency


class Variables(Order):
    """Variables of an integer program.

    Attributes
    ----------
    absent : list of LpVariable
        Per gap, whether its buffer is absent for all of it.
    stored : list of LpVariable
        Per write-back that readers share, whether it is made.
    traffic : LpAffineExpression
        Non-compulsory units.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task.relation)
        self._task = task
        self.absent = [
            pulp.LpVariable(f"absent_{gap.buffer}_{gap.end}", cat="Binary") for gap in task.gaps
        ]
        self.stored = [pulp.LpVariable(f"stored_{i}", 0, 1) for i in range(len(task.stores))]
        costs = [*(gap.cost for gap in task.gaps), *task.stores]
        self.traffic = pulp.LpAffineExpression(
            list(zip([*self.absent, *self.stored], costs, strict=True))
        )

    def stored_for(self, gap: int) -> pulp.LpVariable | None:
        """Whether the write-back that absence in a gap calls for is made; None if there is none."""
        store = self._task.gaps[gap].store
        return None if store is None else self.stored[store]

    def plan(self, value: Callable[[pulp.LpVariable], float]) -> Residency:
        """Read the plan off a solution."""
        absent = [value(variable) > 0.5 for variable in self.absent]
        return residency(self._task, self.order(value), absent)


def absent_at(
    model: pulp.LpProblem, variables: Variables, span: Span, name: str
) -> pulp.LpAffineExpression:
    """At most 1, and 0 unless a gap of absence spans an op: all that room needs."""
    absent = variables.absent[span.gap]
    if not span.conditions:
        return pulp.LpAffineExpression({absent: 1})
    spans = pulp.LpVariable(name, 0, 1)
    model += spans <= absent
    for pairs in span.conditions:
        model += spans <= pulp.lpSum(variables.before(u, v) for u, v in pairs)
    return pulp.LpAffineExpression({spans: 1})

"""The unknowns: which op of an open pair runs first, and where buffers are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from solver.peak.cpsat.variables import Order
from solver.traffic.formulation.solution import residency

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.peak.cpsat.variables import Literal
    from solver.traffic.formulation.presence import Span
    from solver.traffic.formulation.task import Task
    from solver.traffic.residency import Residency


class Variables(Order):
    """Variables of a constraint program.

    Attributes
    ----------
    absent : list of IntVar
        Per gap, whether its buffer is absent for all of it.
    stored : list of IntVar
        Per write-back that readers share, whether it is made.
    traffic : LinearExpr
        Non-compulsory units.
    """

    def __init__(self, model: cp_model.CpModel, task: Task) -> None:
        super().__init__(model, task.relation)
        self._task = task
        self.absent = [
            model.new_bool_var(f"{gap.buffer} absent before {gap.end}") for gap in task.gaps
        ]
        self.stored = [model.new_bool_var(f"{i} stored") for i in range(len(task.stores))]
        costs = [*(gap.cost for gap in task.gaps), *task.stores]
        self.traffic = cp_model.LinearExpr.weighted_sum([*self.absent, *self.stored], costs)

    def plan(self, is_true: Callable[[cp_model.IntVar], bool]) -> Residency:
        """Read the plan off a solution."""
        absent = [is_true(variable) for variable in self.absent]
        return residency(self._task, self.order(is_true), absent)


def absent_at(model: cp_model.CpModel, variables: Variables, span: Span, name: str) -> Literal:
    """Whether a gap of absence spans an op: implied one way, which is all that room needs."""
    absent = variables.absent[span.gap]
    if not span.conditions:
        return absent
    spans = model.new_bool_var(name)
    model.add_implication(spans, absent)
    for pairs in span.conditions:
        model.add_bool_or([~spans, *(variables.before(u, v) for u, v in pairs)])
    return spans

"""The unknowns: the peak, and for every open pair of ops which one runs first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.peak.formulation.relation import Relation
    from solver.peak.formulation.task import Task


class Order:
    """Which op of an open pair runs first.

    Parameters
    ----------
    relation : Relation
        Precedence; there is a variable for each open pair.
    """

    def __init__(self, relation: Relation) -> None:
        self._relation = relation
        self._before = {
            (u, v): pulp.LpVariable(f"before_{u}_{v}", cat="Binary") for u, v in relation.open_pairs
        }

    def before(self, u: int, v: int) -> pulp.LpAffineExpression:
        """1 if op ``u`` runs before op ``v``, else 0; a constant where precedence decides."""
        if self._relation.is_before(u, v):
            return pulp.LpAffineExpression(constant=1)
        if u == v or self._relation.is_before(v, u):
            return pulp.LpAffineExpression(constant=0)
        if u < v:
            return pulp.LpAffineExpression({self._before[u, v]: 1})
        return pulp.LpAffineExpression({self._before[v, u]: -1}, constant=1)

    def order(self, value: Callable[[pulp.LpVariable], float]) -> list[int]:
        """Read the order off a solution: an op's place is the number of ops before it.

        A pair that no row mentions may have any value.
        """
        place = [mask.bit_count() for mask in self._relation.ancestors]
        for (u, v), variable in self._before.items():
            place[v if value(variable) > 0.5 else u] += 1
        return sorted(range(len(place)), key=place.__getitem__)


class Variables(Order):
    """Variables of an integer program.

    Attributes
    ----------
    peak : LpVariable
        Units in use at the worst step.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task.relation)
        most = max((step.most for step in task.steps), default=0)
        self.peak = pulp.LpVariable("peak", 0, max(most, task.floor, task.ceiling), "Integer")


def all_before(
    model: pulp.LpProblem, order: Order, ops: Sequence[int], v: int, name: str
) -> pulp.LpAffineExpression:
    """At most 1, and 0 unless all ``ops`` run before ``v``: all that a minimiser needs."""
    if len(ops) == 1:
        return order.before(ops[0], v)
    every = pulp.LpVariable(name, 0, 1)
    for u in ops:
        model += every <= order.before(u, v)
    return pulp.LpAffineExpression({every: 1})


def any_before(
    model: pulp.LpProblem, order: Order, ops: Sequence[int], v: int, name: str
) -> pulp.LpAffineExpression:
    """At least 0, and 1 if any of ``ops`` runs before ``v``: all that a minimiser needs."""
    if len(ops) == 1:
        return order.before(ops[0], v)
    some = pulp.LpVariable(name, 0, 1)
    for u in ops:
        model += some >= order.before(u, v)
    return pulp.LpAffineExpression({some: 1})

"""The unknowns: the peak, and for every open pair of ops which one runs first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.peak.formulation.relation import Relation
    from solver.peak.formulation.task import Task

#: A Boolean variable, its negation, or a constant.
Literal = cp_model.LiteralT


class Order:
    """Which op of an open pair runs first.

    Parameters
    ----------
    model : CpModel
        Gets a variable for each open pair.
    relation : Relation
        Precedence.
    """

    def __init__(self, model: cp_model.CpModel, relation: Relation) -> None:
        self._relation = relation
        self._before = {
            (u, v): model.new_bool_var(f"{u} before {v}") for u, v in relation.open_pairs
        }

    def before(self, u: int, v: int) -> Literal:
        """Whether op ``u`` runs before op ``v``; a constant where precedence decides."""
        if self._relation.is_before(u, v):
            return True
        if u == v or self._relation.is_before(v, u):
            return False
        return self._before[u, v] if u < v else ~self._before[v, u]

    def order(self, is_true: Callable[[cp_model.IntVar], bool]) -> list[int]:
        """Read the order off a solution: an op's place is the number of ops before it."""
        place = [mask.bit_count() for mask in self._relation.ancestors]
        for (u, v), variable in self._before.items():
            place[v if is_true(variable) else u] += 1
        return sorted(range(len(place)), key=place.__getitem__)


class Variables(Order):
    """Variables of a constraint program.

    Attributes
    ----------
    peak : IntVar
        Units in use at the worst step.
    """

    def __init__(self, model: cp_model.CpModel, task: Task) -> None:
        super().__init__(model, task.relation)
        most = max((step.most for step in task.steps), default=0)
        self.peak = model.new_int_var(0, max(most, task.floor, task.ceiling), "peak")


def all_before(
    model: cp_model.CpModel, order: Order, ops: Sequence[int], v: int, name: str
) -> Literal:
    """Whether all ``ops`` run before ``v``: implied one way, which is all a minimiser needs."""
    if len(ops) == 1:
        return order.before(ops[0], v)
    every = model.new_bool_var(name)
    for u in ops:
        model.add_implication(every, order.before(u, v))
    return every


def any_before(
    model: cp_model.CpModel, order: Order, ops: Sequence[int], v: int, name: str
) -> Literal:
    """Whether any of ``ops`` runs before ``v``: implied one way, which is all a minimiser needs."""
    if len(ops) == 1:
        return order.before(ops[0], v)
    some = model.new_bool_var(name)
    for u in ops:
        model.add_implication(order.before(u, v), some)
    return some

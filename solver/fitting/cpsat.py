"""Several banks as a CP-SAT formulation: a bank for each body, no overlap within a bank.

Bodies with steps on top are rectangles side by side at one offset. A body is in exactly one bank;
its rectangles are optional in the ``NoOverlap2D`` of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from itertools import groupby
from math import gcd
from typing import TYPE_CHECKING

from solver.arena.cpsat import solve_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ortools.sat.python import cp_model

    from solver.arena.bodies import Part


_LARGEST = 1 << 24  # units of a bank; see the presolve of ``solve_model``


@dataclass(frozen=True, slots=True)
class Answer:
    """A bank and an offset for each body, or that there are none, or neither in time."""

    places: list[tuple[int, int]] | None
    is_infeasible: bool = False


def is_available() -> bool:
    """Whether ortools is installed."""
    return find_spec("ortools") is not None


def solve(
    part: Part,
    sizes: Sequence[int],
    allowed: Sequence[Sequence[int]],
    seconds: float,
    *,
    check: Callable[[], None] = lambda: None,
) -> Answer:
    """Place the bodies of a part over banks.

    Parameters
    ----------
    part : Part
        What to place.
    sizes : sequence of int
        Bytes of each bank.
    allowed : sequence of sequence of int
        Banks that each body may go to.
    seconds : float
        Wall time.
    check : callable
        Called now and then; what it raises ends the solve and is passed on.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415

    formulation = _Formulation(part, sizes, allowed)
    if formulation.largest > _LARGEST:
        return Answer(None)
    solver, status = solve_model(formulation.model, seconds, 1, check, presolve=True)
    if status == cp_model.INFEASIBLE:
        return Answer(None, is_infeasible=True)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(formulation.places(solver))
    return Answer(None)


class _Formulation:
    """Variables and constraints, in multiples of ``unit`` bytes.

    Offsets that are sums of sizes are enough (push every body down), so the unit is the greatest
    common divisor of the sizes.
    """

    def __init__(self, part: Part, sizes: Sequence[int], allowed: Sequence[Sequence[int]]) -> None:
        from ortools.sat.python import cp_model  # noqa: PLC0415

        self.model = cp_model.CpModel()
        self.unit = reduce(gcd, (size for body in part.bodies for size in body.sizes))
        self._part = part
        self._sizes = [size // self.unit for size in sizes]
        self._allowed = allowed
        self.largest = largest = max(self._sizes, default=0)
        self.offsets = [
            self.model.new_int_var(0, max(0, largest - body.size // self.unit), "")
            for body in part.bodies
        ]
        self.inside = [{k: self.model.new_bool_var("") for k in banks} for banks in allowed]
        self._choose_one_bank()
        self._end_within_the_bank()
        self._keep_loads_within_banks()
        self._keep_apart()

    def places(self, solver: cp_model.CpSolver) -> list[tuple[int, int]]:
        """Read the solution."""
        return [
            (
                next(k for k, chosen in banks.items() if solver.value(chosen)),
                self.unit * solver.value(offset),
            )
            for banks, offset in zip(self.inside, self.offsets, strict=True)
        ]

    def _choose_one_bank(self) -> None:
        for banks in self.inside:
            self.model.add_exactly_one(list(banks.values()))

    def _end_within_the_bank(self) -> None:
        for body, banks, offset in zip(self._part.bodies, self.inside, self.offsets, strict=True):
            for k, chosen in banks.items():
                most = self._sizes[k] - body.size // self.unit
                self.model.add(offset <= most).only_enforce_if(chosen)

    def _keep_loads_within_banks(self) -> None:
        """Implied; it lets the solver refute by counting."""
        for column in range(len(self._part.loads)):
            for k, size in enumerate(self._sizes):
                terms = [
                    banks[k] * (body.sizes[column - body.begin] // self.unit)
                    for body, banks in zip(self._part.bodies, self.inside, strict=True)
                    if body.begin <= column < body.end and k in banks
                ]
                if terms:
                    self.model.add(sum(terms) <= size)

    def _keep_apart(self) -> None:
        for k in range(len(self._sizes)):
            columns, bytes_ = [], []
            for body, banks, offset in zip(
                self._part.bodies, self.inside, self.offsets, strict=True
            ):
                if k not in banks:
                    continue
                column = body.begin
                for size, run in groupby(body.sizes):
                    width = len(list(run))
                    columns.append(self.model.new_fixed_size_interval_var(column, width, ""))
                    bytes_.append(
                        self.model.new_optional_fixed_size_interval_var(
                            offset, size // self.unit, banks[k], ""
                        )
                    )
                    column += width
            if columns:
                self.model.add_no_overlap_2d(columns, bytes_)

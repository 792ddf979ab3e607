"""Offsets as a CP-SAT formulation: rectangles that do not overlap, least height.

Columns are given, so only the offsets are variables. Bodies with steps on top are rectangles side
by side at one offset. Bodies that are equal in everything keep the order of the part.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from itertools import groupby
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ortools.sat.python import cp_model

    from solver.arena.bodies import Body, Part

_POLL = 0.05  # seconds between looks at the limits and at Ctrl-C


@dataclass(frozen=True, slots=True)
class Answer:
    """What CP-SAT says: offsets if it found any, and a height below which there is no layout."""

    offsets: tuple[int, ...] | None
    bound: int


def is_available() -> bool:
    """Whether ortools is installed."""
    return find_spec("ortools") is not None


def solve(
    part: Part,
    bound: int,
    below: int,
    seconds: float,
    *,
    hint: Sequence[int] | None = None,
    workers: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Answer:
    """Look for the lowest layout of less than ``below`` bytes.

    Parameters
    ----------
    part : Part
        What to place.
    bound : int
        Bytes that no layout goes below.
    below : int
        Bytes that the layout must stay below, usually the height of the incumbent.
    seconds : float
        Wall time.
    hint : sequence of int, optional
        Offsets to start from.
    workers : int
        Threads of CP-SAT.
    check : callable
        Called now and then; what it raises ends the solve and is passed on.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415

    formulation = _Formulation(part, bound, below)
    if hint is not None:
        formulation.hint(hint)
    solver, status = solve_model(formulation.model, seconds, workers, check, presolve=False)
    unit = formulation.unit
    if status == cp_model.INFEASIBLE:
        return Answer(None, below)
    proven = bound
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        offsets = tuple(unit * solver.value(v) for v in formulation.offsets)
        proven = max(bound, unit * round(solver.best_objective_bound))
        return Answer(offsets, proven)
    return Answer(None, proven)


def solve_model(
    model: cp_model.CpModel,
    seconds: float,
    workers: int,
    check: Callable[[], None],
    *,
    presolve: bool,
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Solve in a thread: the main one stays free for limits and Ctrl-C.

    Parameters
    ----------
    model : cp_model.CpModel
        What to solve.
    seconds : float
        Wall time.
    workers : int
        Threads of CP-SAT.
    check : callable
        Called now and then; what it raises ends the solve and is passed on.
    presolve : bool
        OR-Tools 9.15 needs care. Its presolve can certify a wrong optimum where numbers are large
        (or-tools issue 5293; seen from 2**28 on). Without presolve, ``NoOverlap2D`` of optional
        rectangles was seen to be called infeasible where it is not.
    """
    from ortools.sat.python import cp_model  # noqa: PLC0415

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = 0
    solver.parameters.catch_sigint_signal = False
    solver.parameters.cp_model_presolve = presolve
    check()
    statuses: list[cp_model.CpSolverStatus] = []
    thread = threading.Thread(target=lambda: statuses.append(solver.solve(model)), daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL)
            check()
    finally:
        solver.stop_search()
        thread.join()
    return solver, statuses[0]


class _Formulation:
    """Variables and constraints, in multiples of ``unit`` bytes."""

    def __init__(self, part: Part, bound: int, below: int) -> None:
        from ortools.sat.python import cp_model  # noqa: PLC0415

        self.model = cp_model.CpModel()
        self.unit = _unit(part)
        self._bodies = part.bodies
        self._most = (below - 1) // self.unit
        self.offsets = [self._offset(body) for body in part.bodies]
        self._height = self.model.new_int_var(-(-bound // self.unit), self._most, "height")
        self._keep_apart()
        self._end_below_the_height()
        self._order_equal_bodies()
        self.model.minimize(self._height)

    def hint(self, offsets: Sequence[int]) -> None:
        for variable, offset in zip(self.offsets, offsets, strict=True):
            self.model.add_hint(variable, offset // self.unit)

    def _offset(self, body: Body) -> cp_model.IntVar:
        if body.pin is not None:
            return self.model.new_constant(body.pin // self.unit)
        return self.model.new_int_var(0, max(0, self._most - body.size // self.unit), "")

    def _keep_apart(self) -> None:
        columns, bytes_ = [], []
        for body, offset in zip(self._bodies, self.offsets, strict=True):
            column = body.begin
            for size, run in groupby(body.sizes):
                width = len(list(run))
                columns.append(self.model.new_fixed_size_interval_var(column, width, ""))
                bytes_.append(self.model.new_fixed_size_interval_var(offset, size // self.unit, ""))
                column += width
        self.model.add_no_overlap_2d(columns, bytes_)

    def _end_below_the_height(self) -> None:
        for body, offset in zip(self._bodies, self.offsets, strict=True):
            self.model.add(offset + body.size // self.unit <= self._height)

    def _order_equal_bodies(self) -> None:
        known: dict[tuple[int, int, tuple[int, ...]], cp_model.IntVar] = {}
        for body, offset in zip(self._bodies, self.offsets, strict=True):
            if body.pin is None:
                key = (body.begin, body.end, body.sizes)
                if key in known:
                    self.model.add(known[key] <= offset)
                known[key] = offset


def _unit(part: Part) -> int:
    sizes = [size for body in part.bodies for size in body.sizes]
    return reduce(gcd, [*sizes, *(body.pin or 0 for body in part.bodies)])

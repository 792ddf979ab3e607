"""HiGHS and CBC as backends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from solver.peak.formulation.drive import drive
from solver.peak.ilp.backend import IlpSolver
from solver.traffic.backend import Hint, RawOutcome
from solver.traffic.formulation.task import Incumbent

if TYPE_CHECKING:
    from solver.limits import Limits, Observer
    from solver.traffic.model import TrafficProblem

_PROGRAM = "solver.traffic.ilp.program"
_MOST_UNITS = 10**7  # see solver.traffic.ilp


class _Traffic(IlpSolver):
    def solve(
        self,
        problem: TrafficProblem,
        limits: Limits,
        hint: Hint,
        observer: Observer | None = None,
        workers: int = 1,
    ) -> RawOutcome:
        """See :meth:`solver.traffic.backend.Backend.solve`; a node is one of branch and bound."""
        self.require()
        best = Incumbent(problem, hint, _MOST_UNITS)
        launch = partial(self.launch, _PROGRAM, workers=workers)
        effort = drive(best, limits, observer, launch)
        return RawOutcome(best.plan, best.bound, effort.limit, effort.nodes, effort.seconds)


class IlpHighs(_Traffic):
    """HiGHS through highspy, see :class:`solver.peak.ilp.backend.IlpHighs`."""

    name = "ilp-highs"
    _packages = ("pulp", "highspy")


class IlpCbc(_Traffic):
    """CBC of COIN-OR, see :class:`solver.peak.ilp.backend.IlpCbc`."""

    name = "ilp-cbc"
    _packages = ("pulp",)

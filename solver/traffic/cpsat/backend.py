"""CP-SAT as a backend."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from solver.peak.backend import BackendUnavailableError
from solver.peak.formulation.drive import drive
from solver.traffic.backend import Hint, RawOutcome
from solver.traffic.formulation.task import Incumbent

if TYPE_CHECKING:
    from solver.limits import Limits, Observer
    from solver.traffic.model import TrafficProblem

_MOST_UNITS = 2**50  # so that no sum overflows 64 bits


class CpSat:
    """CP-SAT of Google OR-Tools. Its bounds are exact integers."""

    name = "cpsat"

    def is_available(self) -> bool:
        """Whether ``ortools`` can be loaded."""
        try:
            import_module("ortools.sat.python.cp_model")
        except ImportError:
            return False
        return True

    def solve(
        self,
        problem: TrafficProblem,
        limits: Limits,
        hint: Hint,
        observer: Observer | None = None,
        workers: int = 1,
    ) -> RawOutcome:
        """See :meth:`solver.traffic.backend.Backend.solve`.

        A node is a branch, limited by conflicts. The solver runs in a thread of its own, so that
        Ctrl-C reaches the caller.
        """
        try:
            from solver.peak.cpsat.runner import SolverThread  # noqa: PLC0415  optional library
            from solver.traffic.cpsat.program import Program  # noqa: PLC0415
        except ImportError as error:
            raise BackendUnavailableError(self.name, "cpsat", error) from error
        best = Incumbent(problem, hint, _MOST_UNITS)
        effort = drive(
            best, limits, observer, lambda task, left: SolverThread(Program, task, left, workers)
        )
        return RawOutcome(best.plan, best.bound, effort.limit, effort.nodes, effort.seconds)

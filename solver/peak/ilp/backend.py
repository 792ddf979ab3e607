"""HiGHS and CBC as backends."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from solver.peak.backend import BackendUnavailableError, Hint, RawOutcome
from solver.peak.formulation.drive import drive
from solver.peak.formulation.task import Incumbent
from solver.peak.ilp.rounding import MOST_UNITS
from solver.peak.ilp.runner import SolverProcess, WorkerError

if TYPE_CHECKING:
    from solver.limits import Limits, Observer
    from solver.memory import Problem

_PROGRAM = "solver.peak.ilp.program"


class IlpSolver:
    """A solver behind PuLP. Its process starts at the first solve and serves later ones too."""

    name: ClassVar[str]
    _packages: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._process: SolverProcess | None = None

    def is_available(self) -> bool:
        """Whether the packages are installed and the solver can be started."""
        try:
            self.require()
            self._started()
        except BackendUnavailableError:
            return False
        return True

    def close(self) -> None:
        """End the solver's process; another solve starts a new one."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def launch(self, program: str, task: object, left: Limits, workers: int) -> SolverProcess:
        """Set the solver to work on a task, stated by the ``Program`` of a module."""
        process = self._started()
        process.send(program, task, left, workers)
        return process

    def require(self) -> None:
        """Raise what says that a package is missing."""
        for package in self._packages:
            if find_spec(package) is None:
                raise BackendUnavailableError(self.name, "ilp", f"no package {package!r}")

    def _started(self) -> SolverProcess:
        if self._process is None or not self._process.is_idle():
            self.close()
            try:
                self._process = SolverProcess(self.name)
            except WorkerError as error:
                raise BackendUnavailableError(self.name, "ilp", error) from error
        return self._process


class _Peak(IlpSolver):
    def solve(
        self,
        problem: Problem,
        limits: Limits,
        hint: Hint,
        observer: Observer | None = None,
        workers: int = 1,
    ) -> RawOutcome:
        """See :meth:`solver.peak.backend.Backend.solve`; a node is one of branch and bound."""
        self.require()
        best = Incumbent(problem, hint, MOST_UNITS)
        launch = partial(self.launch, _PROGRAM, workers=workers)
        effort = drive(best, limits, observer, launch)
        return RawOutcome(best.order, best.bound, effort.limit, effort.nodes, effort.seconds)


class IlpHighs(_Peak):
    """HiGHS (Huangfu, Hall, Mathematical Programming Computation 2018) through highspy."""

    name = "ilp-highs"
    _packages = ("pulp", "highspy")


class IlpCbc(_Peak):
    """CBC of COIN-OR, the binary that comes with PuLP.

    It says what it has when it stops; one that does not stop in time is ended without a word.
    """

    name = "ilp-cbc"
    _packages = ("pulp",)

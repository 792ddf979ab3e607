"""HiGHS and CBC through PuLP: what to tell them, and how to read what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pulp

from solver.limits import Limit, Limits
from solver.peak.formulation.drive import Event
from solver.peak.ilp.rounding import safe_bound

if TYPE_CHECKING:
    from pathlib import Path


class Program(Protocol):
    """A task as an integer linear program; its objective has a least value."""

    @property
    def model(self) -> pulp.LpProblem:
        """The program."""

    def add_constraints(self) -> None:
        """State everything."""

    def read(self, value: Callable[[pulp.LpVariable], float]) -> object:
        """Read a solution."""


Report = Callable[[Event[object]], None]
#: Solves a program within limits with some threads, reports on the way, returns the last event.
Solver = Callable[[Program, Limits, int, Report], Event[object]]

_SEED = 1
_LOWER_BOUND = re.compile(r"^Lower bound:\s+(\S+)", re.MULTILINE)
_NODES = re.compile(r"^Enumerated nodes:\s+(\d+)", re.MULTILINE)


class Stop(Protocol):
    """Whether to stop."""

    @property
    def is_asked(self) -> bool:
        """Whether somebody has asked for it."""


def make_solver(name: str, directory: Path, stop: Stop) -> Solver:
    """Return the solver of a backend.

    Parameters
    ----------
    directory : Path
        For temporary files.
    stop : Stop
        Looked at while the solver works.

    Raises
    ------
    ImportError
        If PuLP cannot use it here.
    """
    solvers: dict[str, Highs | Cbc] = {"ilp-highs": Highs(stop), "ilp-cbc": Cbc(directory)}
    if name not in solvers or not solvers[name].is_available():
        raise ImportError(f"PuLP has no solver {name.removeprefix('ilp-')!r}")
    return solvers[name]


class Highs:
    """HiGHS in this process. It reports orders and bounds as it finds them."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def is_available(self) -> bool:
        """Whether highspy can be loaded."""
        return bool(pulp.HiGHS().available())

    def __call__(
        self, program: Program, limits: Limits, workers: int, report: Report
    ) -> Event[object]:
        """Solve a program."""
        import highspy  # noqa: PLC0415  CBC does without

        kinds = highspy.cb.HighsCallbackType
        options: dict[str, Any] = {"random_seed": _SEED, "mip_rel_gap": 0.0}
        if limits.nodes is not None:
            options["mip_max_nodes"] = limits.nodes

        def listen(kind: Any, _: str, found: Any, answer: Any, __: Any) -> None:  # noqa: ANN401
            if kind == kinds.kCallbackMipInterrupt:
                answer.user_interrupt = self._stop.is_asked
                return
            solution = None
            if kind == kinds.kCallbackMipImprovingSolution:
                solution = _read(program, found.mip_solution)
            bound = safe_bound(found.mip_dual_bound)
            report(Event(solution, bound, nodes=max(0, found.mip_node_count)))

        solver = pulp.HiGHS(
            msg=False,
            timeLimit=limits.seconds,
            threads=workers,
            callbackTuple=(listen, None),
            callbacksToActivate=[
                kinds.kCallbackMipImprovingSolution,
                kinds.kCallbackMipInterrupt,
                kinds.kCallbackMipLogging,
            ],
            **options,
        )
        solver.createAndConfigureSolver(program.model)
        solver.buildSolverModel(program.model)
        solver.callSolver(program.model)
        return self._last(program)

    def _last(self, program: Program) -> Event[object]:
        import highspy  # noqa: PLC0415

        highs = program.model.solverModel
        status, info = highs.getModelStatus(), highs.getInfo()
        nodes = max(0, int(info.mip_node_count))
        statuses = highspy.HighsModelStatus
        if status in {statuses.kInfeasible, statuses.kUnboundedOrInfeasible}:
            return Event(nodes=nodes, is_refuted=True, is_last=True)  # it is bounded
        found = None
        if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            found = _read(program, highs.getSolution().col_value)
        limits = {
            statuses.kTimeLimit: Limit.TIME,
            statuses.kInterrupt: Limit.INTERRUPT,
            statuses.kSolutionLimit: Limit.NODES,
        }
        bound = safe_bound(info.mip_dual_bound)
        return Event(found, bound, nodes, is_last=True, limit=limits.get(status))


def _read(program: Program, values: Sequence[float]) -> object:
    """Read a solution off the values of the program's columns."""
    value = dict(zip(program.model.variables(), values, strict=True))
    return program.read(lambda v: value.get(v, 0.0))


class Cbc:
    """CBC in a process of its own. What it has is known when it has ended."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def is_available(self) -> bool:
        """Whether PuLP holds a binary for this machine."""
        return bool(pulp.PULP_CBC_CMD(msg=False).available())

    def __call__(self, program: Program, limits: Limits, workers: int, _: Report) -> Event[object]:
        """Solve a program."""
        log = self._directory / "cbc.log"
        solver = pulp.PULP_CBC_CMD(
            msg=False,
            timeLimit=limits.seconds,
            threads=workers if workers > 1 else None,
            maxNodes=limits.nodes,
            logPath=str(log),
        )
        solver.tmpDir = str(self._directory)
        try:
            solver.actualSolve(program.model)
        except pulp.PulpSolverError:
            return Event(is_last=True)
        return self._last(program, log.read_text(encoding="utf-8", errors="replace"), limits)

    def _last(self, program: Program, log: str, limits: Limits) -> Event[object]:
        solved = program.model.sol_status
        nodes = int(found[1]) if (found := _NODES.search(log)) else 0
        stopped = "Stopped on" in log or "ctrl-c" in log
        if program.model.status == pulp.LpStatusInfeasible and not stopped:
            # Preprocessing may say "infeasible or unbounded", but it is bounded.
            return Event(nodes=nodes, is_refuted="infeasible" in log, is_last=True)
        solution = None
        if solved in {pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible}:
            solution = program.read(lambda v: v.varValue or 0.0)
        if solved == pulp.LpSolutionOptimal and not stopped:
            bound = safe_bound(pulp.value(program.model.objective) or 0.0)
            return Event(solution, bound, nodes, is_last=True)
        bound = safe_bound(float(found[1])) if (found := _LOWER_BOUND.search(log)) else None
        limit = Limit.TIME if stopped else None
        if limit and limits.nodes is not None and nodes >= limits.nodes:
            limit = Limit.NODES
        return Event(solution, bound, nodes, is_last=True, limit=limit)

"""CP-SAT at work in a thread."""

from __future__ import annotations

import math
import queue
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ortools.sat.python import cp_model

from solver.limits import Limit
from solver.peak.formulation.drive import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.limits import Limits

_SEED = 1
_GRACE = 5.0  # seconds; presolve looks up rarely
_MOST_WORKERS = 8  # more are reported to refute what is possible (or-tools issue 5295)

_Found = TypeVar("_Found")
_Found_co = TypeVar("_Found_co", covariant=True)
_Task = TypeVar("_Task")


class Program(Protocol[_Found_co]):
    """A task as a constraint program."""

    def add_constraints(self) -> None:
        """State everything."""

    def tune(self, solver: cp_model.CpSolver) -> None:
        """Set the parameters that suit the program."""

    def read(self, is_true: Callable[[cp_model.IntVar], bool]) -> _Found_co:
        """Read a solution."""


class SolverThread(Generic[_Found]):
    """Builds the program and solves it; see :class:`solver.peak.formulation.drive.Run`.

    Parameters
    ----------
    build : callable
        Makes the program of a task, within a model.
    """

    grace = _GRACE

    def __init__(
        self,
        build: Callable[[cp_model.CpModel, _Task], Program[_Found]],
        task: _Task,
        limits: Limits,
        workers: int,
    ) -> None:
        self._model = _Model()
        self._build: Callable[[], Program[_Found]] = partial(build, self._model, task)
        self._limits = limits
        self._workers = workers
        self._solver = cp_model.CpSolver()
        self._events: queue.SimpleQueue[Event[_Found] | BaseException] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_searching = self._is_stopped = False
        threading.Thread(target=self._run, name="cpsat", daemon=True).start()

    def next(self, seconds: float) -> Event[_Found] | None:
        """Wait for an event."""
        try:
            event = self._events.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(event, BaseException):
            raise event
        return event

    def stop(self) -> None:
        """Ask CP-SAT to stop; before it searches there is nothing to wait for."""
        with self._lock:
            if not self._is_searching and not self._is_stopped:
                self._events.put(Event(is_last=True))
            self._is_stopped = self._model.is_stopped = True
        self._solver.stop_search()

    def end(self) -> None:
        """See to it that the thread ends soon."""
        self.stop()

    def resident(self) -> int:
        """Nothing: the memory is that of this process."""
        return 0

    def _run(self) -> None:
        try:
            self._solve()
        except _StoppedError:
            return
        except BaseException as error:
            self._events.put(error)

    def _solve(self) -> None:
        program = self._build()
        program.add_constraints()
        with self._lock:
            if self._is_stopped:
                return
            self._is_searching = True
        solver = self._solver
        parameters = solver.parameters
        parameters.num_workers = min(self._workers, _MOST_WORKERS)
        parameters.random_seed = _SEED
        parameters.catch_sigint_signal = False
        program.tune(solver)
        if self._limits.seconds is not None:
            parameters.max_time_in_seconds = self._limits.seconds
        if self._limits.nodes is not None:
            parameters.max_number_of_conflicts = self._limits.nodes
        solver.best_bound_callback = self._on_bound
        status = solver.solve(self._model, _Solutions(program, self._events))
        self._events.put(self._last(status))

    def _on_bound(self, bound: float) -> None:
        if abs(bound) < 2**53:  # beyond, a float is no exact integer; the last event has it
            self._events.put(Event(bound=math.floor(bound)))

    def _last(self, status: cp_model.CpSolverStatus) -> Event[_Found]:
        solver = self._solver
        nodes = int(solver.num_branches)
        if status == cp_model.INFEASIBLE:
            return Event(nodes=nodes, is_refuted=True, is_last=True)
        if status == cp_model.MODEL_INVALID:
            raise AssertionError("CP-SAT refuses the program")
        bound = int(solver.response_proto.inner_objective_lower_bound)
        limit = None if status == cp_model.OPTIMAL else self._limit()
        return Event(bound=bound, nodes=nodes, is_last=True, limit=limit)

    def _limit(self) -> Limit:
        most = self._limits.nodes
        if most is not None and self._solver.num_conflicts >= most:
            return Limit.NODES
        return Limit.TIME


class _StoppedError(Exception):
    """Raised between two clauses while a program is built."""


class _Model(cp_model.CpModel):
    """A model that can be given up while it is built: clauses are what there is most of."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stopped = False

    def add_bool_or(self, *literals: Any) -> cp_model.Constraint:  # noqa: ANN401
        """Add a clause."""
        if self.is_stopped:
            raise _StoppedError
        return super().add_bool_or(*literals)


class _Solutions(cp_model.CpSolverSolutionCallback):
    """Sends every solution that CP-SAT finds."""

    def __init__(self, program: Program[Any], events: queue.SimpleQueue[Any]) -> None:
        super().__init__()
        self._program = program
        self._events = events

    def on_solution_callback(self) -> None:
        """Take a solution."""
        found = self._program.read(self.boolean_value)
        self._events.put(Event(found, nodes=int(self.num_branches)))

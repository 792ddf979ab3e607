"""CP-SAT on another core beside the exact search, where that is stuck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from solver.peak.backend import BackendUnavailableError
from solver.peak.formulate import Leash
from solver.traffic.backend import backend

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from solver.limits import Meter
    from solver.traffic.backend import Hint, RawOutcome
    from solver.traffic.model import TrafficProblem

METHOD = "cpsat"

_STUCK = 50_000  # states without an answer after which CP-SAT joins in
_MOST_OPS = 128  # larger networks are beyond it


class AnsweredError(Exception):
    """Raised inside the search once CP-SAT has come to an end by itself."""

    def __init__(self, outcome: RawOutcome) -> None:
        super().__init__("answered")
        self.outcome = outcome


def may_assist(problem: TrafficProblem) -> bool:
    """Whether CP-SAT could be of help with a problem, if it is installed."""
    return len(problem) <= _MOST_OPS and problem.live_capacity is None


class Assistant:
    """Listens to a search, as observer of its meter, while it is entered.

    It only reports: the search goes on until CP-SAT has an answer.

    Parameters
    ----------
    problem : TrafficProblem
        What is searched.
    meter : Meter
        Of the search. Its observer goes on to be told.
    hint : callable
        Tells what CP-SAT is to start from.
    """

    def __init__(self, problem: TrafficProblem, meter: Meter, hint: Callable[[], Hint]) -> None:
        self._problem = problem
        self._meter = meter
        self._hint = hint
        self._observer = meter.observer
        self._enough = meter.states + _STUCK
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(1, "formulation")
        self._future: Future[RawOutcome | None] | None = None

    def __enter__(self) -> Self:
        self._meter.observer = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._meter.observer = self._observer
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def on_incumbent(self, peak: int) -> None:
        """Pass on."""
        self._observer.on_incumbent(peak)

    def on_bound(self, bound: int) -> None:
        """Pass on."""
        self._observer.on_bound(bound)

    def on_progress(self, states: int) -> None:
        """Pass on, and see whether it is time to start, or there is an answer.

        Raises
        ------
        AnsweredError
            Once CP-SAT has proven something by itself.
        """
        self._observer.on_progress(states)
        if self._future is None and states > self._enough:
            self._future = self._pool.submit(self._solve, self._hint())
        if self._future is not None and self._future.done():
            outcome = self._future.result()
            if outcome is not None and outcome.limit is None:
                raise AnsweredError(outcome)

    def _solve(self, hint: Hint) -> RawOutcome | None:
        """Return the answer; None if CP-SAT is not installed. Loading it takes a while."""
        try:
            return backend(METHOD).solve(
                self._problem, self._meter.remaining(), hint, Leash(self._stopped)
            )
        except BackendUnavailableError:
            return None

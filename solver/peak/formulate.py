"""Hand a window to a formulation: alone, or on another core beside the exact searches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Event
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, SilentObserver
from solver.peak.backend import Hint, backend
from solver.peak.bounds import CutBounds
from solver.peak.outcome import Claim
from solver.peak.part import part_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from solver.limits import Meter, Observer
    from solver.memory import Problem
    from solver.peak.backend import RawOutcome
    from solver.peak.window import Window

_MOST_CUTS = 200  # ops; larger windows go without the cut of every op

_backend = cache(backend)  # some have a process of their own, which takes a while to start


def formulate(
    problem: Problem,
    window: Window,
    done: Sequence[int],
    *,
    method: str,
    bound: int,
    meter: Meter,
    observer: Observer | None = None,
    workers: int = 1,
) -> Claim:
    """Solve a window by a formulation, from its best order and the bounds known.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    window : Window
        The part to solve; not changed.
    done : sequence of int
        Ops before it.
    method : str
        A name in :mod:`solver.peak.backend`.
    bound : int
        Bytes that every order of the whole problem needs; the window may need less.
    meter : Meter
        The formulation gets what its limits leave.

    Raises
    ------
    BackendUnavailableError
        If its library is not installed.
    LimitReachedError
        If nothing is left of the limits.
    """
    meter.check()
    limits = meter.remaining()
    op_bounds: dict[int, int] = {}
    if len(window.ops) <= _MOST_CUTS:
        cuts = CutBounds(window.forward)
        op_bounds = {i: cuts.cut(i).bound for i in range(len(window.ops))}
    # Peaks below the bound of the whole are as good as it: the formulation may stop there.
    hint = Hint(tuple(window.index[v] for v in window.order), min(bound, window.peak), op_bounds)
    part = part_of(problem, done, window.ops)
    found = _backend(method).solve(part, limits, hint, observer or meter.observer, workers)
    return _claim(method, window.ops, found)


def _claim(method: str, ops: tuple[int, ...], found: RawOutcome) -> Claim:
    order = None if found.order is None else [ops[i] for i in found.order]
    return Claim(method, ops, order, found.bound, found.limit)


class Assistant:
    """A formulation of one window in a thread of its own.

    It only reports: the caller asks now and then and decides what to take.
    """

    def __init__(
        self,
        problem: Problem,
        window: Window,
        done: Sequence[int],
        *,
        method: str,
        bound: int,
        meter: Meter,
    ) -> None:
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(1, "formulation")
        self._future: Future[Claim] | None = self._pool.submit(
            formulate,
            problem,
            window,
            done,
            method=method,
            bound=bound,
            meter=meter,
            observer=Leash(self._stopped),
        )

    def report(self) -> Claim | None:
        """Give what it found, once, when it has come to an end by itself."""
        future = self._future
        if future is None or not future.done():
            return None
        self._future = None
        try:
            return future.result()
        except LimitReachedError:
            return None

    def stop(self) -> None:
        """End it; wait until it has ended."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)


class Leash(SilentObserver):
    """Stops a backend from another thread: it looks at its observer several times a second."""

    def __init__(self, stopped: Event) -> None:
        self._stopped = stopped

    def on_progress(self, states: int) -> None:  # noqa: ARG002
        """Raise once the leash is pulled."""
        if self._stopped.is_set():
            raise LimitReachedError(Limit.INTERRUPT)

"""Runs a solver elsewhere, within limits, and keeps what it finds.

The solver works in a thread or process of its own and sends events. The calling thread stays free
for Ctrl-C, the clock, the memory and the observer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from solver.limits import (
    Limit,
    LimitReachedError,
    Limits,
    Meter,
    Observer,
    SilentObserver,
    resident_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK = 0.05  # seconds between looks at clock and memory

_Found = TypeVar("_Found")
_Found_contra = TypeVar("_Found_contra", contravariant=True)
_Task = TypeVar("_Task")
_Task_co = TypeVar("_Task_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[_Found]):
    """What a solver has to say.

    Attributes
    ----------
    found : object or None
        A solution: an order, or an order with more.
    bound : int or None
        Units that every solution below the cutoff needs.
    nodes : int or None
        Its effort so far.
    is_refuted : bool
        Whether there is no solution below the cutoff.
    is_last : bool
        Whether it has stopped.
    limit : Limit or None
        Why it stopped, if not by itself.
    """

    found: _Found | None = None
    bound: int | None = None
    nodes: int | None = None
    is_refuted: bool = False
    is_last: bool = False
    limit: Limit | None = None


class Run(Protocol[_Found]):
    """A solver at work on a task."""

    @property
    def grace(self) -> float:
        """Seconds it may take to stop by itself."""

    def next(self, seconds: float) -> Event[_Found] | None:
        """Wait for an event; None if there is none in time. May raise what the solver raised."""

    def stop(self) -> None:
        """Ask it to stop and to say what it has; may be called again and again."""

    def end(self) -> None:
        """Stop it for good if it still runs."""

    def resident(self) -> int:
        """Bytes of memory it holds outside of this process."""


class Best(Protocol[_Found_contra, _Task_co]):
    """The best solution and bound so far, always valid: solutions are replayed."""

    @property
    def value(self) -> int:
        """What the best solution needs, in bytes."""

    @property
    def bound(self) -> int:
        """What every solution needs, in bytes."""

    @property
    def is_optimal(self) -> bool:
        """Whether there is nothing left to look for."""

    def task(self) -> _Task_co:
        """State what is left to do: to find something better."""

    def offer(self, found: _Found_contra) -> bool:
        """Replay a solution and keep it if it is better."""

    def raise_bound(self, units: int) -> bool:
        """Take a bound on what is better than the first solution; return whether it is new."""

    def refute(self) -> bool:
        """Take it that there is nothing better; return whether that is new."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How a run went: the limit that stopped it, its nodes, and seconds of wall time."""

    limit: Limit | None
    nodes: int
    seconds: float


def drive(
    best: Best[_Found, _Task],
    limits: Limits,
    observer: Observer | None,
    launch: Callable[[_Task, Limits], Run[_Found]],
) -> Effort:
    """Launch a solver on what is open and see it through.

    Parameters
    ----------
    best : Best
        Takes what the solver finds; valid however the run ends.
    launch : callable
        Starts the solver on a task with the limits that are left.
    """
    return _Driver(best, limits, observer or SilentObserver()).solve(launch)


class _Driver(Generic[_Found, _Task]):
    def __init__(self, best: Best[_Found, _Task], limits: Limits, observer: Observer) -> None:
        self._limits = limits
        self._observer = observer
        self._meter = Meter(replace(limits, nodes=None))  # nodes are the solver's to count
        self._nodes = 0
        self._limit: Limit | None = None
        self._has_ended = False
        self._best = best

    def solve(self, launch: Callable[[_Task, Limits], Run[_Found]]) -> Effort:
        run: Run[_Found] | None = None
        try:
            if not self._best.is_optimal:
                run = launch(self._best.task(), self._left())
                while not self._has_ended:
                    self._take(run.next(_TICK))
                    if not self._has_ended:
                        self._check(run)
        except LimitReachedError as stop:
            self._limit = stop.limit
        except KeyboardInterrupt:
            self._limit = Limit.INTERRUPT
        if run is not None:
            try:
                self._wind_up(run)
            except KeyboardInterrupt:
                self._limit = Limit.INTERRUPT
            finally:
                run.end()
        return Effort(self._limit, self._nodes, self._meter.seconds)

    def _left(self) -> Limits:
        if self._limits.seconds is None:
            return self._limits
        left = self._limits.seconds - self._meter.seconds
        if left <= 0:
            raise LimitReachedError(Limit.TIME)
        return replace(self._limits, seconds=left)

    def _check(self, run: Run[_Found]) -> None:
        self._meter.check()
        self._observer.on_progress(self._nodes)
        most = self._limits.memory_bytes
        if most is not None and resident_bytes() + run.resident() > most:
            raise LimitReachedError(Limit.MEMORY)

    def _wind_up(self, run: Run[_Found]) -> None:
        """Give the solver a moment to hand over what it has."""
        end = time.monotonic() + run.grace
        while not self._has_ended and time.monotonic() < end:
            run.stop()
            try:
                self._take(run.next(_TICK))
            except LimitReachedError:  # the observer has said so before
                continue

    def _take(self, event: Event[_Found] | None) -> None:
        """Keep what an event brings."""
        if event is None:
            return
        self._has_ended = event.is_last  # first of all: the observer may raise
        best = self._best
        if event.nodes is not None:
            self._nodes = event.nodes
        if event.found is not None and best.offer(event.found):
            self._observer.on_incumbent(best.value)
        raised = event.bound is not None and best.raise_bound(event.bound)
        if event.is_refuted:
            raised = best.refute()
        if raised:
            self._observer.on_bound(best.bound)
        if event.is_last and self._limit is None:
            self._limit = event.limit

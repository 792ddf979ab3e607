"""Runs a solver elsewhere, within limits, and keeps what it finds.

The solver works in a thread or process of its own and sends events. The calling thread stays free
for Ctrl-C, the clock, the memory and the observer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from solver.limits import (
    Limit,
    LimitReachedError,
    Limits,
    Meter,
    Observer,
    SilentObserver,
    resident_bytes,
)
from solver.peak.backend import Hint, RawOutcome
from solver.peak.formulation.task import Incumbent, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.memory import Problem

_TICK = 0.05  # seconds between looks at clock and memory


@dataclass(frozen=True, slots=True)
class Event:
    """What a solver has to say.

    Attributes
    ----------
    order : tuple of int or None
        An order it found.
    bound : int or None
        Units that every order below the cutoff needs.
    nodes : int or None
        Its effort so far.
    is_refuted : bool
        Whether there is no order below the cutoff.
    is_last : bool
        Whether it has stopped.
    limit : Limit or None
        Why it stopped, if not by itself.
    """

    order: tuple[int, ...] | None = None
    bound: int | None = None
    nodes: int | None = None
    is_refuted: bool = False
    is_last: bool = False
    limit: Limit | None = None


class Run(Protocol):
    """A solver at work on a task."""

    @property
    def grace(self) -> float:
        """Seconds it may take to stop by itself."""

    def next(self, seconds: float) -> Event | None:
        """Wait for an event; None if there is none in time. May raise what the solver raised."""

    def stop(self) -> None:
        """Ask it to stop and to say what it has; may be called again and again."""

    def end(self) -> None:
        """Stop it for good if it still runs."""

    def resident(self) -> int:
        """Bytes of memory it holds outside of this process."""


def drive(
    problem: Problem,
    limits: Limits,
    hint: Hint,
    observer: Observer | None,
    launch: Callable[[Task, Limits], Run],
    *,
    most_units: int | None = None,
) -> RawOutcome:
    """Launch a solver on what the hint leaves open and see it through.

    Parameters
    ----------
    launch : callable
        Starts the solver on a task with the limits that are left.
    most_units : int, optional
        See :class:`solver.peak.formulation.task.Incumbent`.
    """
    return _Driver(problem, limits, hint, observer or SilentObserver(), most_units).solve(launch)


class _Driver:
    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        hint: Hint,
        observer: Observer,
        most_units: int | None,
    ) -> None:
        self._limits = limits
        self._observer = observer
        self._meter = Meter(replace(limits, nodes=None))  # nodes are the solver's to count
        self._nodes = 0
        self._limit: Limit | None = None
        self._incumbent = Incumbent(problem, hint, most_units)

    def solve(self, launch: Callable[[Task, Limits], Run]) -> RawOutcome:
        run: Run | None = None
        has_ended = False
        try:
            if not self._incumbent.is_optimal:
                run = launch(self._incumbent.task(), self._left())
                while not has_ended:
                    has_ended = self._take(run.next(_TICK))
                    if not has_ended:
                        self._check(run)
        except LimitReachedError as stop:
            self._limit = stop.limit
        except KeyboardInterrupt:
            self._limit = Limit.INTERRUPT
        if run is not None:
            try:
                if not has_ended:
                    self._wind_up(run)
            except KeyboardInterrupt:
                self._limit = Limit.INTERRUPT
            finally:
                run.end()
        return RawOutcome(
            order=self._incumbent.order,
            bound=self._incumbent.bound,
            limit=self._limit,
            nodes=self._nodes,
            seconds=self._meter.seconds,
        )

    def _left(self) -> Limits:
        if self._limits.seconds is None:
            return self._limits
        left = self._limits.seconds - self._meter.seconds
        if left <= 0:
            raise LimitReachedError(Limit.TIME)
        return replace(self._limits, seconds=left)

    def _check(self, run: Run) -> None:
        self._meter.check()
        self._observer.on_progress(self._nodes)
        most = self._limits.memory_bytes
        if most is not None and resident_bytes() + run.resident() > most:
            raise LimitReachedError(Limit.MEMORY)

    def _wind_up(self, run: Run) -> None:
        """Give the solver a moment to hand over what it has."""
        end = time.monotonic() + run.grace
        while time.monotonic() < end:
            run.stop()
            if self._take(run.next(_TICK)):
                return

    def _take(self, event: Event | None) -> bool:
        """Keep what an event brings; return whether it was the last."""
        if event is None:
            return False
        incumbent = self._incumbent
        if event.nodes is not None:
            self._nodes = event.nodes
        if event.order is not None and incumbent.offer(event.order):
            self._observer.on_incumbent(incumbent.peak)
        raised = event.bound is not None and incumbent.raise_bound(event.bound)
        if event.is_refuted:
            raised = incumbent.refute()
        if raised:
            self._observer.on_bound(incumbent.bound)
        if event.is_last and self._limit is None:
            self._limit = event.limit
        return event.is_last

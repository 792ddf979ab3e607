"""Limits on a solver and the observer it reports to."""

from __future__ import annotations

import resource
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

_CHECK_EVERY = 64  # heuristic steps between looks at the clock
_STATM = Path("/proc/self/statm")
_NO_LIMIT = 2**62
_LEAST_SECONDS = 1e-3  # a limit is positive


class Limit(StrEnum):
    """Why a solver stopped before its proof."""

    TIME = "time"
    MEMORY = "memory"
    INTERRUPT = "interrupt"
    NODES = "nodes"


class LimitReachedError(Exception):
    """Raised inside a solver when a limit is hit; solvers turn it into a result."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.value)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Limits:
    """What a solver may use.

    Attributes
    ----------
    seconds : float or None
        Wall time.
    memory_bytes : int or None
        Resident memory of the whole process.
    nodes : int or None
        States expanded: the deterministic limit.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    nodes: int | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_bytes", "nodes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"the limit on {name} must be positive, not {value}")


class Observer(Protocol):
    """Receives progress; what it does with it is its own business."""

    def on_incumbent(self, peak: int) -> None:
        """Report a better order, by its peak in bytes."""

    def on_bound(self, bound: int) -> None:
        """Report a better lower bound, in bytes."""

    def on_progress(self, states: int) -> None:
        """Report the number of states expanded so far."""


class SilentObserver:
    """Ignores everything."""

    def on_incumbent(self, peak: int) -> None:
        """Ignore."""

    def on_bound(self, bound: int) -> None:
        """Ignore."""

    def on_progress(self, states: int) -> None:
        """Ignore."""


@dataclass(slots=True)
class Meter:
    """Counts states against limits; one per solve."""

    limits: Limits = field(default_factory=Limits)
    observer: Observer = field(default_factory=SilentObserver)
    states: int = 0
    _steps: int = 0
    _start: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        """Wall time since the meter was made."""
        return time.monotonic() - self._start

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.limits.seconds is not None and self.seconds > self.limits.seconds

    def remaining(self, share: float = 1.0) -> Limits:
        """Limits with a share of the time that is left."""
        if self.limits.seconds is None:
            return self.limits
        seconds = share * (self.limits.seconds - self.seconds)
        return replace(self.limits, seconds=max(_LEAST_SECONDS, seconds))

    def allowance(self, states: int) -> int:
        """How many of ``states`` more states the limits allow.

        Raises
        ------
        LimitReachedError
            If none.
        """
        if self.limits.nodes is None:
            return states
        if self.states >= self.limits.nodes:
            raise LimitReachedError(Limit.NODES)
        return min(states, self.limits.nodes - self.states)

    def memory_left(self) -> int:
        """Bytes this process may still take."""
        if self.limits.memory_bytes is None:
            return _NO_LIMIT
        return max(0, self.limits.memory_bytes - resident_bytes())

    def add(self, states: int) -> None:
        """Count states and look at the clock and the memory.

        Raises
        ------
        LimitReachedError
            When a limit is hit.
        """
        with self._lock:
            self.states += states
        self.check()

    def tick_heuristic(self) -> None:
        """Count a step of a heuristic: looks at the clock now and then, never at ``nodes``.

        Raises
        ------
        LimitReachedError
            When a limit is hit.
        """
        self._steps += 1
        if self._steps % _CHECK_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Look at the clock and the memory now.

        Raises
        ------
        LimitReachedError
            When a limit is hit.
        """
        if self.is_over:
            raise LimitReachedError(Limit.TIME)
        if self.limits.memory_bytes is not None and resident_bytes() > self.limits.memory_bytes:
            raise LimitReachedError(Limit.MEMORY)
        self.observer.on_progress(self.states)


def resident_bytes() -> int:
    """Bytes of memory this process holds."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):  # no procfs: the highest so far is safe, if strict
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()

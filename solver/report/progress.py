"""A live line on stderr during long work. The only module that draws with rich."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from solver.limits import SilentObserver
from solver.report.units import count, percent, seconds, short_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from solver.limits import Observer

_DELAY = 0.5  # seconds before anything is drawn: short work shows nothing
_INTERVAL = 0.125  # seconds between pictures
_MARGIN = 4  # columns: room for the "^C" that a terminal echoes


class LiveObserver:
    """Keeps the latest figures; a thread of its own draws them.

    Drawing never touches the solver's thread, so an interrupt cannot hit half a picture, and the
    clock goes on while the solver is inside a long call.
    """

    def __init__(
        self, *, delay: float = _DELAY, interval: float = _INTERVAL, console: Console | None = None
    ) -> None:
        self._delay = delay
        self._interval = interval
        self._console = console
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._peak: int | None = None
        self._bound: int | None = None
        self._states: int | None = None

    def on_incumbent(self, peak: int) -> None:
        """Remember the best peak."""
        self._peak = peak

    def on_bound(self, bound: int) -> None:
        """Remember the best bound."""
        self._bound = bound

    def on_progress(self, states: int) -> None:
        """Remember the number of states."""
        self._states = states

    def start(self) -> None:
        """Begin to draw, after the delay."""
        self._thread.start()

    def stop(self) -> None:
        """Take the line away."""
        self._stop.set()
        self._thread.join()

    def line(self) -> str:
        """Describe where the work is."""
        parts = [self._stage()]
        if self._peak is not None:
            parts.append(f"incumbent {short_size(self._peak)}")
        if self._bound is not None:
            parts.append(f"bound {short_size(self._bound)}")
        if self._peak and self._bound is not None:
            parts.append(f"gap {percent((self._peak - self._bound) / self._peak)}")
        if self._states:
            parts.append(count(self._states, "state"))
        parts.append(seconds(time.monotonic() - self._start))
        return "  ".join(parts)

    def _stage(self) -> str:
        if self._peak is None:
            return "reading"
        return "checking" if self._peak == self._bound else "solving"

    def _draw(self) -> None:
        if self._stop.wait(self._delay):
            return
        # A tenth of a second that only long work pays.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        console = self._console or Console(stderr=True)

        def picture() -> Text:
            text = Text(self.line(), no_wrap=True)
            text.truncate(console.width - _MARGIN, overflow="ellipsis")
            return text

        with Live(
            picture(), console=console, auto_refresh=False, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        ) as live:  # fmt: skip
            while not self._stop.wait(self._interval):
                live.update(picture(), refresh=True)


@contextmanager
def live_progress(*, quiet: bool = False) -> Iterator[Observer]:
    """Observe a solver, drawing if stderr is a terminal and ``quiet`` is not set."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield SilentObserver()
        return
    observer = LiveObserver()
    observer.start()
    try:
        yield observer
    finally:
        observer.stop()

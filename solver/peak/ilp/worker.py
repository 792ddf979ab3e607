"""The process that holds an ILP solver: tasks come in on stdin, events go out on stdout.

Both are pickled, between this process and the one that started it. A task comes with the name of
the module that has its ``Program``. The first message out is an empty string, or why the solver
cannot be used.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.limits import Limits
    from solver.peak.ilp.solvers import Program, Solver


class StoppedError(Exception):
    """Raised between two statements while a program is built."""


class Stop:
    """Set by Ctrl-C's signal, which the process that started this one sends to its group."""

    def __init__(self) -> None:
        self.is_asked = False
        self.is_building = False
        signal.signal(signal.SIGINT, lambda *_: self._ask())

    def _ask(self) -> None:
        self.is_asked = True
        if self.is_building:
            self.is_building = False
            raise StoppedError


def serve(solver: Solver, stop: Stop, requests: IO[bytes], events: IO[bytes]) -> None:
    """Solve tasks until there are no more."""
    from solver.peak.formulation.drive import Event  # noqa: PLC0415

    def report(event: object) -> None:
        pickle.dump(event, events)
        events.flush()

    limits: Limits
    while True:
        try:
            module, task, limits, workers = pickle.load(requests)
        except EOFError:
            return
        start = time.monotonic()
        try:
            stop.is_asked, stop.is_building = False, True
            program: Program = import_module(module).Program(task)
            program.add_constraints()
            stop.is_building = False
        except StoppedError:
            report(Event(is_last=True))
            continue
        if limits.seconds is not None:
            left = limits.seconds - (time.monotonic() - start)
            limits = replace(limits, seconds=max(left, 0.01))
        report(solver(program, limits, workers, report))


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one solver; return the exit code."""
    name, directory = sys.argv[1:] if argv is None else argv
    stop = Stop()
    # Solvers print to file descriptor 1 as they please.
    events = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    reason = ""
    solver: Solver | None = None
    try:
        from solver.peak.ilp.solvers import make_solver  # noqa: PLC0415  may be missing

        solver = make_solver(name, Path(directory), stop)
    except ImportError as error:
        reason = str(error)
    pickle.dump(reason, events)
    events.flush()
    if solver is None:
        return 1
    try:
        serve(solver, stop, sys.stdin.buffer, events)
    except BrokenPipeError:  # nobody listens any more
        return 0
    except Exception as error:
        pickle.dump(f"{type(error).__name__}: {error}", events)
        return 1
    finally:  # whoever started this process may have been killed
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

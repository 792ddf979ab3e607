"""An ILP solver at work in a process of its own."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from solver.limits import Limit
from solver.peak.formulation.drive import Event

if TYPE_CHECKING:
    from solver.limits import Limits

_GRACE = 2.0  # seconds to stop by itself
_PATIENCE = 60.0  # seconds to start
_WORKER = "solver.peak.ilp.worker"


class WorkerError(RuntimeError):
    """The process that holds the solver could not start, or ended by itself."""


class SolverProcess:
    """A worker process; see :class:`solver.peak.formulation.drive.Run`.

    It ends with this object, or with this process.

    Parameters
    ----------
    solver : str
        Name of the backend.

    Attributes
    ----------
    pid : int
        Of the process, which leads a group.
    directory : Path
        Its temporary files.

    Raises
    ------
    WorkerError
        If it does not start, with the reason it gave.
    """

    grace = _GRACE

    def __init__(self, solver: str) -> None:
        # What CBC leaves behind goes with this directory, however CBC ends.
        directory = tempfile.TemporaryDirectory(prefix="tightfit-ilp-")
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", _WORKER, solver, directory.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path),
            },
            start_new_session=True,  # Ctrl-C is for this process to handle
        )
        self._process = process
        self.pid = process.pid
        self.directory = Path(directory.name)
        self._close = weakref.finalize(self, _close, process, directory)
        self._messages: queue.SimpleQueue[Event[Any] | str | None] = queue.SimpleQueue()
        self._is_idle = self._is_asked = False
        reader = threading.Thread(target=_read, args=(process.stdout, self._messages), daemon=True)
        reader.start()
        try:
            self._wait_until_ready(solver)
        except BaseException:
            self._close()
            raise

    def _wait_until_ready(self, solver: str) -> None:
        """Hear whether the solver can be used; the worker's first message is why not."""
        try:
            reason = self._messages.get(timeout=_PATIENCE)
        except queue.Empty:
            reason = None
        if reason != "":
            raise WorkerError(reason or f"{solver} does not start")
        self._is_idle = True

    def is_idle(self) -> bool:
        """Whether it can take a task."""
        return self._is_idle and self._process.poll() is None

    def send(self, program: str, task: object, limits: Limits, workers: int) -> None:
        """Start to work on a task, stated by the ``Program`` of a module."""
        assert self._process.stdin is not None
        self._is_idle = self._is_asked = False
        pickle.dump((program, task, limits, workers), self._process.stdin)
        self._process.stdin.flush()

    def next(self, seconds: float) -> Event[Any] | None:
        """Wait for an event.

        Raises
        ------
        WorkerError
            If the process has ended.
        """
        try:
            event = self._messages.get(timeout=seconds)
        except queue.Empty:
            return None
        if event is None and self._process.wait() == -signal.SIGKILL:
            # Not by us: systems do this to processes that take too much memory.
            return Event(is_last=True, limit=Limit.MEMORY)
        if not isinstance(event, Event):
            raise WorkerError(event or "the process of the solver has ended")
        self._is_idle = event.is_last
        return event

    def stop(self) -> None:
        """Ask it to stop; once, since CBC takes a second signal for an order to die."""
        if not self._is_asked:
            self._is_asked = True
            _signal_group(self._process, signal.SIGINT)

    def end(self) -> None:
        """End it unless it waits for the next task."""
        if not self.is_idle():
            self.close()

    def close(self) -> None:
        """End it and all it has started."""
        self._is_idle = False
        self._close()

    def resident(self) -> int:
        """Bytes held by the process and by those it started, where there is procfs."""
        pid = self._process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except OSError:
            children = ""
        return sum(map(_resident, (pid, *map(int, children.split()))))


def _read(pipe: IO[bytes], messages: queue.SimpleQueue[Event[Any] | str | None]) -> None:
    """Pass on what the worker says; None at the end."""
    with pipe:
        while True:
            try:
                messages.put(pickle.load(pipe))
            except (EOFError, OSError, pickle.UnpicklingError):
                break
    messages.put(None)


def _close(process: subprocess.Popen[bytes], directory: tempfile.TemporaryDirectory[str]) -> None:
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # what was left to send
            process.stdin.close()
    directory.cleanup()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")

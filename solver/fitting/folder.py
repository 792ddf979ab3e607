"""Many files: found in folders, answered by a pool of processes, one row each.

Any ``concurrent.futures.Executor`` will do, also that of a cluster (Dask's
``client.get_executor()``). A pool of our own survives files that kill a process: whatever was
under way is tried again one file at a time, and the one that does it twice is the culprit.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from solver.fitting.rows import matches
from solver.fitting.task import answer_file, failed_row, ignore_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor, Future
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from solver.fitting.question import Question
    from solver.fitting.rows import Row

SUFFIXES = (".tflite", ".lite", ".onnx")

_AHEAD = 4  # tasks a process has waiting
_PAUSE = 0.1  # seconds between interrupts


def find_models(folder: Path) -> list[str]:
    """Model files below a folder, sorted; hidden folders and files are left out."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            os.path.join(root, name)  # noqa: PTH118  as the user spelled the folder
            for name in sorted(files)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return found


def split_known(
    files: Sequence[str], question: Question, known: Sequence[Row]
) -> tuple[list[Row], list[str]]:
    """Rows that still hold, and files that are left to do.

    A row holds if the question is the same and the file has the same size and time of change, or
    the same content.
    """
    by_file = {row.file: row for row in known}
    rows: list[Row] = []
    left: list[str] = []
    for file in files:
        row = by_file.get(file)
        if row is not None and _holds(row, question):
            rows.append(row)
        else:
            left.append(file)
    return rows, left


def _holds(row: Row, question: Question) -> bool:
    try:
        stat = os.stat(row.file)  # noqa: PTH116
    except (OSError, ValueError):
        return False
    fingerprint = question.fingerprint
    if matches(row, stat, fingerprint):
        return True
    if row.question != fingerprint or row.is_interrupted or not row.sha256:
        return False
    return (
        row.file_bytes == stat.st_size and failed_row(row.file, question, "").sha256 == row.sha256
    )


def answer_files(
    files: Sequence[str],
    question: Question,
    on_row: Callable[[Row], None],
    *,
    jobs: int = 1,
    executor: Executor | None = None,
) -> None:
    """Answer a question for many files; each row is handed over as soon as it is there.

    Parameters
    ----------
    files : sequence of str
        Model files.
    question : Question
        What is asked of each.
    on_row : callable
        Gets every row, in the order in which they are done.
    jobs : int
        Processes of our own pool, or tasks that the executor works on at a time.
    executor : Executor, optional
        Used instead of a pool of our own, and left running.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; the rows until then have been handed over.
    """
    waiting = deque(files)
    if executor is not None:
        lost = _run(executor, waiting, question, on_row, ahead=jobs * _AHEAD)
        lost += waiting
        for file in lost:
            on_row(failed_row(file, question, "the executor broke down before there was an answer"))
        return
    lost = _run_own(waiting, question, on_row, jobs, ahead=jobs * _AHEAD)
    while waiting or lost:
        # Which of the lost files killed the process is not known: from here one at a time.
        for file in lost:
            if _run_own(deque([file]), question, on_row, 1, ahead=1):
                on_row(failed_row(file, question, _KILLED))
        lost = _run_own(waiting, question, on_row, jobs, ahead=jobs * _AHEAD)


_KILLED = (
    "the process that read it was killed, perhaps for want of memory; "
    "try it alone with a lower --memory-limit"
)


def _run_own(
    waiting: deque[str],
    question: Question,
    on_row: Callable[[Row], None],
    jobs: int,
    *,
    ahead: int,
) -> list[str]:
    if not waiting:
        return []
    others = set(multiprocessing.active_children())
    pool = _started_pool(min(jobs, len(waiting)))
    try:
        return _run(pool, waiting, question, on_row, ahead=ahead)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _interrupt(others)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _started_pool(jobs: int) -> ProcessPoolExecutor:
    """Start processes that cannot be hit by Ctrl-C before they can take it."""
    with _interrupts_held_back():
        pool = ProcessPoolExecutor(jobs, mp_context=_context(), initializer=ignore_interrupts)
        pool.submit(int)  # the first task starts them; they inherit what is held back
    return pool


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which would release what is held back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> multiprocessing.context.BaseContext:
    """Start processes clean, whatever threads run here; libraries are loaded once."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["solver.fitting.preload"])
    return context


def _interrupt(others: set[BaseProcess]) -> None:
    """Pass Ctrl-C on to our processes until they are gone.

    More than once, since a process may just have fetched another file.
    """
    while ours := set(multiprocessing.active_children()) - others:
        for child in ours:
            if child.pid is not None:
                with suppress(OSError):
                    os.kill(child.pid, signal.SIGINT)
        time.sleep(_PAUSE)


def _run(
    executor: Executor,
    waiting: deque[str],
    question: Question,
    on_row: Callable[[Row], None],
    *,
    ahead: int,
) -> list[str]:
    """Work through ``waiting``; return the files that were under way when the executor broke."""
    running: dict[Future[Row], str] = {}
    try:
        while waiting or running:
            for file in _taken(waiting, ahead - len(running)):
                running[executor.submit(answer_file, file, question)] = file
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda future: running[future]):
                row = _row_of(future, running[future], question)
                del running[future]
                on_row(row)
    except BrokenExecutor:
        return _rescued(running, on_row)
    return []


def _row_of(future: Future[Row], file: str, question: Question) -> Row:
    """Row of a task that has ended; a bug that one file brings out does not stop the others.

    Raises
    ------
    BrokenExecutor
        If the executor broke.
    """
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as error:  # also whatever a cluster comes up with
        what = f"{type(error).__name__}: {error}"
        return failed_row(file, question, f"a fault of ours, please report it: {what}")


def _taken(waiting: deque[str], count: int) -> Iterator[str]:
    for _ in range(min(count, len(waiting))):
        yield waiting[0]
        waiting.popleft()  # only once it has been submitted


def _rescued(running: dict[Future[Row], str], on_row: Callable[[Row], None]) -> list[str]:
    """Hand over what was done when the executor broke; return the rest."""
    lost = []
    for future, file in running.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            on_row(future.result())
        else:
            lost.append(file)
    return lost

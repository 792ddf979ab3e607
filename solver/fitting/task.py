"""One file, one row: what a process of the pool does. Never raises for the file's sake."""

from __future__ import annotations

import hashlib
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models import InvalidModelError, UnsupportedModelError
from solver.cli.errors import InputError, one_line
from solver.cli.network import read_network
from solver.fitting.answer import Verdict, bottleneck_op
from solver.fitting.question import answer
from solver.fitting.rows import UNREADABLE, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.fitting.answer import Answer
    from solver.fitting.question import Question

_BLOCK = 1 << 20


def ignore_interrupts() -> None:
    """Set up a process of the pool: between files it leaves Ctrl-C to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":  # held back until now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def answer_file(file: str, question: Question) -> Row:
    """Answer a question for one file.

    Parameters
    ----------
    file : str
        A model file.
    question : Question
        What is asked.

    Returns
    -------
    Row
        Also for a file that cannot be read or that breaks the solver; its error says why.
    """
    start = time.monotonic()
    try:
        with _interruptible():
            found = _answered(file, question)
    except KeyboardInterrupt:
        found = failed_row(file, question, "interrupted", limit="interrupt")
    except (InputError, InvalidModelError, UnsupportedModelError, OSError) as error:
        found = failed_row(file, question, str(error))
    except MemoryError:
        found = failed_row(file, question, "the file needs more memory than there is")
    except RecursionError:
        found = failed_row(file, question, "the file is nested too deeply")
    return replace(found, seconds=round(time.monotonic() - start, 6))


def failed_row(file: str, question: Question, error: str, *, limit: str = "") -> Row:
    """Return the row of a file without an answer."""
    size, changed, digest = _identity(file)
    return Row(
        file=file,
        file_bytes=size,
        mtime_ns=changed,
        sha256=digest,
        question=question.fingerprint,
        device=question.device.name,
        runtime=question.runtime,
        verdict=UNREADABLE,
        limit=limit,
        error=one_line(error),
    )


def _answered(file: str, question: Question) -> Row:
    # The content is hashed first: a file that changes meanwhile is taken for the old one.
    empty = failed_row(file, question, "")
    network = read_network(file, question.precision, question.dims)
    found = answer(network.graph, question, hurry=True, options=network.options)
    return answered_row(empty, found)


def answered_row(empty: Row, found: Answer) -> Row:
    """Fill in the row of a file.

    Parameters
    ----------
    empty : Row
        Of :func:`failed_row`, made before the file was read.
    found : Answer
        For the file.
    """
    need, room = found.need, found.room
    return replace(
        empty,
        verdict=found.verdict.value,
        way=found.way or "",
        ops=len(need.graph.ops),
        buffers=len(need.graph.buffers),
        arena_bytes=need.arena,
        lower_bound_bytes=need.bound,
        usable_bytes=room.usable,
        left_bytes=found.left,
        missing_bytes=_missing(found),
        weight_bytes=need.weights,
        flash_bytes=room.device.flash,
        at_op=(bottleneck_op(need) or "") if found.activations is not Verdict.FITS else "",
        proof=str(need.plan.certificate.get("kind", "")),
        limit=need.plan.limit or "",
        warnings=len(need.graph.warnings),
    )


def _missing(found: Answer) -> int:
    flash = found.room.device.flash
    if flash is not None and found.need.weights > flash:
        return found.need.weights - flash
    return found.missing


def _identity(file: str) -> tuple[int | None, int | None, str]:
    """Size, time of change and hash of a file; what cannot be had is None or empty."""
    path = Path(file)
    size = changed = None
    digest = hashlib.sha256()
    try:
        stat = path.stat()
        size, changed = stat.st_size, stat.st_mtime_ns
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except (OSError, ValueError):
        return size, changed, ""
    return size, changed, digest.hexdigest()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C stop the solver while a file is under way; elsewhere nothing changes."""
    ignored = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    )
    if not ignored:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

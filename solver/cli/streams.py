"""Writing to stdout and stderr, whatever has become of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from solver.cli.errors import InputError

if TYPE_CHECKING:
    from typing import Literal


def emit(text: str, stream: TextIO | None) -> None:
    """Write text for people.

    A reader that has left (``| head``) is no error: what follows goes nowhere.

    Raises
    ------
    InputError
        If the stream cannot take it, for example because the disk is full.
    """
    _write(text, stream, encoding=None)


def emit_json(text: str, stream: TextIO | None) -> None:
    """Write JSON: always in UTF-8, with lone surrogates (odd file names) as JSON escapes.

    Raises
    ------
    InputError
        If the stream cannot take it.
    """
    _write(text, stream, encoding="utf-8")


def _write(text: str, stream: TextIO | None, encoding: Literal["utf-8"] | None) -> None:
    if stream is None:  # Python's way to say that the stream was closed at the start
        return
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace", **({"encoding": encoding} if encoding else {}))
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        raise InputError(f"cannot write to {stream.name}: {error.strerror}") from None


def _silence(stream: TextIO) -> None:
    """Send the rest to nowhere, so that the flush at exit does not fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)

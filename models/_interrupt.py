"""Ctrl-C while a command still loads what it needs, which takes a good part of a second.

Until then there is no command that could handle it, so both packages import this first. As a
library they leave everything as it is.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_INTERRUPTED = 130
_PACKAGES = {"models", "solver"}


def _runs_a_command() -> bool:
    """Whether this process is ``python -m`` of one of ours, or the console script."""
    called = sys.argv[0] if sys.argv else ""
    if called == "-m":  # as long as Python looks for the module, which is in the package
        names = {word.removeprefix("-m").partition(".")[0] for word in sys.orig_argv}
        return not names.isdisjoint(_PACKAGES)
    return called.rpartition("/")[2].partition(".")[0] == "tightfit"


def _end_quietly(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Exit as commands do that are interrupted; anything else keeps its traceback."""
    if issubclass(kind, KeyboardInterrupt):
        raise SystemExit(_INTERRUPTED)
    sys.__excepthook__(kind, error, trace)


if _runs_a_command():
    sys.excepthook = _end_quietly

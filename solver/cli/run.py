"""The frame around every command: from arguments to an exit code, without a traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from solver.cli.errors import InputError, one_line
from solver.cli.exits import Exit
from solver.cli.streams import emit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence


def run(
    parser: argparse.ArgumentParser,
    body: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None,
) -> int:
    """Parse ``argv``, run ``body``, and turn what users cause into one line and an exit code.

    Bugs keep their traceback.
    """
    try:
        code = body(parser.parse_args(argv))
        emit("", sys.stdout)
    except SystemExit as stop:  # --help and --version
        return stop.code if isinstance(stop.code, int) else Exit.YES
    except InputError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted before there was anything to report", Exit.INTERRUPTED)
    return code


def fail(message: str, code: Exit = Exit.USAGE) -> Exit:
    """Print one line on stderr."""
    emit(f"error: {one_line(message)}\n", sys.stderr)
    return code

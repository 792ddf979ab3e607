"""``python -m solver`` and ``tightfit``: list the commands, or run one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from solver._version import __version__
from solver.cli.exits import Exit
from solver.cli.parser import called_as_tightfit, nearest
from solver.cli.run import fail
from solver.cli.streams import emit

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: ``solver.<name>``, whose ``main`` takes the arguments that follow."""

    name: str
    summary: str


COMMANDS = (
    Command("schedule", "the order of least peak memory, with its proof"),
    Command("fit", "does a network fit a device, and if not, what would make it fit"),
    Command("compare", "every known heuristic beside the optimum"),
    Command("verify", "check a plan against its network, trusting nothing in the plan"),
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        emit(_help(), sys.stdout)
        return Exit.YES if words else Exit.USAGE
    if words[0] == "--version":
        emit(f"tightfit {__version__}\n", sys.stdout)
        return Exit.YES
    names = [command.name for command in COMMANDS]
    if words[0] not in names:
        hint = nearest(words[0], names) or f"; {_program()} --help lists them"
        what = "option" if words[0].startswith("-") else "command"
        return fail(f"there is no {what} {words[0]!r}{hint}")
    # Commands load on demand: each needs other heavy modules.
    code: int = import_module(f"solver.{words[0]}").main(words[1:])
    return code


def _program() -> str:
    return "tightfit" if called_as_tightfit() else "python -m solver"


def _help() -> str:
    call = "tightfit COMMAND" if called_as_tightfit() else "python -m solver.COMMAND"
    width = max(len(command.name) for command in COMMANDS)
    listed = "".join(f"  {command.name:{width}}  {command.summary}\n" for command in COMMANDS)
    return (
        f"usage: {call} [arguments]\n\n"
        "Exact schedules for neural networks on small memories.\n\n"
        f"commands:\n{listed}\n"
        f"{call} --help explains a command; {_program()} --version names the version.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

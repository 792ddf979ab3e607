"""Tables and sentences for a terminal or a file, collected as text."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from solver.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

_WIDEST = 100  # columns on a terminal
_UNLIMITED = 1000  # columns in a file or a pipe
_NAMED = 3  # names before "and N more"

NONE = "-"
NO_ANSWER = {
    Limit.TIME: "no answer in time",
    Limit.MEMORY: "no answer within the memory limit",
    Limit.NODES: "no answer within the limit on states",
    Limit.INTERRUPT: "interrupted",
    None: "the file is not sorted",
}
STOPPED = {
    Limit.TIME: "stopped by --time-limit",
    Limit.MEMORY: "stopped by --memory-limit",
    Limit.NODES: "stopped by the limit on states",
    Limit.INTERRUPT: "interrupted",
}


def new_table(label: str, *figures: str, notes: bool = False) -> Table:
    """Make a table with a column of labels, columns of figures and, if asked, one of notes."""
    table = Table(box=None, padding=(0, 0, 0, 2), pad_edge=True, header_style="underline")
    table.add_column(label, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", overflow="fold")
    if notes:
        table.add_column("", overflow="fold")
    return table


def collect(stream: TextIO | None) -> Console:
    """Make a console that collects what suits ``stream``: on a terminal its width and colours."""
    if stream is None or not stream.isatty():
        return Console(
            file=io.StringIO(), width=_UNLIMITED, force_terminal=False, color_system=None,
            highlight=False, markup=False, emoji=False,
        )  # fmt: skip
    return Console(
        file=io.StringIO(), width=min(Console(file=stream).width, _WIDEST), force_terminal=True,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a sentence."""
    # Names come from files: none of them may move the cursor or end the line.
    console.print("".join(c if c.isprintable() else "?" for c in text), style=style)


def text_of(console: Console) -> str:
    """Return what was printed."""
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def named(names: Sequence[str]) -> str:
    """Join names, of many the first few."""
    more = len(names) - _NAMED
    shown = [*names[:_NAMED], f"{more} more"] if more > 1 else names
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def ratio_text(ratio: float | None) -> str:
    """Give a ratio with three decimals; only a ratio of one reads 1.000."""
    if ratio is None:
        return NONE
    if math.isinf(ratio):
        return "inf"
    text = f"{ratio:.3f}"
    return "1.001" if ratio > 1 and text == "1.000" else text

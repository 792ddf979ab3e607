"""Reports as plain text: wrapped on a terminal, one line a statement elsewhere, never cut off."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, TextIO

from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from solver.report.summary import Row, Summary

_KB = 1 << 10
_NARROWEST, _USUAL, _WIDEST = 20, 80, 100
_COLOURS = {True: "32", False: "31", None: "33"}  # green, red, yellow


def render_summary(summary: Summary, stream: TextIO | None) -> str:
    """Render a whole report for ``stream``."""
    width = _width(stream)
    lines = [
        *(line for fact in summary.facts for line in _wrapped(fact, width)),
        *(["", *_table(summary.rows)] if summary.rows else []),
        "",
        *(line for remark in summary.remarks for line in _wrapped(remark, width)),
        *(line for w in summary.warnings for line in _wrapped(f"Warning: {w}.", width)),
        render_verdict(summary, stream),
    ]
    return "\n".join(lines)


def render_verdict(summary: Summary, stream: TextIO | None) -> str:
    """Render the verdict alone, with a line end."""
    text = "\n".join(_wrapped(summary.verdict, _width(stream)))
    if _has_colours(stream):
        text = f"\x1b[1;{_COLOURS[summary.answer]}m{text}\x1b[0m"
    return text + "\n"


def _table(rows: Iterable[Row]) -> list[str]:
    cells = [
        ("", "bytes", "", ""),
        *(
            (r.label, str(r.size), short_size(r.size) if r.size >= _KB else "", r.note)
            for r in rows
        ),
    ]
    label, size, short = (max(len(row[i]) for row in cells) for i in range(3))
    return [f"  {a:{label}}  {b:>{size}}  {c:>{short}}  {d}".rstrip() for a, b, c, d in cells]


def _wrapped(text: str, width: int | None) -> list[str]:
    # Names come from files: none of them may move the cursor or end the line.
    text = "".join(c if c.isprintable() else "?" for c in text)
    if width is None:
        return [text]
    return textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _width(stream: TextIO | None) -> int | None:
    """Columns to wrap at; None for a file or a pipe."""
    if stream is None or not stream.isatty():
        return None
    # Python's own helper asks about stdout only, and the report may go to stderr.
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal():
        found = int(columns)
    else:
        try:
            found = os.get_terminal_size(stream.fileno()).columns
        except OSError:
            found = 0
    return max(_NARROWEST, min(found or _USUAL, _WIDEST))


def _has_colours(stream: TextIO | None) -> bool:
    if stream is None or not stream.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"

"""Markdown: tables, numbers, and the line that says what made a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Lines = Iterator[str]


class Made(Protocol):
    """A row that knows what it was made from."""

    @property
    def commit(self) -> str | None:
        """Commit, with ``+`` if sources had changed since."""

    @property
    def date(self) -> str | None:
        """Day."""

    @property
    def machine(self) -> str | None:
        """Processor, cores, system."""


def section(title: str, lines: Lines) -> list[str]:
    """Give lines a title; nothing where there are none."""
    found = list(lines)
    return [f"## {title}\n", *found, ""] if found else []


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> Lines:
    """Arrange cells; a bar within one would end it."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def made_by(command: str, rows: Iterable[Made], *more: str) -> str:
    """Say which command made a table, at which commit, when and where."""
    rows = list(rows)
    commits = distinct(row.commit and f"`{row.commit}`" for row in rows)
    parts = [
        f"`{command}`", f"commit {commits}", distinct(row.date for row in rows),
        distinct(row.machine for row in rows), *more,
    ]  # fmt: skip
    return f"Made by {'; '.join(part for part in parts if part)}."


def distinct(values: Iterable[str | None]) -> str:
    """List each value once, in order of appearance."""
    return ", ".join(dict.fromkeys(value for value in values if value))


def seconds(value: float | None) -> str:
    """Write a time in seconds."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def whole(value: float | None) -> str:
    """Write a number without its fraction."""
    return "" if value is None else f"{value:.0f}"


def number(value: float) -> str:
    """Write a size: one digit after the point if there is any."""
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def ratio(value: float) -> str:
    """Write a ratio to about three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def gap_percent(bound: int, peak: int) -> float:
    """Distance of a peak from its bound, of the peak."""
    return 100 * (peak - bound) / peak if peak else 0.0

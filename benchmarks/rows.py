"""Rows of results and the CSV files that hold them."""

from __future__ import annotations

import csv
import dataclasses
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class RowError(ValueError):
    """A file that holds no rows of ours."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one run of one instance gave. What it never came to is None.

    Attributes
    ----------
    name, group : str
        The instance.
    graph : str or None
        Fingerprint of the graph.
    ops, buffers : int or None
        Size of the graph.
    file_order_bytes : int or None
        Peak of the order the file lists, where that is an order.
    cut_bound_bytes : int or None
        The best bound by a minimum cut.
    lower_bound_bytes, peak_bytes : int or None
        What is proven and what the best order needs.
    status : str
        ``"optimal"`` or ``"feasible"``, as the plan says; ``"killed"`` if the process outlived all
        patience; ``"crashed"`` if it ended without an answer.
    proof : str or None
        Kind of certificate: ``"ends"``, ``"cut"`` or ``"search"``.
    gap_percent : float or None
        Distance of the peak from the bound.
    limit : str or None
        Limit that stopped the solver.
    states : int or None
        States expanded by all exact searches.
    solve_seconds : float or None
        Time by the solver's own clock.
    call_seconds : float or None
        Time of the whole call, with the replay that ends it.
    build_seconds, verify_seconds : float or None
        Time to make or read the graph; to verify the plan.
    verified : str or None
        ``"full"``; ``"order"`` where the certificate's flow was not computed again; else what
        is false.
    peak_rss_mb : float or None
        Peak resident memory of the process up to the end of the solve.
    time_limit : float or None
        Seconds the solver was given.
    workers : int or None
        Threads of exact search.
    kernel : str or None
        ``"compiled"`` or ``"python"``.
    version, commit, python, packages, machine, date : str or None
        Where and with what it ran; a ``+`` after the commit says that files had changed since.
    note : str or None
        What else there is to say.
    """

    name: str
    group: str
    graph: str | None = None
    ops: int | None = None
    buffers: int | None = None
    file_order_bytes: int | None = None
    cut_bound_bytes: int | None = None
    lower_bound_bytes: int | None = None
    peak_bytes: int | None = None
    status: str = "crashed"
    proof: str | None = None
    gap_percent: float | None = None
    limit: str | None = None
    states: int | None = None
    solve_seconds: float | None = None
    call_seconds: float | None = None
    build_seconds: float | None = None
    verify_seconds: float | None = None
    verified: str | None = None
    peak_rss_mb: float | None = None
    time_limit: float | None = None
    workers: int | None = None
    kernel: str | None = None
    version: str | None = None
    commit: str | None = None
    python: str | None = None
    packages: str | None = None
    machine: str | None = None
    date: str | None = None
    note: str | None = None

    @property
    def is_optimal(self) -> bool:
        """Whether the peak is proven least."""
        return self.status == "optimal"

    @property
    def is_verified(self) -> bool:
        """Whether verification agreed with the plan."""
        return self.verified in {"full", "order"}


FIELDS = tuple(f.name for f in dataclasses.fields(Row))


class Writer:
    """Writes rows to an open CSV file, each at once."""

    def __init__(self, file: IO[str], *, header: bool = True) -> None:
        self._file = file
        self._csv = csv.writer(file, lineterminator="\n")
        if header:
            self._csv.writerow(FIELDS)

    def write(self, row: Row) -> None:
        """Write one row and flush it."""
        self._csv.writerow("" if v is None else v for v in dataclasses.astuple(row))
        self._file.flush()


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read the rows of a file; of several rows of one instance the last counts.

    Raises
    ------
    RowError
        If the file cannot be read or is no file of rows.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *lines = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise RowError(f"{path}: {reason}") from None
    if tuple(head) != FIELDS:
        raise RowError(f"{path}: not a table of results with today's columns")
    try:
        return latest(map(_row, lines))
    except ValueError as error:
        raise RowError(f"{path}: {error}") from None


def latest(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Keep the last row of each instance, in order of first appearance."""
    return tuple({row.name: row for row in rows}.values())


def _row(cells: Sequence[str]) -> Row:
    if len(cells) != len(FIELDS):
        raise ValueError(f"a row has {len(cells)} cells, not {len(FIELDS)}")
    hints = get_type_hints(Row)
    values = zip(FIELDS, cells, strict=True)
    return Row(**{name: _value(cell, hints[name]) for name, cell in values})


def _value(text: str, hint: object) -> Any:  # noqa: ANN401  the type is in the hint
    if hint is str:
        return text
    if not text:
        return None
    if hint == int | None:
        return int(text)
    return float(text) if hint == float | None else text

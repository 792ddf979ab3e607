"""Rows on files: one CSV line each, written as soon as it is known, read again to resume."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, get_type_hints

from solver.cli.errors import InputError
from solver.cli.output import claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import stat_result
    from pathlib import Path
    from types import TracebackType
    from typing import Self

UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Row:
    """What one file gave: flat and typed, fit for a data frame or Parquet.

    Attributes
    ----------
    file : str
        Path as found.
    file_bytes, mtime_ns : int or None
        Of the file when it was read.
    sha256 : str
        Of its content; empty if it could not be read.
    question : str
        Fingerprint of device, runtime and options.
    device, runtime : str
        Names.
    verdict : str
        ``"fits"``, ``"does not fit"``, ``"undecided"`` or ``"unreadable"``.
    way : str
        What it takes to fit; empty if it is not known to.
    ops, buffers : int or None
        Size of the graph.
    arena_bytes, lower_bound_bytes : int or None
        Arena of the best layout found, and what no order and layout go below. The solver stops as
        soon as the verdict is certain: neither need be the best there is.
    usable_bytes : int or None
        What the device has in one arena.
    left_bytes : int or None
        What the layout leaves of it; negative if it is too large.
    missing_bytes : int or None
        What is proven to be missing: of flash, else of all memory if the network does not fit,
        else of the largest arena; 0 if nothing is.
    weight_bytes, flash_bytes : int or None
        Weights, and room for them.
    at_op : str
        The op that needs the most; empty if the network fits.
    proof : str
        Kind of certificate of the bound.
    limit : str
        What stopped the solver, if anything.
    warnings : int
        How many.
    seconds : float
        Wall time of the file.
    error : str
        Why it could not be read.
    """

    file: str
    file_bytes: int | None
    mtime_ns: int | None
    sha256: str
    question: str
    device: str
    runtime: str
    verdict: str
    way: str = ""
    ops: int | None = None
    buffers: int | None = None
    arena_bytes: int | None = None
    lower_bound_bytes: int | None = None
    usable_bytes: int | None = None
    left_bytes: int | None = None
    missing_bytes: int | None = None
    weight_bytes: int | None = None
    flash_bytes: int | None = None
    at_op: str = ""
    proof: str = ""
    limit: str = ""
    warnings: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C came in between: such a row is no answer."""
        return self.limit == "interrupt"


COLUMNS = tuple(f.name for f in dataclasses.fields(Row))


class RowWriter:
    """A CSV file that grows line by line; use it as a context.

    Parameters
    ----------
    path : Path
        File to write.
    force : bool
        Whether an existing file is overwritten.
    resume : bool
        Whether the rows of an existing file are kept; see :attr:`known`.
    inputs : iterable of Path
        Files that are read; none of them is ever replaced.

    Raises
    ------
    InputError
        If the file cannot be written, exists, or holds no rows of ours.
    """

    def __init__(
        self, path: Path, *, force: bool, resume: bool, inputs: Iterable[Path] = ()
    ) -> None:
        if str(path) == "-":
            raise InputError("stdout ('-') is for --json alone; give a file")
        self._target = claim(path, force=force or resume, inputs=inputs)
        self.known: tuple[Row, ...] = ()
        if resume and path.exists():
            self.known = read_rows(path)
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def start(self, kept: Sequence[Row]) -> None:
        """Write the header and the rows that are kept, in one step, and open the file to grow."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(_cells, kept))
        self._target.write(text.getvalue())
        self._file = self._target.target.open(
            "a", encoding="utf-8", errors="backslashreplace", newline=""
        )

    def write(self, row: Row) -> None:
        """Append a row; it is on its way to the disk when this returns.

        Raises
        ------
        InputError
            If the disk is full.
        """
        if self._file is None:
            raise ValueError("start() comes first")
        try:
            csv.writer(self._file, lineterminator="\n").writerow(_cells(row))
            self._file.flush()
        except OSError as error:
            raise InputError(
                f"{self._target.path}: cannot be written: {error.strerror}; --resume goes on"
            ) from None


def _cells(row: Row) -> list[object]:
    return ["" if value is None else value for value in dataclasses.astuple(row)]


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read rows that were written before; a torn last line is left out.

    Raises
    ------
    InputError
        If the file cannot be read or holds no rows of ours.
    """
    cure = "give another --csv, or --force to start anew"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            text = file.read()
        lines = list(csv.reader(io.StringIO(text)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; {cure}") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: holds no rows of this command; {cure}") from None
    if text and not text.endswith("\n"):
        lines.pop()
    if lines and tuple(lines[0]) != COLUMNS:
        raise InputError(f"{path}: holds no rows of this command; {cure}")
    try:
        return tuple(map(_row, lines[1:]))
    except ValueError as error:
        raise InputError(f"{path}: {error}; {cure}") from None


def _row(cells: Sequence[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"a row has {len(cells)} cells, not {len(COLUMNS)}")
    hints = get_type_hints(Row)
    return Row(**{n: _value(c, hints[n]) for n, c in zip(COLUMNS, cells, strict=True)})


def _value(text: str, hint: object) -> Any:  # noqa: ANN401  the type is in the hint
    if hint is str:
        return text
    if not text:
        return None
    return float(text) if hint is float else int(text)


def matches(row: Row, stat: stat_result, question: str) -> bool:
    """Whether a row answers the same question on a file of the same size and time."""
    return (
        row.question == question
        and row.file_bytes == stat.st_size
        and row.mtime_ns == stat.st_mtime_ns
        and not row.is_interrupted
    )

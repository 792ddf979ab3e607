"""Reads CSV files of results into dataclasses that name the columns a section shows.

Columns beyond those are ignored, so that a benchmark may write more than the page has room for.
"""

from __future__ import annotations

import csv
import dataclasses
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)


def read_records(path: Path, kind: type[Record]) -> tuple[Record, ...]:
    """Read a file; no rows if it is absent.

    Parameters
    ----------
    path : Path
        A CSV file with a heading for each field.
    kind : type
        A dataclass whose fields are strings, booleans, numbers, or one of them or None (an empty
        cell). A file may lack the columns of fields with a default.

    Raises
    ------
    ValueError
        If the file is not such a table, or cannot be read.
    """
    if not path.exists():
        return ()
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    needed = [field.name for field in fields if field.default is dataclasses.MISSING]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            head, *lines = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"{path}: {reason}") from None
    if missing := [name for name in needed if name not in head]:
        raise ValueError(f"{path}: no column {', '.join(missing)}")
    names = [field.name for field in fields if field.name in head]
    records = []
    for line, cells in enumerate(lines, 2):
        if len(cells) != len(head):
            raise ValueError(f"{path}:{line}: {len(cells)} cells, not {len(head)}")
        values = dict(zip(head, cells, strict=True))
        try:
            records.append(kind(**{name: _value(values[name], hints[name]) for name in names}))
        except ValueError as error:
            raise ValueError(f"{path}:{line}: {error}") from None
    return tuple(records)


def _value(text: str, hint: Any) -> Any:  # noqa: ANN401  the type is in the hint
    kinds = get_args(hint) or (hint,)
    if not text and NoneType in kinds:
        return None
    if bool in kinds:
        if text not in {"True", "False"}:
            raise ValueError(f"neither True nor False: {text!r}")
        return text == "True"
    return next(kind for kind in kinds if kind is not NoneType)(text)

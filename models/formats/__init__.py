"""Readers of model files. The format is told by the content, not by the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph

_TFLITE_IDENTIFIER = b"TFL3"  # bytes 4..8 of every TFLite flatbuffer


def load(path: str | Path, *, dims: Mapping[str, int] | None = None) -> Graph:
    """Read a ``.tflite`` or ``.onnx`` file.

    Parameters
    ----------
    path : str or Path
        The model file.
    dims : mapping of str to int, optional
        Values of symbolic dimensions, for example ``{"batch": 1}``.

    Raises
    ------
    InvalidModelError
        If the file is missing, unreadable, empty, truncated or no model.
    UnsupportedModelError
        If a shape stays unknown or dynamic.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise InvalidModelError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InvalidModelError(f"{path}: a directory, not a model file") from None
    except OSError as error:
        raise InvalidModelError(f"{path}: cannot be read: {error.strerror}") from None
    if not head:
        raise InvalidModelError(f"{path}: the file is empty")
    # Parsers load on demand: each costs a tenth of a second.
    if head[4:8] == _TFLITE_IDENTIFIER:
        from models.formats.tflite import read_tflite  # noqa: PLC0415

        return read_tflite(path, dims=dims)
    from models.formats.onnx import read_onnx  # noqa: PLC0415

    return read_onnx(path, dims=dims)

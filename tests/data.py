"""Model files that tests read when present; the repository contains none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[2] / "shared" / "data"


def shared_data(relative: str) -> Path:
    """Return a file below ``$TIGHTFIT_DATA`` (default ``../shared/data``), or skip the test."""
    path = Path(os.environ.get("TIGHTFIT_DATA") or _DEFAULT) / relative
    if not path.is_file():
        pytest.skip(f"no {path}: set TIGHTFIT_DATA to the directory that holds {relative}")
    return path

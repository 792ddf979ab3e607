"""The backends, one of each for all tests: an ILP solver's process starts once."""

from __future__ import annotations

# Some releases of highspy cannot be loaded before ortools, and pulp loads it where it can.
import ortools.sat.python.cp_model  # noqa: F401
import pytest

from solver.peak.backend import NAMES, Backend, backend

_MADE: dict[str, Backend] = {}


@pytest.fixture(params=NAMES)
def solver(request: pytest.FixtureRequest) -> Backend:
    """Give every backend in turn."""
    name = str(request.param)
    return _MADE.setdefault(name, backend(name))

"""The backends, one of each for all tests: an ILP solver's process starts once."""

from __future__ import annotations

# Some releases of highspy cannot be loaded before ortools, and pulp loads it where it can.
import ortools.sat.python.cp_model  # noqa: F401
import pytest

from solver.peak.backend import NAMES, Backend, backend
from solver.traffic import backend as traffic

_MADE: dict[str, Backend] = {}
_MADE_FOR_TRAFFIC: dict[str, traffic.Backend] = {}


@pytest.fixture(params=NAMES)
def solver(request: pytest.FixtureRequest) -> Backend:
    """Give every backend in turn."""
    name = str(request.param)
    return _MADE.setdefault(name, backend(name))


@pytest.fixture(params=NAMES)
def traffic_solver(request: pytest.FixtureRequest) -> traffic.Backend:
    """Give every backend for least traffic in turn."""
    name = str(request.param)
    return _MADE_FOR_TRAFFIC.setdefault(name, traffic.backend(name))

"""What every test takes for granted, however the run was started, and on a machine of any speed."""

from __future__ import annotations

import signal
import threading

import pytest

from solver.limits import Meter
from solver.traffic import layout

# A shell starts what it runs in the background with Ctrl-C ignored, and so would be every process
# that a test starts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass for what gives itself some seconds and then takes what it has."""
    monkeypatch.setattr(Meter, "seconds", 0.0)
    monkeypatch.setattr(layout, "_SECONDS", 3600.0)

"""The live line on stderr."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from solver.limits import SilentObserver
from solver.report.progress import LiveObserver, live_progress
from tests.cli.terminal import screen

if TYPE_CHECKING:
    from solver.limits import Observer


class _Signalling(io.StringIO):
    """Lets a test wait until something has been drawn."""

    def isatty(self) -> bool:
        return True


def drawn(columns: int) -> str:
    """What a terminal of that width is sent in the course of some work."""
    terminal = _Signalling()
    console = Console(file=terminal, force_terminal=True, width=columns, color_system=None)
    observer = LiveObserver(delay=0.0, interval=0.001, console=console)
    observer.on_incumbent(2048)
    observer.on_bound(1536)
    observer.on_progress(7)
    observer.start()
    while "solving" not in terminal.getvalue():
        pass
    observer.stop()
    return terminal.getvalue()


def test_the_line_names_incumbent_bound_gap_and_states() -> None:
    line = "solving  incumbent 2 KB  bound 1.5 KB  gap 25.0 %  7 states  "
    assert line in drawn(200)


def test_the_line_is_erased_at_the_end() -> None:
    text = drawn(200)
    assert screen(text) == []
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def test_a_narrow_terminal_leaves_room_for_the_echo_of_ctrl_c() -> None:
    pictures = [part for part in drawn(40).split("\x1b[2K") if "solving" in part]
    assert pictures
    for picture in pictures:
        line = picture[picture.index("solving") :].split("\x1b")[0].rstrip("\r\n ")
        assert len(line) <= 36


def test_stages() -> None:
    observer = LiveObserver()
    assert observer.line().startswith("reading  ")
    observer.on_incumbent(2000)
    assert observer.line().startswith("solving  incumbent ")
    observer.on_bound(2000)
    assert observer.line().startswith("checking  incumbent ")


def test_short_work_draws_nothing() -> None:
    terminal = _Signalling()
    observer = LiveObserver(delay=60, console=Console(file=terminal, force_terminal=True))
    observer.start()
    observer.stop()
    assert terminal.getvalue() == ""


def observer_for(monkeypatch: pytest.MonkeyPatch, stream: object, *, quiet: bool) -> Observer:
    monkeypatch.setattr(sys, "stderr", stream)
    with live_progress(quiet=quiet) as observer:
        return observer


def test_only_a_terminal_gets_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(observer_for(monkeypatch, _Signalling(), quiet=False), LiveObserver)
    assert isinstance(observer_for(monkeypatch, _Signalling(), quiet=True), SilentObserver)
    assert isinstance(observer_for(monkeypatch, io.StringIO(), quiet=False), SilentObserver)
    assert isinstance(observer_for(monkeypatch, None, quiet=False), SilentObserver)


def test_the_line_goes_away_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Signalling())
    with pytest.raises(KeyboardInterrupt), live_progress() as observer:
        raise KeyboardInterrupt
    assert isinstance(observer, LiveObserver)
    assert not observer._thread.is_alive()


def test_the_library_does_not_import_what_only_terminals_need() -> None:
    code = "import sys, solver, models; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_short_run_never_imports_rich() -> None:
    code = (
        "import sys; from solver.schedule import main; "
        "main(['--quiet']); sys.exit('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0

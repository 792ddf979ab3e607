"""``python -m solver`` and ``tightfit``."""

from __future__ import annotations

import importlib
import sys

import pytest

import solver
from solver import __main__ as commands
from solver import schedule


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in commands.COMMANDS:
        assert f"\n  {command.name}" in out
        assert command.summary in out
        assert callable(importlib.import_module(f"solver.{command.name}").main)


def test_nothing_to_do_is_a_usage_error_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tightfit {solver.__version__}\n"


def test_a_command_gets_the_arguments_that_follow(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["schedule", "--budget", "1KB", "--quiet"]) == 1
    assert capsys.readouterr().out.startswith("Does not fit (proven): needs 294 KB")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shedule"], "error: there is no command 'shedule'; did you mean schedule?\n"),
        (["dance"], "error: there is no command 'dance'; python -m solver --help lists them\n"),
        (["--wrong"], "error: there is no option '--wrong'; python -m solver --help lists them\n"),
    ],
)
def test_unknown_commands(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(words) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


def test_help_uses_the_name_the_user_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/tightfit", "schedule", "--help"])
    assert commands.main() == 0
    assert capsys.readouterr().out.startswith("usage: tightfit schedule ")
    assert schedule.main(["--help"]) == 0
    monkeypatch.setattr(sys, "argv", ["/somewhere/solver/__main__.py"])
    assert commands.main(["--help"]) == 0
    assert "python -m solver.COMMAND" in capsys.readouterr().out

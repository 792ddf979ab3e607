"""What README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from solver.cli.exits import Exit
from tests.cli.networks import write_float_network
from tests.data import shared_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Result

    Run = Callable[..., Result]

README = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
TIME = re.compile(r"^[0-9.]+ s, ", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_transcript_is_what_the_first_command_prints(run: Run) -> None:
    (transcript,) = blocks("text")
    out = run("--budget", "512KB").out
    assert TIME.sub("T, ", out) == TIME.sub("T, ", transcript)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks("python")
    write_float_network(tmp_path / "model.onnx", "batch")
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {})
    assert printed.getvalue() == "optimal True 2000 2000\n('relu_1', 'relu_2')\n"


@pytest.mark.parametrize(
    "call", re.findall(r"^    python -m solver.schedule (.*)", README, re.MULTILINE)
)
def test_the_commands_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if "model.tflite" in call:
        tmp_path.joinpath("model.tflite").symlink_to(shared_data("tflm/person_detect.tflite"))
    else:
        write_float_network(tmp_path / "model.onnx", "batch" if "--dim" in call else 1)
    assert run(*call.split()).code == 0
    assert (tmp_path / "plan.json").is_file() == ("plan.json" in call)


def test_the_exit_codes_are_those_of_the_program() -> None:
    stated = [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)]
    assert stated == [int(code) for code in Exit]


@pytest.mark.parametrize("option", re.findall(r"`(--[a-z-]+)", README))
def test_every_option_exists(run: Run, option: str) -> None:
    if option not in ("--list", "--help"):
        assert f"{option} " in run("--help").out

"""What README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from solver.__main__ import COMMANDS
from solver.cli.exits import Exit
from solver.devices import load_file
from tests.cli.networks import write_float_network
from tests.data import shared_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Result

    Run = Callable[..., Result]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
TIME = re.compile(r"^[0-9.]+ s, ", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_transcript_is_what_the_first_command_prints(run: Run) -> None:
    (transcript,) = blocks("text")
    out = run("--budget", "512KB").out
    assert TIME.sub("T, ", out) == TIME.sub("T, ", transcript)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = (block for block in blocks("python") if "minimize_peak" in block)
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


def test_the_folder_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = (block for block in blocks("python") if "answer_files" in block)
    (tmp_path / "nets").mkdir()
    write_float_network(tmp_path / "nets" / "model.onnx")
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        client = SimpleNamespace(get_executor=lambda: pool)
        found: dict[str, Any] = {"client": client}
        exec(compile(example, "README.md", "exec"), found)
    assert len(found["rows"]) == 1


def test_the_device_file_is_read(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "board.toml"
    path.write_text(text)
    assert load_file(path, "My board").external == 32 << 20
    assert load_file(path, "My chip").arena == 256 << 10


def test_the_gate_runs_the_commands_of_the_set_up() -> None:
    gate = ROOT / ".ci" / "run"
    if not gate.is_file():
        pytest.skip("no gate beside these sources")
    script = gate.read_text("utf-8")
    commands = re.findall(r"^    (pip install .*)", README, re.MULTILINE)
    assert commands[1] == "pip install '.[test]' && pytest -n 2"
    for command in commands:
        assert "\n" + "\n".join(command.split(" && ")) + "\n" in script, command
    assert script.endswith("\npytest -n 2\n")


@pytest.fixture(scope="module")
def helps() -> str:
    """Help texts of all commands."""
    texts = io.StringIO()
    with contextlib.redirect_stdout(texts):
        for command in COMMANDS:
            import_module(f"solver.{command.name}").main(["--help"])
    return texts.getvalue()


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", README))))
def test_every_option_exists(helps: str, option: str) -> None:
    if option not in ("--list", "--help"):
        assert f"{option} " in helps

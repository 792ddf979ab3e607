"""Bad input ends in one line on stderr that names the cure, and exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.networks import CHAIN, CHAIN_SIZES, write_float_network, write_network
from tests.data import shared_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Run = Callable[..., Result]


def refused(result: Result, *parts: str) -> None:
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize(
    "text", ["-5", "-5KB", "-.5MB", "-inf", "0", "abc", "12XB", "1e400", "nan"]
)
@pytest.mark.parametrize("joined", [True, False])
def test_absurd_budgets(run: Run, text: str, joined: bool) -> None:
    result = run(f"--budget={text}") if joined else run("--budget", text)
    refused(result, f"--budget: '{text}' ", "for example 512KB")


def test_an_empty_budget(run: Run) -> None:
    refused(run("--budget", ""), "--budget: an empty text is no size")
    refused(run("--budget="), "--budget: an empty text is no size")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--budget"], ["--budget: expected one argument"]),
        (["--budget", "--json", "-"], ["--budget: expected one argument"]),
        (["--buget", "5"], ["there is no option --buget; did you mean --budget?"]),
        (["--bud", "5"], ["there is no option --bud"]),
        (["--wrong=5"], ["there is no option --wrong"]),
        (["-5"], ["-5: no such file"]),
        (["-x"], ["there is no option -x"]),
        (["a.onnx", "b.onnx"], ["one model at a time: 'b.onnx' is one too many"]),
        (["--as", "int9"], ["--as: 'int9' is no element type; did you mean int8?", "float16"]),
        (["--as", "complex64"], ["--as: 'complex64' is no element type"]),
        (["--dim", "batch"], ["--dim: 'batch' does not read NAME=SIZE"]),
        (["--dim", "=3"], ["--dim: '=3' does not read NAME=SIZE"]),
        (["--dim", "batch=-1"], ["--dim: 'batch=-1' does not read NAME=SIZE"]),
        (["--dim", "batch=x"], ["--dim: 'batch=x' does not read NAME=SIZE"]),
        (["--dim", "batch=9999999999999999999"], ["more than any dimension has"]),
        (["--dim", "n=1", "--dim", "n=2"], ["--dim: 'n' is given twice, as 1 and as 2"]),
        (["--dim", "n=1"], ["networks of the zoo have fixed sizes"]),
        (["--time-limit", "0"], ["--time-limit: '0' is not above zero", "for example 60s"]),
        (["--time-limit", "-1"], ["--time-limit: '-1' is not above zero", "for example 60s"]),
        (["--time-limit", "inf"], ["--time-limit: 'inf' is no duration"]),
        (["--memory-limit", "-4GB"], ["--memory-limit: '-4GB' is not above zero"]),
        (["--alignment", "0"], ["--alignment: '0' is no alignment", "for example 16"]),
        (["--alignment", "-16"], ["--alignment: '-16' is no alignment"]),
        (["--alignment", "4KB"], ["--alignment: '4KB' is no alignment"]),
        (["--alignment", "9999999"], ["--alignment: '9999999' is no alignment"]),
        (["zoo:swiftnt"], ["the zoo has no network 'swiftnt'", "did you mean swiftnet?"]),
        (["zoo:"], ["the zoo has no network ''"]),
        (["swiftnet"], ["swiftnet: no such file; the network of that name is zoo:swiftnet"]),
        (["no/model.tflite"], ["no/model.tflite: no such file", "give a valid .tflite or .onnx"]),
        ([""], [""]),
        (["."], [".: a directory", "give a valid .tflite or .onnx file"]),
    ],
)
def test_wrong_arguments(
    run: Run,
    arguments: list[str],
    parts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run(*arguments), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "model"])
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"hello\n", b"\x1c\0\0\0TFL3", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" * 99]
)
def test_files_that_are_no_models(run: Run, tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    refused(run(file, "--json", tmp_path / "plan.json"), f"error: {file}: ", "; ")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_truncated_models(run: Run, tmp_path: Path) -> None:
    whole = write_network(tmp_path / "whole.onnx", CHAIN, CHAIN_SIZES).read_bytes()
    file = tmp_path / "cut.onnx"
    for length in range(1, len(whole), 37):
        file.write_bytes(whole[:length])
        refused(run(file), f"error: {file}: ")


def test_a_truncated_tflite_model(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cut.tflite"
    file.write_bytes(shared_data("tflm/person_detect.tflite").read_bytes()[:100_000])
    refused(run(file), f"error: {file}: ", "give a valid .tflite or .onnx file")


def test_a_cycle_is_spelt_out(run: Run, tmp_path: Path) -> None:
    nodes = (("one", ["x", "b"], ["a"]), ("two", ["a"], ["b"]), ("three", ["b"], ["y"]))
    file = write_network(tmp_path / "cycle.onnx", nodes, dict.fromkeys("xaby", 4))
    refused(run(file), f"error: {file}: the graph has a cycle: ", "one -> two")


def test_dynamic_shapes_name_the_option_that_helps(run: Run, tmp_path: Path) -> None:
    file = write_float_network(tmp_path / "dynamic.onnx", "batch")
    refused(run(file), f"error: {file}: ", "(batch, 1000)", "give --dim batch=1")
    refused(run(file, "--dim", "bach=1"), f"error: {file}: ", "no dimension is called 'bach'")


def test_a_name_with_a_line_break_stays_on_one_line(run: Run, tmp_path: Path) -> None:
    refused(run(tmp_path / "two\nlines\x1b[31m.onnx"), "no such file")

"""``python -m models.zoo``."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import models
from models import zoo
from models.zoo import __main__ as command


def test_list_names_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["network", "ops", "activations", "source"]
    assert [line.split()[:3] for line in lines] == [
        [e.name, str(e.ops), str(e.activations)] for e in map(zoo.entry, zoo.names())
    ]


def test_a_network_is_written_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    arguments = ["darts", "--weights", "none", "--param", "cells=1", "channels=4"]
    assert command.main([*arguments, "--param", "image=16", "-o", str(file)]) == 0
    assert onnx.load(file) == zoo.build("darts", weights="none", cells=1, channels=4, image=16)
    assert len(models.load(file).ops) == len(zoo.graph("darts", cells=1).ops)
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_an_existing_file_is_kept_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.onnx"
    file.write_text("mine")
    assert command.main(["swiftnet", "-o", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert command.main(["swiftnet", "--force", "--seed", "3", "-o", str(file)]) == 0
    assert onnx.load(file) == zoo.build("swiftnet", seed=3)


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    assert command.main(["swiftnet", "-o", str(tmp_path / "net.onnx")]) == 2
    assert "No space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["swiftnt", "-o", "x.onnx"], "did you mean swiftnet?"),
        (["darts", "--param", "cells=99", "-o", "x.onnx"], "cells must lie between 1 and 20"),
        (["darts", "--param", "cells", "-o", "x.onnx"], "--param takes KEY=VALUE, not 'cells'"),
        (["darts", "-o", "."], "a directory, not a file"),
        (["darts", "-o", "no/where.onnx"], "no: no such directory"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["swiftnet"], ["-o", "x.onnx"]])
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2

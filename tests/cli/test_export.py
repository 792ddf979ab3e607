"""From a model file to a model file, through the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import models
from models.formats.tflite_write import offsets_of
from solver.verify.__main__ import main as verify
from tests.cli.networks import BRANCH_SIZES, BRANCHES, write_network
from tests.data import shared_data
from tests.runtimes.networks import random_tflite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


@pytest.fixture
def tflite(tmp_path: Path) -> Path:
    path = tmp_path / "cell.tflite"
    path.write_bytes(random_tflite(7))
    return path


def test_an_onnx_file_runs_in_the_new_order(run: Run, onnx: Path, tmp_path: Path) -> None:
    done = run(onnx, "--output", tmp_path / "out.onnx", "--json", tmp_path / "plan.json")
    assert done.code == 0
    assert "Written:" in done.out
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [op.name for op in models.load(tmp_path / "out.onnx").ops] == plan["order"]
    again = run(tmp_path / "out.onnx", "--json", "-").plan
    assert again["baselines"]["file_order"] == plan["peak_bytes"] == 1110
    assert plan["baselines"]["file_order"] == 2100


def test_a_tflite_file_takes_its_offsets_along(run: Run, tflite: Path, tmp_path: Path) -> None:
    out, plan_file = tmp_path / "out.tflite", tmp_path / "plan.json"
    done = run(tflite, "--output", out, "--json", plan_file, "--budget", "1MB")
    assert done.code == 0
    plan = json.loads(plan_file.read_text())
    assert plan["options"]["runtime"] == "tflm"
    assert plan["options"]["alignment"] == 16
    assert done.row("arena")[0] == str(plan["arena_bytes"])
    assert "an arena of" in done.verdict
    graph = models.load(out)
    assert len(graph.ops) == len(plan["order"])
    stored = offsets_of(out.read_bytes())
    assert stored is not None
    assert sorted(o for o in stored if o >= 0) == sorted(plan["offsets"].values())
    assert verify([str(plan_file), str(tflite)]) == 0


def test_an_arena_is_planned_without_a_file(run: Run, onnx: Path) -> None:
    plan = run(onnx, "--objective", "arena", "--json", "-", "--budget", "1110").plan
    assert plan["arena_bytes"] == plan["lower_bound_bytes"] == 1110
    assert plan["fits"] is True
    assert set(plan["offsets"]) == set(BRANCH_SIZES)


def test_a_header_holds_the_arena(run: Run, onnx: Path, tmp_path: Path) -> None:
    assert run(onnx, "--emit-header", tmp_path / "plan.h").code == 0
    assert "#define BRANCHES_ARENA_BYTES 1110UL" in (tmp_path / "plan.h").read_text()


def test_files_are_kept_unless_forced(run: Run, onnx: Path, tmp_path: Path) -> None:
    (tmp_path / "out.onnx").write_bytes(b"mine")
    refused = run(onnx, "--output", tmp_path / "out.onnx")
    assert refused.code == 2
    assert "--force" in refused.err
    assert (tmp_path / "out.onnx").read_bytes() == b"mine"
    assert run(onnx, "--output", tmp_path / "out.onnx", "--force").code == 0
    assert models.load(tmp_path / "out.onnx").ops


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "branches.onnx", "--force"], "this is the model itself"),
        (["--output", "out.tflite"], "the model is a .onnx file, and stays one"),
        (["--output", "gone/out.onnx"], "there is no directory"),
        (["--runtime", "tflm", "--alignment", "8"], "no multiple of that"),
        (["--runtime", "tflm2"], "no runtime; did you mean tflm?"),
        (["--objective", "area"], "no objective (peak or arena)"),
        (["--emit-header", "p.h", "--objective", "peak"], "needs --objective arena"),
        (["--emit-header", "out.onnx", "--output", "out.onnx"], "named for two outputs"),
    ],
)
def test_what_cannot_be_written(
    run: Run, onnx: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(onnx.parent)
    before = sorted(onnx.parent.iterdir())
    refused = run(onnx.name, *arguments)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert message in refused.err
    assert sorted(onnx.parent.iterdir()) == before


def test_networks_of_the_zoo_have_no_file(run: Run, tmp_path: Path) -> None:
    refused = run("zoo:swiftnet", "--output", tmp_path / "out.onnx")
    assert refused.code == 2
    assert "python -m models.zoo NAME -o FILE" in refused.err


def test_sizes_of_another_file_are_not_written(run: Run, tflite: Path, tmp_path: Path) -> None:
    refused = run(tflite, "--as", "int8", "--output", tmp_path / "out.tflite")
    assert refused.code == 2
    assert "quantize it first" in refused.err


def test_what_tflm_cannot_run_is_said_at_export(run: Run, tmp_path: Path) -> None:
    model = shared_data("swiftnet/submission-uint8.lite")
    refused = run(model, "--output", tmp_path / "out.tflite")
    assert refused.code == 2
    assert "cannot run this model: op '1:CONV_2D' works on uint8" in refused.err
    assert not list(tmp_path.iterdir())
    assert run(model, "--output", tmp_path / "out.tflite", "--runtime", "litert").code == 0

"""``--json``: the contract with machines."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import models
from models import zoo
from solver import verify
from solver.plan import Plan
from tests.cli.networks import (
    BRANCH_SIZES,
    BRANCHES,
    CHAIN,
    CHAIN_SIZES,
    write_float_network,
    write_network,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


def test_one_object_on_stdout_with_the_keys_of_the_contract(run: Run, tmp_path: Path) -> None:
    model = write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)
    result = run(model, "--budget", "2KB", "--json", "-")
    assert result.code == 0
    plan = result.plan
    assert next(iter(plan)) == "schema"
    expected = {
        "schema": 1,
        "model": str(model),
        "problem": "peak",
        "status": "optimal",
        "limit": None,
        "budget_bytes": 2048,
        "tcm_bytes": None,
        "fits": True,
        "peak_bytes": 1110,
        "lower_bound_bytes": 1110,
        "arena_bytes": None,
        "offsets": None,
        "traffic_bytes": None,
        "compulsory_bytes": None,
        "steps": None,
        "tcm_offsets": None,
        "warnings": [],
        "options": {
            "as": None,
            "dims": {},
            "runtime": "generic",
            "alignment": 1,
            "in_place": False,
            "views": False,
        },
    }
    assert {key: plan[key] for key in expected} == expected
    rest = plan.keys() - expected.keys()
    assert rest == {"order", "baselines", "seconds", "certificate", "curve", "versions"}
    assert sorted(plan["order"]) == sorted(name for name, _, _ in BRANCHES)
    assert plan["baselines"]["file_order"] == 2100
    assert all(type(size) is int for size in plan["baselines"].values())
    assert type(plan["seconds"]) is float
    assert plan["curve"][-1][1:] == [1110, 1110]
    assert plan["certificate"]["bound_bytes"] == 1110
    assert plan["versions"]["tightfit"]
    # People read the same report, on the other stream.
    assert result.err.splitlines()[-1] == (
        "Fits: needs 1.1 KB (1110 bytes) of 2 KB (proven optimal)."
    )


def test_the_plan_of_a_refusal(run: Run, chain: Path) -> None:
    result = run(chain, "--budget", "699", "--json", "-", "--quiet")
    assert result.code == 1
    assert result.plan["fits"] is False
    assert len(result.err.splitlines()) == 1


def test_no_budget_no_verdict_on_it(run: Run, chain: Path) -> None:
    plan = run(chain, "--json", "-").plan
    assert plan["budget_bytes"] is None
    assert plan["fits"] is None


def test_reading_options_are_recorded(run: Run, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "dynamic.onnx", "batch")
    plan = run(
        model, "--dim", "batch=3", "--as", "float16", "--alignment", "16", "--in-place", "--views",
        "--json", "-",
    ).plan  # fmt: skip
    assert plan["options"] == {
        "as": "float16",
        "dims": {"batch": 3},
        "runtime": "generic",
        "alignment": 16,
        "in_place": True,
        "views": True,
    }


def test_the_plan_checks_against_the_network(run: Run, chain: Path) -> None:
    verify.check(Plan.from_json(run(chain, "--json", "-").out), models.load(chain))
    bundled = Plan.from_json(run("--json", "-").out)
    assert bundled.model == "zoo:swiftnet"
    assert bundled.options["as"] == "int8"
    verify.check(bundled, zoo.graph("swiftnet").with_precision("int8"))


def test_a_file_holds_the_same_and_the_report_stays_on_stdout(
    run: Run, chain: Path, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    result = run(chain, "--json", file)
    assert result.code == 0
    assert result.verdict.startswith("Optimal: ")
    assert result.err == ""
    assert "--json FILE" not in result.out
    assert json.loads(file.read_text())["order"] == ["first", "second", "third"]
    assert file.read_text().endswith("}\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chain.onnx", "plan.json"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


def test_an_existing_file_is_kept_unless_forced(run: Run, chain: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("mine")
    file.chmod(0o640)
    result = run(chain, "--json", file)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {file}: exists already; --force overwrites it\n"
    assert file.read_text() == "mine"
    assert run(chain, "--json", file, "--force").code == 0
    assert json.loads(file.read_text())["peak_bytes"] == 700
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_keeps_pointing_to_its_file(run: Run, chain: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "plan.json"
    link.symlink_to(tmp_path / "real" / "plan.json")
    assert run(chain, "--json", link).code == 0
    assert link.is_symlink()
    assert json.loads((tmp_path / "real" / "plan.json").read_text())["peak_bytes"] == 700


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", ["chain.onnx", "same.onnx", "dir/../chain.onnx"])
def test_the_model_is_never_overwritten(
    run: Run, chain: Path, tmp_path: Path, name: str, force: list[str]
) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "same.onnx").symlink_to(chain)
    before = chain.read_bytes()
    result = run(chain, "--json", tmp_path / name, *force)
    assert result.code == 2
    assert "this is the model itself" in result.err
    assert chain.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "a directory"),
        ("no/where.json", "there is no directory"),
        ("chain.onnx/plan.json", ""),
        ("x" * 300, "cannot be written: File name too long"),
    ],
)
def test_places_that_cannot_be_written_are_refused_before_the_work(  # noqa: PLR0917
    run: Run,
    chain: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    complaint: str,
) -> None:
    monkeypatch.setattr("solver.schedule.read_network", None)  # would raise if it got that far
    result = run(chain, "--json", tmp_path / name)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert complaint in result.err
    assert [p.name for p in tmp_path.iterdir()] == ["chain.onnx"]


def test_a_directory_without_permission(
    run: Run, chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_kwargs: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("solver.cli.output.tempfile.mkstemp", denied)
    monkeypatch.setattr("solver.schedule.read_network", None)
    result = run(chain, "--json", tmp_path / "plan.json")
    assert result.code == 2
    assert result.err == (
        f"error: {tmp_path / 'plan.json'}: cannot be written: Permission denied; "
        "choose another place\n"
    )


def test_a_failed_write_leaves_the_old_file_and_no_other(
    run: Run, chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    file = tmp_path / "plan.json"
    file.write_text("mine")
    monkeypatch.setattr(Path, "replace", full)
    result = run(chain, "--json", file, "--force")
    assert result.code == 2
    assert result.verdict.startswith("Optimal: ")
    assert "No space left on device" in result.err
    assert file.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chain.onnx", "plan.json"]


def test_devices_and_pipes_are_written_not_replaced(run: Run, chain: Path, tmp_path: Path) -> None:
    assert run(chain, "--json", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(chain, "--json", pipe).code == 0
        assert json.loads(os.read(reader, 1 << 16))["peak_bytes"] == 700
    finally:
        os.close(reader)


def test_odd_names_survive(run: Run, tmp_path: Path) -> None:
    nodes = (("größe\n\x1b[31m 😀", ["x"], ["y"]),)
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    model = write_network(folder / "odd.onnx", nodes, {"x": 1, "y": 2})
    result = run(model, "--json", "-")
    assert result.code == 0
    assert result.plan["order"] == [nodes[0][0]]
    assert os.fsencode(result.plan["model"]) == os.fsencode(model)
    assert "\x1b" not in result.err
    file = tmp_path / "plan.json"
    assert run(model, "--json", file).code == 0
    timeless = {"seconds": 0, "curve": []}
    assert json.loads(file.read_text("utf-8")) | timeless == result.plan | timeless

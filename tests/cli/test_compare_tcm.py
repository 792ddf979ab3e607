"""``python -m solver.compare --tcm``: heuristics beside the least traffic."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import solver.compare as command
import solver.traffic.baselines.comparison as measuring
from models import zoo
from solver.plan import Status
from solver.traffic.baselines import HEURISTICS
from solver.traffic.plan import plan_traffic
from tests.cli.conftest import Result
from tests.cli.networks import BRANCH_SIZES, BRANCHES, CHAIN, CHAIN_SIZES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from solver import Plan

    Run = Callable[..., Result]

METHODS = [*(h.name for h in HEURISTICS), "exact"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call ``solver.compare`` in this process."""

    def call(*argv: str | Path) -> Result:
        capsys.readouterr()
        code = command.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Nothing is ever spilled; 700 bytes are needed."""
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


def test_figures_worked_out_by_hand(run: Run, branches: Path) -> None:
    """In 1100 bytes file order has both heavy tensors leave and come back: 4000 bytes beside the
    110 of input and output. One branch after the other, 120 are enough."""
    result = run(branches, "--tcm", "1100")
    assert (result.code, result.err) == (0, "")
    assert result.row("file order + Belady")[:3] == ["4110", "3.9 KB", "97.0 %"]
    assert result.row("least traffic (tightfit)")[:3] == ["230", "120 bytes", "0.0 %"]
    assert result.row("least traffic (tightfit)")[-1] == "proven"
    assert "Least traffic (proven): 230 bytes, 120 bytes of it spills and reloads" in result.out
    labels = [line.strip().split("  ")[0] for line in result.out.splitlines() if line[:2] == "  "]
    titles = [h.title for h in HEURISTICS]
    assert labels == ["order + replacement", *titles, "least traffic (tightfit)"]


def test_a_tcm_above_everything(run: Run, branches: Path) -> None:
    result = run(branches, "--tcm", "1GB")
    assert result.code == 0
    assert "nothing but inputs and outputs; every heuristic with an answer meets it" in result.out
    for heuristic in HEURISTICS:
        assert result.row(heuristic.title)[:3] == ["110", "0 bytes", "-"]


def test_a_tcm_that_is_too_small(run: Run, branches: Path, chain: Path, tmp_path: Path) -> None:
    """One network runs, the other cannot: its row says what would do, and the code is 1."""
    files = ("--json", tmp_path / "all.json", "--csv", tmp_path / "all.csv")
    result = run(branches, chain, "--tcm", "800", *files)
    assert result.code == 1
    assert "'heavy_a' (1.1 KB), 'heavy_b' (1.1 KB)" in result.out
    assert "Infeasible (proven)" in result.out
    assert "the smallest that works is 1.1 KB (1100 bytes)" in result.out
    assert "Over 1 network (1 more do not run in this TCM)" in result.out
    found = json.loads((tmp_path / "all.json").read_text())
    first, second = found["models"]
    assert (first["status"], first["least_tcm_bytes"], first["best_bytes"]) == (
        "infeasible", 1100, None,
    )  # fmt: skip
    assert first["oversized"] == {"heavy_a": 1100, "heavy_b": 1100, "light_a": 1010,
                                  "light_b": 1010}  # fmt: skip
    assert second["status"] == "optimal"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text())))
    assert [r["method"] for r in rows if r["status"] == "infeasible"] == ["exact"]


def test_nothing_runs_and_nothing_is_drawn(run: Run, branches: Path, tmp_path: Path) -> None:
    result = run(branches, "--tcm", "100", "--plot", tmp_path / "a.png", "--quiet")
    assert result.code == 1
    verdict, files = result.out.splitlines()
    assert verdict.startswith(f"{branches}: Infeasible (proven): no plan runs in this TCM; ")
    assert files == f"{tmp_path / 'a.png'}: not written; there is no figure to draw."
    assert not (tmp_path / "a.png").exists()


def test_machines_get_all_of_it(run: Run, branches: Path, chain: Path, tmp_path: Path) -> None:
    result = run(branches, chain, "--tcm", "1100", "--json", "-", "--csv", tmp_path / "a.csv")
    assert result.code == 0
    found = result.plan
    assert (found["problem"], found["errors"]) == ("traffic", {})
    first = found["models"][0]
    assert (first["best_bytes"], first["lower_bound_bytes"], first["compulsory_bytes"]) == (
        230, 230, 110,
    )  # fmt: skip
    assert [row["method"] for row in first["rows"]] == METHODS
    row = first["rows"][0]
    assert (row["traffic_bytes"], row["spilled_bytes"], row["removed_share"]) == (4110, 4000, 0.97)
    mean = found["summary"][0]
    assert (mean["networks"], mean["spilling_on"], mean["mean_removed_share"]) == (2, 1, 0.97)
    assert mean["geometric_mean_ratio"] == pytest.approx((4110 / 230) ** 0.5, abs=1e-6)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [row["method"] for row in rows] == METHODS * 2
    assert {row["status"] for row in rows} == {"optimal"}


def test_streaming_and_weights(run: Run, branches: Path) -> None:
    """Streamed, the ops run in one byte: every operand passes at each access."""
    result = run(branches, "--tcm", "1", "--tcm-mode", "streaming", "--json", "-")
    assert result.code == 0
    network = result.plan["models"][0]
    assert network["options"]["mode"] == "streaming"
    moved = 2 * 100 + 2 * (1000 + 1000) + 2 * (10 + 10) + 10
    assert {row["traffic_bytes"] for row in network["rows"]} == {moved}


def test_weights(run: Run) -> None:
    """Streamed, all of them pass; pinned, what has no room beside the rest."""
    weights = zoo.graph("swiftnet").with_precision("int8").weight_bytes
    ignored, streamed, pinned = (
        run("--tcm", "400KB", "--weights", how, "--json", "-")
        for how in ("ignore", "stream", "pin")
    )
    least = [result.plan["models"][0]["best_bytes"] for result in (ignored, pinned, streamed)]
    assert least[0] < least[1] < least[2] == least[0] + weights
    assert "nothing but inputs and outputs;" in ignored.err
    assert "nothing but inputs, outputs and weights;" in streamed.err
    assert " of it beyond the compulsory;" in pinned.err
    assert "weights that might be pinned included" in pinned.err


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plots(run: Run, branches: Path, chain: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bars.{suffix}"
    assert run(branches, chain, "--tcm", "1100", "--plot", path, "--quiet").code == 0
    first = path.read_bytes()
    magic = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-1.", "svg": b"<?xml"}
    assert first.startswith(magic[suffix])
    assert run(branches, chain, "--tcm", "1100", "--plot", path, "--quiet", "--force").code == 0
    assert path.read_bytes() == first
    if suffix == "svg":
        text = first.decode()
        for words in (*(h.title for h in HEURISTICS), "4.227 (-97.0 %)", "geometric mean"):
            assert words in text


def test_an_open_answer(run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact solver stops with 4110 bytes and a bound of 120; a heuristic has found less."""

    def stopped(*args: Any, **options: Any) -> Plan:  # noqa: ANN401
        plan = plan_traffic(*args, **options)
        return dataclasses.replace(
            plan, traffic_bytes=4110, lower_bound_bytes=120, status=Status.FEASIBLE, limit="time",
            curve=(),
        )  # fmt: skip

    monkeypatch.setattr(measuring, "plan_traffic", stopped)
    result = run(branches, "--tcm", "1100")
    assert result.code == 3
    assert result.row("least traffic (tightfit)")[-1] == "stopped by --time-limit"
    assert result.row("least peak + ILP")[-1] == "best found"
    assert result.row("proven lower bound")[:2] == ["120", "10 bytes"]
    assert "Not proven: the best plan moves 230 bytes" in result.out
    assert "lower bound 120 bytes (gap 47.8 %)" in result.out


def test_an_interrupt_ends_with_what_is_there(
    run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*_args: object) -> None:
        raise KeyboardInterrupt

    searched = [
        dataclasses.replace(h, replace=impatient) if h.name == "least_peak" else h
        for h in HEURISTICS
    ]
    monkeypatch.setattr(measuring, "HEURISTICS", searched)
    result = run(branches, "--tcm", "1100")
    assert (result.code, result.err) == (130, "")
    assert result.row("least peak + Belady")[-1] == "interrupted"
    assert "SERENITY" not in result.out
    assert result.out.rstrip().endswith("; interrupted.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tcm", "0"], "not above zero"),
        (["--tcm", "-4KB"], "not above zero"),
        (["--tcm", "many"], "'many' is no size"),
        (["--tcm", "1KB..2KB"], "a comparison is for one size"),
        (["--tcm", "1KB", "--in-place"], "not modelled under a TCM"),
        (["--tcm", "1KB", "--tcm-mode", "fast"], "invalid choice: 'fast'"),
        (["--tcm-mode", "streaming"], "--tcm-mode goes with --tcm"),
        (["--weights", "pin"], "--weights goes with --tcm"),
        (["--tcm", "64KB-1MB"], "a range has two dots"),
        (["--tcm", "1KB", "--bandwidth", "1KB"], "there is no option --bandwidth"),
    ],
)
def test_what_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_lists_the_heuristics(run: Run) -> None:
    text = run("--help").out
    assert all(h.title in text and h.summary in text for h in HEURISTICS)
    assert re.search(r"^  1    with --tcm: some network is proven not to run", text, re.MULTILINE)

"""``python -m solver.compare``: tables, files, exit codes."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.image import imread

import solver.compare as command
import solver.peak.baselines.comparison as measuring
from solver import Status, minimize_peak
from solver.cli import comparing
from solver.cli.network import read_network
from solver.peak.baselines import HEURISTICS
from solver.peak.baselines.comparison import compare
from solver.report import plots
from tests.cli.conftest import Result
from tests.cli.networks import BRANCH_SIZES, BRANCHES, CHAIN, CHAIN_SIZES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from solver import Plan
    from solver.peak.baselines.comparison import Comparison

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
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the exact solver be stopped by the clock, with file order and a bound of 1000."""
    honest = minimize_peak

    def stopped(*args: Any, **options: Any) -> Plan:  # noqa: ANN401
        plan = honest(*args, **options)
        return dataclasses.replace(
            plan,
            peak_bytes=2100,
            lower_bound_bytes=1000,
            status=Status.FEASIBLE,
            limit="time",
            curve=(),
        )

    monkeypatch.setattr(measuring, "minimize_peak", stopped)


def test_the_bundled_network(run: Run) -> None:
    result = run()
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("swiftnet, the bundled network (no MODEL given): 85 ops")
    assert result.row("file order")[:3] == ["351232", "343 KB", "1.167"]
    assert result.row("exact search (tightfit)")[:3] == ["301056", "294 KB", "1.000"]
    assert result.row("TFLite arena, as deployed")[-1] == "arena bytes"
    assert "Optimum 294 KB, proven; met by hierarchical (HMCOS) and SERENITY (DP)." in result.out


def test_figures_worked_out_by_hand(run: Run, branches: Path) -> None:
    result = run(branches)
    assert result.code == 0
    assert result.row("file order")[:3] == ["2100", "2.1 KB", "1.892"]
    assert result.row("hierarchical (HMCOS)")[0] == "1110"
    assert result.row("SERENITY (DP)")[-1] == "optimal"
    assert result.row("exact search (tightfit)")[-1] == "proven"


def test_every_heuristic_has_its_row(run: Run, chain: Path) -> None:
    result = run(chain)
    labels = [line.strip().split("  ")[0] for line in result.out.splitlines() if line[:2] == "  "]
    assert labels == ["order", *(h.title for h in HEURISTICS), "exact search (tightfit)"]
    assert "every heuristic with an answer meets the optimum" in result.out


def test_several_networks_get_means(run: Run, branches: Path, chain: Path) -> None:
    result = run(branches, "--alignment", "1", chain)
    assert result.code == 0
    _, _, means = result.out.partition("Over 2 networks")
    row = next(line for line in means.splitlines() if line.startswith("  file order"))
    assert row.split()[2:9] == ["1.375", "1.892", "1", "of", "2", "2", "of"]  # sqrt(2100 / 1110)


def test_json(run: Run, branches: Path, chain: Path) -> None:
    result = run(branches, chain, "--json", "-")
    assert result.code == 0
    found = result.plan
    assert found["schema"] == 1
    assert found["errors"] == {}
    assert [network["model"] for network in found["models"]] == [str(branches), str(chain)]
    first = found["models"][0]
    assert (first["status"], first["best_bytes"], first["lower_bound_bytes"]) == (
        "optimal", 1110, 1110,
    )  # fmt: skip
    assert [row["method"] for row in first["rows"]] == METHODS
    assert first["rows"][0]["ratio"] == round(2100 / 1110, 6)
    assert [mean["method"] for mean in found["summary"]] == METHODS
    assert "file order" in result.err


def test_csv(run: Run, branches: Path, chain: Path, tmp_path: Path) -> None:
    assert run(branches, chain, "--csv", tmp_path / "all.csv").code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text())))
    assert [row["method"] for row in rows] == METHODS * 2
    assert rows[0]["bytes"] == "2100"
    assert {row["proven"] for row in rows} == {"yes"}
    assert {row["figure"] for row in rows if row["method"] == "tflite_arena"} == {"arena"}


@pytest.mark.parametrize(
    ("suffix", "magic"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-1."), ("svg", b"<?xml")]
)
def test_plots(run: Run, branches: Path, tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"ratios.{suffix}"
    assert run(branches, "--plot", path, "--quiet").code == 0
    assert path.read_bytes().startswith(magic)
    assert list(tmp_path.glob(".*")) == []
    assert "exists already" in run(branches, "--plot", path).err
    first = path.read_bytes()
    assert run(branches, "--plot", path, "--force").code == 0
    assert path.read_bytes() == first


def test_a_plot_of_several_networks_says_what_it_shows(
    run: Run, branches: Path, chain: Path, tmp_path: Path
) -> None:
    assert run(branches, chain, "--plot", tmp_path / "all.svg").code == 0
    text = (tmp_path / "all.svg").read_text()
    assert all(h.title in text or h.title.replace("'", "&#x27;") in text for h in HEURISTICS)
    for word in ("branches.onnx, chain.onnx", "geometric mean", "arena bytes", "1.375"):
        assert word in text


def test_a_plot_is_a_picture_of_its_bars(run: Run, branches: Path, tmp_path: Path) -> None:
    """Widths of the bars in pixels are in the ratio of the figures."""
    assert run(branches, "--plot", tmp_path / "ratios.png").code == 0
    picture = imread(tmp_path / "ratios.png")[..., :3]

    def widest(colour: tuple[int, int, int]) -> int:
        same = (abs(picture * 255 - colour) < 2).all(axis=-1)
        return int(same.sum(axis=1).max())

    peaks, exact = widest((76, 120, 168)), widest((47, 143, 78))
    assert peaks / exact == pytest.approx(2100 / 1110, rel=0.02)


def test_quiet_is_a_line_a_network(run: Run, branches: Path, chain: Path) -> None:
    result = run("--quiet", branches, chain)
    assert len(result.out.splitlines()) == 2
    assert result.out.startswith(f"{branches}: Optimum 1.1 KB (1110 bytes), proven; met by ")


def test_a_bad_model_leaves_the_others(run: Run, branches: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.tflite").write_bytes(b"junk")
    result = run(tmp_path / "junk.tflite", branches, "zoo:nope", "--json", tmp_path / "all.json")
    assert result.code == 2
    assert result.err.count("error: ") == result.err.count("\n") == 2
    assert "junk.tflite" in result.err
    assert result.row("file order")[0] == "2100"
    found = json.loads((tmp_path / "all.json").read_text())
    assert [network["model"] for network in found["models"]] == [str(branches)]
    assert list(found["errors"]) == [str(tmp_path / "junk.tflite"), "zoo:nope"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["zoo:nope"], "no network 'nope'"),
        (["--plot", "a.gif"], "end the name in one of .png, .svg, .pdf"),
        (["--csv", "-"], "stdout ('-') is for --json alone"),
        (["--json", "both", "--csv", "both"], "named for two outputs"),
        (["--csv", "missing/all.csv"], "there is no directory"),
        (["--time-limit", "0"], "not above zero"),
        (["--budget", "1KB"], "there is no option --budget"),
    ],
)
def test_bad_input(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(
    run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _name: None)
    result = run(branches, "--plot", branches.with_suffix(".png"))
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "tightfit[plot]" in result.err


def test_undecided(run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SERENITY's order is the best found; both references are shown."""
    undecided(monkeypatch)
    result = run(branches)
    assert result.code == 3
    assert result.row("exact search (tightfit)")[2:4] == ["1.892", "2.100"]
    assert result.row("exact search (tightfit)")[-1] == "stopped by --time-limit"
    assert result.row("SERENITY (DP)")[2:4] == ["1.000", "1.110"]
    assert result.row("proven lower bound")[2:4] == ["0.901", "1.000"]
    assert "Not proven: best order 1.1 KB (1110 bytes), lower bound 1000 bytes" in result.out


def test_undecided_means_say_so(
    run: Run, branches: Path, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = compare

    def first_undecided(graph: Any, *args: Any, **options: Any) -> Comparison:  # noqa: ANN401
        with pytest.MonkeyPatch.context() as patch:
            if len(graph.ops) == len(BRANCHES):
                undecided(patch)
            return one(graph, *args, **options)

    monkeypatch.setattr(comparing, "compare", first_undecided)
    result = run(branches, chain)
    assert result.code == 3
    assert "Not proven on 1 of 2 networks" in result.out


def test_an_interrupt_ends_with_what_is_there(
    run: Run, branches: Path, chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_network

    def impatient(model: str | None, *args: Any) -> Any:  # noqa: ANN401
        if model == str(chain):
            raise KeyboardInterrupt
        return read(model, *args)

    monkeypatch.setattr(command, "read_network", impatient)
    result = run(branches, chain, "--json", tmp_path / "all.json")
    assert (result.code, result.err) == (130, "")
    assert result.row("file order")[0] == "2100"
    assert len(json.loads((tmp_path / "all.json").read_text())["models"]) == 1
    nothing = run(chain, branches)
    assert (nothing.code, nothing.out) == (130, "")


def test_help_lists_the_heuristics(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    assert all(h.title in result.out and h.summary in result.out for h in HEURISTICS)
    assert re.search(r"^  130  interrupted", result.out, re.MULTILINE)

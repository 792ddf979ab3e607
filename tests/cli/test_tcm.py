"""``--tcm``: least traffic, the curve over sizes, and what is refused."""

from __future__ import annotations

import csv
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from solver.peak.backend import BackendUnavailableError
from solver.traffic import minimize_traffic
from solver.verify.__main__ import main as verify
from tests.cli.networks import BRANCH_SIZES, BRANCHES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models import Graph
    from solver.traffic import TrafficOutcome
    from tests.cli.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Both branches start from x (100 bytes); the largest op touches 1100."""
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


def test_a_plan_without_spills(run: Run, model: Path, tmp_path: Path) -> None:
    """A peak of 1110 fits: only x comes in and y goes out."""
    done = run(model, "--tcm", "1110", "--json", tmp_path / "plan.json")
    assert done.code == 0
    assert done.row("traffic")[0] == "110"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["problem"], plan["tcm_bytes"]) == ("traffic", 1110)
    assert plan["traffic_bytes"] == plan["compulsory_bytes"] == 110
    assert [s["run"] for s in plan["steps"] if "run" in s] == plan["order"]
    assert verify([str(tmp_path / "plan.json"), str(model)]) == 0


def test_offsets_in_the_tcm(
    run: Run, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In 1110 bytes every buffer has one place; in 1100 those that come back may have several."""
    for tcm in ("1110", "1100"):
        done = run(model, "--tcm", tcm, "--json", tmp_path / "plan.json", "--force")
        plan = json.loads((tmp_path / "plan.json").read_text())
        assert plan["arena_bytes"] <= plan["tcm_bytes"]
        assert f"({plan['arena_bytes']} bytes) of TCM." in done.out
        stays = plan["tcm_offsets"]
        assert all(list(plan["steps"][end].values()) == [name] for name, _, end, _ in stays)
        assert (len({name for name, *_ in stays}) == len(stays)) == (tcm == "1110")
        if tcm == "1110":
            assert plan["offsets"] == {name: offset for name, _, _, offset in stays}
        assert verify([str(tmp_path / "plan.json"), str(model)]) == 0
        assert f"nothing overlaps in {plan['arena_bytes']} bytes" in capsys.readouterr().out


def test_ten_bytes_less_cost_a_spill(run: Run, model: Path) -> None:
    """In 1100 bytes x has to leave while a branch is finished: it is clean, so 100 to reload. The
    finished branch has to leave while the other runs: 10 out and 10 in."""
    done = run(model, "--tcm", "1100", "--json", "-")
    assert done.code == 0
    assert done.plan["status"] == "optimal"
    assert done.plan["traffic_bytes"] == 230


@pytest.mark.parametrize("method", ["auto", "dp", "cpsat", "ilp-highs", "ilp-cbc"])
def test_every_method_proves_the_same(run: Run, model: Path, tmp_path: Path, method: str) -> None:
    done = run(model, "--tcm", "1100", "--method", method, "--json", tmp_path / "plan.json")
    assert done.code == 0
    assert done.row("traffic")[0] == "230"
    plan = json.loads((tmp_path / "plan.json").read_text())
    formulation = plan["certificate"].get("formulation", {}).get("method", "auto")
    assert method in ("auto", "dp", formulation)
    assert verify([str(tmp_path / "plan.json"), str(model), "--recheck"]) == 0


def test_curves_by_a_formulation(run: Run, model: Path) -> None:
    done = run(model, "--tcm", "1100..1110", "--method", "cpsat")
    assert done.code == 0
    assert "Smallest TCM without spills: 1.1 KB (1110 bytes) (proven)" in done.out


def test_a_method_that_is_not_installed(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise BackendUnavailableError(name, "cpsat", "no package 'ortools'")

    monkeypatch.setattr("solver.traffic.formulate._backend", missing)
    done = run(model, "--tcm", "1100", "--method", "cpsat", "--json", model.parent / "plan.json")
    assert done.code == 2
    assert "--method cpsat is not available" in done.err
    assert "pip install 'tightfit[cpsat]'" in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_an_op_larger_than_the_tcm(run: Run, model: Path) -> None:
    done = run(model, "--tcm", "1KB")
    assert done.code == 1
    assert "'heavy_a' (1.1 KB)" in done.out
    assert done.verdict == (
        "Infeasible (proven): no plan runs in this TCM; the smallest that works is 1.1 KB "
        "(1100 bytes), for op 'heavy_a'."
    )


def test_streaming_needs_no_room_for_operands(run: Run, model: Path) -> None:
    done = run(model, "--tcm", "1KB", "--tcm-mode", "streaming", "--json", "-")
    assert done.code == 0
    assert done.plan["traffic_bytes"] > 110


def test_bytes_as_time_and_energy(run: Run, model: Path) -> None:
    text = run(model, "--tcm", "1110", "--bandwidth", "1KB", "--energy-per-byte", "20").out
    assert "takes 0.11 s" in text
    assert "it costs 0.0022 microjoules" in text


def test_the_curve(run: Run, model: Path, tmp_path: Path) -> None:
    done = run(model, "--tcm", "1000..1200", "--csv", tmp_path / "curve.csv")
    assert done.code == 0
    assert "Smallest TCM that works at all: 1.1 KB (1100 bytes), for op 'heavy_a'." in done.out
    assert "Smallest TCM without spills: 1.1 KB (1110 bytes) (proven)" in done.out
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    sizes = [int(row["tcm_bytes"]) for row in rows]
    assert sizes == sorted(set(sizes))
    assert {1000, 1100, 1110, 1200} <= set(sizes)
    traffic = {int(row["tcm_bytes"]): row["traffic_bytes"] for row in rows}
    assert (traffic[1000], traffic[1100], traffic[1110]) == ("", "230", "110")
    known = [int(row["traffic_bytes"]) for row in rows if row["traffic_bytes"]]
    assert known == sorted(known, reverse=True)


@pytest.mark.parametrize("tcm", ["1110", "8GB", "9223372036854775807"])
def test_a_tcm_above_everything(run: Run, model: Path, tcm: str) -> None:
    done = run(model, "--tcm", tcm, "--json", "-")
    assert done.code == 0
    assert done.plan["tcm_bytes"] == (8 << 30 if tcm == "8GB" else int(tcm))
    assert done.plan["traffic_bytes"] == done.plan["compulsory_bytes"] == 110


@pytest.mark.parametrize(("tcm", "code"), [("1099", 1), ("1100", 0), ("1", 1)])
def test_the_smallest_tcm_is_exactly_that(run: Run, model: Path, tcm: str, code: int) -> None:
    done = run(model, "--tcm", tcm, "--json", "-")
    assert (done.code, done.plan["certificate"]["least_tcm_bytes"]) == (code, 1100)
    assert (done.plan["status"] == "infeasible") == bool(code)
    assert list(done.plan["certificate"].get("oversized", ()))[:code] == ["heavy_a"][:code]


def test_quiet_names_size_and_op(run: Run, model: Path) -> None:
    done = run(model, "--tcm", "1KB", "--quiet")
    assert (done.code, done.err, done.out.count("\n")) == (1, "", 1)
    assert "the smallest that works is 1.1 KB (1100 bytes), for op 'heavy_a'" in done.out


def test_a_curve_above_everything(run: Run, model: Path, tmp_path: Path) -> None:
    done = run(model, "--tcm", "2KB..9223372036854775807", "--csv", tmp_path / "c.csv")
    assert done.code == 0
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["2048", "9223372036854775807"]
    assert all(line.endswith(",110,110,110") for line in lines[1:])


def test_a_curve_of_which_nothing_runs(run: Run, model: Path, tmp_path: Path) -> None:
    files = ("--csv", tmp_path / "c.csv", "--plot", tmp_path / "c.svg")
    done = run(model, "--tcm", "1..1000", *files)
    assert done.code == 1
    assert "1 byte        -       -            -  infeasible" in done.out
    assert "Smallest TCM that works at all: 1.1 KB (1100 bytes), for op 'heavy_a'." in done.out
    assert (tmp_path / "c.csv").read_text().splitlines()[1:] == ["1,,110,110", "1000,,110,110"]
    assert "no plan runs below 1.1 KB" in (tmp_path / "c.svg").read_text()


def test_a_curve_looks_where_something_happens(run: Run, tmp_path: Path) -> None:
    """Between the smallest TCM that works and the smallest without spills, not beyond."""
    assert run("zoo:darts_cell", "--tcm", "64KB..1GB", "--csv", tmp_path / "c.csv").code == 0
    with (tmp_path / "c.csv").open() as file:
        rows = [{k: int(v or 0) for k, v in row.items()} for row in csv.DictReader(file)]
    sizes = [row["tcm_bytes"] for row in rows]
    assert (sizes[0], sizes[1], sizes[-2], sizes[-1]) == (65536, 1179648, 1327104, 1 << 30)
    assert len(sizes) == 14


def test_an_undecided_answer_is_3(run: Run, tmp_path: Path) -> None:
    limit = ("--time-limit", "1ms")
    done = run("zoo:pnasnet", "--tcm", "1981KB", *limit)
    assert done.code == 3
    assert done.verdict.startswith("Not proven: the best plan moves ")
    assert done.verdict.endswith("; stopped by the limit on time.")
    assert "Bound: this has to move in any case." in done.out
    done = run("zoo:pnasnet", "--tcm", "1981KB..2MB", *limit, "--plot", tmp_path / "c.svg")
    assert done.code == 3
    assert "not proven" in done.out
    assert "lower bound" in (tmp_path / "c.svg").read_text()


def test_an_interrupted_curve_keeps_its_points(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(graph: Graph, tcm: int, *args: Any, **options: Any) -> TrafficOutcome:  # noqa: ANN401
        outcome = minimize_traffic(graph, tcm, *args, **options)
        return dataclasses.replace(outcome, limit="interrupt") if tcm == 1100 else outcome

    monkeypatch.setattr("solver.traffic.sweep.minimize_traffic", impatient)
    files = ("--csv", tmp_path / "c.csv", "--plot", tmp_path / "c.svg")
    done = run(model, "--tcm", "1000..1200", *files)
    assert (done.code, done.err) == (130, "")
    assert done.out.rstrip().endswith("Interrupted: larger sizes were not reached.")
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 3
    assert (tmp_path / "c.svg").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tcm", "0"], "not above zero"),
        (["--tcm", "0KB"], "not above zero"),
        (["--tcm", "-5"], "not above zero"),
        (["--tcm=-64KB"], "not above zero"),
        (["--tcm", "-1..5"], "not above zero"),
        (["--tcm", "0..1KB"], "not above zero"),
        (["--tcm", "0.5"], "not a whole number of bytes"),
        (["--tcm", "99999999999999999999"], "more than any memory holds"),
        (["--tcm", "1KB..9EB"], "unknown unit 'EB'"),
        (["--tcm", "1e9"], "is no size"),
        (["--tcm", "inf"], "is no size"),
        (["--tcm", ""], "an empty text is no size"),
        (["--tcm"], "expected one argument"),
        (["--tcm", ".."], "no range of sizes"),
        (["--tcm", "..1KB"], "no range of sizes"),
        (["--tcm", "64KB.."], "no range of sizes"),
        (["--tcm", "64KB...1MB"], "a range has two dots, for example 64KB..1MB"),
        (["--tcm", "64KB-1MB"], "a range has two dots, for example 64KB..1MB"),
        (["--tcm", "64KB, 1MB"], "a range has two dots, for example 64KB..1MB"),
        (["--tcm", "64KB:1MB"], "a range has two dots, for example 64KB..1MB"),
        (["--tcm", "1..2..3"], "is no size"),
        (["--tcm", "2KB..1KB"], "runs downwards"),
        (["--tcm", "1MB..64KB"], "runs downwards"),
        (["--tcm", "1KB..2KB", "--csv", "-"], "stdout ('-') is for --json alone"),
        (["--tcm", "1KB..2KB", "--bandwidth", "1MB"], "--bandwidth is for one plan"),
        (["--tcm", "1KB..2KB", "--energy-per-byte", "2"], "--energy-per-byte is for one plan"),
        (["--tcm-mode", "streaming"], "--tcm-mode goes with --tcm"),
        (["--weights", "stream"], "--weights goes with --tcm"),
        (["--bandwidth", "1MB"], "--bandwidth goes with --tcm"),
        (["--energy-per-byte", "2"], "--energy-per-byte goes with --tcm"),
        (["--tcm", "2KB", "--budget", "1KB"], "--tcm 2048 is beyond --budget 1024"),
        (["--tcm", "1KB..2KB", "--budget", "4KB"], "not for a range"),
        (["--tcm", "1KB", "--output", "o.onnx"], "--output does not go with --tcm"),
        (["--tcm", "1KB", "--in-place"], "not modelled under a TCM"),
        (["--tcm", "1KB", "--csv", "c.csv"], "give --tcm a range"),
        (["--tcm", "1KB..2KB", "--json", "-"], "a curve goes to --csv"),
        (["--csv", "c.csv"], "give --tcm 64KB..1MB"),
        (["--tcm", "1KB", "--energy-per-byte", "-1"], "no energy"),
        (["--tcm", "1KB", "--tcm-mode", "fast"], "invalid choice: 'fast'"),
    ],
)
def test_what_is_refused(
    run: Run, model: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    refused = run(model.name, *arguments)
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert message in refused.err
    assert [path.name for path in model.parent.iterdir()] == [model.name]


def test_pinned_weights(run: Run, tmp_path: Path) -> None:
    """The largest op of SwiftNet takes 294 KB of int8: little is left for weights in 300 KB."""
    done = run("--tcm", "300KB", "--weights", "pin", "--json", tmp_path / "plan.json")
    assert done.code == 0
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["options"]["pinned"]
    assert f"{len(plan['options']['pinned'])} weights" in done.row("weights pinned")
    streamed = run("--tcm", "300KB", "--weights", "stream", "--json", "-").plan["traffic_bytes"]
    assert plan["compulsory_bytes"] <= plan["traffic_bytes"] < streamed
    everything = run("--tcm", "1MB", "--weights", "pin")
    assert "nothing but inputs and outputs" in everything.verdict


def test_within_a_budget(run: Run, model: Path, tmp_path: Path) -> None:
    """With 1100 bytes of TCM, x (100 bytes) stays outside while a branch runs, beside a finished
    branch (10)."""
    done = run(model, "--tcm", "1100", "--budget", "1210", "--json", tmp_path / "plan.json")
    assert done.code == 0
    assert done.row("external memory in use")[0] == "110"
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["budget_bytes"], plan["fits"], plan["status"]) == (1210, True, "optimal")
    assert plan["traffic_bytes"] == 230
    assert verify([str(tmp_path / "plan.json"), str(model)]) == 0


def test_no_plan_within_a_budget(run: Run, model: Path, tmp_path: Path) -> None:
    """The input alone takes 100 bytes outside."""
    done = run(model, "--tcm", "1100", "--budget", "1199", "--json", tmp_path / "plan.json")
    assert done.code == 1
    assert "it takes at least 1.2 KB (1200 bytes)" in done.verdict
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["fits"], plan["status"], plan["traffic_bytes"]) == (False, "infeasible", None)
    assert verify([str(tmp_path / "plan.json"), str(model)]) == 0

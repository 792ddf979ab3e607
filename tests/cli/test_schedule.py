"""``python -m solver.schedule``: reports, verdicts and exit codes."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from solver import Limits, MemoryRules, Observer, Plan, Status, minimize_peak, schedule
from tests.cli.networks import (
    BRANCH_SIZES,
    BRANCHES,
    CHAIN,
    CHAIN_SIZES,
    write_branching_if,
    write_float_network,
    write_network,
)
from tests.data import shared_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models import Graph
    from tests.cli.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


def test_the_bundled_network_fits_512_kb(run: Run) -> None:
    result = run("--budget", "512KB")
    assert result.code == 0
    assert result.err == ""
    title, precision, rules, *_ = result.out.splitlines()
    assert title.startswith("swiftnet, the bundled network (no MODEL given): 85 ops, 86 buffers")
    assert precision.startswith("activations sized as int8")
    assert rules.startswith("memory rules: conservative")
    assert result.row("best order") == ["301056", "294 KB", "proven optimal"]
    assert result.row("proven lower bound")[0] == "301056"
    assert result.row("budget") == ["524288", "512 KB", "218 KB left"]
    assert result.row("file order") == ["351232", "343 KB", "14.3 % saved"]
    assert result.verdict == "Fits: needs 294 KB of 512 KB (proven optimal)."


def test_the_bundled_network_takes_another_precision(run: Run) -> None:
    result = run("--as", "float32", "--budget", "512KB")
    assert result.code == 1
    assert "activations as stored: float32; --as float32 changes nothing here" in result.out
    assert result.row("best order")[0] == str(4 * 301056)


def test_without_a_budget_the_optimum_is_the_answer(run: Run, branches: Path) -> None:
    result = run(branches)
    assert result.code == 0
    assert "  budget" not in result.out
    assert result.row("best order") == ["1110", "1.1 KB", "proven optimal"]
    assert result.row("file order") == ["2100", "2.1 KB", "47.1 % saved"]
    assert result.verdict == "Optimal: needs 1.1 KB (1110 bytes), no order needs less (proven)."


def test_an_order_that_file_order_hides_is_pointed_out(run: Run, branches: Path) -> None:
    result = run(branches, "--budget", "1110")
    assert result.code == 0
    assert result.row("budget") == ["1110", "1.1 KB", "0 bytes left"]
    assert result.row("file order")[-1] == "47.1 % saved, would not fit"
    assert "already optimal" not in result.out


def test_a_network_whose_file_order_is_optimal_says_so(run: Run, chain: Path) -> None:
    result = run(chain)
    assert result.code == 0
    assert "File order is already optimal: no order needs less." in result.out
    assert (
        "Proof: every order needs at least 700 bytes: while op 'second' runs, 'u' (400 bytes) and "
        "'t' (300 bytes) must be live." in result.out
    )


def test_too_small_a_budget_names_the_op_that_needs_more(run: Run, chain: Path) -> None:
    result = run(chain, "--budget", "699")
    assert result.code == 1
    assert result.err == ""
    assert "while op 'second' runs, 'u' (400 bytes) and 't' (300 bytes) must be live" in result.out
    assert result.verdict == (
        "Does not fit (proven): needs 700 bytes, the budget is 699 bytes; 1 byte missing."
    )


def test_a_budget_below_the_simple_reason_gives_both_reasons(run: Run, branches: Path) -> None:
    result = run(branches, "--budget", "1050")
    assert result.code == 1
    over = next(line for line in result.out.splitlines() if line.startswith("Over budget: "))
    assert "every order needs at least 1.1 KB (1100 bytes): while op 'heavy_" in over
    assert "Proof: no order stays below 1.1 KB (1110 bytes): an exhaustive " in result.out


def test_a_budget_that_only_the_search_rules_out(run: Run, branches: Path) -> None:
    result = run(branches, "--budget", "1109")
    assert result.code == 1
    assert "Over budget" not in result.out
    assert "Proof: no order stays below 1.1 KB (1110 bytes): an exhaustive " in result.out
    assert "the best order needs 1.1 KB (1110 bytes) while op 'light_" in result.out


def stopped_by(limit: str) -> Callable[..., Plan]:
    """A solver that is stopped when it has the order but not the whole proof."""

    def solve(graph: Graph, budget: int | None, *args: Limits, **kwargs: MemoryRules) -> Plan:
        del args, kwargs
        plan = minimize_peak(graph, budget)
        fits = None if budget is None or budget < plan.peak_bytes else True
        return dataclasses.replace(
            plan, status=Status.FEASIBLE, limit=limit, lower_bound_bytes=1100, fits=fits
        )

    return solve


def test_undecided_with_a_budget(run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "minimize_peak", stopped_by("time"))
    result = run(branches, "--budget", "1105")
    assert result.code == 3
    assert result.row("best order") == ["1110", "1.1 KB", "gap 0.9 %"]
    assert result.verdict == (
        "Undecided: the best order found needs 1.1 KB (1110 bytes), every order needs at least "
        "1.1 KB (1100 bytes), the budget is 1.1 KB (1105 bytes); stopped by --time-limit."
    )
    assert "Bound: every order needs at least 1.1 KB (1100 bytes)" in result.out
    assert "A larger --time-limit may decide it." in result.out


def test_unproven_without_a_budget(
    run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "minimize_peak", stopped_by("memory"))
    result = run(branches)
    assert result.code == 3
    assert result.verdict == (
        "Not proven: the best order found needs 1.1 KB (1110 bytes), every order needs at least "
        "1.1 KB (1100 bytes) (gap 0.9 %); stopped by --memory-limit."
    )


def test_an_order_that_fits_needs_no_optimum(
    run: Run, branches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "minimize_peak", stopped_by("time"))
    result = run(branches, "--budget", "1110")
    assert result.code == 0
    assert "(not proven optimal, gap 0.9 %); stopped by --time-limit." in result.verdict


def test_the_limits_reach_the_solver(
    run: Run, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Limits] = []

    def solve(graph: Graph, budget: int | None, limits: Limits, *_: Observer, **__: object) -> Plan:
        seen.append(limits)
        return minimize_peak(graph, budget)

    monkeypatch.setattr(schedule, "minimize_peak", solve)
    run(chain)
    run(chain, "--time-limit", "2m", "--memory-limit", "1GB")
    assert seen == [Limits(60.0, 4 << 30), Limits(120.0, 1 << 30)]


def test_float_activations_are_sized_as_asked(run: Run, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "float.onnx")
    plain, small = run(model), run(model, "--as", "int8")
    assert plain.row("best order")[0] == "8000"
    assert "activations as stored: float32\n" in plain.out
    assert small.row("best order")[0] == "2000"
    assert "activations sized as int8, stored as float32\n" in small.out


def test_a_precision_that_changes_nothing_says_so(run: Run, chain: Path) -> None:
    result = run(chain, "--as", "int16")
    assert result.row("best order")[0] == "700"
    assert "activations as stored: int8; --as int16 changes nothing here\n" in result.out


def test_a_partial_precision_says_how_much(run: Run, tmp_path: Path) -> None:
    result = run(write_branching_if(tmp_path / "if.onnx"), "--as", "int8")
    assert (
        "2 of 3 activations sized as int8, the rest as stored; stored: float32, bool" in result.out
    )


def test_symbolic_dimensions(run: Run, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "dynamic.onnx", "batch")
    assert run(model, "--dim", "batch=2").row("best order")[0] == "16000"
    assert run(model, "--dim", "batch=1", "--dim", "batch=1").code == 0


def test_memory_rules(run: Run, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "float.onnx")
    assert run(model, "--in-place").row("best order")[0] == "4000"
    aligned = run(model, "--alignment", "4096", "--views")
    assert aligned.row("best order")[0] == "8192"
    assert (
        "memory rules: nothing in place, views share storage, sizes rounded up to 4096 bytes\n"
        in aligned.out
    )


def test_warnings_qualify_the_verdict(run: Run, tmp_path: Path) -> None:
    result = run(write_branching_if(tmp_path / "if.onnx"))
    assert "Warning: the body of 'choice' (If) counts as one op; memory inside it" in result.out
    assert result.verdict.endswith("(proven). This holds for what was counted: see the warning.")


def test_a_network_without_ops(run: Run, tmp_path: Path) -> None:
    model = write_network(tmp_path / "none.onnx", (), {"x": 10}, outputs=["x"])
    result = run(model, "--budget", "9")
    assert result.code == 1
    assert "before the first op, the network input 'x' (10 bytes) must be live" in result.out


def test_outputs_can_be_the_reason(run: Run, tmp_path: Path) -> None:
    nodes = (("one", ["x"], ["p"]), ("two", ["x"], ["q"]))
    model = write_network(
        tmp_path / "outputs.onnx", nodes, {"x": 0, "p": 60, "q": 50}, outputs=["p", "q"]
    )
    result = run(model, "--budget", "100")
    assert result.code == 1
    assert (
        "every order needs at least 110 bytes: after the last op, the network outputs "
        "'p' (60 bytes) and 'q' (50 bytes) must be live" in result.out
    )


def test_a_network_of_the_zoo_by_name(run: Run) -> None:
    result = run("zoo:swiftnet", "--as", "int8", "--budget", "512KB")
    assert result.code == 0
    assert result.out.startswith("zoo:swiftnet: 85 ops")
    assert "activations sized as int8, stored as float32\n" in result.out


def test_quiet_leaves_the_verdict(run: Run, chain: Path) -> None:
    result = run(chain, "--budget", "1KB", "--quiet")
    assert result.out == "Fits: needs 700 bytes of 1 KB (proven optimal).\n"
    assert result.err == ""


def test_nothing_is_cut_off_when_piped(run: Run, tmp_path: Path) -> None:
    names = {short: short * 300 for short in "xtuy"}
    nodes = tuple(
        (name * 20, [names[n] for n in reads], [names[n] for n in writes])
        for name, reads, writes in CHAIN
    )
    sizes = {names[n]: size << 30 for n, size in CHAIN_SIZES.items()}
    model = write_network(
        tmp_path / "long.onnx", nodes, sizes, inputs=[names["x"]], outputs=[names["y"]]
    )
    result = run(model)
    assert "…" not in result.out
    assert (
        f"Proof: every order needs at least 700 GB: while op '{'second' * 20}' runs, "
        f"'{names['u']}' (400 GB) and '{names['t']}' (300 GB) must be live." in result.out
    )


def test_the_same_input_gives_the_same_answer(run: Run) -> None:
    first, second = run("zoo:randwire_cell", "--json", "-"), run("zoo:randwire_cell", "--json", "-")
    timed = ("seconds", "curve")
    plans = [{k: v for k, v in r.plan.items() if k not in timed} for r in (first, second)]
    assert plans[0] == plans[1]


def test_the_published_swiftnet(run: Run) -> None:
    result = run(shared_data("swiftnet/submission-uint8.lite"), "--budget", "512KB")
    assert result.code == 0
    assert "activations as stored: uint8" in result.out
    assert result.row("best order") == ["301056", "294 KB", "proven optimal"]


def test_the_published_person_detection(run: Run) -> None:
    result = run(shared_data("tflm/person_detect.tflite"), "--alignment", "16")
    assert result.code == 0
    assert result.row("best order") == ["55296", "54 KB", "proven optimal"]
    assert "File order is already optimal" in result.out


def test_help_names_what_users_must_know(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    text = " ".join(result.out.split())
    assert "KB = KiB = 1024 bytes" in text
    for fact in ("TensorFlow Lite Micro", "ONNX Runtime", "exit codes:", "130 interrupted"):
        assert fact in text
    for default in ("default 60s", "default 4GB", "default 1"):
        assert default in text


def test_the_examples_of_the_help_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_float_network(tmp_path / "model.onnx", "batch")
    monkeypatch.chdir(tmp_path)
    _, examples = run("--help").out.split("examples:\n")
    calls = re.findall(r"^  python -m solver.schedule (.*)", examples, re.MULTILINE)
    assert len(calls) == 8
    for call in sorted(calls, key=lambda call: "model.tflite" in call):
        if "model.tflite" in call and not (tmp_path / "model.tflite").exists():
            tmp_path.joinpath("model.tflite").symlink_to(shared_data("tflm/person_detect.tflite"))
        assert run(*call.split()).code == 0, call

"""``python -m solver.verify``: plans as files, and what the exit codes say of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

import models
from models import zoo
from solver import Plan, minimize_peak, schedule, verify
from solver import __main__ as commands
from solver.recheck import recheck
from solver.verify import __main__ as command
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
    from pathlib import Path

    Verify = Callable[..., "Result"]


@dataclass(frozen=True)
class Result:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.splitlines()[-1]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Verify:
    """Call ``solver.verify`` in this process."""

    def call(*argv: str | Path) -> Result:
        capsys.readouterr()
        code = verify.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


def planned(plan: Path, *argv: str | Path) -> Path:
    """Write the plan that ``solver.schedule`` makes."""
    words = [*map(str, argv), "--json", str(plan), "--quiet"]
    assert schedule.main(words) == 0
    return plan


def rewritten(plan: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write a changed plan beside the true one."""
    values = json.loads(plan.read_text(encoding="utf-8"))
    change(values)
    other = plan.with_name("other.json")
    other.write_text(json.dumps(values), encoding="utf-8")
    return other


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


@pytest.fixture
def chain_plan(tmp_path: Path, chain: Path) -> Path:
    return planned(tmp_path / "plan.json", chain)


@pytest.fixture
def branch_plan(tmp_path: Path, branches: Path) -> Path:
    return planned(tmp_path / "plan.json", branches)


def refused(result: Result, statement: str) -> None:
    assert (result.code, result.err) == (1, "")
    assert result.out == f"Refused: {statement}.\n"


def bad_input(result: Result, *parts: str) -> None:
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    for part in parts:
        assert part in result.err


def test_a_plan_proven_by_a_flow(run: Verify, chain: Path, chain_plan: Path) -> None:
    result = run(chain_plan, chain)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Order: 3 ops replayed, peak 700 bytes.\n"
        "Bound: 700 bytes, proven by a flow of 4 arcs around op 'second'.\n"
        "Every statement of the plan holds.\n"
    )


def test_a_plan_proven_by_a_closed_set(run: Verify, branches: Path, branch_plan: Path) -> None:
    result = run(branch_plan, branches)
    assert (result.code, result.err) == (0, "")
    assert "Bound: 1110 bytes, proven by a closed set of " in result.out
    assert result.last == "Every statement of the plan holds."


def test_the_bundled_network_needs_no_name(run: Verify, tmp_path: Path) -> None:
    plan = planned(tmp_path / "plan.json")
    assert run(plan).code == 0
    assert run(plan, "zoo:swiftnet").code == 0


def test_any_other_needs_one(run: Verify, tmp_path: Path, chain_plan: Path) -> None:
    bad_input(run(chain_plan), "the plan is for", "chain.onnx", "give that MODEL after the plan")
    plan = planned(tmp_path / "zoo.json", "zoo:darts_cell")
    bad_input(run(plan), "the plan is for 'zoo:darts_cell'")
    assert run(plan, "zoo:darts_cell").code == 0


def test_the_network_is_read_as_the_plan_records(run: Verify, tmp_path: Path) -> None:
    model = write_float_network(tmp_path / "relus.onnx", batch="batch")
    plan = planned(tmp_path / "plan.json", model, "--as", "int8", "--dim", "batch=3")
    assert run(plan, model).code == 0
    assert run(plan, model, "--as", "int8", "--dim", "batch=3").code == 0
    refused(run(plan, model, "--as", "float32"), "the order peaks at 24000 bytes, not at 6000")
    refused(run(plan, model, "--dim", "batch=1"), "the order peaks at 2000 bytes, not at 6000")


def test_another_network(run: Verify, branches: Path, chain_plan: Path) -> None:
    refused(run(chain_plan, branches), "the network has no op 'first'")


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        (
            {"order": ["first", "third", "second"]},
            "op 'third' runs before 'second', which it needs",
        ),
        ({"fits": True}, "the verdict on the budget is True, it should be None"),
        ({"arena_bytes": 700}, "an arena without offsets, or offsets without one"),
        ({"certificate": {}}, "the certificate is for None bytes, the bound is 700"),
        ({"baselines": {"kahn": 1}}, "baseline 'kahn' peaks at 1, below the best order's 700"),
    ],
)
def test_the_first_false_statement_is_named(
    run: Verify, chain: Path, chain_plan: Path, changes: dict[str, Any], statement: str
) -> None:
    plan = rewritten(chain_plan, lambda values: values.update(changes))
    refused(run(plan, chain), statement)


def test_what_is_no_plan(run: Verify, tmp_path: Path, chain: Path, chain_plan: Path) -> None:
    bad_input(run(tmp_path / "none.json", chain), "none.json: cannot be read: No such file")
    bad_input(run(tmp_path, chain), "cannot be read: Is a directory")
    bad_input(run(chain, chain), "chain.onnx: n")
    for text, complaint in (
        ("", "not JSON"), ("[1]", "not a JSON object"), ("{}", "missing key"), ("[" * 99999, "not"),
    ):  # fmt: skip
        plan = tmp_path / "text.json"
        plan.write_text(text, encoding="utf-8")
        bad_input(run(plan, chain), "text.json: no valid plan: ", complaint)
    for key, value, complaint in (
        ("schema", 9, "plan schema 9 is not 1"),
        ("peak_bytes", "700", "'peak_bytes' is '700', not int"),
        ("status", "feasible", "status 'feasible' with peak 700 and bound 700"),
        ("lower_bound_bytes", 701, "lower bound 701 exceeds the peak 700"),
    ):
        values = {**json.loads(chain_plan.read_text(encoding="utf-8")), key: value}
        plan = tmp_path / "other.json"
        plan.write_text(json.dumps(values), encoding="utf-8")
        bad_input(run(plan, chain), "other.json: no valid plan: ", complaint)
    plan = rewritten(chain_plan, lambda values: values["options"].update({"as": "int9"}))
    bad_input(run(plan, chain), "the plan's option 'as' is 'int9'", "give --as")
    plan = rewritten(chain_plan, lambda values: values["options"].update({"dims": {"n": -1}}))
    bad_input(run(plan, chain), "the plan's option 'dims' is {'n': -1}", "give --dim")


def test_what_is_no_model(run: Verify, tmp_path: Path, chain_plan: Path) -> None:
    bad_input(run(chain_plan, tmp_path / "none.onnx"), "none.onnx: no such file")
    bad_input(run(chain_plan, "zoo:dart"), "did you mean darts")
    bad_input(run(chain_plan, chain_plan), "plan.json")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "PLAN"),
        (["plan.json", "a.onnx", "b.onnx"], "one model at a time: 'b.onnx' is one too many"),
        (["plan.json", "--rechek"], "there is no option --rechek; did you mean --recheck?"),
        (["plan.json", "--time-limit", "soon"], "--time-limit: 'soon'"),
        (["plan.json", "--as", "int9"], "--as: 'int9' is no element type"),
    ],
)
def test_usage(run: Verify, words: list[str], part: str) -> None:
    bad_input(run(*words), part)


def unproven(values: dict[str, Any]) -> None:
    values["certificate"]["search"]["closed"] = None


def overstated(values: dict[str, Any]) -> None:
    """Keep a poor order and claim that it is the best."""
    unproven(values)
    order = ["heavy_a", "heavy_b", "light_a", "light_b", "join"]
    values.update(
        order=order, peak_bytes=2100, lower_bound_bytes=2100, curve=[],
        baselines={"file_order": 2100},
    )  # fmt: skip
    values["certificate"]["bound_bytes"] = 2100
    values["certificate"]["search"]["refuted_bytes"] = 2099


def formulated(values: dict[str, Any]) -> None:
    certificate = values["certificate"]
    window = certificate.pop("search")["window"]
    certificate["kind"] = "formulation"
    certificate["formulation"] = {"method": "cpsat", "bound_bytes": 1110, "window": window}


def test_a_bound_on_trust(run: Verify, branches: Path, branch_plan: Path) -> None:
    for change, claim in ((unproven, "as claimed by a "), (formulated, "the cpsat formulation")):
        result = run(rewritten(branch_plan, change), branches)
        assert (result.code, result.err) == (0, "")
        assert claim in result.out
        assert result.last == (
            "Every statement of the plan holds, the bound taken on trust: see --recheck."
        )


def test_a_bound_proven_again(run: Verify, branches: Path, branch_plan: Path) -> None:
    for change in (unproven, formulated):
        result = run(rewritten(branch_plan, change), branches, "--recheck")
        assert (result.code, result.err) == (0, "")
        assert "\nRecheck: a " in result.out
        assert result.last == "Every statement of the plan holds."


def test_nothing_to_recheck(run: Verify, branches: Path, branch_plan: Path) -> None:
    assert run(branch_plan, branches, "--recheck").out == run(branch_plan, branches).out


def test_a_false_bound(run: Verify, branches: Path, branch_plan: Path) -> None:
    """Its form is right, so only another search finds out."""
    plan = rewritten(branch_plan, overstated)
    assert run(plan, branches).code == 0
    result = run(plan, branches, "--recheck")
    assert (result.code, result.err) == (1, "")
    assert "found an order of the window that peaks at 1110" in result.out
    assert result.last == "Refused: the bound does not hold."


def test_no_time_to_recheck(run: Verify, tmp_path: Path) -> None:
    plan = planned(tmp_path / "plan.json", "zoo:darts")
    result = run(rewritten(plan, unproven), "zoo:darts", "--recheck", "--time-limit", "1ms")
    assert (result.code, result.err) == (3, "")
    assert result.last == "Recheck: undecided, stopped by the limit on time."


def test_the_search_that_the_plan_names_is_left_out(branches: Path) -> None:
    """Whichever direction it says it was."""
    graph = models.load(branches)
    plan = minimize_peak(graph)
    for direction in ("forward", "backward"):
        search = {**plan.certificate["search"], "direction": direction, "closed": None}
        lie = replace(plan, certificate={**plan.certificate, "search": search})
        answer = recheck(lie, graph)
        assert answer.holds
        assert not answer.words.startswith(f"a {direction} search of")


def test_recheck_of_a_window_within_a_network() -> None:
    graph = zoo.graph("pnasnet")
    plan = minimize_peak(graph)
    assert len(plan.certificate["search"]["window"]) < len(graph.ops)
    assert recheck(plan, graph).holds
    assert recheck(plan, graph, 1e-9).holds is None


@pytest.mark.parametrize(
    "name",
    ["darts", "nasnet_a", "nasnet_a_imagenet", "amoebanet_a_imagenet", "pnasnet", "pnasnet_cell"],
)
def test_searched_networks_of_the_zoo_carry_a_closed_set(name: str) -> None:
    graph = zoo.graph(name)
    plan = minimize_peak(graph)
    assert plan.certificate["kind"] == "search"
    assert verify.examine(Plan.from_json(plan.to_json()), graph).proof.is_checked


def test_an_interrupt(
    run: Verify, chain: Path, chain_plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "examine", interrupt)
    assert run(chain_plan, chain).code == 130


def test_it_is_a_command(chain: Path, chain_plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert commands.main(["verify", str(chain_plan), str(chain)]) == 0
    assert capsys.readouterr().out.startswith("Order: 3 ops replayed")

"""The verifier on one small plan: it accepts it, and names what is wrong with each lie."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import solver
from models import Graph, GraphBuilder
from solver import Limits, MemoryRules, Plan, Status, minimize_peak
from solver.verify import (
    VerificationError,
    check,
    check_replay,
    examine,
    replay_peak,
    state_memory,
)
from tests.property.graphs import cases, chain, diamond

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def plan() -> Plan:
    """Peak and bound 15, proven by the cut of ``narrow``."""
    return minimize_peak(diamond(), budget=16)


def certificate(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"certificate": {**plan().certificate, **changes}}


def cut(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return certificate(cut={**plan().certificate["cut"], **changes})


def searched(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    search = {"refuted_bytes": 14, "direction": "backward", "states": 1, "window": ["join"]}
    return certificate(kind="search", search={**search, **changes})


def formulated(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    claim = {"method": "cpsat", "bound_bytes": 15, "window": ["join"]}
    return certificate(kind="formulation", formulation={**claim, **changes})


def flow(*arcs: str, overwritten: Any = ()) -> dict[str, Any]:  # noqa: ANN401
    """One case with these arcs instead."""
    return cut(flow=[{"overwritten": list(overwritten), "arcs": list(arcs)}])


def arcs(*changes: tuple[str, str]) -> dict[str, Any]:
    """The true arcs, some of them replaced."""
    (case,) = plan().certificate["cut"]["flow"]
    new = dict(changes)
    return flow(*(new.pop(arc, arc) for arc in case["arcs"]), *new.values())


def weaker(bound: int) -> dict[str, Any]:
    """A lower bound, with status and certificate to match."""
    return {
        "lower_bound_bytes": bound,
        "status": Status.FEASIBLE,
        **certificate(bound_bytes=bound),
        "curve": (),
    }


def test_a_true_plan() -> None:
    check(plan(), diamond())


def test_replay_peak() -> None:
    memory = state_memory(diamond())
    assert replay_peak([0, 2, 3, 1, 4], memory) == 15
    assert replay_peak([0, 1, 2, 3, 4], memory) == 19
    assert replay_peak([], state_memory(chain([6]))) == 6


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        ({"problem": "speed"}, "unknown problem 'speed'"),
        ({"order": ("stem", "nobody")}, "the network has no op 'nobody'"),
        ({"order": ("stem", "stem")}, "op 'stem' runs twice"),
        ({"order": ("stem", "narrow")}, "op 'narrow' runs before 'widen', which it needs"),
        ({"order": ("stem", "widen", "narrow", "right")}, "op 'join' never runs"),
        ({"order": ()}, "op 'stem' never runs"),
        (
            {"order": ("stem", "right", "widen", "narrow", "join")},
            "the order peaks at 19 bytes, not at 15",
        ),
        ({"peak_bytes": 16, "status": Status.FEASIBLE}, "the order peaks at 15 bytes, not at 16"),
        ({"fits": False}, "the verdict on the budget is False, it should be True"),
        ({"fits": None}, "the verdict on the budget is None, it should be True"),
        ({"budget_bytes": 14}, "the verdict on the budget is True, it should be False"),
        ({"budget_bytes": 0}, "a budget of 0 bytes"),
        ({"budget_bytes": None}, "the verdict on the budget is True, it should be None"),
        ({"status": Status.UNKNOWN, "lower_bound_bytes": 3}, "status 'unknown' with bound 3"),
        ({"status": Status.INFEASIBLE, "lower_bound_bytes": 3}, "status 'infeasible' with bound"),
        (
            {"status": Status.FEASIBLE, "lower_bound_bytes": -1},
            "the bound -1 is not between 0 and the peak 15",
        ),
    ],
)
def test_false_statements_about_the_order(changes: dict[str, Any], statement: str) -> None:
    lie = replace(plan(), **changes)
    with pytest.raises(VerificationError, match=statement):
        check_replay(lie, diamond())
    with pytest.raises(VerificationError, match=statement):
        check(lie, diamond())


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        ({"baselines": {"kahn": 14}}, "baseline 'kahn' peaks at 14, below"),
        ({"baselines": {"kahn": None}}, "baseline 'kahn' peaks at None"),
        ({"tcm_bytes": 1}, "a plan of least peak states 'tcm_bytes'"),
        ({"steps": ()}, "a plan of least peak states 'steps'"),
        ({"limit": "time"}, "an optimal plan that stopped at the limit 'time'"),
        ({"seconds": -1.0}, "it took -1.0 seconds"),
        ({"seconds": float("nan")}, "it took nan seconds"),
        ({"curve": ((0.0, 14, 1), (0.0, 15, 15))}, "the curve gets worse"),
        ({"curve": ((2.0, 16, 1), (1.0, 15, 15))}, "the curve goes back in time"),
        ({"curve": ((float("nan"), 15, 15),)}, "the curve has a point at nan seconds"),
        ({"curve": ((0.0, 15, -1), (0.0, 15, 15))}, "the curve has a bound of -1 and a peak of 15"),
        ({"curve": ((0.0, 15, 14),)}, "the curve does not end in the plan's peak and bound"),
        ({"baselines": {"file_order": 18}}, "file order peaks at 19 bytes, not at 18"),
        (certificate(bound_bytes=14), "the certificate is for 14 bytes, the bound is 15"),
        ({"certificate": {}}, "the certificate is for None bytes, the bound is 15"),
        (certificate(kind="oath"), "unknown kind of certificate 'oath'"),
        (certificate(kind="ends"), "the ends need 1 bytes, the certificate says 15"),
        (certificate(kind="search"), "a search that proves nothing"),
        (
            certificate(kind="search", search={"refuted_bytes": 15}),
            "the search did not refute the byte below the bound",
        ),
        (searched(direction="sideways"), "unknown direction 'sideways'"),
        (searched(states=-1), "states of the search: -1 is no count"),
        (searched(window=[]), "the search's window is []"),
        (searched(window=["join", "join"]), "the search's window repeats an op"),
        (searched(window=["nobody"]), "the network has no op 'nobody'"),
        (certificate(search={}), "a search that proves nothing"),
        (certificate(states="many"), "states: 'many' is no count"),
        (certificate(ends={"start": 1, "end": 2}), "the ends need {'start': 1, 'end': 1} bytes"),
        (cut(bound_bytes=14), "the cut's state needs 15 bytes, not 14"),
        (cut(bound_bytes=15.0), "the cut's state needs 15 bytes, not 15.0"),
        (cut(op="right"), "the cut's live buffers are not those of its state"),
        (cut(op="nobody"), "the network has no op 'nobody'"),
        (cut(before=["stem", "nobody"]), "names ops that the network does not have"),
        (cut(before=["stem", "stem", "widen"]), "the cut's state is none"),
        (cut(before=["stem", "widen", "narrow"]), "the cut's state is none"),
        (cut(before=["widen"]), "the cut's state is not closed under predecessors"),
        (cut(live=["wide", "s"]), "the cut's live buffers are not those of its state"),
        (cut(flow=None), "the cut has no flow, so nothing proves it"),
        (cut(flow=["much"]), "the cut's flow holds no cases"),
        (cut(flow=[]), "no flow for the case that op 'narrow' overwrites []"),
        (flow(overwritten=["s"]), "no flow for the case that op 'narrow' overwrites []"),
        (cut(flow=2 * plan().certificate["cut"]["flow"]), "the cut has a flow for no case"),
        (cut(flow=[{"overwritten": [], "arcs": "many"}]), "the arcs of the flow are 'many'"),
        (cut(flow=[{"overwritten": 1, "arcs": []}]), "a flow overwrites 1"),
        (flow(), "the flow proves 0 bytes for op 'narrow', not 15"),
        (flow("start > end: 15"), "no arc leads from start to end"),
        (flow("start > buffer 9: 15"), "no arc leads from start to buffer 9"),
        (flow("start > buffer 5: 1"), "no arc leads from start to buffer 5"),
        (flow("start > reuse 2: 1"), "no arc leads from start to reuse 2"),
        (flow("op 2 > buffer 2: 1"), "no arc leads from op 2 to buffer 2"),
        (flow("op 1 > op 0: 1"), "no arc leads from op 1 to op 0"),
        (flow("buffer 2 > op 1: 1"), "no arc leads from buffer 2 to op 1"),
        (flow("buffer 0 > end: 1"), "no arc leads from buffer 0 to end"),
        (flow("buffer 1 > buffer 2: 1"), "no arc leads from buffer 1 to buffer 2"),
        (flow("start > buffer 1"), "'start > buffer 1' is no arc of a flow"),
        (flow("start > buffer 1: 0"), "'start > buffer 1: 0' is no arc of a flow"),
        (flow("start > buffer 1: -4"), "'start > buffer 1: -4' is no arc of a flow"),
        (cut(flow=[{"overwritten": [], "arcs": [7]}]), "7 is no arc of a flow"),
        (flow("buffer 2 > end: 9"), "0 bytes flow into buffer 2, 9 out of it"),
        (arcs(("start > buffer 2: 9", "start > buffer 2: 8")), "8 bytes flow into buffer 2, 9 out"),
        (
            arcs(
                ("start > buffer 2: 9", "start > buffer 2: 10"),
                ("buffer 2 > end: 9", "buffer 2 > end: 10"),
            ),
            "10 bytes flow through buffer 2 of 9",
        ),
        (arcs(("", "start > buffer 2: 9")), "the flow lists start > buffer 2 twice"),
        (
            arcs(
                ("start > buffer 2: 9", "start > buffer 2: 8"),
                ("buffer 2 > end: 9", "buffer 2 > end: 8"),
            ),
            "the flow proves 14 bytes for op 'narrow', not 15",
        ),
        (certificate(formulation={}), "a formulation that proves nothing"),
        (certificate(kind="formulation"), "a formulation that proves nothing"),
        (formulated(method=""), "the formulation's method is ''"),
        (formulated(bound_bytes=14), "the formulation is for 14 bytes, the bound is 15"),
        (formulated(window=["nobody"]), "the network has no op 'nobody'"),
        (formulated(), "a formulation for a bound of 15 bytes that needs none"),
        (searched(), "a search for a bound of 15 bytes that needs none"),
        (searched(window=["widen"]), "op 'right' may run within the search's window, or outside"),
        (searched(closed=1), "the closed set is 1"),
        (searched(closed={"direction": "up"}), "unknown direction 'up'"),
        (certificate(cut="oath"), "the cut is 'oath'"),
        (certificate(cut=None), "the cut's bound is not the certificate's bound"),
        (weaker(14), "the cut's bound is not the certificate's bound"),
    ],
)
def test_false_proofs(changes: dict[str, Any], statement: str) -> None:
    lie = replace(plan(), **changes)
    check_replay(lie, diamond())
    with pytest.raises(VerificationError, match=re.escape(statement)):
        check(lie, diamond())


@pytest.mark.parametrize("alignment", [0, -1, 2.0, "4", None, True])
def test_alignment_is_a_positive_integer(alignment: object) -> None:
    lie = replace(plan(), options={"alignment": alignment})
    with pytest.raises(VerificationError, match="is no positive integer"):
        check(lie, diamond())


@pytest.mark.parametrize("key", ["in_place", "views"])
@pytest.mark.parametrize("flag", [0, "no", None])
def test_a_flag_is_true_or_false(key: str, flag: object) -> None:
    lie = replace(plan(), options={key: flag})
    with pytest.raises(VerificationError, match="neither true nor false"):
        check(lie, diamond())


@pytest.mark.parametrize(
    ("key", "value", "peak"), [("alignment", 4, 20), ("in_place", True, 13), ("views", True, 19)]
)
def test_a_plan_holds_under_its_own_memory_rules(key: str, value: object, peak: int) -> None:
    lie = replace(plan(), options={**plan().options, key: value})
    with pytest.raises(VerificationError, match=f"the order peaks at {peak} bytes, not at 15"):
        check(lie, diamond())


def test_a_file_order_that_is_none_has_no_peak() -> None:
    builder = GraphBuilder("unsorted")
    builder.buffer("y", 3)
    builder.buffer("z", 1)
    builder.op("second", ["y"], ["z"])
    builder.op("first", [], ["y"])
    graph = builder.build()
    true = minimize_peak(graph)
    assert "file_order" not in true.baselines
    lie = replace(true, baselines={"file_order": 4})
    with pytest.raises(VerificationError, match="the file's own order is not valid"):
        check(lie, graph)


def test_the_ends_are_a_proof_where_they_meet_the_peak() -> None:
    graph = chain([7])
    stopped = minimize_peak(graph, limits=Limits(seconds=1e-9))
    assert (stopped.status, stopped.certificate["kind"]) == ("optimal", "ends")
    check(stopped, graph)


@pytest.mark.parametrize("sources", [1, 2, 3])
def test_cuts_with_several_sources_to_overwrite(sources: int) -> None:
    """Each input may be overwritten, once its other reader has run."""
    graph = adder(sources)
    rules = MemoryRules(in_place=True)
    optimal = minimize_peak(graph, rules=rules)
    check(optimal, graph)
    with pytest.raises(VerificationError):
        check(replace(optimal, options={**optimal.options, "in_place": False}), graph)


def adder(sources: int) -> Graph:
    builder = GraphBuilder("adder")
    names = [f"x{i}" for i in range(sources)]
    builder.buffer("sum", 4)
    for name in names:
        builder.buffer(name, 4, is_input=True)
        builder.buffer(f"{name} seen", 1)
        builder.op(f"see {name}", [name], [f"{name} seen"])
    builder.op("add", names, ["sum"], in_place=[(name, "sum") for name in names])
    return builder.build()


def without_closed_set() -> tuple[Graph, Plan]:
    """A plan proven by a search that leaves nothing to check."""
    for graph, _ in cases(1000, seed=800, most_ops=10):
        plan = minimize_peak(graph)
        if plan.certificate["kind"] == "search":
            search = {**plan.certificate["search"], "closed": None}
            return graph, replace(plan, certificate={**plan.certificate, "search": search})
    raise AssertionError("none of a thousand")


def test_claims_taken_on_trust() -> None:
    graph, true = without_closed_set()
    assert not examine(true, graph).proof.is_checked
    search = true.certificate["search"]
    rest = {k: v for k, v in true.certificate.items() if k != "search"}
    for method in ("cpsat", "ilp"):
        claim = {"method": method, "bound_bytes": true.peak_bytes, "window": search["window"]}
        proof = {**rest, "kind": "formulation", "formulation": claim}
        findings = examine(replace(true, certificate=proof), graph)
        assert (findings.proof.is_checked, method in findings.proof.words) == (False, True)
        closed = minimize_peak(graph).certificate["search"]["closed"]
        proof["formulation"] = {**claim, "closed": closed}
        assert examine(replace(true, certificate=proof), graph).proof.is_checked
        proof["formulation"] = {**claim, "closed": {**closed, "states": {}}}
        with pytest.raises(VerificationError, match="the closed set has no states"):
            check(replace(true, certificate=proof), graph)


@pytest.mark.parametrize("sources", [16, 17])
@pytest.mark.parametrize("late", [0, 1, 2])
def test_more_sources_to_overwrite_than_are_told_apart(sources: int, late: int) -> None:
    """Some of them are needed after the sum, so it cannot overwrite those."""
    builder = GraphBuilder("late")
    names = [f"x{i}" for i in range(sources)]
    builder.buffer("sum", 9)
    for i, name in enumerate(names):
        builder.buffer(name, 9 if i < late else 5, is_input=True)
        builder.buffer(f"{name} seen", 1)
        builder.op(f"see {name}", [name, "sum"] if i < late else [name], [f"{name} seen"])
    builder.op("add", names, ["sum"], in_place=[(name, "sum") for name in names])
    graph = builder.build()
    check(minimize_peak(graph, rules=MemoryRules(in_place=True)), graph)


def test_a_warning_left_out() -> None:
    graph = replace(diamond(), warnings=("something was not counted",))
    true = minimize_peak(graph)
    check(true, graph)
    with pytest.raises(VerificationError, match="leaves out the warning 'something"):
        check(replace(true, warnings=()), graph)


ROOT = Path(solver.__file__).parents[1]


def module_file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    found = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in found if file.is_file()), None)


def imported(file: Path) -> Iterator[str]:
    """Modules of ours that a file names in any import, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if module_file(name) is not None)


def test_the_verifier_shares_nothing_with_the_solver() -> None:
    """Read from the source: whatever it imports, directly or not, is no part of the solver.

    ``solver/__init__.py`` runs first in any case, but nothing is taken from it.
    """
    folder = ROOT / "solver" / "verify"
    front = [f"solver.verify.{file.stem}" for file in folder.glob("*.py")]
    found: set[str] = set(front)
    while front:
        name = front.pop()
        file = module_file(name) or folder / "__init__.py"
        for other in imported(file):
            if (name, other) != ("solver.verify.__main__", "solver.recheck"):  # after the checks
                front += {other} - found
                found.add(other)
    foreign = {
        name
        for name in found
        if not name.startswith(("models", "solver.verify", "solver.cli"))
        and name not in ("solver.plan", "solver._version")
    }
    assert not foreign
    assert {"solver.plan", "models.graph", "solver.verify.closed", "solver.cli.run"} <= found

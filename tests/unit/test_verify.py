"""The verifier on one small plan: it accepts it, and names what is wrong with each lie."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from models import Graph, GraphBuilder
from solver import Limits, MemoryRules, Plan, Status, minimize_peak
from solver.memory import make_problem
from solver.verify import VerificationError, check, check_replay, replay_peak
from tests.property.graphs import chain, diamond


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
    problem = make_problem(diamond())
    assert replay_peak([0, 2, 3, 1, 4], problem) == 15
    assert replay_peak([0, 1, 2, 3, 4], problem) == 19
    assert replay_peak([], make_problem(chain([6]))) == 6


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        ({"problem": "traffic"}, "unknown problem 'traffic'"),
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
        ({"curve": ((0.0, 14, 1), (0.0, 15, 15))}, "the curve gets worse"),
        ({"curve": ((0.0, 15, 14),)}, "the curve does not end in the plan's peak and bound"),
        ({"baselines": {"file_order": 18}}, "file order peaks at 19 bytes, not at 18"),
        (certificate(bound_bytes=14), "the certificate is for 14 bytes, the bound is 15"),
        ({"certificate": {}}, "the certificate is for None bytes, the bound is 15"),
        (certificate(kind="oath"), "unknown kind of certificate 'oath'"),
        (certificate(kind="ends"), "the ends need 1 bytes, the certificate says 15"),
        (certificate(kind="search"), "the search is None"),
        (
            certificate(kind="search", search={"refuted_bytes": 15}),
            "the search did not refute the byte below the bound",
        ),
        (searched(direction="sideways"), "unknown direction 'sideways'"),
        (searched(states=-1), "states of the search: -1 is no count"),
        (searched(window=[]), "the search's window is []"),
        (searched(window=["join", "join"]), "the search's window repeats an op"),
        (searched(window=["nobody"]), "the network has no op 'nobody'"),
        (certificate(search={}), "the search did not refute the byte below the bound"),
        (certificate(states="many"), "states: 'many' is no count"),
        (certificate(ends={"start": 1, "end": 2}), "the ends need {'start': 1, 'end': 1} bytes"),
        (cut(bound_bytes=14), "op 'narrow' needs 15 bytes at least, not 14"),
        (cut(op="right"), "op 'right' needs 10 bytes at least, not 15"),
        (cut(op="nobody"), "the network has no op 'nobody'"),
        (cut(before=["stem", "nobody"]), "names ops that the network does not have"),
        (cut(before=["stem", "stem", "widen"]), "the cut's state is none"),
        (cut(before=["stem", "widen", "narrow"]), "the cut's state is none"),
        (cut(before=["widen"]), "the cut's state is not closed under predecessors"),
        (cut(live=["wide", "s"]), "the cut's live buffers are not those of its state"),
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

"""Least traffic by every method through the same door, and rechecked by another."""

from __future__ import annotations

import random
import threading
from concurrent.futures import wait
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from models.zoo import graph as zoo_graph
from solver.limits import Limit, LimitReachedError, Limits, Meter, SilentObserver
from solver.memory import MemoryRules
from solver.peak.backend import NAMES, BackendUnavailableError
from solver.peak.formulate import Leash
from solver.plan import Status
from solver.recheck import recheck
from solver.traffic import assist
from solver.traffic import recheck as rechecking
from solver.traffic.backend import Hint, backend
from solver.traffic.formulate import formulate
from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import make_traffic_problem
from solver.traffic.plan import plan_traffic
from solver.verify import VerificationError, check, examine
from tests.clock import Clock
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.plan import Plan
    from solver.traffic.outcome import TrafficOutcome

MODES = ("resident", "streaming")


def need(method: str) -> None:
    if not backend(method).is_available():
        pytest.skip(f"{method} is not installed")


def plans(
    count: int, seed: int, method: str, weights: str = "ignore"
) -> Iterator[tuple[Graph, Plan, Plan]]:
    """Plans by a method and by the search, in a TCM hardly larger than it must be."""
    for k, (graph, drawn) in enumerate(cases(count, seed, most_ops=9, least_ops=4)):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        mode = MODES[k % 2]
        least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
        tcm = least + random.Random(graph.name).randrange(5)
        one, other = (
            plan_traffic(graph, tcm, mode=mode, weights=weights, rules=rules, method=m)
            for m in (method, "dp")
        )
        yield graph, one, other


@pytest.mark.parametrize("method", NAMES)
def test_formulations_prove_what_the_search_proves(method: str) -> None:
    need(method)
    claims = 0
    for graph, plan, other in plans(20 if method == "ilp-cbc" else 50, 951, method):
        check(plan, graph)
        assert (plan.status, plan.traffic_bytes) == ("optimal", other.traffic_bytes), graph.name
        claim = plan.certificate.get("formulation")
        assert (claim is not None) == (plan.certificate["kind"] == "formulation")
        if claim is not None:
            assert claim == {"method": method, "bound_bytes": plan.lower_bound_bytes}
            assert {"PuLP", "ortools"} & plan.versions.keys()
            assert examine(plan, graph).proof.words == f"the {method} formulation"
            claims += 1
    assert claims > 3


def test_formulations_beside_pinned_weights() -> None:
    need("cpsat")
    pinning = 0
    for graph, plan, other in plans(25, 952, "cpsat", "pin"):
        check(plan, graph)
        assert (plan.status, plan.traffic_bytes) == ("optimal", other.traffic_bytes), graph.name
        pinning += plan.certificate["kind"] == "pinning"
    assert pinning > 3


@cache
def solved(count: int, seed: int) -> list[tuple[Graph, TrafficOutcome]]:
    """Graphs in the least TCM that will do, in every mode, and what the search alone finds."""
    found = []
    for k, (graph, _) in enumerate(cases(count, seed, most_ops=14, least_ops=10)):
        tcm = make_traffic_problem(graph, 1, mode=MODES[k % 2]).least_capacity
        found.append((graph, minimize_traffic(graph, tcm, mode=MODES[k % 2], method="dp")))
    return found


def test_cp_sat_helps_where_the_search_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """It claims the bound, or the search is first; the optimum is the same either way."""
    need("cpsat")
    monkeypatch.setattr(assist, "_STUCK", -1)
    for graph, alone in solved(60, 955):
        plan = plan_traffic(graph, alone.tcm_bytes, mode=alone.mode, workers=2)
        check(plan, graph)
        assert (plan.status, plan.traffic_bytes) == ("optimal", alone.traffic_bytes), graph.name


def test_what_cp_sat_claims_when_it_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    need("cpsat")
    on_progress = assist.Assistant.on_progress

    def wait_for_it(self: assist.Assistant, states: int) -> None:
        on_progress(self, states)
        if self._future is not None:
            wait([self._future])
            on_progress(self, states)

    monkeypatch.setattr(assist, "_STUCK", -1)
    monkeypatch.setattr(assist.Assistant, "on_progress", wait_for_it)
    claims = 0
    for graph, alone in solved(60, 955):
        plan = plan_traffic(graph, alone.tcm_bytes, mode=alone.mode, workers=2)
        check(plan, graph)
        assert (plan.status, plan.traffic_bytes) == ("optimal", alone.traffic_bytes), graph.name
        assert plan.certificate["kind"] != "search"
        claims += "formulation" in plan.certificate
    assert claims
    graph = zoo_graph("nasnet_a_cell")
    plan = plan_traffic(graph, 524288, mode="streaming", workers=2)
    check(plan, graph)
    assert plan.certificate["formulation"]["method"] == "cpsat"
    assert "ortools" in plan.versions
    assert plan.traffic_bytes == plan.lower_bound_bytes == 6422528


def test_the_search_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    need("cpsat")
    asked: list[object] = []

    def never_done(self: assist.Assistant, hint: Hint) -> None:
        asked.append(hint)
        self._stopped.wait()

    monkeypatch.setattr(assist, "_STUCK", -1)
    monkeypatch.setattr(assist.Assistant, "_solve", never_done)
    graph = zoo_graph("darts_cell")
    plan = plan_traffic(graph, 442368, mode="streaming", workers=2)
    assert asked
    assert (plan.status, plan.certificate["kind"]) == ("optimal", "search")


def test_the_search_goes_on_without_cp_sat(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise BackendUnavailableError("cpsat", "cpsat", "no package 'ortools'")

    monkeypatch.setattr(assist, "_STUCK", -1)
    monkeypatch.setattr(assist, "backend", missing)
    graph = zoo_graph("darts_cell")
    plan = plan_traffic(graph, 442368, mode="streaming", workers=2)
    assert (plan.status, plan.certificate["kind"]) == ("optimal", "search")


def test_cp_sat_stops_with_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up when CP-SAT is at work, on a network that is hours from a proof."""
    need("cpsat")
    clock = Clock.installed(monkeypatch)
    looks = []

    class Watched(Leash):
        def on_progress(self, states: int) -> None:
            looks.append(states)
            if len(looks) == 3:
                clock.put_forward()
            super().on_progress(states)

    monkeypatch.setattr(assist, "Leash", Watched)
    monkeypatch.setattr(assist, "_STUCK", -1)
    monkeypatch.setattr(assist, "_MOST_OPS", 1000)
    graph = zoo_graph("randwire_cell", graph="ws", nodes=64, k=4, p=0.75, graph_seed=1)
    tcm = make_traffic_problem(graph, 1, mode="streaming").least_capacity
    plan = plan_traffic(graph, tcm, Limits(seconds=3600), mode="streaming", workers=2)
    check(plan, graph)
    assert (plan.status, plan.limit) == ("feasible", "time")
    assert len(looks) >= 3, "CP-SAT was never asked"
    assert not [t for t in threading.enumerate() if t.name.startswith("formulation")]


def test_cp_sat_is_asked_only_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(assist, "_STUCK", -1)
    monkeypatch.setattr(assist.Assistant, "_solve", lambda *_: asked.append(1))
    graph = zoo_graph("nasnet_a_cell")
    for limits, method, workers in (
        (Limits(nodes=10_000), "auto", 2),
        (Limits(seconds=0.5), "dp", 2),
        (Limits(seconds=0.5), "auto", 1),
    ):
        minimize_traffic(graph, 524288, limits, mode="streaming", method=method, workers=workers)
    problem = make_traffic_problem(graph, 524288, mode="streaming")
    assert not assist.may_assist(replace(problem, external=10**9))
    assert not asked


@pytest.mark.parametrize("weights", ["ignore", "pin"])
def test_bounds_hold_when_rechecked(weights: str) -> None:
    need("cpsat")
    trusted = 0
    for graph, *both in plans(25, 953, "cpsat", weights):
        for plan in both:
            if not examine(plan, graph).proof.is_checked:
                answer = recheck(plan, graph, 3600)
                assert answer.holds, graph.name
                used = "the exact search" if plan is both[0] else "the cpsat formulation"
                assert answer.words.startswith(used)
                trusted += 1
    assert trusted > 10


@pytest.mark.parametrize("weights", ["ignore", "pin"])
def test_bounds_that_do_not_hold_are_found_out(weights: str) -> None:
    need("cpsat")
    caught = 0
    for graph, *both in plans(30, 954, "cpsat", weights):
        for plan in both:
            worst = max(plan.baselines.values(), default=0)
            lie = plan.lower_bound_bytes + 1
            if examine(plan, graph).proof.is_checked or worst <= lie:
                continue
            certificate = {**plan.certificate, "bound_bytes": lie}
            if "formulation" in certificate:
                certificate["formulation"] = {"method": "cpsat", "bound_bytes": lie}
            false = replace(
                plan,
                traffic_bytes=worst,
                status=Status.FEASIBLE,
                lower_bound_bytes=lie,
                certificate=certificate,
            )
            answer = recheck(false, graph, 3600)
            assert answer.holds is False, graph.name
            assert f"found a plan that moves {plan.traffic_bytes} bytes" in answer.words
            caught += 1
    assert caught > 5


def test_no_time_to_recheck() -> None:
    graph = zoo_graph("darts_cell")
    need("cpsat")
    for weights in ("ignore", "pin"):
        plan = plan_traffic(graph, 1_200_000, weights=weights)
        answer = recheck(plan, graph, 1e-9)
        assert (answer.holds, answer.words) == (None, "undecided, stopped by the limit on time")


def test_nothing_to_recheck_with(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = zoo_graph("darts_cell")
    plan = plan_traffic(graph, 1_200_000)
    monkeypatch.setattr(rechecking, "NAMES", ())
    answer = recheck(plan, graph)
    assert answer.holds is None
    assert "tightfit[cpsat]" in answer.words


@pytest.mark.parametrize("method", NAMES)
def test_a_limit_leaves_a_plan_and_a_bound(method: str) -> None:
    need(method)
    graph = zoo_graph("randwire_cell", graph="ws", nodes=48, k=4, p=0.75, graph_seed=0)
    tcm = make_traffic_problem(graph, 1).least_capacity * 3 // 2
    plan = plan_traffic(graph, tcm, Limits(seconds=1.5), method=method)
    check(plan, graph)
    assert (plan.status, plan.limit) == ("feasible", "time")
    optimum = plan_traffic(graph, tcm).traffic_bytes or 0
    assert plan.lower_bound_bytes <= optimum <= (plan.traffic_bytes or 0)


def test_bounds_are_told_as_they_rise() -> None:
    need("cpsat")

    class Watcher(SilentObserver):
        bounds: list[int] = []  # noqa: RUF012

        def on_bound(self, bound: int) -> None:
            self.bounds.append(bound)

    graph = zoo_graph("randwire_cell", graph="ws", nodes=24, k=4, p=0.75, graph_seed=0)
    tcm = make_traffic_problem(graph, 1).least_capacity
    outcome = minimize_traffic(graph, tcm, observer=Watcher(), method="cpsat")
    assert Watcher.bounds == sorted(set(Watcher.bounds))
    assert len(Watcher.bounds) > 2
    assert Watcher.bounds[-1] == outcome.traffic_bytes == outcome.traffic_lower_bound_bytes


def test_a_listener_may_end_it() -> None:
    need("cpsat")
    graph = zoo_graph("darts_cell")
    problem = make_traffic_problem(graph, 1_200_000)

    def enough(_: int) -> None:
        raise LimitReachedError(Limit.NODES)

    found = formulate(problem, Hint(), method="cpsat", meter=Meter(), on_plan=enough)
    assert found.limit is Limit.NODES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "wish"}, "unknown kind of certificate 'wish'"),
        ({"kind": "search"}, "a formulation that proves nothing"),
        ({"kind": "compulsory"}, "a formulation that proves nothing"),
        ({"formulation": None}, "a formulation that is not named"),
        ({"formulation": ["cpsat"]}, "the formulation is"),
        ({"formulation": {"method": "", "bound_bytes": 2064384}}, "the formulation's method is ''"),
        ({"formulation": {"method": "cpsat", "bound_bytes": 1}}, "the formulation is for 1 bytes"),
        ({"states": -1}, "states"),
        ({"kind": "footprint", "formulation": None}, "a plan that is optimal, by footprint"),
        ({"kind": "compulsory", "formulation": None}, "1769472 bytes are compulsory"),
    ],
    ids=str,
)
def test_what_a_certificate_says_is_checked(change: dict[str, object], message: str) -> None:
    need("cpsat")
    graph = zoo_graph("darts_cell")
    plan = plan_traffic(graph, 1_200_000, method="cpsat")
    assert plan.lower_bound_bytes == 2064384
    certificate = {**plan.certificate, **change}
    if certificate["formulation"] is None:
        del certificate["formulation"]
    with pytest.raises(VerificationError, match=message):
        check(replace(plan, certificate=certificate), graph)


def test_no_such_method() -> None:
    with pytest.raises(ValueError, match="no method 'magic'; there are auto, dp, cpsat"):
        minimize_traffic(zoo_graph("darts_cell"), 1_200_000, method="magic")

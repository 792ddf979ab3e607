"""Every method proves the same optimum through the same door."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from models.zoo import graph as zoo_graph
from solver import minimize_peak
from solver.cli.parser import METHODS as OFFERED
from solver.limits import Limits
from solver.peak import engine, formulate
from solver.peak.backend import NAMES, backend
from solver.peak.engine import METHODS
from solver.peak.search import Rules
from solver.verify import check
from tests.clock import Clock
from tests.property.graphs import cases
from tests.property.oracle import Oracle

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.plan import Plan


def answer(plan: Plan, graph: Graph) -> tuple[str, int, int]:
    check(plan, graph)
    return plan.status.value, plan.peak_bytes, plan.lower_bound_bytes


def need(method: str) -> None:
    if not backend(method).is_available():
        pytest.skip(f"{method} is not installed")


def test_the_command_offers_every_method() -> None:
    assert OFFERED == METHODS


@pytest.mark.parametrize("method", NAMES)
def test_formulations_prove_the_optimum(method: str) -> None:
    need(method)
    proven = 0
    for graph, rules in cases(25 if method == "ilp-cbc" else 60, seed=820):
        optimum = Oracle(graph, rules).least_peak()
        plan = minimize_peak(graph, rules=rules, method=method)
        assert answer(plan, graph) == ("optimal", optimum, optimum), graph.name
        proven += plan.certificate["kind"] == "formulation"
        if plan.certificate["kind"] == "formulation":
            assert plan.certificate["formulation"]["method"] == method
    assert proven


@pytest.mark.parametrize("method", NAMES)
def test_formulations_solve_window_after_window(method: str) -> None:
    need(method)
    graph = zoo_graph("swiftnet")
    plan = minimize_peak(graph, method=method)
    assert answer(plan, graph) == answer(minimize_peak(graph, method="dp"), graph)


def test_cp_sat_helps_where_the_search_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """It claims the bound, or the search is first; the optimum is the same either way."""
    need("cpsat")
    asked = []

    def assist(self: engine.Engine, window: object) -> object:
        asked.append(window)
        return started(self, window)  # type: ignore[arg-type]

    started = engine.Engine._assist
    monkeypatch.setattr(engine, "_STUCK", -1)
    monkeypatch.setattr(engine.Engine, "_assist", assist)
    graph = zoo_graph("randwire_cell", nodes=32, graph_seed=1)
    rules = Rules(free_moves=False, commits=False, lookahead=0)  # slow enough
    alone = minimize_peak(graph, pruning=rules, method="dp")
    assert not asked
    together = minimize_peak(graph, pruning=rules, workers=2)
    assert asked
    assert answer(together, graph) == answer(alone, graph)


def test_cp_sat_stops_with_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up when CP-SAT is at work, on a network that is hours from a proof."""
    need("cpsat")
    clock = Clock.installed(monkeypatch)
    looks = []

    class Watched(formulate.Leash):
        def on_progress(self, states: int) -> None:
            looks.append(states)
            if len(looks) == 3:
                clock.put_forward()
            super().on_progress(states)

    monkeypatch.setattr(formulate, "Leash", Watched)
    monkeypatch.setattr(engine, "_STUCK", -1)
    monkeypatch.setattr(engine, "_MOST_FOR_CPSAT", 1000)
    graph = zoo_graph("randwire_cell", nodes=192, graph_seed=1)
    plan = minimize_peak(graph, limits=Limits(seconds=3600), workers=2)
    assert (plan.status, plan.limit) == ("feasible", "time")
    check(plan, graph)
    assert len(looks) >= 3, "CP-SAT was never asked"
    assert not [t for t in threading.enumerate() if t.name.startswith("formulation")]


def test_no_such_method() -> None:
    with pytest.raises(ValueError, match="no method 'magic'; there are auto, dp, cpsat"):
        minimize_peak(zoo_graph("swiftnet"), method="magic")

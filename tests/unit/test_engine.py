"""The whole solver on the diamond: x 1, s 4, wide 9, thin 2, r 6, out 1."""

from __future__ import annotations

import pytest

import solver
from models import Graph, GraphBuilder
from solver import Limits, MemoryRules, Status, minimize_peak
from solver.limits import Meter, SilentObserver
from solver.memory import make_problem
from solver.peak.engine import Engine
from solver.verify import check
from tests.property.graphs import cases, chain, diamond, in_series


class Told(SilentObserver):
    def __init__(self) -> None:
        self.peaks: list[int] = []
        self.bounds: list[int] = []

    def on_incumbent(self, peak: int) -> None:
        self.peaks.append(peak)

    def on_bound(self, bound: int) -> None:
        self.bounds.append(bound)


def test_the_plan_of_the_diamond() -> None:
    plan = minimize_peak(diamond(), 16, options={"precision": "int8"})
    assert plan.order == ("stem", "widen", "narrow", "right", "join")
    assert (plan.peak_bytes, plan.lower_bound_bytes) == (15, 15)
    assert (plan.status, plan.limit, plan.fits) == (Status.OPTIMAL, None, True)
    assert plan.baselines["file_order"] == 19
    assert plan.certificate["kind"] == "cut"
    cut = dict(plan.certificate["cut"])
    (case,) = cut.pop("flow")
    assert case["overwritten"] == []
    assert cut == {
        "op": "narrow",
        "bound_bytes": 15,
        "before": ["stem", "widen"],
        "live": ["wide", "s", "thin"],
    }
    assert plan.options == {
        "precision": "int8",
        "alignment": 1,
        "in_place": False,
        "views": False,
    }
    assert plan.versions["tightfit"] == solver.__version__
    assert plan.seconds >= 0


@pytest.mark.parametrize(
    ("rules", "optimum"),
    [
        (MemoryRules(), 15),
        (MemoryRules(in_place=True), 13),
        (MemoryRules(views=True), 19),
        (MemoryRules(alignment=4), 20),
    ],
)
def test_memory_rules(rules: MemoryRules, optimum: int) -> None:
    plan = minimize_peak(diamond(), rules=rules)
    assert plan.peak_bytes == plan.lower_bound_bytes == optimum
    check(plan, diamond())


@pytest.mark.parametrize(("budget", "fits"), [(1, False), (14, False), (15, True), (99, True)])
def test_budgets(budget: int, fits: bool) -> None:
    plan = minimize_peak(diamond(), budget)
    assert (plan.fits, plan.budget_bytes) == (fits, budget)
    assert plan.peak_bytes == 15


@pytest.mark.parametrize("budget", [0, -1])
def test_budgets_must_be_positive(budget: int) -> None:
    with pytest.raises(ValueError, match=f"the budget must be positive, not {budget} bytes"):
        minimize_peak(diamond(), budget)


@pytest.mark.parametrize("workers", [0, -1])
def test_there_must_be_a_worker(workers: int) -> None:
    with pytest.raises(ValueError, match=f"at least one worker, not {workers}"):
        minimize_peak(diamond(), workers=workers)


def test_observers_hear_of_every_improvement() -> None:
    told = Told()
    minimize_peak(diamond(), observer=told)
    assert told.peaks[-1] == 15
    assert told.bounds[-1] == 15


def test_warnings_pass_through() -> None:
    builder = GraphBuilder("g")
    builder.op("f", [], [])
    plan = minimize_peak(builder.build(warnings=["careful"]))
    assert plan.warnings == ("careful",)
    assert (plan.peak_bytes, plan.status) == (0, Status.OPTIMAL)


def test_a_network_without_ops() -> None:
    plan = minimize_peak(chain([7]))
    assert (plan.order, plan.peak_bytes, plan.status) == ((), 7, Status.OPTIMAL)
    assert plan.certificate["kind"] == "ends"
    check(plan, chain([7]))


def test_the_outcome_of_the_engine() -> None:
    problem = make_problem(diamond())
    outcome = Engine(problem, Meter()).solve()
    assert outcome.order == [0, 2, 3, 1, 4]
    assert (outcome.peak, outcome.bound, outcome.limit) == (15, 15, None)
    assert outcome.cut is not None
    assert (outcome.cut.op, outcome.cut.bound) == (3, 15)
    assert outcome.refutation is None
    assert outcome.baselines["file_order"] == 19


def searched() -> Graph:
    """The first small graph whose cuts stay below its optimum."""
    for graph, _ in cases(1000, seed=800, most_ops=10):
        if minimize_peak(graph).certificate["kind"] == "search":
            return graph
    raise AssertionError("none of a thousand")


def test_a_search_leaves_its_certificate() -> None:
    graph = searched()
    plan = minimize_peak(graph)
    search = plan.certificate["search"]
    assert plan.certificate["cut"]["bound_bytes"] < plan.lower_bound_bytes
    assert search["refuted_bytes"] == plan.lower_bound_bytes - 1
    assert search["direction"] in ("forward", "backward")
    assert set(search["window"]) <= {op.name for op in graph.ops}
    check(plan, graph)


def test_an_undecided_budget() -> None:
    """Stopped between bound and peak, the solver does not know whether the bound fits."""
    graph = searched()
    bound = minimize_peak(graph, limits=Limits(memory_bytes=1)).lower_bound_bytes
    plan = minimize_peak(graph, bound, Limits(memory_bytes=1))
    assert (plan.status, plan.limit, plan.fits) == (Status.FEASIBLE, "memory", None)
    check(plan, graph)


def test_the_highest_window_decides() -> None:
    """A diamond before and after a network that needs search."""
    graph = searched()
    alone = minimize_peak(in_series([graph])).peak_bytes
    for parts in ([graph, diamond()], [diamond(), graph]):
        assert minimize_peak(in_series(parts)).peak_bytes == max(alone, 15)

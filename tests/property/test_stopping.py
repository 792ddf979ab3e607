"""Whatever stops the solver, what it has is a valid plan with a valid bound."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import pytest

from solver import Limits, MemoryRules, Observer, Plan, minimize_peak
from solver.limits import SilentObserver
from solver.peak.search import Rules
from solver.verify import check
from tests.property.graphs import cases

if TYPE_CHECKING:
    from models.graph import Graph

#: Without pruning there is more to interrupt.
SLOW = Rules(free_moves=False, commits=False)

Case = tuple["Graph", MemoryRules, Plan]


@cache
def searched(count: int = 25, most_ops: int = 16) -> list[Case]:
    """Graphs that need exact search, and their optimal plans."""
    solved = ((g, r, minimize_peak(g, rules=r)) for g, r in cases(10**6, 600, most_ops, 10))
    hard = (case for case in solved if case[2].certificate["kind"] == "search")
    return list(itertools.islice(hard, count))


def check_stopped(plan: Plan, case: Case, limit: str) -> None:
    graph, _, proven = case
    check(plan, graph)
    assert plan.lower_bound_bytes <= proven.peak_bytes <= plan.peak_bytes, graph.name
    assert plan.curve[-1][1:] == (plan.peak_bytes, plan.lower_bound_bytes), graph.name
    if plan.status != "optimal":
        assert plan.limit == limit, graph.name


def observed(case: Case, observer: Observer, pruning: Rules | None = None) -> Plan:
    graph, rules, _ = case
    return minimize_peak(graph, observer=observer, rules=rules, pruning=pruning)


@pytest.mark.parametrize("nodes", [1, 2, 3, 5, 10, 30, 100])
@pytest.mark.parametrize("pruning", [Rules(), SLOW], ids=["fast", "slow"])
def test_few_states(nodes: int, pruning: Rules) -> None:
    for case in searched():
        graph, rules, _ = case
        plan = minimize_peak(graph, limits=Limits(nodes=nodes), rules=rules, pruning=pruning)
        check_stopped(plan, case, "nodes")
        assert plan.certificate["states"] <= nodes


def test_one_state_is_not_enough_for_these() -> None:
    for graph, rules, proven in searched():
        plan = minimize_peak(graph, limits=Limits(nodes=1), rules=rules, pruning=SLOW)
        assert (plan.status, plan.limit) == ("feasible", "nodes"), graph.name
        assert proven.limit is None


def test_more_states_are_never_worse() -> None:
    for graph, rules, proven in searched():
        peak, bound = float("inf"), 0
        for nodes in (1, 2, 4, 8, 16, 32, 64, 128, 10**6):
            plan = minimize_peak(graph, limits=Limits(nodes=nodes), rules=rules)
            assert plan.peak_bytes <= peak, graph.name
            assert plan.lower_bound_bytes >= bound, graph.name
            peak, bound = plan.peak_bytes, plan.lower_bound_bytes
        assert peak == bound == proven.peak_bytes


@pytest.mark.parametrize(
    ("limits", "limit"),
    [(Limits(seconds=1e-9), "time"), (Limits(memory_bytes=1), "memory")],
    ids=["seconds", "memory"],
)
def test_no_time_and_no_memory(limits: Limits, limit: str) -> None:
    for case in searched():
        graph, rules, _ = case
        plan = minimize_peak(graph, limits=limits, rules=rules)
        assert plan.status == "feasible"
        check_stopped(plan, case, limit)


@pytest.mark.parametrize("limits", [Limits(nodes=1), Limits(seconds=1e-9), Limits(memory_bytes=1)])
def test_any_graph_under_any_limit(limits: Limits) -> None:
    for graph, rules in cases(120, seed=601, most_ops=20):
        proven = minimize_peak(graph, rules=rules)
        plan = minimize_peak(graph, limits=limits, rules=rules, pruning=SLOW)
        check(plan, graph)
        assert plan.lower_bound_bytes <= proven.peak_bytes <= plan.peak_bytes, graph.name
        assert plan.limit or plan.status == "optimal", graph.name


@dataclass
class InterruptAt(SilentObserver):
    """Presses Ctrl-C at the ``at``-th call of one callback."""

    callback: str
    at: int
    calls: int = 0

    def _call(self, callback: str) -> None:
        self.calls += callback == self.callback
        if callback == self.callback and self.calls == self.at:
            raise KeyboardInterrupt

    def on_incumbent(self, peak: int) -> None:
        del peak
        self._call("incumbent")

    def on_bound(self, bound: int) -> None:
        del bound
        self._call("bound")

    def on_progress(self, states: int) -> None:
        del states
        self._call("progress")


@pytest.mark.parametrize("callback", ["incumbent", "bound", "progress"])
@pytest.mark.parametrize("pruning", [Rules(), SLOW], ids=["fast", "slow"])
def test_interrupt_at_every_callback(callback: str, pruning: Rules) -> None:
    interrupted = 0
    for case in searched():
        for at in itertools.count(1):
            observer = InterruptAt(callback, at)
            plan = observed(case, observer, pruning)
            check_stopped(plan, case, "interrupt")
            if observer.calls < at:
                assert plan.status == "optimal"
                break
            assert plan.limit == "interrupt", case[0].name
            interrupted += 1
    assert interrupted >= len(searched())


@dataclass
class Record(SilentObserver):
    """Remembers what it is told."""

    peaks: list[int] = field(default_factory=list)
    bounds: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)

    def on_incumbent(self, peak: int) -> None:
        self.peaks.append(peak)

    def on_bound(self, bound: int) -> None:
        self.bounds.append(bound)

    def on_progress(self, states: int) -> None:
        self.states.append(states)


def test_observers_see_progress_only() -> None:
    for case in searched():
        record = Record()
        plan = observed(case, record)
        assert record.peaks == sorted(set(record.peaks), reverse=True)
        assert record.bounds == sorted(set(record.bounds))
        assert record.states == sorted(record.states)
        assert record.bounds[-1:] in ([], [plan.lower_bound_bytes])
        assert record.peaks[-1:] in ([], [plan.peak_bytes])
        assert record.states[-1] <= plan.certificate["states"]


def test_the_curve_leads_to_the_plan() -> None:
    for _, _, plan in searched():
        seconds, peaks, bounds = zip(*plan.curve, strict=True)
        assert list(seconds) == sorted(seconds)
        assert list(peaks) == sorted(peaks, reverse=True)
        assert list(bounds) == sorted(bounds)
        assert (peaks[-1], bounds[-1]) == (plan.peak_bytes, plan.lower_bound_bytes)


def test_an_observer_that_breaks_is_not_silenced() -> None:
    class BrokenError(Exception):
        pass

    class Broken(SilentObserver):
        def on_progress(self, states: int) -> None:
            raise BrokenError(states)

    for case in searched()[:3]:
        with pytest.raises(BrokenError):
            observed(case, Broken())

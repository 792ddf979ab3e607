"""Whatever stops the solver of least traffic, its plan is valid and its bound holds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.limits import Limits
from solver.memory import MemoryRules
from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.live import least_external
from solver.traffic.rules import Rules
from tests.property.graphs import cases, with_weights

if TYPE_CHECKING:
    from solver.limits import Observer

STATES = (1, 2, 5, 12, 30, 80)


class Interrupting:
    """Presses Ctrl-C at the n-th report of any kind."""

    def __init__(self, count: int) -> None:
        self.left = count

    def _report(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def on_incumbent(self, value: int) -> None:  # noqa: ARG002
        self._report()

    def on_bound(self, value: int) -> None:  # noqa: ARG002
        self._report()

    def on_progress(self, states: int) -> None:  # noqa: ARG002
        self._report()


@pytest.mark.parametrize("compiled", [True, False])
def test_states_run_out(compiled: bool) -> None:
    stopped = 0
    for graph, drawn in cases(120, 990, most_ops=12, least_ops=6):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity
        least = minimize_traffic(graph, tcm, rules=rules).traffic_bytes
        assert least is not None
        pruning = Rules(compiled=compiled)
        for states in STATES:
            cut = minimize_traffic(graph, tcm, Limits(nodes=states), rules=rules, pruning=pruning)
            assert cut.traffic_bytes is not None
            assert cut.traffic_lower_bound_bytes <= least <= cut.traffic_bytes
            stopped += cut.limit == "nodes"
    assert stopped > 20


def test_interrupts() -> None:
    stopped = 0
    for graph, drawn in cases(120, 991, most_ops=12, least_ops=6):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity
        least = minimize_traffic(graph, tcm, rules=rules).traffic_bytes
        assert least is not None
        observer: Observer = Interrupting(random.Random(graph.name).randrange(1, 12))
        cut = minimize_traffic(graph, tcm, observer=observer, rules=rules)
        assert cut.traffic_bytes is not None
        assert cut.traffic_lower_bound_bytes <= least <= cut.traffic_bytes
        stopped += cut.limit == "interrupt"
    assert stopped > 20


@pytest.mark.parametrize("what", ["pinning", "budget"])
def test_interrupts_of_larger_problems(what: str) -> None:
    """Weights to pin, or a budget: there may be no plan yet, but nothing claimed is wrong."""
    stopped = 0
    for graph, drawn in cases(50, 992, most_ops=10, least_ops=5):
        rng = random.Random(graph.name)
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        weighty = with_weights(graph, rng)
        problem = make_traffic_problem(weighty, 1, rules=rules)
        tcm = problem.least_capacity + rng.randrange(8)
        budget = tcm + least_external(problem) + rng.randrange(8) if what == "budget" else None
        weights = "pin" if what == "pinning" else "ignore"
        whole = minimize_traffic(weighty, tcm, weights=weights, rules=rules, budget=budget)
        observer: Observer = Interrupting(rng.randrange(1, 8))
        cut = minimize_traffic(
            weighty, tcm, observer=observer, weights=weights, rules=rules, budget=budget
        )
        if whole.traffic_bytes is not None and whole.status != "feasible":
            assert cut.traffic_lower_bound_bytes <= whole.traffic_bytes
            assert cut.traffic_bytes is None or cut.traffic_bytes >= whole.traffic_bytes
            assert cut.status != "infeasible"
        if whole.status == "infeasible":
            assert cut.traffic_bytes is None
        stopped += cut.limit == "interrupt"
    assert stopped > 10

"""Whatever stops a backend for least traffic, its plan and bound are valid."""

from __future__ import annotations

import os
import signal
import threading
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from models import zoo
from solver.limits import Limit, LimitReachedError, Limits
from solver.peak.cpsat import runner
from solver.traffic import minimize_traffic
from solver.traffic.backend import Backend, Hint, RawOutcome, backend
from solver.traffic.cpsat import program
from solver.traffic.model import TrafficProblem, make_traffic_problem
from solver.traffic.residency import Residency, plan_steps
from solver.traffic.simulate import simulate
from tests.backends.networks import shared, traffic_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

PATIENCE = 300.0  # seconds until a thread is given up for lost


@cache
def hard() -> tuple[TrafficProblem, int]:
    """State a problem that no backend proves in minutes, and what its best plan spills."""
    graph = zoo.graph("randwire_cell", graph="ws", nodes=48, k=4, p=0.75, graph_seed=0)
    least = make_traffic_problem(graph, 1).least_capacity
    found = minimize_traffic(graph, least * 3 // 2)
    assert found.status == "optimal"
    assert found.spilled_bytes is not None
    return make_traffic_problem(graph, least * 3 // 2), found.spilled_bytes


class Watcher:
    """Records what it is told, and acts after a while."""

    def __init__(self, act: Callable[[], object] = lambda: None, after: int = 3) -> None:
        self.incumbents: list[int] = []
        self.bounds: list[int] = []
        self.calls = 0
        self._act = act
        self._after = after

    def on_incumbent(self, peak: int) -> None:
        self.incumbents.append(peak)

    def on_bound(self, bound: int) -> None:
        self.bounds.append(bound)

    def on_progress(self, states: int) -> None:
        assert states >= 0
        self.calls += 1
        if self.calls == self._after:
            self._act()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def give_up() -> NoReturn:
    raise LimitReachedError(Limit.NODES)


def assert_valid(stated: TrafficProblem, outcome: RawOutcome, least: int) -> None:
    spilled = simulate(stated, plan_steps(stated, outcome.plan)).spilled
    assert outcome.bound <= least <= spilled


def test_time(traffic_solver: Backend) -> None:
    stated, least = hard()
    for seconds in (1e-9, 0.3, 1.5):
        outcome = traffic_solver.solve(stated, Limits(seconds=seconds), Hint())
        assert outcome.limit is Limit.TIME
        assert_valid(stated, outcome, least)


def test_ctrl_c(traffic_solver: Backend) -> None:
    stated, least = hard()
    outcome = traffic_solver.solve(stated, Limits(), Hint(), Watcher(interrupt))
    assert outcome.limit is Limit.INTERRUPT
    assert_valid(stated, outcome, least)


def test_memory(traffic_solver: Backend) -> None:
    stated, least = hard()
    outcome = traffic_solver.solve(stated, Limits(memory_bytes=1), Hint())
    assert outcome.limit is Limit.MEMORY
    assert_valid(stated, outcome, least)


def test_what_is_known_is_never_lost(traffic_solver: Backend) -> None:
    stated, least = hard()
    plan = traffic_solver.solve(stated, Limits(seconds=1e-9), Hint()).plan
    watcher = Watcher()
    hint = Hint(plan, least // 2)
    outcome = traffic_solver.solve(stated, Limits(seconds=0.5), hint, watcher)
    assert outcome.limit is Limit.TIME
    assert outcome.bound >= least // 2
    assert_valid(stated, outcome, least)
    assert watcher.bounds == sorted(set(watcher.bounds))
    assert watcher.incumbents == sorted(set(watcher.incumbents), reverse=True)


def test_a_bound_that_meets_the_plan_needs_no_solver(traffic_solver: Backend) -> None:
    stated = traffic_problem(3, 6, shared(5, (0,), (2,)), edges=((0, 1), (1, 2)), workspace={1: 3})
    plan = Residency((0, 1, 2), frozenset({(0, 0)}))
    outcome = traffic_solver.solve(stated, Limits(seconds=1e-9), Hint(plan, 10))
    assert (outcome.limit, outcome.bound, outcome.nodes) == (None, 10, 0)


def test_a_backend_serves_again_after_a_limit(traffic_solver: Backend) -> None:
    stated, _ = hard()
    assert traffic_solver.solve(stated, Limits(seconds=0.2), Hint()).limit is Limit.TIME
    small = traffic_problem(3, 6, shared(5, (0,), (2,)), edges=((0, 1),), workspace={1: 3})
    outcome = traffic_solver.solve(small, Limits(), Hint())
    assert (outcome.limit, outcome.bound, outcome.plan.absent) == (None, 0, frozenset())


def test_nothing_to_decide(traffic_solver: Backend) -> None:
    for stated in (
        traffic_problem(0, 1),
        traffic_problem(1, 1),
        traffic_problem(2, 9, edges=((1, 0),), workspace={0: 9}),
        traffic_problem(2, 9, shared(9, (0,), is_output=True), shared(9, (), (1,))),
    ):
        outcome = traffic_solver.solve(stated, Limits(), Hint())
        assert (outcome.limit, outcome.bound) == (None, 0)
        assert_valid(stated, outcome, 0)


def test_same_input_same_outcome() -> None:
    graph = zoo.graph("darts_cell")
    stated = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity)
    for name in ("cpsat", "ilp-highs"):
        one, two = (backend(name).solve(stated, Limits(), Hint()) for _ in range(2))
        assert (one.plan, one.nodes) == (two.plan, two.nodes)


def test_a_program_is_given_up_while_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread ends in the midst of the clauses, not after the last."""
    stated, _ = hard()
    later: list[bool] = []
    clauses: list[object] = []
    asked = threading.Event()
    add, stop = runner._Model.add_bool_or, runner.SolverThread.stop

    def wait_and_add(model: runner._Model, *literals: object) -> object:
        clauses.append(literals)
        asked.wait(PATIENCE)
        return add(model, *literals)

    def stop_and_tell(run: runner.SolverThread[object]) -> None:
        stop(run)
        asked.set()

    monkeypatch.setattr(runner._Model, "add_bool_or", wait_and_add)
    monkeypatch.setattr(runner.SolverThread, "stop", stop_and_tell)
    monkeypatch.setattr(program, "add_steps", lambda *_: later.append(True))
    outcome = backend("cpsat").solve(stated, Limits(), Hint(), Watcher(give_up, after=1))
    assert outcome.limit is Limit.NODES
    for thread in threading.enumerate():
        if thread.name == "cpsat":
            thread.join(timeout=PATIENCE)
            assert not thread.is_alive()
    assert len(clauses) == 1
    assert not later

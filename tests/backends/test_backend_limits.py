"""Hints are used and never made worse; whatever stops a backend, its outcome is valid."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.layered import layered_closed
from solver import minimize_peak
from solver.limits import Limit, Limits, resident_bytes
from solver.memory import Problem, make_problem
from solver.peak.backend import Backend, Hint, RawOutcome, backend
from solver.peak.formulation import drive
from solver.peak.ilp.backend import IlpCbc, IlpHighs
from tests.backends.networks import problem, storage

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 3  # calls of the observer before it acts


@cache
def hard() -> tuple[Problem, tuple[int, ...], int]:
    """State a problem that no backend proves in minutes; its best order and peak."""
    graph = layered_closed(90, 18, 0)
    stated = make_problem(graph)
    plan = minimize_peak(graph)
    index = {op: v for v, op in enumerate(stated.names)}
    return stated, tuple(index[op] for op in plan.order), plan.peak_bytes


class Watcher:
    """Records what it is told, and acts after a while."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.incumbents: list[int] = []
        self.bounds: list[int] = []
        self.calls = 0
        self._act = act

    def on_incumbent(self, peak: int) -> None:
        self.incumbents.append(peak)

    def on_bound(self, bound: int) -> None:
        self.bounds.append(bound)

    def on_progress(self, states: int) -> None:
        assert states >= 0
        self.calls += 1
        if self.calls == TIMES:
            self._act()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def assert_valid(stated: Problem, outcome: RawOutcome, least: int) -> None:
    assert outcome.order is not None
    peak = stated.replay(outcome.order).peak
    assert outcome.bound <= least <= peak


def test_time(solver: Backend) -> None:
    stated, _, least = hard()
    outcome = solver.solve(stated, Limits(seconds=0.3), Hint())
    assert outcome.limit is Limit.TIME
    assert_valid(stated, outcome, least)


def test_time_that_is_up_at_once(solver: Backend) -> None:
    stated, _, least = hard()
    outcome = solver.solve(stated, Limits(seconds=1e-9), Hint())
    assert outcome.limit is Limit.TIME
    assert_valid(stated, outcome, least)


def test_ctrl_c(solver: Backend) -> None:
    stated, _, least = hard()
    outcome = solver.solve(stated, Limits(), Hint(), Watcher(interrupt))
    assert outcome.limit is Limit.INTERRUPT
    assert_valid(stated, outcome, least)


def test_ctrl_c_twice(solver: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    stated, _, least = hard()
    wind_up = drive._Driver._wind_up

    def interrupted(driver: drive._Driver[Any, Any], run: drive.Run[Any]) -> None:
        interrupt()
        wind_up(driver, run)

    monkeypatch.setattr(drive._Driver, "_wind_up", interrupted)
    outcome = solver.solve(stated, Limits(), Hint(), Watcher(interrupt))
    assert outcome.limit is Limit.INTERRUPT
    assert_valid(stated, outcome, least)


def test_memory(solver: Backend) -> None:
    stated, _, least = hard()
    outcome = solver.solve(stated, Limits(memory_bytes=1), Hint())
    assert outcome.limit is Limit.MEMORY
    assert_valid(stated, outcome, least)


def test_memory_of_another_process_counts() -> None:
    stated, _, least = hard()
    # More than this process has, less than both.
    most = resident_bytes() + (20 << 20)
    solver = IlpHighs()
    outcome = solver.solve(stated, Limits(memory_bytes=most), Hint())
    solver.close()
    assert outcome.limit is Limit.MEMORY
    assert_valid(stated, outcome, least)


def test_nodes(solver: Backend) -> None:
    graph = layered_closed(20, 5, 2)
    stated = make_problem(graph)
    outcome = solver.solve(stated, Limits(nodes=1), Hint())
    if solver.name == "cpsat":  # to the others the root may be enough
        assert outcome.limit is Limit.NODES
    assert outcome.limit in {None, Limit.NODES}
    assert_valid(stated, outcome, minimize_peak(graph).peak_bytes)


def test_a_backend_serves_again_after_a_limit(solver: Backend) -> None:
    stated, _, _ = hard()
    assert solver.solve(stated, Limits(seconds=0.2), Hint()).limit is Limit.TIME
    small = problem(2, storage(5, (0,), is_output=True), workspace={1: 3})
    outcome = solver.solve(small, Limits(), Hint())
    assert (outcome.limit, outcome.bound, outcome.order) == (None, 5, [1, 0])


def test_same_input_same_outcome() -> None:
    stated = make_problem(layered_closed(20, 5, 2))
    for name in ("cpsat", "ilp-highs"):
        one, two = (backend(name).solve(stated, Limits(), Hint()) for _ in range(2))
        assert one.order == two.order
        assert one.nodes == two.nodes


class TestHints:
    def test_the_incumbent_is_never_lost(self, solver: Backend) -> None:
        stated, order, least = hard()
        outcome = solver.solve(stated, Limits(seconds=0.3), Hint(order))
        assert outcome.order == list(order)
        assert outcome.bound <= least

    def test_the_bound_is_never_lost(self, solver: Backend) -> None:
        stated, _, least = hard()
        for hint in (Hint(lower_bound=least - 50), Hint(op_bounds={3: least - 50, 4: 1})):
            outcome = solver.solve(stated, Limits(seconds=0.3), hint)
            assert outcome.limit is Limit.TIME
            assert outcome.bound >= least - 50
            assert_valid(stated, outcome, least)

    def test_bounds_that_meet_the_incumbent_need_no_solver(self, solver: Backend) -> None:
        stated, order, least = hard()
        outcome = solver.solve(stated, Limits(seconds=1e-9), Hint(order, least))
        assert (outcome.limit, outcome.bound, outcome.nodes) == (None, least, 0)

    def test_a_bound_ends_the_search_when_it_is_met(self, solver: Backend) -> None:
        graph = layered_closed(25, 5, 2)
        stated = make_problem(graph)
        least = minimize_peak(graph).peak_bytes
        watcher = Watcher()
        outcome = solver.solve(stated, Limits(), Hint(lower_bound=least), watcher)
        assert (outcome.limit, outcome.bound) == (None, least)
        assert outcome.order is not None
        assert watcher.incumbents == sorted(set(watcher.incumbents), reverse=True)
        assert watcher.incumbents[-1] == stated.replay(outcome.order).peak == least

    def test_a_negative_bound_is_refused(self) -> None:
        with pytest.raises(ValueError, match="-1"):
            Hint(lower_bound=-1)


def test_degenerate_problems(solver: Backend) -> None:
    for stated, peak in (
        (problem(0), 0),
        (problem(0, storage(7, is_input=True, is_output=True)), 7),
        (problem(1), 0),
        (problem(3, edges=((2, 0), (0, 1))), 0),
        (problem(2, storage(0, (0,), (1,)), edges=((0, 1),), workspace={1: 4}), 4),
    ):
        outcome = solver.solve(stated, Limits(), Hint())
        assert outcome.order is not None
        assert (stated.replay(outcome.order).peak, outcome.bound) == (peak, peak)
        assert outcome.limit is None


def has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_solver_leaves_nothing_behind() -> None:
    stated, _, _ = hard()
    solver = IlpCbc()
    assert solver.is_available()
    process = solver._process
    assert process is not None
    directory, pid = process.directory, process.pid
    assert directory.is_dir()
    solver.solve(stated, Limits(seconds=0.3), Hint())
    solver.close()
    assert not directory.exists()
    patience = time.monotonic() + 120
    while has_members(pid):  # what it had started is killed too, but not ours to wait for
        assert time.monotonic() < patience
        time.sleep(0.01)

"""Each group of constraints forbids what it is there to forbid, and nothing without it does.

Both formulations are put to the same tests: add some groups, fix who runs first, cap the peak, and
ask whether anything is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pulp
import pytest
from ortools.sat.python import cp_model

from solver.memory import Problem, Reuse
from solver.peak.backend import Hint
from solver.peak.cpsat import memory as cp_memory
from solver.peak.cpsat import precedence as cp_precedence
from solver.peak.cpsat import tightening as cp_tightening
from solver.peak.cpsat.variables import Variables as CpVariables
from solver.peak.formulation.task import Incumbent, Task
from solver.peak.ilp import memory as ilp_memory
from solver.peak.ilp import precedence as ilp_precedence
from solver.peak.ilp import tightening as ilp_tightening
from solver.peak.ilp.variables import Variables as IlpVariables
from tests.backends.networks import problem, storage

if TYPE_CHECKING:
    from collections.abc import Sequence

# PuLP announces its next major release.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Pairs = tuple[tuple[int, int], ...]
MEMORY = ("add_no_cycles", "add_step_peaks")


class Asker(Protocol):
    def __call__(
        self,
        task: Task,
        groups: Sequence[str],
        first: Pairs = (),
        most: int | None = None,
    ) -> bool:
        """Whether there is a solution with ``first`` pairs in order and such a peak."""


def ask_cpsat(
    task: Task, groups: Sequence[str], first: Pairs = (), most: int | None = None
) -> bool:
    model = cp_model.CpModel()
    variables = CpVariables(model, task)
    for group in groups:
        for module in (cp_precedence, cp_memory, cp_tightening):
            if hasattr(module, group):
                getattr(module, group)(model, variables, task)
    for u, v in first:
        model.add_bool_or([variables.before(u, v)])
    if most is not None:
        model.add(variables.peak <= most)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.cp_model_presolve = False
    solver.parameters.catch_sigint_signal = False  # else Python never hears of Ctrl-C again
    status = solver.solve(model)
    assert status in {cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.INFEASIBLE}
    return status != cp_model.INFEASIBLE


def ask_ilp(task: Task, groups: Sequence[str], first: Pairs = (), most: int | None = None) -> bool:
    model = pulp.LpProblem("groups", pulp.LpMinimize)
    variables = IlpVariables(task)
    model += variables.peak
    for group in groups:
        for module in (ilp_precedence, ilp_memory, ilp_tightening):
            if hasattr(module, group):
                getattr(module, group)(model, variables, task)
    for u, v in first:
        before = variables.before(u, v)
        if before.isNumericalConstant():
            if before.constant < 1:
                return False
        else:
            model += before >= 1
    if most is not None:
        model += variables.peak <= most
    model.solve(pulp.PULP_CBC_CMD(msg=False))
    return bool(model.status == pulp.LpStatusOptimal)


@pytest.fixture(params=[ask_cpsat, ask_ilp], ids=["cpsat", "ilp"])
def ask(request: pytest.FixtureRequest) -> Asker:
    asker: Asker = request.param
    return asker


def task_of(stated: Problem, *, symmetry: bool = False) -> Task:
    """State a task whose floor and ceiling do not get in the way."""
    task = Incumbent(stated, Hint(), symmetry=symmetry).task()
    return replace(task, floor=0, ceiling=1000)


class TestNoCycles:
    def test_three_open_ops(self, ask: Asker) -> None:
        task = task_of(problem(3))
        for cycle in (((0, 1), (1, 2), (2, 0)), ((0, 2), (2, 1), (1, 0))):
            assert ask(task, (), cycle)
            assert not ask(task, ("add_no_cycles",), cycle)
            assert ask(task, ("add_no_cycles",), cycle[:2])

    def test_through_an_op_that_is_ordered_already(self, ask: Asker) -> None:
        task = task_of(problem(3, edges=((0, 1),)))
        cycle = ((1, 2), (2, 0))
        assert ask(task, (), cycle)
        assert not ask(task, ("add_no_cycles",), cycle)
        assert ask(task, ("add_no_cycles",), ((0, 2), (2, 1)))

    def test_through_a_chain_that_has_only_covers(self, ask: Asker) -> None:
        task = task_of(problem(4, edges=((0, 1), (1, 2))))
        cycle = ((2, 3), (3, 0))
        assert ask(task, (), cycle)
        assert not ask(task, ("add_no_cycles",), cycle)

    def test_of_four_ops(self, ask: Asker) -> None:
        task = task_of(problem(4))
        cycle = ((0, 1), (1, 2), (2, 3), (3, 0))
        assert ask(task, (), cycle)
        assert not ask(task, ("add_no_cycles",), cycle)


class TestPrecedence:
    def test_holds_by_itself(self, ask: Asker) -> None:
        stated = problem(3, edges=((0, 1), (1, 2)))
        assert not ask(task_of(stated), (), ((2, 0),))
        assert ask(task_of(problem(3)), (), ((2, 0),))


class TestStepPeaks:
    def test_what_is_always_there(self, ask: Asker) -> None:
        stated = problem(1, storage(3, is_input=True, is_output=True), workspace={0: 2})
        assert ask(task_of(stated), (), most=4)
        assert not ask(task_of(stated), MEMORY, most=4)
        assert ask(task_of(stated), MEMORY, most=5)

    def test_what_is_born_before(self, ask: Asker) -> None:
        task = task_of(problem(2, storage(5, (0,), is_output=True), workspace={1: 1}))
        assert ask(task, (), ((0, 1),), most=5)
        assert not ask(task, MEMORY, ((0, 1),), most=5)
        assert ask(task, MEMORY, ((1, 0),), most=5)

    def test_what_one_of_several_producers_bears(self, ask: Asker) -> None:
        task = task_of(problem(3, storage(5, (0, 1), is_output=True), workspace={2: 1}))
        for first in (((0, 2),), ((1, 2),)):
            assert ask(task, (), first, most=5)
            assert not ask(task, MEMORY, first, most=5)
        assert ask(task, MEMORY, ((2, 0), (2, 1)), most=5)

    def test_what_is_dead_before(self, ask: Asker) -> None:
        task = task_of(problem(2, storage(5, (), (0,), is_input=True), workspace={1: 1}))
        assert ask(task, (), ((1, 0),), most=5)
        assert not ask(task, MEMORY, ((1, 0),), most=5)
        assert ask(task, MEMORY, ((0, 1),), most=5)

    def test_what_dies_with_the_last_of_its_consumers(self, ask: Asker) -> None:
        task = task_of(problem(3, storage(5, (), (0, 1), is_input=True), workspace={2: 1}))
        for first in (((0, 2), (2, 1)), ((1, 2), (2, 0))):
            assert ask(task, (), first, most=5)
            assert not ask(task, MEMORY, first, most=5)
        assert ask(task, MEMORY, ((0, 2), (1, 2)), most=5)

    def test_overwriting_needs_the_others_done(self, ask: Asker) -> None:
        storages = (storage(4, (), (0, 1), is_input=True), storage(3, (0,), is_output=True))
        task = task_of(problem(2, *storages, reuses={0: (Reuse(0, 1, 3),)}))
        assert not ask(task, MEMORY, ((0, 1),), most=6)
        assert ask(task, MEMORY, ((0, 1),), most=7)
        assert not ask(task, MEMORY, ((1, 0),), most=3)
        assert ask(task, MEMORY, ((1, 0),), most=4)
        without = task_of(problem(2, *storages))
        assert not ask(without, MEMORY, ((1, 0),), most=6)

    def test_overwriting_one_source_per_target(self, ask: Asker) -> None:
        sources = (storage(3, (), (0,), is_input=True), storage(2, (), (0,), is_input=True))
        target = storage(5, (0,), is_output=True)
        two = {0: (Reuse(0, 2, 3), Reuse(1, 2, 2))}
        task = task_of(problem(1, *sources, target, reuses=two))
        assert not ask(task, MEMORY, most=6)
        assert ask(task, MEMORY, most=7)
        halves = (storage(3, (0,), is_output=True), storage(2, (0,), is_output=True))
        two = {0: (Reuse(0, 2, 3), Reuse(1, 3, 2))}
        task = task_of(problem(1, *sources, *halves, reuses=two))
        assert ask(task, MEMORY, most=5)


class TestTightening:
    def test_floor(self, ask: Asker) -> None:
        task = replace(task_of(problem(1, workspace={0: 3})), floor=7)
        assert ask(task, MEMORY, most=6)
        assert not ask(task, (*MEMORY, "add_floor"), most=6)
        assert ask(task, (*MEMORY, "add_floor"), most=7)

    def test_cutoff(self, ask: Asker) -> None:
        task = replace(task_of(problem(2, workspace={0: 3, 1: 2})), ceiling=2)
        assert ask(task, MEMORY)
        assert not ask(task, (*MEMORY, "add_cutoff"))
        assert ask(replace(task, ceiling=3), (*MEMORY, "add_cutoff"))

    def test_symmetry(self, ask: Asker) -> None:
        stated = problem(2, storage(3, (0,), is_output=True), storage(3, (1,), is_output=True))
        assert ask(task_of(stated), MEMORY, ((1, 0),))
        assert not ask(task_of(stated, symmetry=True), MEMORY, ((1, 0),))
        assert ask(task_of(stated, symmetry=True), MEMORY, ((0, 1),))

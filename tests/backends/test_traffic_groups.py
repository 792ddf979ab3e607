"""Each group of constraints on traffic forbids what it is there to forbid, and only with it.

Both formulations are put to the same tests: add some groups, fix who runs first and which gaps are
absent, cap the traffic, and ask whether anything is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pulp
import pytest
from ortools.sat.python import cp_model

from solver.peak.cpsat import precedence as cp_precedence
from solver.peak.ilp import precedence as ilp_precedence
from solver.traffic.backend import Hint
from solver.traffic.cpsat import memory as cp_memory
from solver.traffic.cpsat import tightening as cp_tightening
from solver.traffic.cpsat import traffic as cp_traffic
from solver.traffic.cpsat.variables import Variables as CpVariables
from solver.traffic.formulation.task import Incumbent, Task
from solver.traffic.ilp import memory as ilp_memory
from solver.traffic.ilp import tightening as ilp_tightening
from solver.traffic.ilp import traffic as ilp_traffic
from solver.traffic.ilp.variables import Variables as IlpVariables
from solver.traffic.model import Mode, TrafficProblem
from tests.backends.networks import shared, traffic_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# PuLP announces its next major release.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Pairs = tuple[tuple[int, int], ...]
ALL = ("add_no_cycles", "add_steps", "add_write_backs")
UNBOUNDED = 10**6


class Asker(Protocol):
    def __call__(
        self,
        task: Task,
        groups: Sequence[str],
        first: Pairs = (),
        kept: Collection[int] = (),
        most: int = UNBOUNDED,
    ) -> bool:
        """Whether there is a solution with ``first`` pairs in order, gaps before ``kept`` ops
        kept, and such traffic."""


def ask_cpsat(
    task: Task,
    groups: Sequence[str],
    first: Pairs = (),
    kept: Collection[int] = (),
    most: int = UNBOUNDED,
) -> bool:
    model = cp_model.CpModel()
    variables = CpVariables(model, task)
    for group in groups:
        for module in (cp_precedence, cp_memory, cp_traffic, cp_tightening):
            if hasattr(module, group):
                getattr(module, group)(model, variables, task)
    for u, v in first:
        model.add_bool_or([variables.before(u, v)])
    for gap, absent in zip(task.gaps, variables.absent, strict=True):
        if gap.end in kept:
            model.add_bool_or([~absent])
    model.add(variables.traffic <= most)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.cp_model_presolve = False
    solver.parameters.catch_sigint_signal = False  # else Python never hears of Ctrl-C again
    status = solver.solve(model)
    assert status in {cp_model.OPTIMAL, cp_model.INFEASIBLE}
    return bool(status == cp_model.OPTIMAL)


def ask_ilp(
    task: Task,
    groups: Sequence[str],
    first: Pairs = (),
    kept: Collection[int] = (),
    most: int = UNBOUNDED,
) -> bool:
    model = pulp.LpProblem("groups", pulp.LpMinimize)
    variables = IlpVariables(task)
    model += variables.traffic
    for group in groups:
        for module in (ilp_precedence, ilp_memory, ilp_traffic, ilp_tightening):
            if hasattr(module, group):
                getattr(module, group)(model, variables, task)
    for u, v in first:
        before = variables.before(u, v)
        if before.isNumericalConstant():
            if before.constant < 1:
                return False
        else:
            model += before >= 1
    for gap, absent in zip(task.gaps, variables.absent, strict=True):
        if gap.end in kept:
            model += absent <= 0
    model += variables.traffic <= most
    model.solve(pulp.PULP_CBC_CMD(msg=False))
    return bool(model.status == pulp.LpStatusOptimal)


@pytest.fixture(params=[ask_cpsat, ask_ilp], ids=["cpsat", "ilp"])
def ask(request: pytest.FixtureRequest) -> Asker:
    asker: Asker = request.param
    return asker


def task_of(stated: TrafficProblem, *, symmetry: bool = False) -> Task:
    """State a task whose floor and ceiling do not get in the way."""
    task = Incumbent(stated, Hint(), symmetry=symmetry).task()
    return replace(task, floor=0, ceiling=UNBOUNDED)


class TestOrder:
    # Op 1 needs 3 bytes beside the 5 that may wait; there is room for 7.
    STATED = traffic_problem(3, 7, shared(5, (0,), (2,)), workspace={1: 3})

    def test_no_cycles(self, ask: Asker) -> None:
        task = task_of(traffic_problem(3, 7))
        cycle = ((0, 1), (1, 2), (2, 0))
        assert ask(task, (), cycle)
        assert not ask(task, ALL, cycle)
        assert ask(task, ALL, cycle[:2])

    def test_what_waits_takes_room(self, ask: Asker) -> None:
        task = task_of(self.STATED)
        between = ((0, 1), (1, 2))
        assert ask(task, ("add_no_cycles",), between, kept=(2,))
        assert not ask(task, ALL, between, kept=(2,))
        assert ask(task, ALL, between)
        assert ask(task, ALL, ((1, 0),), kept=(2,))
        assert ask(task, ALL, ((2, 1),), kept=(2,))

    def test_as_much_room_as_there_is(self, ask: Asker) -> None:
        task = task_of(replace(self.STATED, capacity=8))
        assert ask(task, ALL, ((0, 1), (1, 2)), kept=(2,))

    def test_two_that_wait_together(self, ask: Asker) -> None:
        two = (shared(2, (0,), (3,)), shared(2, (1,), (3,)))
        stated = traffic_problem(4, 5, *two, edges=((2, 3),), workspace={2: 2})
        task = task_of(stated)
        assert not ask(task, ALL, ((0, 2), (1, 2)), kept=(3,))
        assert ask(task, ALL, ((0, 2), (2, 1)), kept=(3,))
        assert ask(task, ALL, ((0, 2), (1, 2)))

    def test_symmetry(self, ask: Asker) -> None:
        stated = traffic_problem(3, 9, shared(3, (0,), (2,)), shared(3, (1,), (2,)))
        assert ask(task_of(stated), ALL, ((1, 0),))
        assert not ask(task_of(stated, symmetry=True), ALL, ((1, 0),))
        assert ask(task_of(stated, symmetry=True), ALL, ((0, 1),))


class TestCosts:
    def test_a_write_back_and_a_reload(self, ask: Asker) -> None:
        stated = traffic_problem(
            3, 6, shared(5, (0,), (2,)), edges=((0, 1), (1, 2)), workspace={1: 3}
        )
        task = task_of(stated)
        unit = 5
        assert ask(task, ("add_no_cycles", "add_steps"), most=5 // unit)
        assert not ask(task, ("add_no_cycles", "add_steps"), most=0)
        assert not ask(task, ALL, most=5 // unit)
        assert ask(task, ALL, most=10 // unit)

    def test_what_external_memory_has_is_not_written(self, ask: Asker) -> None:
        chain = ((0, 1), (1, 2))
        for clean in (shared(5, (0,), (2,), is_output=True), shared(5, (), (0, 2))):
            task = task_of(traffic_problem(3, 6, clean, edges=chain, workspace={1: 3}))
            assert ask(task, ALL, most=1)
            assert not ask(task, ALL, most=0)

    def test_one_write_back_for_two_reloads(self, ask: Asker) -> None:
        chain = tuple((v, v + 1) for v in range(4))
        stated = traffic_problem(5, 6, shared(5, (0,), (2, 4)), edges=chain, workspace={1: 3, 3: 3})
        assert not ask(task_of(stated), ALL, most=2)
        assert ask(task_of(stated), ALL, most=3)

    def test_a_partial_sum_is_written_and_read_each_time(self, ask: Asker) -> None:
        chain = tuple((v, v + 1) for v in range(4))
        stated = traffic_problem(5, 6, shared(5, (0, 2), (4,)), edges=chain, workspace={1: 3, 3: 3})
        assert not ask(task_of(stated), ALL, most=3)
        assert ask(task_of(stated), ALL, most=4)

    def test_each_gap_by_itself(self, ask: Asker) -> None:
        """Kept before its second reader and absent before its first, or the other way round."""
        chain = tuple((v, v + 1) for v in range(4))
        stated = traffic_problem(5, 6, shared(5, (0,), (2, 4)), edges=chain, workspace={1: 3})
        task = task_of(stated)
        assert ask(task, ALL, kept=(4,), most=2)
        assert not ask(task, ALL, kept=(2,))
        late = traffic_problem(5, 6, shared(5, (0,), (2, 4)), edges=chain, workspace={3: 3})
        assert ask(task_of(late), ALL, kept=(2,), most=2)
        assert not ask(task_of(late), ALL, kept=(4,))

    def test_the_gap_is_that_before_the_next_use(self, ask: Asker) -> None:
        """Of two readers in either order, absence before the later one is of no help early on."""
        stated = traffic_problem(4, 6, shared(5, (0,), (1, 2)), edges=((0, 3),), workspace={3: 3})
        task = task_of(stated)
        for near, far in ((1, 2), (2, 1)):
            both = ((3, near), (near, far))
            assert not ask(task, ALL, both, kept=(near,))
            assert ask(task, ALL, both, kept=(far,))
            amid = ((near, 3), (3, far))
            assert not ask(task, ALL, amid, kept=(far,))
            assert ask(task, ALL, amid, kept=(near,))
            after = ((near, 3), (far, 3))
            assert ask(task, ALL, after, kept=(near, far), most=0)


class TestStreaming:
    def test_kept_operands_take_room_at_both_ends(self, ask: Asker) -> None:
        for busy in (0, 1):
            stated = traffic_problem(
                2, 7, shared(5, (0,), (1,)), workspace={busy: 3}, mode=Mode.STREAMING
            )
            task = task_of(stated)
            assert not ask(task, ALL, kept=(1,))
            assert not ask(task, ALL, most=1)
            assert ask(task, ALL, most=2)
            roomy = task_of(replace(stated, capacity=8))
            assert ask(roomy, ALL, kept=(1,), most=0)

    def test_resident_operands_are_part_of_the_footprint(self, ask: Asker) -> None:
        stated = traffic_problem(2, 8, shared(5, (0,), (1,)), workspace={0: 3, 1: 3})
        assert ask(task_of(stated), ALL, kept=(1,), most=0)

    def test_a_reader_between_two_gaps(self, ask: Asker) -> None:
        """Room at op 1 is needed if the buffer stays before it, or after it."""
        stated = traffic_problem(
            3, 7, shared(5, (0,), (1, 2)), edges=((1, 2),), workspace={1: 3}, mode=Mode.STREAMING
        )
        task = task_of(stated)
        assert not ask(task, ALL, kept=(1,))
        assert not ask(task, ALL, kept=(2,))
        assert ask(task, ALL, most=3)


class TestTightening:
    STATED = traffic_problem(3, 6, shared(5, (0,), (2,)), edges=((0, 1), (1, 2)), workspace={1: 3})

    def test_floor(self, ask: Asker) -> None:
        task = replace(task_of(self.STATED), floor=2)
        assert ask(task, ("add_no_cycles", "add_steps"), most=1)
        assert not ask(task, ("add_no_cycles", "add_steps", "add_floor"), most=1)
        assert ask(task, (*ALL, "add_floor"), most=2)

    def test_cutoff(self, ask: Asker) -> None:
        task = replace(task_of(self.STATED), ceiling=1)
        assert ask(task, ALL)
        assert not ask(task, (*ALL, "add_cutoff"))
        assert ask(replace(task, ceiling=2), (*ALL, "add_cutoff"))

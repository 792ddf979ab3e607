"""The layout of a TCM: stays, scratch, limits, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from models import GraphBuilder
from solver.arena.pack import Packers, pack
from solver.limits import Limit, Limits
from solver.memory import MemoryRules
from solver.plan import Plan, PlanError
from solver.report.traffic import summarize_traffic
from solver.traffic import clash, layout, make_traffic_problem, minimize_traffic, offsets
from solver.traffic.clash import Clashes
from solver.traffic.layout import LaidOut, find_offsets
from solver.traffic.plan import plan_traffic
from solver.traffic.residency import plan_steps, read_residency, spilled_bytes
from solver.traffic.simulate import Move, simulate
from solver.verify import VerificationError, check
from tests.property.fragments import HARD, network
from tests.unit.test_arena_pack import TIGHT

if TYPE_CHECKING:
    from models.graph import Graph

TCM, BLOCKS = HARD[0]


def chain_with_scratch(scratch: int) -> Graph:
    builder = GraphBuilder("scratch")
    builder.buffer("x", 4, is_input=True)
    builder.buffer("y", 4)
    builder.op("op", ["x"], ["y"], workspace=scratch)
    return builder.build()


def test_stays_are_half_open_in_steps() -> None:
    problem = make_traffic_problem(chain_with_scratch(1), 9)
    steps = [
        Move.from_mapping(step)
        for step in ({"load": "x"}, {"run": "op"}, {"evict": "x"}, {"store": "y"}, {"evict": "y"})
    ]
    replay = simulate(problem, steps)
    assert [(problem.buffers[s.buffer].name, s.begin, s.end) for s in replay.stays] == [
        ("x", 0, 2),
        ("y", 1, 4),
    ]
    assert replay.runs == (1,)
    assert [s.end for s in simulate(problem, steps[:-1]).stays] == [2, 4]  # stays to the end


def test_a_residency_is_read_off_its_replay() -> None:
    graph = network(BLOCKS, across=2)
    for mode in ("resident", "streaming"):
        problem = make_traffic_problem(graph, TCM, mode=mode)
        steps = [Move.from_mapping(s) for s in plan_traffic(graph, TCM, mode=mode).steps or ()]
        replay = simulate(problem, steps)
        residency = read_residency(problem, replay)
        assert replay.spilled > 0
        assert spilled_bytes(problem, residency) == replay.spilled
        assert plan_steps(problem, residency) == tuple(steps)


@pytest.mark.parametrize(("tcm", "scratch"), [(12, 4), (13, 5), (11, 3), (16, 5)])
def test_scratch_may_need_the_end_that_is_no_whole_unit(tcm: int, scratch: int) -> None:
    """Aligned to 4: two buffers of 4 bytes, and scratch in what is left."""
    graph = chain_with_scratch(scratch)
    plan = plan_traffic(graph, tcm, rules=MemoryRules(alignment=4))
    check(plan, graph)
    assert plan.offsets is not None
    assert plan.arena_bytes == 8 + scratch


def test_the_verifier_wants_room_for_scratch() -> None:
    graph = chain_with_scratch(4)
    plan = plan_traffic(graph, 12)
    assert plan.tcm_offsets is not None
    apart = {"x": 0, "y": 6}
    stays = tuple((name, begin, end, apart[name]) for name, begin, end, _ in plan.tcm_offsets)
    with pytest.raises(VerificationError, match="at step 1, there is no room for its 4 bytes"):
        check(replace(plan, tcm_offsets=stays, offsets=apart), graph)


@pytest.mark.parametrize("packers", [Packers(omnimalloc=False, cpsat=False), Packers()])
def test_packing_ends_with_the_verdict(packers: Packers) -> None:
    """No layout is lower than 10 bytes; below that nothing more is asked."""
    refused = pack(TIGHT, packers=packers, enough=9, decide=True)
    assert refused.height > 9
    assert refused.lower_bound == 10
    assert pack(TIGHT, packers=packers, enough=10, decide=True).height == 10


def test_clashes_are_narrowed_down() -> None:
    """Without any one of its gaps, the rest of a clash has a layout."""
    problem = make_traffic_problem(network(BLOCKS), TCM)
    order = tuple(range(len(problem)))
    found = Clashes(problem, order, 1, lambda: None).proven(frozenset())
    assert len(found) == 1
    clash_ = found[0]
    every = {(b, v) for b, buffer in enumerate(problem.buffers) for v in buffer.writers}
    assert clash_ <= every
    for gap in clash_:
        clashes = Clashes(problem, order, 1, lambda: None)
        absent = every - clash_ | {gap}
        assert clashes.windows(absent) == []
    assert Clashes(problem, order, 1, lambda: None).windows(every - clash_) != []


@pytest.mark.parametrize("seconds", [1e-4, 0.02, 0.1])
def test_the_time_limit_is_a_result(seconds: float) -> None:
    graph = network(BLOCKS)
    plan = plan_traffic(graph, TCM, Limits(seconds=seconds))
    check(plan, graph)
    assert plan.tcm_offsets is not None or offsets.UNPLACED in plan.warnings
    assert plan.limit in (None, "time")


def test_an_interrupt_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(layout, "best_replacement", press)
    graph = network(BLOCKS)
    plan = plan_traffic(graph, TCM)
    check(plan, graph)
    assert plan.limit == "interrupt"
    monkeypatch.setattr(clash, "fit", press)
    problem = make_traffic_problem(graph, TCM)
    steps = [Move.from_mapping(step) for step in minimize_traffic(graph, TCM).steps]
    found = find_offsets(problem, steps, 1, Limits())
    assert found.limit is Limit.INTERRUPT
    assert found.placement is not None  # window by window


def test_a_plan_without_offsets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "find_offsets", lambda *_: LaidOut(None))
    graph = network(BLOCKS)
    plan = plan_traffic(graph, TCM)
    check(plan, graph)
    assert (plan.status, plan.traffic_bytes) == ("optimal", 0)
    assert (plan.arena_bytes, plan.offsets, plan.tcm_offsets) == (None, None, None)
    assert plan.warnings == (offsets.UNPLACED,)


@pytest.mark.usefixtures("unhurried")
def test_the_price_is_reported() -> None:
    graph = network(BLOCKS)
    plan = plan_traffic(graph, TCM)
    summary = summarize_traffic(plan, graph, title="a net", precision="as it is")
    assert (
        "Offsets: placed in 12 bytes of TCM, at the price of 6 bytes more traffic: none were found "
        "for the best plan without them, which moves 0 bytes."
    ) in summary.remarks
    assert summary.verdict == (
        "Not proven: the best plan with offsets moves 6 bytes, 6 bytes of it spills and reloads; "
        "every plan moves at least 0 bytes."
    )
    assert summary.answer is None
    enough = plan_traffic(graph, TCM + 1)
    remarks = summarize_traffic(enough, graph, title="a net", precision="as it is").remarks
    assert f"Offsets: placed in {enough.arena_bytes} bytes of TCM." in remarks


def test_stays_in_json() -> None:
    plan = plan_traffic(network(BLOCKS), TCM)
    assert Plan.from_json(plan.to_json()) == plan
    for junk in ('["b0", 0, 1]', '["b0", 0, 1, 2.5]', "[0, 0, 1, 2]", "{}"):
        text = replace(plan, tcm_offsets=()).to_json()
        with pytest.raises(PlanError, match=r"'tcm_offsets' holds something that is not \[buffer"):
            Plan.from_json(text.replace('"tcm_offsets": []', f'"tcm_offsets": [{junk}]'))

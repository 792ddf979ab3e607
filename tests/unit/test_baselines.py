"""Orders of other systems, on networks small enough to follow by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from models import GraphBuilder
from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.memory import make_problem
from solver.peak.baselines import HEURISTICS, Answer, Heuristic
from solver.peak.baselines.comparison import compare, means
from solver.peak.baselines.hierarchical import hierarchical_order
from solver.peak.baselines.hierarchy import make_hierarchy
from solver.peak.baselines.inductor import (
    inductor_bfs_order,
    inductor_dfs_order,
    inductor_order,
    lpmf_order,
)
from solver.peak.baselines.serenity import serenity_order
from solver.peak.heuristics import kahn_order
from solver.plan import Status
from solver.verify import VerificationError
from tests.clock import Clock
from tests.property.graphs import chain, diamond, in_series, union

if TYPE_CHECKING:
    from models import Graph
    from solver.memory import Problem

STEM, RIGHT, WIDEN, NARROW, JOIN = range(5)
DIAMOND = make_problem(diamond())  # left branch first: 15 bytes, else 19


class Patience(Meter):
    """Loses it after some steps, whatever the clock says."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def tick_heuristic(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LimitReachedError(Limit.TIME)


def two_branches() -> Graph:
    """Branches of the files' favourites: x 100 -> 1000 -> 10 and x -> 900 -> 20, joined."""
    builder = GraphBuilder("branches")
    builder.buffer("x", 100, is_input=True)
    for name, size in (("a1", 1000), ("b1", 900), ("a2", 10), ("b2", 20), ("y", 10)):
        builder.buffer(name, size)
    builder.op("heavy_a", ["x"], ["a1"])
    builder.op("heavy_b", ["x"], ["b1"])
    builder.op("light_a", ["a1"], ["a2"])
    builder.op("light_b", ["b1"], ["b2"])
    builder.op("join", ["a2", "b2"], ["y"])
    return builder.build()


def cell(branches: int) -> Graph:
    """Branches of two ops, wide and then narrow, that one op joins."""
    builder = GraphBuilder("cell")
    builder.buffer("x", 1, is_input=True)
    for k in range(branches):
        builder.buffer(f"wide{k}", 50 + k)
        builder.buffer(f"thin{k}", 2)
    builder.buffer("y", 4)
    for k in range(branches):
        builder.op(f"widen{k}", ["x"], [f"wide{k}"])
    for k in range(branches):
        builder.op(f"narrow{k}", [f"wide{k}"], [f"thin{k}"])
    builder.op("join", [f"thin{k}" for k in range(branches)], ["y"])
    return builder.build()


def peak(problem: Problem, order: list[int]) -> int:
    return problem.replay(order).peak


def test_the_table_has_a_name_a_title_and_a_line_for_each() -> None:
    assert [h.name for h in HEURISTICS] == [
        "file_order", "kahn", "depth_first", "reverse_post_order", "greedy", "inductor_lpmf",
        "inductor_bfs", "inductor_dfs", "inductor", "tflite_arena", "hierarchical", "serenity",
    ]  # fmt: skip
    assert len({h.title for h in HEURISTICS}) == len(HEURISTICS)
    assert all(h.summary and "\n" not in h.summary for h in HEURISTICS)
    assert [h.name for h in HEURISTICS if h.is_arena] == ["tflite_arena"]


def test_lpmf_keeps_the_highest_memory_low_first() -> None:
    """Both heavy ops raise it; the lighter one less. Then light_b raises nothing and frees 880."""
    problem = make_problem(two_branches())
    heavy_a, heavy_b, light_a, light_b, join = range(5)
    assert lpmf_order(problem, Meter()) == [heavy_b, light_b, heavy_a, light_a, join]


def test_lpmf_below_the_highest_memory_leaves_the_least() -> None:
    """After p the highest memory is 9 + 4, so q (4 -> 6) and r (4 -> 3) both fit: r goes first."""
    builder = GraphBuilder("g")
    builder.buffer("x", 9, is_input=True)
    for name, size in (("s", 4), ("u", 2), ("w", 3)):
        builder.buffer(name, size, is_output=name != "s")
    builder.op("p", ["x"], ["s"])
    builder.op("q", [], ["u"], after=["p"])
    builder.op("r", ["s"], ["w"])
    assert lpmf_order(make_problem(builder.build()), Meter()) == [0, 2, 1]


def test_bfs_takes_the_op_whose_inputs_are_oldest() -> None:
    """Kahn runs late before early as the file lists it first among those that c makes ready."""
    builder = GraphBuilder("g")
    for name in "abc":
        builder.buffer(name, 1)
    builder.op("a", [], ["a"])
    builder.op("b", [], ["b"])
    builder.op("c", [], ["c"])
    builder.op("late", ["b", "c"], [])
    builder.op("early", ["a", "c"], [])
    problem = make_problem(builder.build())
    assert kahn_order(problem) == [0, 1, 2, 3, 4]
    assert inductor_bfs_order(problem) == [0, 1, 2, 4, 3]


def test_dfs_starts_at_the_smallest_op() -> None:
    """Bytes read and written: stem 5, right 10, widen 13, narrow 11, join 9."""
    assert inductor_dfs_order(DIAMOND) == [STEM, RIGHT, WIDEN, NARROW, JOIN]
    problem = make_problem(two_branches())  # 1100, 1000, 1010, 920, 40
    heavy_a, heavy_b, light_a, light_b, join = range(5)
    assert inductor_dfs_order(problem) == [heavy_b, light_b, heavy_a, light_a, join]


def test_inductor_takes_the_best_of_four() -> None:
    problem = make_problem(two_branches())
    assert peak(problem, inductor_order(problem, Meter())) == 1120
    assert peak(problem, kahn_order(problem)) == 2000


def test_a_branch_that_ends_lower_is_one_sequence() -> None:
    """But not where what feeds it feeds others, or where the end needs more than the start."""
    assert make_hierarchy(make_problem(two_branches())).sequences == ((0, 2), (1, 3), (4,))
    assert all(len(ops) == 1 for ops in make_hierarchy(DIAMOND).sequences)
    sizes_rise_at_the_end = make_problem(chain([4, 4, 4, 2, 1, 9]))
    assert make_hierarchy(sizes_rise_at_the_end).sequences == ((0, 1, 2, 3), (4,))


def test_a_join_of_three_ends_a_cell() -> None:
    assert make_hierarchy(make_problem(cell(2))).cells == ()
    hierarchy = make_hierarchy(make_problem(cell(3)))
    assert hierarchy.cells == (tuple(range(len(hierarchy.sequences))),)
    side_by_side = make_hierarchy(make_problem(union(cell(3), cell(4))))
    assert [len(some) for some in side_by_side.cells] == [7, 9]


@pytest.mark.parametrize("graph", [diamond(), two_branches(), cell(4), in_series([cell(3)] * 3)])
def test_searches_find_the_optimum_of_cells(graph: Graph) -> None:
    problem = make_problem(graph)
    optimum = compare(graph, heuristics=()).best
    assert peak(problem, list(hierarchical_order(problem, Meter()).order)) == optimum
    assert peak(problem, serenity_order(problem, Meter())) == optimum


def test_hierarchical_keeps_its_best_round() -> None:
    """A later round that runs out of time is not the answer."""
    problem = make_problem(in_series([cell(4)] * 2))
    with pytest.raises(LimitReachedError):
        hierarchical_order(problem, Patience(3))
    answers: list[Answer] = []
    for steps in range(3, 100_000, 40):
        try:
            answers.append(hierarchical_order(problem, Patience(steps)))
        except LimitReachedError:
            continue
        if answers[-1].limit is None:
            break
    peaks = [peak(problem, list(answer.order)) for answer in answers]
    assert answers[0].limit is Limit.TIME
    assert peaks == sorted(peaks, reverse=True)


def test_soft_budgets_that_time_out_are_lowered() -> None:
    """Steps that may take no time at all: budgets fall, then the time per step doubles."""
    problem = make_problem(cell(5))
    order = serenity_order(problem, Meter(), step_seconds=1e-9)
    assert peak(problem, order) == peak(problem, serenity_order(problem, Meter()))


def test_searches_obey_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up at their fifth look at the clock; to their end it would be a long way."""
    problem = make_problem(cell(40))
    searches = [heuristic for heuristic in HEURISTICS if heuristic.is_search]
    assert searches
    for heuristic in searches:
        clock = Clock.installed(monkeypatch, looks=5)
        with pytest.raises(LimitReachedError, match="time"):
            heuristic.find(problem, Meter(Limits(seconds=3600)))
        assert clock.looks == 5


def test_every_heuristic_beside_the_optimum() -> None:
    comparison = compare(two_branches())
    assert (comparison.best, comparison.bound, comparison.is_proven) == (1110, 1110, True)
    assert [row.name for row in comparison.rows] == [h.name for h in HEURISTICS]
    needed = {row.name: row.needed for row in comparison.rows}
    assert needed["file_order"] == needed["kahn"] == 2000
    assert needed["inductor_lpmf"] == 1120
    assert needed["hierarchical"] == needed["serenity"] == 1110
    assert needed["tflite_arena"] == 112 + 1008 + 912
    assert comparison.ratio(comparison.rows[0]) == 2000 / 1110
    assert comparison.ratio(comparison.exact) == 1


def test_a_heuristic_without_an_answer_stops_no_other() -> None:
    def late(_problem: Problem, _meter: Meter) -> Answer:
        raise LimitReachedError(Limit.TIME)

    slow = Heuristic("slow", "slow", "never ends", late)
    comparison = compare(diamond(), heuristics=(slow, *HEURISTICS[:2]))
    first, *rest = comparison.rows
    assert (first.needed, first.limit, comparison.ratio(first)) == (None, Limit.TIME, None)
    assert [row.needed for row in rest] == [19, 19]
    assert not comparison.is_interrupted


@pytest.mark.parametrize("is_search", [False, True])
def test_an_interrupt_leaves_what_is_there(is_search: bool) -> None:
    def interrupted(_problem: Problem, _meter: Meter) -> Answer:
        raise KeyboardInterrupt

    key = Heuristic("key", "key", "somebody presses it", interrupted, is_search=is_search)
    comparison = compare(diamond(), heuristics=(HEURISTICS[0], key, HEURISTICS[-1]))
    assert [(row.name, row.needed) for row in comparison.rows] == [
        ("file_order", 19),
        ("key", None),
    ]
    assert comparison.is_interrupted
    assert comparison.plan.peak_bytes >= comparison.bound


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer((RIGHT, STEM, WIDEN, NARROW, JOIN)), "no order"),
        (Answer((STEM, RIGHT, WIDEN, NARROW)), "no order"),
        (Answer((STEM, RIGHT, WIDEN, NARROW, JOIN), (0,) * 6), "overlap"),
        (Answer((STEM, RIGHT, WIDEN, NARROW, JOIN), (-1, 20, 40, 60, 80, 100)), "overlap"),
    ],
)
def test_a_wrong_answer_is_refused(answer: Answer, message: str) -> None:
    liar = Heuristic("liar", "liar", "says anything", lambda _problem, _meter: answer)
    with pytest.raises(VerificationError, match=f"liar: .*{message}"):
        compare(diamond(), heuristics=(liar,))


def test_the_best_order_may_be_a_heuristics() -> None:
    """Without a proof, ratios are to the best order that anyone found, and to the bound."""
    comparison = compare(two_branches())
    plan = dataclasses.replace(
        comparison.plan, peak_bytes=1120, lower_bound_bytes=1100, status=Status.FEASIBLE,
        limit="time", curve=(),
    )  # fmt: skip
    open_one = dataclasses.replace(comparison, plan=plan)
    assert not open_one.is_proven
    assert open_one.ratio(open_one.exact) == 1120 / 1110
    assert open_one.ratio_to_bound(open_one.exact) == 1120 / 1100
    closed = dataclasses.replace(plan, lower_bound_bytes=1110)
    assert dataclasses.replace(comparison, plan=closed).is_proven


def test_means_are_geometric() -> None:
    chosen = HEURISTICS[:1]
    both = [compare(two_branches(), heuristics=chosen), compare(diamond(), heuristics=chosen)]
    first, exact = means(both)
    assert first.ratio == pytest.approx(math.sqrt(2000 / 1110 * 19 / 15))
    assert first.worst == 2000 / 1110
    assert (first.networks, first.answered, first.met) == (2, 2, 0)
    assert (exact.name, exact.ratio, exact.met) == ("exact", 1, 2)


def test_ratios_to_nothing() -> None:
    """A network that needs no memory at all."""
    comparison = compare(chain([0, 0]), heuristics=HEURISTICS)
    assert all(comparison.ratio(row) == 1 for row in comparison.rows)
    assert [mean.ratio for mean in means([comparison])] == [1] * (len(HEURISTICS) + 1)


def test_a_network_without_ops() -> None:
    comparison = compare(chain([7]))
    assert [row.needed for row in comparison.rows if not row.is_arena] == [7] * 11
    assert comparison.is_proven

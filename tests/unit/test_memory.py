"""The memory model on networks that fit in one's head."""

from __future__ import annotations

import pytest

from models import GraphBuilder, InvalidModelError
from solver.memory import MemoryRules, Problem, Reuse, make_problem
from tests.property.graphs import chain, diamond

STEM, RIGHT, WIDEN, NARROW, JOIN = range(5)
LEFT_FIRST = [STEM, WIDEN, NARROW, RIGHT, JOIN]


def test_alignment() -> None:
    assert [MemoryRules(alignment=16).aligned(size) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
    assert MemoryRules().aligned(17) == 17


@pytest.mark.parametrize("alignment", [0, -4])
def test_alignment_must_be_positive(alignment: int) -> None:
    with pytest.raises(ValueError, match=f"alignment must be at least 1 byte, not {alignment}"):
        MemoryRules(alignment=alignment)


def test_left_branch_first() -> None:
    """x 1, s 4, wide 9, thin 2, r 6, out 1."""
    profile = make_problem(diamond()).replay(LEFT_FIRST)
    assert profile.live_before == 1
    assert profile.step_peaks == (1 + 4, 4 + 9, 4 + 9 + 2, 4 + 2 + 6, 2 + 6 + 1)
    assert profile.live_after == (4, 13, 6, 8, 1)
    assert profile.peak == 15
    assert profile.bottleneck == 2


def test_file_order_runs_the_right_branch_first() -> None:
    profile = make_problem(diamond()).replay(range(5))
    assert profile.step_peaks == (5, 4 + 6, 4 + 6 + 9, 6 + 9 + 2, 9)
    assert profile.peak == 19


def test_in_place_saves_the_smaller_of_the_two() -> None:
    problem = make_problem(diamond(), MemoryRules(in_place=True))
    assert problem.reuses[NARROW] == (Reuse(2, 3, 2),)
    assert problem.replay(LEFT_FIRST).step_peaks == (5, 13, 13, 12, 9)


def test_a_view_keeps_all_of_what_it_looks_into() -> None:
    problem = make_problem(diamond(), MemoryRules(views=True))
    assert [s.name for s in problem.storages] == ["x", "s", "wide", "r", "out"]
    assert problem.storages[2].size == 9
    assert problem.storages[2].users == (WIDEN, NARROW, JOIN)
    assert problem.replay(LEFT_FIRST).step_peaks == (5, 13, 13, 4 + 9 + 6, 9 + 6 + 1)


def test_every_buffer_is_aligned() -> None:
    problem = make_problem(diamond(), MemoryRules(alignment=4))
    assert [s.size for s in problem.storages] == [4, 4, 12, 4, 8, 4]
    assert problem.replay(LEFT_FIRST).step_peaks == (8, 16, 20, 16, 16)


def test_workspace_lives_while_its_op_runs() -> None:
    builder = GraphBuilder("g")
    builder.buffer("x", 2, is_input=True)
    builder.buffer("y", 3)
    builder.op("f", ["x"], ["y"], workspace=10)
    profile = make_problem(builder.build()).replay([0])
    assert (profile.step_peaks, profile.live_after) == ((15,), (3,))


def test_inputs_are_live_from_the_start_and_outputs_to_the_end() -> None:
    builder = GraphBuilder("g")
    builder.buffer("early", 5, is_input=True)
    builder.buffer("state", 7, is_input=True, is_output=True)
    builder.buffer("kept", 2, is_output=True)
    builder.buffer("last", 1)
    builder.op("f", ["early"], ["kept"])
    builder.op("g", ["kept", "state"], ["last"])
    problem = make_problem(builder.build())
    assert (problem.live_at_start, problem.live_at_end) == (12, 10)
    profile = problem.replay([0, 1])
    assert (profile.step_peaks, profile.live_after) == ((14, 10), (9, 10))


def test_a_shared_buffer_is_born_with_its_first_producer() -> None:
    builder = GraphBuilder("g")
    builder.buffer("sum", 8, shared=True)
    builder.buffer("out", 1)
    builder.op("set", [], ["sum"])
    builder.op("add", [], ["sum"])
    builder.op("read", ["sum"], ["out"])
    profile = make_problem(builder.build()).replay([1, 0, 2])
    assert (profile.step_peaks, profile.live_after) == ((8, 8, 9), (8, 8, 1))


def test_no_ops_at_all() -> None:
    profile = make_problem(chain([6])).replay([])
    assert (profile.peak, profile.bottleneck) == (6, None)


@pytest.mark.parametrize(
    "order", [[], [0, 1, 2, 3], [0, 1, 2, 3, 3], [0, 1, 2, 3, 5], [1, 0, 2, 3, 4]]
)
def test_what_is_no_order(order: list[int]) -> None:
    problem = make_problem(diamond())
    assert not problem.is_order(order)
    with pytest.raises(ValueError, match="ops are missing, repeated or before their inputs"):
        problem.replay(order)


def overwriting(*, kept: bool = False, shared: bool = False) -> Problem:
    """``f`` may overwrite x with y, unless x is kept or y has a second producer."""
    builder = GraphBuilder("g")
    builder.buffer("x", 5, is_input=True, is_output=kept)
    builder.buffer("y", 3, shared=shared)
    builder.op("f", ["x"], ["y"], in_place=[("x", "y")])
    builder.op("other", ["x"], ["y"] if shared else [])
    return make_problem(builder.build(), MemoryRules(in_place=True))


def test_the_last_user_may_overwrite() -> None:
    problem = overwriting()
    assert problem.reuses == ((Reuse(0, 1, 3),), ())
    assert problem.replay([0, 1]).step_peaks == (8, 8)
    assert problem.replay([1, 0]).step_peaks == (5, 5)


def test_an_output_is_never_overwritten() -> None:
    assert overwriting(kept=True).reuses == ((), ())


def test_a_shared_buffer_is_never_written_over_another() -> None:
    assert overwriting(shared=True).reuses == ((), ())


def test_a_source_serves_one_target_and_a_target_takes_its_best_source() -> None:
    builder = GraphBuilder("g")
    for name, size in (("a", 5), ("b", 7)):
        builder.buffer(name, size, is_input=True)
    builder.buffer("y", 6)
    builder.buffer("z", 6)
    builder.op("f", ["a", "b"], ["y", "z"], in_place=[("a", "y"), ("b", "y"), ("a", "z")])
    problem = make_problem(builder.build(), MemoryRules(in_place=True))
    assert problem.reuses[0] == (Reuse(0, 2, 5), Reuse(1, 2, 6))
    assert problem.replay([0]).step_peaks == (5 + 7 + 6 + 6 - 6,)


def test_views_of_views_share_one_storage() -> None:
    builder = GraphBuilder("g")
    builder.buffer("x", 8, is_input=True)
    builder.buffer("y", 8)
    builder.buffer("z", 8, is_output=True)
    builder.op("reshape", ["x"], ["y"], views=[("x", "y")])
    builder.op("squeeze", ["y"], ["z"], views=[("y", "z")])
    (storage,) = make_problem(builder.build(), MemoryRules(views=True)).storages
    assert (storage.name, storage.size, storage.users) == ("x", 8, (0, 1))
    assert storage.is_input
    assert storage.is_output


def test_a_shared_buffer_is_no_view() -> None:
    builder = GraphBuilder("g")
    builder.buffer("x", 8, is_input=True)
    builder.buffer("y", 8, shared=True)
    builder.op("f", ["x"], ["y"], views=[("x", "y")])
    builder.op("g", [], ["y"])
    assert len(make_problem(builder.build(), MemoryRules(views=True)).storages) == 2


def test_more_bytes_than_any_memory_has() -> None:
    make_problem(chain([2**59, 2**59]))
    with pytest.raises(InvalidModelError, match=f"add up to {2**60 + 1} bytes, more than any"):
        make_problem(chain([2**59, 2**59, 1]))


def test_what_is_viewed_later_may_still_overwrite() -> None:
    """x -> relu -> y -> reshape -> z: one storage of 100 bytes throughout."""
    builder = GraphBuilder("g")
    builder.buffer("x", 100, is_input=True)
    builder.buffer("y", 100)
    builder.buffer("z", 100)
    builder.buffer("out", 1)
    builder.op("relu", ["x"], ["y"], in_place=[("x", "y")])
    builder.op("reshape", ["y"], ["z"], views=[("y", "z")])
    builder.op("dense", ["z"], ["out"])
    peaks = {
        (in_place, views): make_problem(
            builder.build(), MemoryRules(in_place=in_place, views=views)
        ).replay(range(3))
        for in_place in (False, True)
        for views in (False, True)
    }
    assert peaks[False, False].step_peaks == (200, 200, 101)
    assert peaks[True, False].step_peaks == (100, 200, 101)
    assert peaks[False, True].step_peaks == (200, 100, 101)
    assert peaks[True, True].step_peaks == (100, 100, 101)

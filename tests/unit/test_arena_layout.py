"""Instances and layouts: what they refuse, what the check finds."""

from __future__ import annotations

import pytest

from models.builder import GraphBuilder
from solver.arena.blocks import Block
from solver.arena.bodies import ContradictionError, parts_of
from solver.arena.layout import Instance, Layout, check_layout, instance_of
from solver.memory import MemoryRules, make_problem
from solver.verify.errors import VerificationError


def block(name: str, size: int, begin: int, end: int) -> Block:
    return Block(name, size, begin, end, None)


A, B, C = block("a", 10, 0, 3), block("b", 20, 2, 5), block("c", 16, 4, 6)


def test_load_counts_aligned_sizes() -> None:
    assert Instance((A, B, C)).load() == 36
    assert Instance((A, B, C), alignment=16).load() == 48
    assert Instance(()).load() == 0


def test_load_counts_an_overwritten_block_once() -> None:
    assert Instance((A, B), in_place=((0, 1),)).load() == 20
    assert Instance((A, B, C), in_place=((0, 1), (1, 2))).load() == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alignment": 0}, "alignment must be at least 1 byte, not 0"),
        ({"pins": ((3, 0),)}, "there is no block 3, only 3"),
        ({"pins": ((0, -1),)}, "block 'a' is pinned to -1"),
        ({"pins": ((0, 8),), "alignment": 16}, "'a' is pinned to 8, which is no multiple of 16"),
        ({"pins": ((0, 0), (0, 0))}, "block 'a' is pinned 2 times"),
        ({"in_place": ((0, 2),)}, "'c' is born in step 4, not in the last step of 'a', 2"),
        ({"in_place": ((0, 1), (0, 1))}, "block 'a' is overwritten 2 times"),
    ],
)
def test_an_instance_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Instance((A, B, C), **arguments)  # type: ignore[arg-type]


def test_an_instance_refuses_pairs_that_are_none() -> None:
    short = block("short", 4, 2, 3)
    with pytest.raises(ValueError, match="'short' is overwritten in the step it is born in"):
        Instance((A, short, block("last", 4, 2, 5)), in_place=((0, 1), (1, 2)))
    with pytest.raises(ValueError, match="0 bytes to share"):
        Instance((A, block("empty", 0, 2, 5)), in_place=((0, 1),))


def test_a_layout_needs_an_offset_for_every_block() -> None:
    with pytest.raises(ValueError, match="1 offsets for 2 blocks"):
        Layout(Instance((A, B)), (0,))


@pytest.mark.parametrize(
    ("instance", "offsets", "height", "message"),
    [
        (Instance((A, B)), (0, 9), 29, "blocks 'a' and 'b' overlap in time and in memory"),
        (Instance((A, B)), (19, 0), 29, "blocks 'a' and 'b' overlap"),
        (Instance((A, B)), (0, 10), 31, "the arena ends at 30 bytes, not at 31"),
        (Instance((A, C)), (-1, 0), 16, "block 'a' at offset -1"),
        (Instance((A, C), 16), (8, 0), 24, "block 'a' at offset 8, alignment 16"),
        (Instance((A, B), pins=((0, 32),)), (20, 0), 30, "'a' at offset 20, pinned to 32"),
        (Instance((A, B), in_place=((0, 1),)), (0, 10), 30, "overwrites 'a' at 0"),
        (
            Instance((A, B, block("d", 1, 2, 3)), in_place=((0, 1),)),
            (0, 0, 12),
            20,
            "blocks 'b' and 'd' overlap",
        ),
    ],
)
def test_the_check_finds(
    instance: Instance, offsets: tuple[int, ...], height: int, message: str
) -> None:
    with pytest.raises(VerificationError, match=message):
        check_layout(Layout(instance, offsets), height)


def test_the_check_accepts() -> None:
    check_layout(Layout(Instance((A, B, C)), (0, 10, 30)), 46)
    check_layout(Layout(Instance((A, C)), (0, 0)), 16)
    check_layout(Layout(Instance((A, B), 16), (0, 16)), 48)
    check_layout(Layout(Instance((A, B), in_place=((0, 1),)), (0, 0)), 20)
    empty = block("empty", 0, 0, 9)
    check_layout(Layout(Instance((empty, A)), (5, 0)), 10)


def test_parts_are_what_no_step_separates() -> None:
    parts = parts_of(Instance((A, block("later", 8, 3, 4), block("empty", 0, 0, 4))))
    assert [[body.members for body in part.bodies] for part in parts] == [[(0,)], [(1,)]]
    assert [part.bound for part in parts] == [10, 8]


def test_a_chain_is_one_body_with_a_step_on_top() -> None:
    (part,) = parts_of(Instance((A, B, block("d", 1, 0, 2)), in_place=((0, 1),)))
    assert [(body.members, body.sizes) for body in part.bodies] == [
        ((0, 1), (10, 20)),
        ((2,), (1,)),
    ]


def test_a_chain_cannot_be_pinned_to_two_offsets() -> None:
    with pytest.raises(ContradictionError, match="share one offset but are pinned to"):
        parts_of(Instance((A, B), in_place=((0, 1),), pins=((0, 0), (1, 16))))


def test_the_instance_of_an_order_overwrites_the_largest_dying_input() -> None:
    builder = GraphBuilder("net")
    for name, size in (("in", 8), ("x", 8), ("y", 8), ("out", 8)):
        builder.buffer(name, size, is_input=name == "in", is_output=name == "out")
    builder.op("first", ["in"], ["x"], in_place=[("in", "x")])
    builder.op("second", ["in"], ["y"], in_place=[("in", "y")])
    builder.op("add", ["x", "y"], ["out"], in_place=[("x", "out"), ("y", "out")])
    problem = make_problem(builder.build(), MemoryRules(in_place=True))
    instance = instance_of(problem, [0, 1, 2], alignment=4, pins={0: 16})
    names = [(instance.blocks[i].name, instance.blocks[j].name) for i, j in instance.in_place]
    assert names == [("in", "y"), ("x", "out")]
    assert instance.pins == ((0, 16),)
    assert instance.load() == problem.replay([0, 1, 2]).peak == 16
    with pytest.raises(ValueError, match="there is no storage 9"):
        instance_of(problem, [0, 1, 2], pins={9: 0})

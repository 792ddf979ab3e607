"""Packers against brute force: no layout is lower than what is called proven."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest

from solver.arena import firstfit
from solver.arena.blocks import Block
from solver.arena.bodies import ContradictionError, Part, parts_of
from solver.arena.canonical import search_within
from solver.arena.firstfit import first_fit, preorders
from solver.arena.layout import Instance, Layout, check_layout, instance_of
from solver.arena.pack import Packers, pack
from solver.limits import Limits
from solver.memory import make_problem
from tests.property.graphs import cases, random_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def least_height(instance: Instance) -> int:
    """Raise the height from the load until every block finds an offset."""
    height = instance.load()
    while not fits(instance, height):
        height += instance.alignment
    return height


def fits(instance: Instance, height: int) -> bool:
    """Give the blocks offsets one by one, by birth, and take back what fails."""
    blocks = instance.blocks
    by_birth = sorted(range(len(blocks)), key=lambda i: blocks[i].begin)
    overwritten = {j: i for i, j in instance.in_place}
    offsets: dict[int, int] = {}

    def clear(i: int, offset: int) -> bool:
        return all(
            not blocks[i].meets(blocks[j])
            or overwritten.get(i) == j
            or offset >= other + instance.size(j)
            or other >= offset + instance.size(i)
            for j, other in offsets.items()
        )

    def place(k: int) -> bool:
        if k == len(by_birth):
            return True
        i = by_birth[k]
        choices: Iterable[int] = range(0, height - instance.size(i) + 1, instance.alignment)
        if i in overwritten:
            same = offsets[overwritten[i]]
            choices = (same,) if same in choices else ()
        for offset in choices:
            if clear(i, offset):
                offsets[i] = offset
                if place(k + 1):
                    return True
                del offsets[i]
        return False

    return place(0)


def random_blocks(rng: random.Random, most: int, steps: int = 8) -> tuple[Block, ...]:
    blocks = []
    for i in range(rng.randint(1, most)):
        begin = rng.randrange(steps)
        end = rng.randint(begin + 1, min(steps, begin + 4))
        blocks.append(Block(f"b{i}", rng.choice((1, 2, 2, 3, 4)), begin, end, i))
    return tuple(blocks)


def dense_blocks(rng: random.Random, most: int, steps: int = 8) -> tuple[Block, ...]:
    """Fill every step nearly to one load: the load bound then often cannot be met."""
    blocks: list[Block] = []
    goal, loads = rng.randint(7, 10), [0] * steps
    for _ in range(300):
        begin, size = rng.randrange(steps), rng.choice((2, 3))
        end = min(steps, begin + rng.randint(1, 4))
        if max(loads[begin:end]) + size <= goal and len(blocks) < most:
            loads[begin:end] = [load + size for load in loads[begin:end]]
            blocks.append(Block(f"b{len(blocks)}", size, begin, end, len(blocks)))
    return tuple(blocks)


#: Size, birth, death: at most 9 bytes at every step, yet no layout is lower than 10.
_TIGHT = (
    (2, 6, 8), (2, 4, 7), (3, 3, 6), (2, 6, 8), (3, 1, 4),
    (3, 5, 7), (2, 1, 5), (2, 4, 5), (2, 1, 2), (2, 1, 2),
)  # fmt: skip


def tight_blocks(rng: random.Random, most: int) -> tuple[Block, ...]:
    """Vary the sizes and lives of blocks that cannot meet their load."""
    blocks = []
    for i, (size, begin, end) in enumerate(rng.sample(_TIGHT, len(_TIGHT))[:most]):
        grown, later = rng.random() < 0.05, rng.random() < 0.05
        blocks.append(Block(f"b{i}", size + grown, begin, end + later, i))
    return tuple(blocks)


def random_chains(blocks: Sequence[Block]) -> tuple[tuple[int, int], ...]:
    """Pair blocks that meet in one step, as an overwriting op would."""
    pairs: list[tuple[int, int]] = []
    for i, j in itertools.permutations(range(len(blocks)), 2):
        source, target = blocks[i], blocks[j]
        taken = {k for k, _ in pairs}, {k for _, k in pairs}
        longer = source.end - source.begin > 1 and target.end - target.begin > 1
        if target.begin == source.end - 1 and longer and i not in taken[0] and j not in taken[1]:
            pairs.append((i, j))
    return tuple(pairs)


def instances(count: int, seed: int, most: int) -> Iterator[Instance]:
    for k in range(count):
        rng = random.Random(f"{seed}/{k}")
        blocks = (tight_blocks, dense_blocks, random_blocks)[k % 3](rng, most)
        pairs = random_chains(blocks) if rng.random() < 0.3 else ()
        yield Instance(blocks, rng.choice((1, 1, 4)), in_place=pairs)


def height_of(part: Part, offsets: Sequence[int]) -> int:
    return max(o + body.size for o, body in zip(offsets, part.bodies, strict=True))


def test_the_canonical_search_decides_every_height() -> None:
    above_the_load = 0
    for instance in instances(1200, 1, most=13):
        least = least_height(instance)
        parts = parts_of(instance)
        decided = []
        for part in parts:
            height = part.bound
            while True:
                preorder = tuple(preorders(part))[height % 3]
                verdict = search_within(part, height, preorder, 10**6)
                if verdict.offsets is not None:
                    break
                assert verdict.bound is not None
                assert verdict.bound > height
                height = verdict.bound
            assert height_of(part, verdict.offsets) == height
            decided.append(height)
        assert max(decided) == least, instance
        above_the_load += least > instance.load()
    assert above_the_load > 20  # else the refutations were never needed


@pytest.mark.parametrize(
    ("packers", "count"),
    [
        (Packers(), 250),
        (Packers(omnimalloc=False, cpsat=False), 400),
        (Packers(canonical=False, omnimalloc=False), 60),
    ],
    ids=["all", "own", "cp-sat"],
)
def test_the_proven_height_is_the_least(packers: Packers, count: int) -> None:
    if not packers.canonical:
        pytest.importorskip("ortools")
    for instance in instances(count, 2, most=13):
        packed = pack(instance, Limits(), packers=packers)
        check_layout(packed.layout, packed.height)
        assert packed.proven_by is not None
        assert packed.height == packed.lower_bound == least_height(instance)


def test_heuristics_give_layouts() -> None:
    for instance in instances(200, 3, most=14):
        for part in parts_of(instance):
            for preorder in preorders(part):
                offsets = [0] * len(instance.blocks)
                for body, offset in zip(part.bodies, first_fit(part, preorder), strict=True):
                    for i in body.members:
                        offsets[i] = offset
                alone = {i for body in part.bodies for i in body.members}
                rest = tuple(
                    block if i in alone else Block(block.name, 0, block.begin, block.end, i)
                    for i, block in enumerate(instance.blocks)
                )
                pairs = tuple(p for p in instance.in_place if p[0] in alone)
                layout = Layout(Instance(rest, instance.alignment, (), pairs), tuple(offsets))
                check_layout(layout, layout.height)


def test_many_rectangles_are_placed_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(4)
    for _ in range(100):
        births = [rng.randrange(12) for _ in range(rng.randint(1, 30))]
        blocks = tuple(
            Block(f"b{i}", rng.randint(1, 9), born, born + rng.randint(1, 6), None)
            for i, born in enumerate(births)
        )
        pins = tuple((i, 40 * i) for i in range(len(births)) if rng.random() < 0.1)
        for part in parts_of(Instance(blocks, 4, pins)):
            for preorder in preorders(part):
                few = first_fit(part, preorder)
                with monkeypatch.context() as patch:
                    patch.setattr(firstfit, "_FEW", 0)
                    assert first_fit(part, preorder) == few


def least_height_with_pins(instance: Instance, most: int) -> int | None:
    """Try every offset of every block."""
    pins = dict(instance.pins)
    choices = [
        [pins[i]] if i in pins else range(0, most, instance.alignment)
        for i in range(len(instance.blocks))
    ]
    best: int | None = None
    for offsets in itertools.product(*choices):
        layout = Layout(instance, offsets)
        if best is not None and layout.height >= best:
            continue
        try:
            check_layout(layout, layout.height)
        except AssertionError:
            continue
        best = layout.height
    return best


def test_pinned_blocks() -> None:
    pytest.importorskip("ortools")
    contradictions = 0
    for k in range(60):
        rng = random.Random(f"pins/{k}")
        blocks = random_blocks(rng, 4, steps=4)
        pinned = rng.sample(range(len(blocks)), min(len(blocks), rng.randint(1, 2)))
        instance = Instance(blocks, pins=tuple((i, rng.randrange(6)) for i in pinned))
        least = least_height_with_pins(instance, 14)
        if least is None:
            contradictions += 1
            with pytest.raises(ContradictionError):
                pack(instance)
            continue
        packed = pack(instance, Limits())
        assert packed.height == packed.lower_bound == least
    assert contradictions


def test_the_load_is_the_peak_of_the_replay() -> None:
    pairs = 0
    for graph, rules in cases(1500, seed=5, most_ops=12):
        problem = make_problem(graph, rules)
        order = random_order(graph, random.Random(graph.name))
        instance = instance_of(problem, order)
        pairs += len(instance.in_place)
        assert instance.load() == problem.replay(order).peak, graph.name
        packed = pack(instance, Limits(nodes=300), packers=Packers(omnimalloc=False, cpsat=False))
        assert instance.load() <= packed.lower_bound <= packed.height
    assert pairs > 100

"""Several banks against brute force: every order, every bank, every offset."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import TYPE_CHECKING

import pytest

from solver.arena.blocks import Block
from solver.arena.bodies import parts_of
from solver.arena.layout import Instance, instance_of
from solver.fitting import cpsat
from solver.fitting.banks import spread_over_banks
from solver.fitting.placement import Placement, check_placement
from solver.fitting.quick import allowed_banks, divide_and_pack, first_fit, refute_all_orders
from solver.fitting.room import Arena
from solver.memory import make_problem
from solver.verify.errors import VerificationError
from tests.property.graphs import cases, random_order
from tests.property.test_arena_packing import dense_blocks, random_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models.graph import Graph
    from solver.memory import MemoryRules, Problem

Places = dict[int, tuple[int, int]]


def brute_force(
    instance: Instance, sizes: Sequence[int], pins: Mapping[int, int] | None = None
) -> Places | None:
    """Bank and offset of every block with bytes, by trying all; None if there are none."""
    pins = pins or {}
    blocks = instance.blocks
    overwritten = {j: i for i, j in instance.in_place}
    by_birth = sorted(
        (i for i, block in enumerate(blocks) if block.size),
        key=lambda i: (blocks[i].begin, i in overwritten),
    )
    places: Places = {}

    def is_free(i: int, bank: int, offset: int) -> bool:
        return all(
            bank != k
            or not blocks[i].meets(blocks[j])
            or overwritten.get(i) == j
            or offset >= other + instance.size(j)
            or other >= offset + instance.size(i)
            for j, (k, other) in places.items()
        )

    def choices(i: int) -> Iterator[tuple[int, int]]:
        for k in [pins[i]] if i in pins else range(len(sizes)):
            for offset in range(0, sizes[k] - instance.size(i) + 1, instance.alignment):
                if i not in overwritten or places[overwritten[i]] == (k, offset):
                    yield k, offset

    def place(n: int) -> bool:
        if n == len(by_birth):
            return True
        i = by_birth[n]
        for k, offset in choices(i):
            if is_free(i, k, offset):
                places[i] = (k, offset)
                if place(n + 1):
                    return True
                del places[i]
        return False

    return places if place(0) else None


def orders(problem: Problem) -> Iterator[tuple[int, ...]]:
    for order in itertools.permutations(range(len(problem))):
        if problem.is_order(order):
            yield order


def arenas(sizes: Sequence[int]) -> tuple[Arena, ...]:
    return tuple(Arena((f"bank{k}",), size) for k, size in enumerate(sizes))


@pytest.mark.parametrize("draw", [random_blocks, dense_blocks])
def test_quick_ways_and_cpsat_agree_with_brute_force(
    draw: Callable[[random.Random, int], tuple[Block, ...]],
) -> None:
    rng = random.Random(7)
    outcomes = {True: 0, False: 0}
    for _ in range(150):
        blocks = draw(rng, 7)
        instance = Instance(blocks)
        load = instance.load()
        first = rng.randint(1, max(1, load - 1))
        sizes = tuple(sorted((first, max(1, load - first + rng.choice((0, 0, 1)))), reverse=True))
        found = brute_force(instance, sizes)
        exact = True
        for part in parts_of(instance):
            allowed = [allowed_banks(body, {}, sizes) for body in part.bodies]
            if not all(allowed):
                exact = False
                break
            places = first_fit(part, allowed, sizes) or divide_and_pack(
                instance, part, allowed, sizes
            )
            answer = cpsat.solve(part, sizes, allowed, 10)
            assert answer.is_infeasible == (answer.places is None)
            if places is not None:
                assert answer.places is not None, "first fit found what cannot be"
            exact &= answer.places is not None
        assert exact == (found is not None)
        outcomes[exact] += 1
    assert min(outcomes.values()) > 20, outcomes


def tiles(
    rng: random.Random, begin: int, end: int, size: int, cuts: int
) -> Iterator[tuple[int, int, int]]:
    """Cut a bank over time into rectangles (begin, end, size) that fill it."""
    if cuts and end - begin > 1 and rng.random() < 0.5:
        middle = rng.randint(begin + 1, end - 1)
        yield from tiles(rng, begin, middle, size, cuts - 1)
        yield from tiles(rng, middle, end, size, cuts - 1)
    elif cuts and size > 1:
        lower = rng.randint(1, size - 1)
        yield from tiles(rng, begin, end, lower, cuts - 1)
        yield from tiles(rng, begin, end, size - lower, cuts - 1)
    else:
        yield begin, end, size


def test_banks_that_can_be_filled_are_filled() -> None:
    rng = random.Random(23)
    by_solver_alone = 0
    for _ in range(20):
        sizes = tuple(rng.randint(10, 25) for _ in range(3))
        drawn = [tile for size in sizes for tile in tiles(rng, 0, 20, size, 3)]
        rng.shuffle(drawn)
        instance = Instance(
            tuple(Block(f"b{i}", size, begin, end, i) for i, (begin, end, size) in enumerate(drawn))
        )
        bank, offsets = [0] * len(drawn), [0] * len(drawn)
        for part in parts_of(instance):
            allowed = [allowed_banks(body, {}, sizes) for body in part.bodies]
            places = first_fit(part, allowed, sizes) or divide_and_pack(
                instance, part, allowed, sizes
            )
            by_solver_alone += places is None
            places = places or cpsat.solve(part, sizes, allowed, 60).places
            assert places is not None
            for body, (k, offset) in zip(part.bodies, places, strict=True):
                for i in body.members:
                    bank[i], offsets[i] = k, offset
        check_placement(Placement(instance, arenas(sizes), tuple(bank), tuple(offsets)), {})
    assert by_solver_alone > 0


def test_spreads_over_orders_agree_with_brute_force() -> None:
    rng = random.Random(3)
    found = refuted = hopeless = 0
    for graph, rules in _small_cases(900):
        problem = make_problem(graph, rules)
        order = random_order(graph, rng)
        instance = instance_of(problem, order, alignment=rules.alignment)
        load = max(2 * rules.alignment, instance.load() // rules.alignment * rules.alignment)
        cut = rng.randrange(rules.alignment, load, rules.alignment)
        sizes = (cut, load - cut + rng.choice((0, rules.alignment)))
        pins = {}
        if rng.random() < 0.3:
            pins = {rng.randrange(len(problem.storages)): rng.randrange(2)}
        # A pin of an overwritten storage goes for the whole chain.
        truth = brute_force(instance, sizes, pins)
        spread = spread_over_banks(
            problem, [order], arenas(sizes), alignment=rules.alignment, pins=pins
        )
        assert (spread.placement is not None) == (truth is not None)
        assert spread.limit is None
        if spread.refutation:
            hopeless += 1
            assert truth is None
        elif truth is None:
            refuted += 1
            assert (spread.tried, spread.refuted) == (1, 1)
        else:
            found += 1
            assert spread.order == tuple(order)
    assert min(found, refuted, hopeless) > 5, (found, refuted, hopeless)


def test_reasons_for_all_orders_hold_for_all_orders() -> None:
    rng = random.Random(5)
    hopeless = 0
    for graph, rules in _small_cases(900):
        problem = make_problem(graph, rules)
        largest = max((s.size for s in problem.storages), default=0)
        sizes = tuple(
            max(rules.alignment, rng.randint(largest // 2, largest + 2) // rules.alignment)
            for _ in range(2)
        )
        sizes = tuple(size * rules.alignment for size in sizes)
        reserve = rng.choice((0, 0, rules.alignment))
        if refute_all_orders(problem, sizes, alignment=rules.alignment, reserve=reserve):
            hopeless += 1
            for order in itertools.islice(orders(problem), 12):
                instance = instance_of(problem, order, alignment=rules.alignment)
                if not reserve:
                    assert brute_force(instance, sizes) is None
                else:
                    spread = spread_over_banks(
                        problem, [order], arenas(sizes), alignment=rules.alignment, reserve=reserve
                    )
                    assert spread.placement is None
    assert hopeless > 20


def test_mutated_placements_are_refused() -> None:
    rng = random.Random(11)
    moved = 0
    for graph, rules in _small_cases(500):
        problem = make_problem(graph, rules)
        order = random_order(graph, rng)
        load = instance_of(problem, order, alignment=rules.alignment).load()
        banks = arenas((load, load))
        placement = spread_over_banks(problem, [order], banks, alignment=rules.alignment).placement
        assert placement is not None
        instance = placement.instance
        for i, block in enumerate(instance.blocks):
            if not block.size:
                continue
            _refuse(placement, i, placement.bank[i], load)
            _refuse(placement, i, placement.bank[i], -rules.alignment)
            if rules.alignment > 1:
                _refuse(placement, i, placement.bank[i], placement.offsets[i] + 1)
            if block.storage is not None:
                other = banks[1 - placement.bank[i]].name
                with pytest.raises(VerificationError, match="lies outside bank"):
                    check_placement(placement, {block.storage: other})
            for j in range(i):
                pair = {(i, j), (j, i)} & set(instance.in_place)
                if instance.blocks[j].size and block.meets(instance.blocks[j]) and not pair:
                    _refuse(placement, i, placement.bank[j], placement.offsets[j])
                    moved += 1
    assert moved > 50


def _refuse(placement: Placement, i: int, bank: int, offset: int) -> None:
    banks = (*placement.bank[:i], bank, *placement.bank[i + 1 :])
    offsets = (*placement.offsets[:i], offset, *placement.offsets[i + 1 :])
    with pytest.raises(VerificationError):
        check_placement(dataclasses.replace(placement, bank=banks, offsets=offsets), {})


def _small_cases(count: int) -> Iterator[tuple[Graph, MemoryRules]]:
    for graph, rules in cases(count, seed=17, most_ops=5):
        sized = [buffer for buffer in graph.buffers if buffer.size]
        total = sum(rules.aligned(buffer.size) for buffer in sized) // rules.alignment
        if not rules.views and 0 < len(sized) <= 7 and total <= 32:
            yield graph, rules

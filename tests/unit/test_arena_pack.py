"""Packing: published hard instances, proofs, limits."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from solver.arena import cpsat, omni
from solver.arena.blocks import Block
from solver.arena.bodies import parts_of
from solver.arena.canonical import search_within
from solver.arena.layout import Instance, check_layout
from solver.arena.pack import Packers, pack
from solver.limits import Limit, Limits
from tests.data import shared_data

if TYPE_CHECKING:
    from pathlib import Path

OWN = Packers(omnimalloc=False, cpsat=False)

#: Size, birth, death: at most 9 bytes at every step, yet no layout is lower than 10.
_TIGHT = (
    (2, 6, 8), (2, 4, 7), (3, 3, 6), (2, 6, 8), (3, 1, 4),
    (3, 5, 7), (2, 1, 5), (2, 4, 5), (2, 1, 2), (2, 1, 2),
)  # fmt: skip
TIGHT = Instance(tuple(Block(f"b{i}", *numbers, None) for i, numbers in enumerate(_TIGHT)))


def minimalloc(path: Path) -> Instance:
    with path.open() as file:
        return Instance(
            tuple(
                Block(row["id"], int(row["size"]), int(row["lower"]), int(row["upper"]), None)
                for row in csv.DictReader(file)
            )
        )


@pytest.mark.parametrize(
    ("name", "least"),
    [("A", 2**20), ("C", 1039360), ("E", 2**20), ("G", 2**20), ("I", 2**20), ("K", 2**20)],
)
def test_hard_instances_of_minimalloc_are_packed_and_proven(name: str, least: int) -> None:
    pytest.importorskip("omnimalloc")
    instance = minimalloc(shared_data(f"minimalloc/{name}.1048576.csv"))
    packed = pack(instance)
    check_layout(packed.layout, least)
    assert (packed.height, packed.lower_bound, packed.proven_by) == (least, least, "load")
    assert instance.load() == least
    assert packed.gap == 0.0


@pytest.mark.parametrize("name", ["C", "G"])
def test_the_own_search_packs_hard_instances(name: str) -> None:
    instance = minimalloc(shared_data(f"minimalloc/{name}.1048576.csv"))
    packed = pack(instance, packers=OWN)
    assert packed.height == packed.lower_bound == instance.load()


def test_a_height_above_the_load_is_proven_by_search() -> None:
    packed = pack(TIGHT, packers=OWN)
    assert (packed.height, packed.lower_bound, packed.proven_by) == (10, 10, "search")
    assert packed.limit is None


def test_a_height_above_the_load_is_proven_by_cpsat() -> None:
    pytest.importorskip("ortools")
    packed = pack(TIGHT, packers=Packers(canonical=False, omnimalloc=False))
    assert (packed.height, packed.lower_bound, packed.proven_by) == (10, 10, "cp-sat")


def test_cpsat_refutes_what_does_not_fit() -> None:
    pytest.importorskip("ortools")
    (part,) = parts_of(TIGHT)
    assert cpsat.solve(part, 9, below=10, seconds=3600) == cpsat.Answer(None, 10)


def test_cpsat_stops_when_asked() -> None:
    pytest.importorskip("ortools")
    (part,) = parts_of(TIGHT)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cpsat.solve(part, 9, below=12, seconds=3600, check=stop)


def test_a_refutation_tells_the_next_height() -> None:
    (part,) = parts_of(TIGHT)
    preorder = range(len(part.bodies))
    refuted = search_within(part, 9, preorder, 10**6)
    assert (refuted.offsets, refuted.bound) == (None, 10)
    assert search_within(part, 10, preorder, 10**6).offsets is not None
    assert search_within(part, 7, preorder, 10**6).bound == 9
    undecided = search_within(part, 9, preorder, 1)
    assert (undecided.offsets, undecided.bound) == (None, None)


def test_searches_refuse_pins() -> None:
    (part,) = parts_of(Instance(TIGHT.blocks, pins=((0, 0),)))
    with pytest.raises(ValueError, match="cannot keep a pinned body"):
        search_within(part, 10, range(len(part.bodies)), 10)
    with pytest.raises(ValueError, match="cannot keep a pinned body"):
        omni.place(part, 10, "TWA", 1.0)


def test_a_limit_leaves_a_layout_and_a_bound() -> None:
    packed = pack(TIGHT, Limits(nodes=1), packers=OWN)
    check_layout(packed.layout, packed.height)
    assert packed.lower_bound == 9 < packed.height
    assert (packed.proven_by, packed.limit) == (None, Limit.NODES)
    assert packed.gap == (packed.height - 9) / packed.height


def test_without_a_packer_that_can_go_on_the_gap_is_told() -> None:
    packed = pack(TIGHT, packers=Packers(canonical=False, omnimalloc=False, cpsat=False))
    assert packed.lower_bound == 9 < packed.height
    assert (packed.proven_by, packed.limit) == (None, None)


def test_enough_is_enough() -> None:
    packed = pack(TIGHT, packers=OWN, enough=100)
    assert packed.height <= 100
    assert packed.lower_bound == 9


def test_ctrl_c_keeps_the_best_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("solver.arena.canonical.search_within", interrupt)
    packed = pack(TIGHT, packers=OWN)
    check_layout(packed.layout, packed.height)
    assert packed.limit is Limit.INTERRUPT


def test_nothing_to_place() -> None:
    packed = pack(Instance(()))
    assert (packed.height, packed.lower_bound, packed.offsets) == (0, 0, ())
    empty = Instance((Block("empty", 0, 0, 1, None),), alignment=16, pins=((0, 32),))
    assert pack(empty).offsets == (32,)
    assert pack(empty).height == 0

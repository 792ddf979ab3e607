"""Choices of weights against all subsets, exact and on a grid."""

from __future__ import annotations

import itertools
import random

import pytest

from solver.traffic import knapsack
from solver.traffic.knapsack import Item, Knapsack

PALETTES = ((1, 2, 3), tuple(range(1, 60)), (4, 8, 16, 100), (1000, 1001, 777))


def subsets(items: list[Item]) -> list[tuple[int, int]]:
    """Size and saving of each."""
    return [
        (sum(i.size for i in chosen), sum(i.saving for i in chosen))
        for k in range(len(items) + 1)
        for chosen in itertools.combinations(items, k)
    ]


def drawn(rng: random.Random) -> list[Item]:
    palette = rng.choice(PALETTES)
    return [
        Item(f"w{i}", rng.choice(palette), rng.choice(palette) * rng.choice((1, 1, 2)))
        for i in range(rng.randrange(9))
    ]


@pytest.mark.parametrize("most_cells", [1 << 21, 12, 3])
@pytest.mark.parametrize("dense", [8, 0, 10**9], ids=["both", "lists", "tables"])
def test_no_subset_is_better(most_cells: int, dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knapsack, "_DENSE", dense)
    rng = random.Random(most_cells)
    exact = coarse = 0
    for _ in range(150):
        items = drawn(rng)
        every = subsets(items)
        whole = rng.randrange(max(size for size, _ in every) + 3)
        found = Knapsack(items, whole, most_cells=most_cells)
        assert found.sizes == sorted(set(found.sizes))
        assert found.savings == sorted(set(found.savings))
        exact += found.is_exact
        coarse += not found.is_exact
        for room in {0, whole, whole // 2, max(0, whole - 1)}:
            best = max(saving for size, saving in every if size <= room)
            at_most = max(
                saving
                for size, saving in zip(found.sizes, found.savings, strict=True)
                if size <= room
            )
            chosen = found.choose(room)
            assert sum(item.size for item in chosen) <= room
            assert len({item.name for item in chosen}) == len(chosen)
            assert sum(item.saving for item in chosen) == found.saving(room)
            assert found.saving(room) <= best <= at_most
            assert not found.is_exact or found.saving(room) == at_most
    assert exact
    assert coarse or most_cells > 100 or dense > 100


@pytest.mark.parametrize(("size", "saving"), [(0, 1), (1, 0), (-1, 1)])
def test_an_item_takes_and_saves_something(size: int, saving: int) -> None:
    with pytest.raises(ValueError, match="takes"):
        Item("w", size, saving)

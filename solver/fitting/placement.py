"""Where each block lies when there are several banks, and a plain check of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from solver.verify.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.arena.layout import Instance
    from solver.fitting.room import Arena


@dataclass(frozen=True, slots=True)
class Placement:
    """A bank and an offset for every block.

    Attributes
    ----------
    instance : Instance
        The blocks.
    arenas : tuple of Arena
        The banks, or runs of contiguous banks.
    bank : tuple of int
        Index into ``arenas`` for each block.
    offsets : tuple of int
        Bytes from the start of that bank.
    """

    instance: Instance
    arenas: tuple[Arena, ...]
    bank: tuple[int, ...]
    offsets: tuple[int, ...]

    def by_storage(self) -> dict[int, tuple[str, int]]:
        """Bank name and offset of every storage."""
        return {
            block.storage: (self.arenas[k].name, offset)
            for block, k, offset in zip(self.instance.blocks, self.bank, self.offsets, strict=True)
            if block.storage is not None
        }

    def used(self) -> tuple[int, ...]:
        """Bytes used of each bank: the highest end in it."""
        ends = [0] * len(self.arenas)
        for i, (k, offset) in enumerate(zip(self.bank, self.offsets, strict=True)):
            if self.instance.blocks[i].size:
                ends[k] = max(ends[k], offset + self.instance.size(i))
        return tuple(ends)


def check_placement(placement: Placement, pins: Mapping[int, str]) -> None:
    """Check a placement, block by block and pair by pair, from the definition.

    Parameters
    ----------
    placement : Placement
        What to check.
    pins : mapping of int to str
        Storage ids and the name of the bank each must lie in.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    instance, arenas = placement.instance, placement.arenas
    where = list(zip(placement.bank, placement.offsets, strict=True))
    _require(len(where) == len(instance.blocks), "a block has no place")
    for i, (k, offset) in enumerate(where):
        block = instance.blocks[i]
        wanted = None if block.storage is None else pins.get(block.storage)
        _require(wanted in (None, arenas[k].name), f"{block.name!r} lies outside bank {wanted!r}")
        if not block.size:
            continue
        _require(offset >= 0 and offset % instance.alignment == 0, f"{block.name!r} at {offset}")
        _require(
            offset + instance.size(i) <= arenas[k].size,
            f"{block.name!r} ends beyond bank {arenas[k].name!r}",
        )
    for i, j in instance.in_place:
        _require(where[i] == where[j], f"{instance.blocks[j].name!r} does not overwrite in place")
    pairs = {frozenset(pair) for pair in instance.in_place}
    placed = [i for i, block in enumerate(instance.blocks) if block.size]
    for i, j in combinations(placed, 2):
        a, b = instance.blocks[i], instance.blocks[j]
        if where[i][0] != where[j][0] or not a.meets(b) or frozenset((i, j)) in pairs:
            continue
        _require(
            where[i][1] + instance.size(i) <= where[j][1]
            or where[j][1] + instance.size(j) <= where[i][1],
            f"{a.name!r} and {b.name!r} overlap in time and in bank {arenas[where[i][0]].name!r}",
        )


def _require(holds: bool, statement: str) -> None:
    if not holds:
        raise VerificationError(statement)

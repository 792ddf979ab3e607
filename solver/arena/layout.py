"""Where each block of an order lies in one arena, and a plain check of it.

An *instance* is what has to be placed: blocks (live range x bytes), the alignment of every offset
and size, blocks pinned to an offset, and in-place pairs. Its *load* at a step is the sum of the
aligned sizes alive there; no layout is lower than the largest load.

In-place pairs
--------------
An op that overwrites an input needs no room of its own for the output: both start at the same
offset, and only in the one step in which the input dies and the output is born may they overlap.
Pairs chain (a is overwritten by b, b by c): a chain has one offset. A pair is binding, because a
layout must say which outputs overwrite, and the runtime reads that from equal offsets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.arena.blocks import Block, blocks_of
from solver.verify.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from solver.memory import Problem


@dataclass(frozen=True, slots=True)
class Instance:
    """Blocks to place in one arena.

    Attributes
    ----------
    blocks : tuple of Block
        What to place; blocks of 0 bytes take part but need no room.
    alignment : int
        Bytes. Every offset is a multiple of it and every size counts rounded up to it.
    pins : tuple of (int, int)
        Block index and the offset it must have.
    in_place : tuple of (int, int)
        Block indices: the second overwrites the first in the first one's last step.

    Raises
    ------
    ValueError
        On an alignment below 1, an index that is none, a pin that is negative, unaligned or given
        twice, or a pair that is none: of no bytes, or not meeting in exactly one step of the chain.
    """

    blocks: tuple[Block, ...]
    alignment: int = 1
    pins: tuple[tuple[int, int], ...] = ()
    in_place: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.alignment < 1:
            raise ValueError(f"alignment must be at least 1 byte, not {self.alignment}")
        for i in (*(i for i, _ in self.pins), *(i for pair in self.in_place for i in pair)):
            if not 0 <= i < len(self.blocks):
                raise ValueError(f"there is no block {i}, only {len(self.blocks)}")
        for i, offset in self.pins:
            if offset < 0 or offset % self.alignment:
                raise ValueError(
                    f"block {self.blocks[i].name!r} is pinned to {offset}, "
                    f"which is no multiple of {self.alignment} from 0 up"
                )
        _refuse_repeated("pinned", [i for i, _ in self.pins], self.blocks)
        _refuse_repeated("overwritten", [i for i, _ in self.in_place], self.blocks)
        _refuse_repeated("overwriting", [i for _, i in self.in_place], self.blocks)
        for i, j in self.in_place:
            source, target = self.blocks[i], self.blocks[j]
            if target.begin != source.end - 1:
                raise ValueError(
                    f"block {target.name!r} is born in step {target.begin}, "
                    f"not in the last step of {source.name!r}, {source.end - 1}"
                )
            if not source.size or not target.size:
                raise ValueError(f"{target.name!r} overwrites {source.name!r}: 0 bytes to share")
            if source.end == source.begin + 1 and i in {k for _, k in self.in_place}:
                raise ValueError(f"block {source.name!r} is overwritten in the step it is born in")

    def size(self, i: int) -> int:
        """Bytes of block ``i``, rounded up to the alignment."""
        return -(-self.blocks[i].size // self.alignment) * self.alignment

    def load(self) -> int:
        """Largest sum of sizes alive at one step: what no layout can go below.

        An in-place pair counts once in its common step, with the larger of its sizes.
        """
        change: Counter[int] = Counter()
        for i, block in enumerate(self.blocks):
            change[block.begin] += self.size(i)
            change[block.end] -= self.size(i)
        for i, j in self.in_place:
            shared = min(self.size(i), self.size(j))
            change[self.blocks[j].begin] -= shared
            change[self.blocks[i].end] += shared
        load = highest = 0
        for step in sorted(change):
            load += change[step]
            highest = max(highest, load)
        return highest


@dataclass(frozen=True, slots=True)
class Layout:
    """An offset for every block of an instance.

    Attributes
    ----------
    instance : Instance
        What was placed.
    offsets : tuple of int
        Bytes from the start of the arena, one per block.
    """

    instance: Instance
    offsets: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.instance.blocks):
            raise ValueError(f"{len(self.offsets)} offsets for {len(self.instance.blocks)} blocks")

    @property
    def height(self) -> int:
        """Bytes of the arena."""
        ends = (o + self.instance.size(i) for i, o in enumerate(self.offsets))
        return max(
            (end for end, b in zip(ends, self.instance.blocks, strict=True) if b.size), default=0
        )

    def by_storage(self) -> dict[int, int]:
        """Offset of each storage; the workspaces of ops are left out."""
        return {
            block.storage: offset
            for block, offset in zip(self.instance.blocks, self.offsets, strict=True)
            if block.storage is not None
        }


def instance_of(
    problem: Problem,
    order: Sequence[int],
    *,
    alignment: int = 1,
    pins: Mapping[int, int] | None = None,
) -> Instance:
    """State the layout of an order: its blocks, and the in-place pairs its replay counts on.

    Parameters
    ----------
    problem : Problem
        Storages under memory rules. Its sizes should be aligned already (``MemoryRules``): then
        the load is the peak of ``problem.replay(order)``, but for workspaces, aligned here only.
    order : sequence of int
        Every op once.
    alignment : int
        Bytes, for offsets and sizes.
    pins : mapping of int to int, optional
        Storage ids and the offsets they must have.

    Raises
    ------
    ValueError
        If ``order`` is not an order of the problem, or a pin names no storage.
    """
    for b in pins or {}:
        if not 0 <= b < len(problem.storages):
            raise ValueError(f"there is no storage {b}, only {len(problem.storages)}")
    blocks = tuple(blocks_of(problem, order))  # storages first: their ids are the indices
    return Instance(
        blocks, alignment, tuple((pins or {}).items()), in_place_pairs(problem, order, blocks)
    )


def in_place_pairs(
    problem: Problem, order: Sequence[int], blocks: Sequence[Block]
) -> tuple[tuple[int, int], ...]:
    """For each overwriting output the largest input that its op is the last to use.

    The choice is that of ``Problem.replay``: the credit of every step is the same.
    """
    pairs: list[tuple[int, int]] = []
    for step, v in enumerate(order):
        best: dict[int, tuple[int, int]] = {}
        for reuse in problem.reuses[v]:
            source, target = blocks[reuse.source], blocks[reuse.target]
            if source.end != step + 1 or target.begin != step or not reuse.size:
                continue
            if problem.storages[reuse.source].is_output:
                continue
            known = best.get(reuse.target)
            if known is None or reuse.size > known[1]:
                best[reuse.target] = (reuse.source, reuse.size)
        pairs += [(source, target) for target, (source, _) in best.items()]
    return tuple(pairs)


def check_layout(layout: Layout, height: int) -> None:
    """Check a layout, pair by pair, from the definition.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold: every offset is an aligned number of bytes
        from 0 up, pinned blocks are where they must be, an overwriting block starts where the
        overwritten one does, two blocks alive at one step share no byte (an in-place pair may, in
        its one common step), and the highest end is ``height``.
    """
    instance = layout.instance
    blocks, offsets = instance.blocks, layout.offsets
    for block, offset in zip(blocks, offsets, strict=True):
        _require(
            offset >= 0 and offset % instance.alignment == 0,
            f"block {block.name!r} at offset {offset}, alignment {instance.alignment}",
        )
    for i, pinned in instance.pins:
        _require(
            offsets[i] == pinned,
            f"block {blocks[i].name!r} at offset {offsets[i]}, pinned to {pinned}",
        )
    for i, j in instance.in_place:
        _require(
            offsets[i] == offsets[j],
            f"block {blocks[j].name!r} at offset {offsets[j]} "
            f"overwrites {blocks[i].name!r} at {offsets[i]}",
        )
    pairs = set(instance.in_place)
    placed = [i for i, block in enumerate(blocks) if block.size]
    tops = [offset + instance.size(i) for i, offset in enumerate(offsets)]
    for i, j in _meetings(blocks, placed):
        if tops[i] <= offsets[j] or tops[j] <= offsets[i] or (i, j) in pairs or (j, i) in pairs:
            continue  # a pair meets in one step only: the instance has checked it
        names = f"{blocks[i].name!r} and {blocks[j].name!r}"
        raise VerificationError(f"blocks {names} overlap in time and in memory")
    top = max((tops[i] for i in placed), default=0)
    _require(top == height, f"the arena ends at {top} bytes, not at {height}")


def _meetings(blocks: Sequence[Block], placed: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield each two blocks that are alive at one step, once."""
    alive: list[int] = []
    for i in sorted(placed, key=lambda i: blocks[i].begin):
        alive = [j for j in alive if blocks[j].end > blocks[i].begin]
        yield from ((j, i) for j in alive)
        alive.append(i)


def _refuse_repeated(what: str, indices: Sequence[int], blocks: Sequence[Block]) -> None:
    for i, count in Counter(indices).items():
        if count > 1:
            raise ValueError(f"block {blocks[i].name!r} is {what} {count} times")


def _require(holds: bool, statement: str) -> None:
    if not holds:
        raise VerificationError(statement)

"""An instance as the packers see it: rigid bodies over columns, split into independent parts.

A *body* is a block, or a chain of in-place pairs, which has one offset. A *column* stands for the
steps at which the same blocks are alive; only columns that are not contained in another matter
(the maximal cliques of an interval graph), and two blocks meet in time iff they share one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.arena.layout import Instance


@dataclass(frozen=True, slots=True)
class Body:
    """What moves as one.

    Attributes
    ----------
    members : tuple of int
        Block indices; all have the body's offset.
    born, dead : int
        Half-open live range in steps.
    begin, end : int
        The same in columns.
    sizes : tuple of int
        Bytes per column of the range: the bottom is flat, the top may have steps.
    pin : int or None
        The offset it must have.
    size : int
        Bytes at the highest column.
    is_flat : bool
        Whether it is a rectangle.
    """

    members: tuple[int, ...]
    born: int
    dead: int
    begin: int
    end: int
    sizes: tuple[int, ...]
    pin: int | None = None
    size: int = field(init=False, compare=False)
    is_flat: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", max(self.sizes))
        object.__setattr__(self, "is_flat", min(self.sizes) == self.size)

    @property
    def duration(self) -> int:
        """Length of the live range in steps."""
        return self.dead - self.born

    @property
    def area(self) -> int:
        """Bytes x steps of the bounding rectangle."""
        return self.size * self.duration


@dataclass(frozen=True, slots=True)
class Part:
    """Bodies that no column separates; parts are packed independently of each other.

    ``loads`` holds the bytes alive per column.
    """

    bodies: tuple[Body, ...]
    loads: tuple[int, ...]

    @property
    def bound(self) -> int:
        """Bytes that no layout of the part goes below."""
        pins = (b.pin + b.size for b in self.bodies if b.pin is not None)
        return max((*self.loads, *pins), default=0)


class ContradictionError(ValueError):
    """Blocks are pinned to offsets at which they overlap, or that an in-place pair forbids."""


def parts_of(instance: Instance) -> tuple[Part, ...]:
    """Bodies of an instance in independent parts; blocks of 0 bytes are left out.

    Raises
    ------
    ContradictionError
        If the members of a chain are pinned to different offsets.
    """
    chains = _chains(instance)
    columns = _columns(instance)
    pins = dict(instance.pins)
    bodies = sorted(
        (_body(instance, chain, columns, pins) for chain in chains),
        key=lambda body: (body.begin, body.end, body.members),
    )
    groups: list[list[Body]] = []
    reach = -1
    for body in bodies:
        if body.begin >= reach:
            groups.append([])
        groups[-1].append(body)
        reach = max(reach, body.end)
    return tuple(_part(group) for group in groups)


def _chains(instance: Instance) -> list[tuple[int, ...]]:
    follows = dict(instance.in_place)
    heads = set(range(len(instance.blocks))) - set(follows.values())
    chains = []
    for head in sorted(heads):
        chain = [head]
        while chain[-1] in follows:
            chain.append(follows[chain[-1]])
        members = tuple(i for i in chain if instance.blocks[i].size)
        if members:
            chains.append(members)
    return chains


def _columns(instance: Instance) -> list[int]:
    """One step for each column: the last birth before a death."""
    blocks = [block for block in instance.blocks if block.size]
    births = {block.begin for block in blocks}
    deaths = {block.end for block in blocks}
    columns = []
    latest: int | None = None
    for step in sorted(births | deaths):
        if step in deaths and latest is not None:
            columns.append(latest)
            latest = None
        if step in births:
            latest = step
    return columns


def _body(
    instance: Instance, members: tuple[int, ...], columns: list[int], pins: Mapping[int, int]
) -> Body:
    sizes: dict[int, int] = {}
    for i in members:
        block = instance.blocks[i]
        for column in range(bisect_left(columns, block.begin), bisect_left(columns, block.end)):
            sizes[column] = max(sizes.get(column, 0), instance.size(i))
    pinned = {pins[i] for i in members if i in pins}
    if len(pinned) > 1:
        names = ", ".join(repr(instance.blocks[i].name) for i in members)
        raise ContradictionError(f"{names} share one offset but are pinned to {sorted(pinned)}")
    begin, end = min(sizes), max(sizes) + 1
    return Body(
        members,
        min(instance.blocks[i].begin for i in members),
        max(instance.blocks[i].end for i in members),
        begin,
        end,
        tuple(sizes[c] for c in range(begin, end)),
        *pinned,
    )


def _part(bodies: list[Body]) -> Part:
    first = bodies[0].begin
    moved = tuple(
        replace(body, begin=body.begin - first, end=body.end - first)
        for body in sorted(bodies, key=lambda body: body.members)
    )
    loads = [0] * max(b.end for b in moved)
    for body in moved:
        for column, size in enumerate(body.sizes, body.begin):
            loads[column] += size
    return Part(moved, tuple(loads))

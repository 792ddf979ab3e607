"""First fit in several orders: an incumbent in milliseconds, often at the bound already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.arena.bodies import ContradictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from solver.arena.bodies import Body, Part


def preorders(part: Part) -> Iterator[tuple[int, ...]]:
    """Orders in which to place bodies, most promising first.

    The first three sort by the keys found best by Moffitt (MiniMalloc, ASPLOS 2024):
    the highest load a body meets, the length of its life, its area.
    """
    bodies = part.bodies
    total = [max(part.loads[b.begin : b.end]) for b in bodies]
    width = [b.duration for b in bodies]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-total[i], -width[i], -bodies[i].area),
        lambda i: (-total[i], -bodies[i].area, -width[i]),
        lambda i: (-width[i], -bodies[i].area, -total[i]),
        lambda i: (-bodies[i].size, -width[i]),
        lambda i: (-bodies[i].area, -width[i]),
        lambda i: (bodies[i].begin, -bodies[i].size),
        lambda i: (-bodies[i].end, -bodies[i].size),
    )
    for key in keys:
        yield tuple(sorted(range(len(bodies)), key=key))


def first_fit(part: Part, preorder: Sequence[int]) -> list[int]:
    """Place pinned bodies, then each body of the preorder at its lowest free offset.

    Returns
    -------
    list of int
        Offset of each body.

    Raises
    ------
    ContradictionError
        If two pinned bodies overlap.
    """
    bodies = part.bodies
    offsets = [-1] * len(bodies)
    placed: list[int] = []
    pinned = sorted(
        (i for i in preorder if bodies[i].pin is not None), key=lambda i: bodies[i].pin or 0
    )
    for i in pinned:
        offset = bodies[i].pin or 0
        if _lowest(bodies[i], offset, bodies, placed, offsets) != offset:
            raise ContradictionError(f"a block cannot be pinned to {offset}: another is there")
        offsets[i] = offset
        placed.append(i)
    for i in preorder:
        if offsets[i] < 0:
            offsets[i] = _lowest(bodies[i], 0, bodies, placed, offsets)
            placed.append(i)
    return offsets


def _lowest(
    body: Body, start: int, bodies: Sequence[Body], placed: Sequence[int], offsets: Sequence[int]
) -> int:
    """Least offset from ``start`` up at which ``body`` meets none of the placed bodies."""
    forbidden = sorted(
        (offsets[j] - room_below, offsets[j] + room_above)
        for j in placed
        if bodies[j].begin < body.end and body.begin < bodies[j].end
        for room_below, room_above in (_clearance(body, bodies[j]),)
    )
    offset = start
    for low, high in forbidden:  # body may not start strictly between low and high
        if low < offset < high:
            offset = high
    return offset


def _clearance(body: Body, other: Body) -> tuple[int, int]:
    """How far below and above ``other``'s offset ``body`` must start to be clear of it."""
    if body.is_flat and other.is_flat:
        return body.size, other.size
    begin, end = max(body.begin, other.begin), min(body.end, other.end)
    return (
        max(body.sizes[begin - body.begin : end - body.begin]),
        max(other.sizes[begin - other.begin : end - other.begin]),
    )

"""First fit in several orders: an incumbent in milliseconds, often at the bound already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from solver.arena.bodies import ContradictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from solver.arena.bodies import Body, Part

_FEW = 256  # bodies that are placed faster one by one
_MOST = 2**62  # bytes that arrays can add up


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
    places: _Places = _Rectangles(bodies) if _Rectangles.serve(bodies) else _Bodies(bodies)
    pinned = [i for i in preorder if bodies[i].pin is not None]
    for i in sorted(pinned, key=lambda i: bodies[i].pin or 0):
        offset = bodies[i].pin or 0
        if places.lowest(i, offset) != offset:
            raise ContradictionError(f"a block cannot be pinned to {offset}: another is there")
        places.put(i, offset)
    for i in preorder:
        if bodies[i].pin is None:
            places.put(i, places.lowest(i, 0))
    return places.offsets


class _Places(Protocol):
    """Bodies placed so far, and their offsets."""

    @property
    def offsets(self) -> list[int]: ...

    def put(self, i: int, offset: int) -> None: ...

    def lowest(self, i: int, start: int) -> int:
        """Least offset from ``start`` up at which a body meets none of those placed."""


class _Bodies:
    """Bodies of any shape."""

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.offsets = [-1] * len(bodies)
        self._bodies = bodies
        self._placed: list[int] = []

    def put(self, i: int, offset: int) -> None:
        self.offsets[i] = offset
        self._placed.append(i)

    def lowest(self, i: int, start: int) -> int:
        body = self._bodies[i]
        forbidden = sorted(
            (self.offsets[j] - room_below, self.offsets[j] + room_above)
            for j in self._placed
            for other in (self._bodies[j],)
            if other.begin < body.end and body.begin < other.end
            for room_below, room_above in (_clearance(body, other),)
        )
        offset = start
        for low, high in forbidden:  # body may not start strictly between low and high
            if low < offset < high:
                offset = high
        return offset


class _Rectangles:
    """Many flat bodies: the same with arrays."""

    @staticmethod
    def serve(bodies: Sequence[Body]) -> bool:
        """Whether bodies are many enough for arrays, and rectangles of no more bytes than fit."""
        return (
            len(bodies) > _FEW
            and all(body.is_flat for body in bodies)
            and sum(body.size for body in bodies) + max(body.pin or 0 for body in bodies) < _MOST
        )

    def __init__(self, bodies: Sequence[Body]) -> None:
        self._bodies = bodies
        self._count = 0
        self._ids = np.zeros(len(bodies), np.int64)
        self._begin, self._end, self._bottom, self._top = np.zeros((4, len(bodies)), np.int64)

    @property
    def offsets(self) -> list[int]:
        found = np.zeros(len(self._bodies), np.int64)
        found[self._ids] = self._bottom
        return [int(offset) for offset in found]

    def put(self, i: int, offset: int) -> None:
        n, body = self._count, self._bodies[i]
        self._ids[n] = i
        self._begin[n], self._end[n] = body.begin, body.end
        self._bottom[n], self._top[n] = offset, offset + body.size
        self._count += 1

    def lowest(self, i: int, start: int) -> int:
        n, body = self._count, self._bodies[i]
        met = np.flatnonzero((self._begin[:n] < body.end) & (body.begin < self._end[:n]))
        met = met[np.argsort(self._bottom[met], kind="stable")]
        reach = np.maximum.accumulate(np.concatenate(([start], self._top[met])))
        free = np.flatnonzero(self._bottom[met] - body.size >= reach[:-1])
        return int(reach[free[0]] if free.size else reach[-1])


def _clearance(body: Body, other: Body) -> tuple[int, int]:
    """How far below and above ``other``'s offset ``body`` must start to be clear of it."""
    if body.is_flat and other.is_flat:
        return body.size, other.size
    begin, end = max(body.begin, other.begin), min(body.end, other.end)
    return (
        max(body.sizes[begin - body.begin : end - body.begin]),
        max(other.sizes[begin - other.begin : end - other.begin]),
    )

"""The compiled explorer, where it is installed.

The extension module is built with the package; without it everything runs in pure Python, slower
and with the same answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from solver.peak.space import bits
from solver.traffic.rules import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from solver.traffic.rules import Rules
    from solver.traffic.space import Space

try:
    from solver.traffic import _native
except ImportError:  # built without a compiler
    _INSTALLED = False
else:
    _INSTALLED = True

_MOST_OPS = 2**14
_MAX_BYTES = 2**60


def is_available() -> bool:
    """Whether the compiled kernel is installed."""
    return _INSTALLED


def warm(space: Space, steps: int) -> bool:
    """See :meth:`solver.traffic.tally.Tally.warm`."""
    return _native.warm(capsule_of(space), steps)


class NativeExplorer:
    """See :class:`solver.traffic.rules.Explorer`.

    It walks the states of :class:`solver.traffic.explorer.PythonExplorer`, or with ``defer`` those
    of :class:`solver.traffic.deferred.DeferredExplorer`.
    """

    def __init__(
        self,
        space: Space,
        upper: int,
        rules: Rules,
        *,
        greed: int = 0,
        width: int = 0,
        sketch: NativeSketch | None = None,
        defer: bool = False,
    ) -> None:
        self.states = 0
        self.known = 0
        self.bound = 0
        switches = (
            rules.free_moves, rules.valleys, rules.dominance, rules.trade, rules.furthest,
            rules.tally, defer,
        )  # fmt: skip
        self._search = _native.make_search(
            capsule_of(space),
            min(upper, _MAX_BYTES),
            sum(on << i for i, on in enumerate(switches)),
            greed,
            width,
            None if sketch is None else sketch.capsule,
        )
        self._bytes = 0

    @staticmethod
    def fits(space: Space, rules: Rules) -> bool:
        """Whether the kernel is there and serves this space under these rules."""
        return (
            _INSTALLED
            and rules.compiled
            and rules.lazy
            and 0 < len(space.ops) <= _MOST_OPS
            and 4 * sum(space.size) * max(map(len, map(_ops, space.users)), default=0) < _MAX_BYTES
            and space.capacity < _MAX_BYTES
        )

    def advance(self, states: int, memory: int, check: Callable[[], bool] | None = None) -> Event:
        """Expand up to ``states`` states; ``memory`` bytes may be added to the tables."""
        code, self.bound, self.states, self.known, self._bytes = _native.run(
            self._search, states, self._bytes + max(memory, 0), check
        )
        return Event(code)

    def moves(self) -> list[int]:
        """Ops undone and buffers dropped (~b), in backward time."""
        return _native.moves(self._search)


class NativeSketch:
    """See :class:`solver.traffic.sketch.PythonSketch`."""

    def __init__(
        self,
        space: Space,
        upper: int,
        exact: int,
        waived: int,
        coarser: NativeSketch | None = None,
    ) -> None:
        self.states = 0
        self.bound = 0
        self.capsule: _native.Capsule = _native.make_sketch(
            capsule_of(space),
            min(upper, _MAX_BYTES),
            exact,
            min(waived, _MAX_BYTES),
            None if coarser is None else coarser.capsule,
        )
        self._bytes = 0
        self.advance(0, 0)  # counts the first state

    def advance(self, states: int, memory: int, check: Callable[[], bool] | None = None) -> Event:
        """Expand up to ``states`` states; ``memory`` bytes may be added to the tables."""
        code, self.bound, self.states, self._bytes = _native.run_sketch(
            self.capsule, states, self._bytes + max(memory, 0), check
        )
        return Event(code)

    def order(self) -> list[int]:
        """All ops in backward time."""
        return _native.sketch_ops(self.capsule)


def _ops(mask: int) -> list[int]:
    return list(bits(mask))


class _Lists:
    def __init__(self) -> None:
        self.values: list[int] = []
        self.spans: list[tuple[int, int]] = []

    def add(self, values: Iterable[int]) -> None:
        begin = len(self.values)
        self.values.extend(values)
        self.spans.append((begin, len(self.values)))


def capsule_of(space: Space) -> _native.Capsule:
    """Return the space in the kernel's form, made once."""
    if space.native is not None:
        return space.native
    lists = _Lists()
    before: list[list[int]] = [[] for _ in space.ops]
    for i, follow in enumerate(space.follow):
        lists.add(follow)
        for j in follow:
            before[j].append(i)
    for ops in before:
        lists.add(ops)
    for table in (space.touch, space.users, space.writers):
        for mask in table:
            lists.add(bits(mask))
    words = (len(space.ops) + 63) // 64
    clean = [
        (space.inputs >> k & 1) + 2 * (space.outputs >> k & 1) for k in range(len(space.buffers))
    ]
    is_capped = space.live_capacity is not None
    several = [mask.bit_count() > 1 for mask in space.writers]
    space.native = _native.make_space(
        len(space.ops),
        len(space.buffers),
        space.streaming,
        min(space.capacity, _MAX_BYTES),
        space.live_capacity if space.live_capacity is not None else -1,
        space.live if is_capped else 0,
        np.array(space.fixed, np.int64).tobytes(),
        np.array([*space.enters, *space.leaves, *space.workspace], np.int64).tobytes(),
        np.array(space.size, np.int64).tobytes(),
        bytes(clean),
        bytes(space.kept >> k & 1 for k in range(len(space.buffers))),
        bytes(several),
        np.array(lists.values, np.int32).tobytes(),
        np.array(lists.spans, np.int32).tobytes(),
        b"".join(need.to_bytes(words * 8, "little") for need in space.need),
    )
    return space.native

"""The compiled explorer and beam, where they are installed.

The extension module is built with the package; without it everything runs in pure Python, slower
and with the same answers. Spaces go over as flat arrays of 64-bit words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from solver.peak.explorer import NOTHING_REJECTED, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from solver.peak.space import Space

try:
    from solver.peak import _native
except ImportError:  # built without a compiler
    _INSTALLED = False
else:
    _INSTALLED = True

_MAX_OPS = 2**16 - 1
_MAX_BYTES = 2**62


def is_available() -> bool:
    """Whether the compiled kernel is installed."""
    return _INSTALLED


class NativeExplorer:
    """See :class:`solver.peak.explorer.Explorer`."""

    def __init__(self, space: Space, budget: int, *, chain: int, commits: bool) -> None:
        self.states = 0
        self.rejected = NOTHING_REJECTED
        budget = min(budget, _MAX_BYTES)
        self._search = _native.make_search(_capsule(space), budget, chain, commits)
        self._bytes = 0

    @staticmethod
    def fits(space: Space) -> bool:
        """Whether the kernel is there and the space is within its number ranges."""
        return (
            _INSTALLED
            and 0 < len(space.ops) <= _MAX_OPS
            and sum(s.size for s in space.problem.storages) + max(space.workspace) < _MAX_BYTES
        )

    def advance(self, states: int, memory: int) -> Event:
        """Expand up to ``states`` states; ``memory`` bytes may be added to the tables."""
        code, rejected, self.states, self._bytes = _native.run(
            self._search, states, self._bytes + max(memory, 0)
        )
        event = Event(code)
        if event is Event.REFUTED:
            self.rejected = rejected
        return event

    def path(self) -> list[int]:
        """Ops from the root to the state found."""
        return _native.path(self._search)

    def commit(self, ops: Sequence[int]) -> list[int]:
        """Move the root and drop the tables."""
        return _native.commit(self._search, list(ops))

    def raise_budget(self) -> None:
        """Reopen the closed states for which the larger budget allows more."""
        _native.raise_budget(self._search)


def native_beam(
    space: Space,
    width: int,
    below: int,
    *,
    effort: int,
    floor: int,
    check: Callable[[], None],
) -> list[int]:
    """Path of a beam search in window ops; empty if it ran dry. ``check`` may raise to end it."""
    return _native.beam(_capsule(space), width, min(below, _MAX_BYTES), effort, floor, check)


class _Flattener:
    """Collects masks and shares of all ops into the arrays of the kernel."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.bits: list[int] = []
        self.share_spans: list[int] = []
        self.groups: list[int] = []
        self.sizes: list[int] = []
        self.followers: list[int] = []

    def mask(self, mask: int) -> tuple[int, int]:
        begin = len(self.words)
        word = 0
        while mask:
            low = mask & (2**64 - 1)
            if low:
                self.words.append(word)
                self.bits.append(low)
            else:  # leap over empty words
                skip = ((mask & -mask).bit_length() - 1) // 64
                mask >>= 64 * skip
                word += skip
                continue
            mask >>= 64
            word += 1
        return begin, len(self.words)

    def shares(self, shares: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
        begin = len(self.groups)
        for group, others, size in shares:
            self.share_spans.extend(self.mask(others))
            self.groups.append(group)
            self.sizes.append(size)
        return begin, len(self.groups)

    def follow(self, ops: Iterable[int]) -> tuple[int, int]:
        begin = len(self.followers)
        self.followers.extend(ops)
        return begin, len(self.followers)


def _capsule(space: Space) -> _native.Capsule:
    if space.native is not None:
        return space.native
    flat = _Flattener()
    ops = range(len(space.ops))
    tables = [
        [flat.mask(mask) for mask in space.need],
        [flat.mask(mask) for mask in space.touch],
        [flat.follow(follow) for follow in space.follow],
        [flat.shares((0, *news) for news in space.news[i]) for i in ops],
        [flat.shares((0, *frees) for frees in space.frees[i]) for i in ops],
        [
            flat.shares(
                (group, others, size)
                for group, choices in enumerate(space.reuse[i].values())
                for others, size in choices
            )
            for i in ops
        ],
    ]
    space.native = _native.make_space(
        len(space.ops),
        space.backward,
        space.start_memory,
        np.array(space.workspace, np.int64).tobytes(),
        np.array(flat.words, np.int32).tobytes(),
        np.array(flat.bits, np.uint64).tobytes(),
        np.array(flat.share_spans, np.int32).tobytes(),
        np.array(flat.groups, np.int32).tobytes(),
        np.array(flat.sizes, np.int64).tobytes(),
        np.array(flat.followers, np.int32).tobytes(),
        np.array(tables, np.int32).tobytes(),
    )
    return space.native

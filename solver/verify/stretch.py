"""Memory within a window, in either direction of time.

A *state* is the set of ops of the window that have been run, or backwards: undone, as an integer
with bit ``i`` for the op that the window lists at position ``i``. Undoing an op takes as much as
running it: the same step, seen from its other end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from solver.verify.storages import Memory
    from solver.verify.window import Window


@dataclass(frozen=True, slots=True)
class _Room:
    """A storage, as far as the window decides whether it is live."""

    size: int
    is_born: bool  # before the window starts
    writers: int
    is_kept: bool  # until the window ends
    users: int

    def is_live(self, done: int) -> bool:
        return (self.is_born or bool(self.writers & done)) and (
            self.is_kept or bool(self.users & ~done)
        )


class Stretch:
    """States of a window.

    Parameters
    ----------
    memory : Memory
        The network.
    window : Window
        Ops that every order runs in one stretch.
    backward : bool
        Whether time runs from the end of the window to its start.

    Attributes
    ----------
    full : int
        The state in which all ops have been run (or undone).
    needs : list of int
        For each op, the ops that must have been run (or undone) first.
    """

    def __init__(self, memory: Memory, window: Window, *, backward: bool) -> None:
        self.backward = backward
        self.full = (1 << len(window.ops)) - 1
        self._place = {v: i for i, v in enumerate(window.ops)}
        self._earlier = [self._mask(memory.before[v]) for v in window.ops]
        later = [self._mask(memory.after[v]) for v in window.ops]
        self.needs = later if backward else self._earlier
        self._workspace = [memory.workspace[v] for v in window.ops]
        self._fixed = 0
        rooms: dict[int, _Room] = {}
        for b, storage in memory.storages.items():
            inside = self._mask(storage.users)
            is_born = storage.is_input or not storage.writers.isdisjoint(window.before)
            outside = len(storage.users) - inside.bit_count() - len(storage.users & window.before)
            is_kept = storage.is_output or outside > 0
            room = _Room(storage.size, is_born, self._mask(storage.writers), is_kept, inside)
            if inside and storage.size:
                rooms[b] = room
            elif room.is_live(0):
                self._fixed += storage.size
        self._rooms = list(rooms.values())
        self._touched = [[rooms[b] for b in memory.touched[v] if b in rooms] for v in window.ops]
        self._overwrites = [
            [
                (o.target, self._mask(o.others), o.size)
                for o in memory.overwrites[v]
                if all(u in self._place or u in window.before for u in o.others)
            ]
            for v in window.ops
        ]

    def _mask(self, ops: Iterable[int]) -> int:
        return sum(1 << self._place[v] for v in ops if v in self._place)

    def is_ready(self, op: int, state: int) -> bool:
        """Whether ``op`` may come next."""
        return not state >> op & 1 and not self.needs[op] & ~state

    def ready(self, state: int) -> list[int]:
        """Ops that may come next."""
        return [op for op in range(len(self.needs)) if self.is_ready(op, state)]

    def is_state(self, state: int) -> bool:
        """Whether no op in ``state`` lacks an op that it needs."""
        return 0 <= state <= self.full and not any(
            state >> op & 1 and needs & ~state for op, needs in enumerate(self.needs)
        )

    def memory(self, state: int) -> int:
        """Live bytes in ``state``."""
        done = self.full & ~state if self.backward else state
        return self._fixed + sum(room.size for room in self._rooms if room.is_live(done))

    def step(self, op: int, state: int, used: int) -> tuple[int, int]:
        """Bytes in use while ``op`` runs (or is undone) from ``state``, and those live after it.

        ``used`` is the memory of ``state``.
        """
        if not self.backward:
            rise, kept = self._run(op, state)
            return used + rise, used + kept
        rise, kept = self._run(op, self.full & ~state & ~(1 << op))
        return used - kept + rise, used - kept

    def _run(self, op: int, done: int) -> tuple[int, int]:
        """Bytes that ``op`` adds while it runs once ``done`` has, and that it leaves behind."""
        bit = 1 << op
        new = freed = 0
        for room in self._touched[op]:
            if room.writers & bit and not room.is_born and not room.writers & done:
                new += room.size
            if not room.is_kept and not room.users & ~done & ~bit:
                freed += room.size
        saved: dict[int, int] = {}
        for target, others, size in self._overwrites[op]:
            if not others & ~done:
                saved[target] = max(saved.get(target, 0), size)
        return new + self._workspace[op] - sum(saved.values()), new - freed

    def between(self, low: int, high: int, used: int) -> Iterator[int]:
        """Memory of every state that holds ``low``, which has ``used``, and is held by ``high``."""
        level = {low: used}
        while level:
            yield from level.values()
            following: dict[int, int] = {}
            for state, here in level.items():
                for op in _bits(high & ~state):
                    if state | 1 << op not in following and self.is_ready(op, state):
                        following[state | 1 << op] = self.step(op, state, here)[1]
            level = following

    def least_between(self, low: int, high: int) -> int:
        """Least memory of any such state: a minimum cut.

        One node per op between, one pair of nodes per storage; see :mod:`solver.verify.cut`.
        """
        if self.backward:
            low, high = self.full & ~high, self.full & ~low
        free = high & ~low
        network = nx.DiGraph()
        network.add_nodes_from(("start", "end"))
        for op in _bits(free):
            network.add_edges_from((op, p) for p in _bits(self._earlier[op] & free))
        for k, room in enumerate(self._rooms):
            network.add_edge(("in", k), ("out", k), capacity=room.size)
            is_born = room.is_born or room.writers & low
            network.add_edges_from(
                (v, ("in", k)) for v in (["start"] if is_born else _bits(room.writers & free))
            )
            is_kept = room.is_kept or room.users & ~high
            network.add_edges_from(
                (("out", k), v) for v in (["end"] if is_kept else _bits(room.users & free))
            )
        return self._fixed + int(nx.maximum_flow_value(network, "start", "end"))


def _bits(mask: int) -> Iterator[int]:
    """Ops in a mask."""
    while mask:
        yield mask.bit_length() - 1
        mask ^= 1 << mask.bit_length() - 1

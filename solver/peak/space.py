"""The state space of a least-peak problem, forwards or backwards, over a window of ops.

Reversing time gives a problem of the same form: undoing an op frees its outputs and brings in
each input that is not live yet. Both directions are described by the same four facts about a
storage: which ops allocate it, which ops must all be done before it is freed, whether it is
allocated from the start, and whether it is kept to the end. So one search serves both.
States are sets of ops as Python integers, bit ``i`` for window op ``i``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.memory import Problem
    from solver.peak._native import Capsule

Effect = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Room:
    """One storage in window terms: op masks of allocators and of ops that must finish."""

    size: int
    allocators: int
    finishers: int
    initial: bool
    kept: bool


class Space:
    """States between two fixed states of a problem.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    done : iterable of int
        Ops executed before the window (backwards: ops undone before it, that is, the last ones).
    window : sequence of int
        Ops to schedule; ``done`` and ``window`` together must be closed under precedence.
    backward : bool
        Whether time runs from the end to the start.
    start_memory : int, optional
        Live bytes in the first state, where the caller knows them: saves a look at every storage.

    Attributes
    ----------
    ops : tuple of int
        Problem op of each window op.
    need : list of int
        Mask of window ops that must come first.
    follow : list of tuple of int
        Window ops that wait for this one.
    start_memory : int
        Live bytes in the first state.
    constant : int
        The part of it that stays live in every state.
    full : int
        Mask of all window ops.
    """

    def __init__(
        self,
        problem: Problem,
        done: Iterable[int] = (),
        window: Sequence[int] | None = None,
        *,
        backward: bool = False,
        start_memory: int | None = None,
    ) -> None:
        self.problem = problem
        self.backward = backward
        self.done = frozenset(done)
        self.ops = tuple(range(len(problem)) if window is None else window)
        self.full = (1 << len(self.ops)) - 1
        index = {v: i for i, v in enumerate(self.ops)}
        before, after = problem.predecessors, problem.successors
        if backward:
            before, after = after, before
        self.need = [_mask(before[v], index) for v in self.ops]
        self.follow = [tuple(index[w] for w in after[v] if w in index) for v in self.ops]
        self.rooms: dict[int, Room] = {}
        self.news: list[list[tuple[int, int]]] = [[] for _ in self.ops]
        self.frees: list[list[tuple[int, int]]] = [[] for _ in self.ops]
        self.reuse: list[dict[int, list[tuple[int, int]]]] = [{} for _ in self.ops]
        self.touch = [0] * len(self.ops)
        if start_memory is None:
            start_memory = self._live(range(len(problem.storages)))
        self.start_memory = start_memory
        self._place_storages(index)
        self.constant = self.start_memory - sum(
            room.size for room in self.rooms.values() if room.initial
        )
        self._place_reuses(index)
        self.workspace = [problem.workspace[v] for v in self.ops]
        self.native: Capsule | None = None  # the same in the compiled kernel, made on demand
        self._effects: list[dict[int, Effect]] = [{} for _ in self.ops]

    def _live(self, storages: Iterable[int]) -> int:
        """Bytes of these storages that are live in the first state."""
        problem, done = self.problem, self.done
        total = 0
        for b in storages:
            storage = problem.storages[b]
            born = storage.is_input or not done.isdisjoint(storage.producers)
            dead = not storage.is_output and done.issuperset(storage.users)
            if self.backward:  # live in the state that is left
                born = storage.is_input or not done.issuperset(storage.producers)
                dead = not storage.is_output and done.isdisjoint(storage.users)
            total += storage.size * (born and not dead)
        return total

    def _place_storages(self, index: dict[int, int]) -> None:
        problem = self.problem
        for b in dict.fromkeys(
            b for v in self.ops for b in (*problem.produced[v], *problem.consumed[v])
        ):
            storage = problem.storages[b]
            allocators, finishers = storage.producers, storage.users
            initial, kept = storage.is_input, storage.is_output
            if self.backward:
                allocators, finishers = finishers, allocators
                initial, kept = kept, initial
            initial = initial or any(v in self.done for v in allocators)
            left = [v for v in finishers if v not in self.done]
            kept = kept or any(v not in index for v in left)
            if storage.size == 0 or (initial and (kept or not left)):
                continue
            room = Room(storage.size, _mask(allocators, index), _mask(left, index), initial, kept)
            if not initial and room.allocators:
                self._note(self.news, b, room, room.allocators)
            if not kept and room.finishers:
                self._note(self.frees, b, room, room.finishers)

    def _note(self, lists: list[list[tuple[int, int]]], b: int, room: Room, ops: int) -> None:
        self.rooms[b] = room
        for i in bits(ops):
            lists[i].append((ops & ~(1 << i), room.size))
            self.touch[i] |= ops

    def _place_reuses(self, index: dict[int, int]) -> None:
        """Keep a reuse only where the other users of the overwritten storage can be done."""
        for i, v in enumerate(self.ops):
            for reuse in self.problem.reuses[v]:
                others = set(self.problem.storages[reuse.source].users) - {v}
                outside = [w for w in others if w not in index]
                if any((w in self.done) == self.backward for w in outside):
                    continue
                mask = _mask(others, index)
                self.touch[i] |= mask
                self.reuse[i].setdefault(reuse.target, []).append((mask, reuse.size))

    def effect(self, op: int, state: int) -> Effect:
        """Bytes ``op`` adds while it runs, and after it has run, from ``state``.

        Returns
        -------
        tuple of int
            ``(rise, net)``: the step peak is memory + rise, the next memory is memory + net.
        """
        cache = self._effects[op]
        key = state & self.touch[op]
        found = cache.get(key)
        if found is None:
            found = cache[key] = self._effect(op, state)
        return found

    def _effect(self, op: int, state: int) -> Effect:
        new = sum(size for others, size in self.news[op] if not others & state)
        freed = sum(size for others, size in self.frees[op] if not others & ~state)
        reused = 0
        for choices in self.reuse[op].values():
            reused += max(
                size if not (others & state if self.backward else others & ~state) else 0
                for others, size in choices
            )
        return new + self.workspace[op] - reused, new - freed

    def ready(self, state: int) -> int:
        """Mask of ops whose predecessors are all in ``state`` and that are not."""
        return sum(
            1 << i for i, need in enumerate(self.need) if not state >> i & 1 and not need & ~state
        )

    def ready_after(self, op: int, state: int, ready: int) -> int:
        """Update the ready mask once ``op`` has joined, giving ``state``."""
        ready &= ~(1 << op)
        for i in self.follow[op]:
            if not self.need[i] & ~state:
                ready |= 1 << i
        return ready

    def memory(self, state: int) -> int:
        """Live bytes in ``state``, counted afresh."""
        return self.constant + sum(
            room.size
            for room in self.rooms.values()
            if (room.initial or room.allocators & state) and (room.kept or room.finishers & ~state)
        )

    def order(self, path: Iterable[int]) -> list[int]:
        """Problem ops of a path of window ops, in forward time."""
        ops = [self.ops[i] for i in path]
        return ops[::-1] if self.backward else ops


def bits(mask: int) -> Iterable[int]:
    """Positions of the set bits, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _mask(ops: Iterable[int], index: dict[int, int]) -> int:
    mask = 0
    for v in ops:
        i = index.get(v)
        if i is not None:
            mask |= 1 << i
    return mask

"""The transitive closure of precedence: which pairs of ops are ordered, which are open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class Relation:
    """A partial order of ops ``0 .. n - 1``, as bit masks.

    Attributes
    ----------
    ancestors, descendants : tuple of int
        Per op, the mask of ops that run before (after) it in every order.
    topological : tuple of int
        An order of all ops.
    """

    ancestors: tuple[int, ...]
    descendants: tuple[int, ...]
    topological: tuple[int, ...]

    @classmethod
    def of(
        cls, predecessors: Sequence[Sequence[int]], extra: Iterable[tuple[int, int]] = ()
    ) -> Relation:
        """Close a graph, with extra edges ``(before, after)``, under transitivity.

        Raises
        ------
        ValueError
            If there is a cycle.
        """
        before = [set(preds) for preds in predecessors]
        for u, v in extra:
            before[v].add(u)
        after: list[list[int]] = [[] for _ in before]
        for v, preds in enumerate(before):
            for u in preds:
                after[u].append(v)
        waiting = [len(preds) for preds in before]
        order = [v for v, count in enumerate(waiting) if not count]
        ancestors = [0] * len(before)
        for v in order:
            for w in after[v]:
                ancestors[w] |= ancestors[v] | 1 << v
                waiting[w] -= 1
                if not waiting[w]:
                    order.append(w)
        if len(order) < len(before):
            raise ValueError("precedence has a cycle")
        descendants = [0] * len(before)
        for v in reversed(order):
            for w in after[v]:
                descendants[v] |= descendants[w] | 1 << w
        return cls(tuple(ancestors), tuple(descendants), tuple(order))

    def __len__(self) -> int:
        return len(self.ancestors)

    def is_before(self, u: int, v: int) -> bool:
        """Whether ``u`` runs before ``v`` in every order."""
        return bool(self.ancestors[v] >> u & 1)

    def is_open(self, u: int, v: int) -> bool:
        """Whether either of the two may run first."""
        return u != v and not self.is_before(u, v) and not self.is_before(v, u)

    @cached_property
    def open_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs ``u < v`` that either may lead."""
        ops = range(len(self))
        return tuple((u, v) for u in ops for v in ops[u + 1 :] if self.is_open(u, v))

    @cached_property
    def covers(self) -> tuple[tuple[int, int], ...]:
        """Pairs ``(u, v)`` with ``u`` before ``v`` and nothing in between: the reduced graph."""
        ops = range(len(self))
        return tuple(
            (u, v)
            for v in ops
            for u in ops
            if self.is_before(u, v) and not self.descendants[u] & self.ancestors[v]
        )

    def earliest(self, ops: Iterable[int]) -> tuple[int, ...]:
        """Those of ``ops`` that have none of the others before them."""
        mask = _mask(ops)
        return tuple(v for v in _bits(mask) if not self.ancestors[v] & mask)

    def latest(self, ops: Iterable[int]) -> tuple[int, ...]:
        """Those of ``ops`` that have none of the others after them."""
        mask = _mask(ops)
        return tuple(v for v in _bits(mask) if not self.descendants[v] & mask)

    def cycles(self) -> Iterator[tuple[tuple[int, int], ...]]:
        """Yield the closed walks to forbid so that a choice for every open pair is an order.

        A choice is an order iff it has no cycle, and a tournament without cycles of three has
        none. A walk is given by its open steps ``(before, after)``, not all of which may be taken:

        - three open steps among ops that are pairwise open, in both directions;
        - two, ``v -> w`` and ``w -> u``, where ``u`` is before ``v`` anyway. Only covers
          ``(u, v)`` are needed: if there is an ``m`` between the two, then ``w`` is open to
          ``m`` too, and the walks of ``(u, m)`` and ``(m, v)`` together forbid it.
        """
        for u, v in self.covers:
            for w in range(len(self)):
                if self.is_open(u, w) and self.is_open(v, w):
                    yield (v, w), (w, u)
        open_after: list[list[int]] = [[] for _ in range(len(self))]
        for u, v in self.open_pairs:
            open_after[u].append(v)
        for u, v in self.open_pairs:
            for w in open_after[v]:
                if self.is_open(u, w):
                    yield (u, v), (v, w), (w, u)
                    yield (u, w), (w, v), (v, u)


class Ordered(Protocol):
    """A task that decides an order."""

    @property
    def relation(self) -> Relation:
        """Precedence between its ops."""


def _mask(ops: Iterable[int]) -> int:
    mask = 0
    for v in ops:
        mask |= 1 << v
    return mask


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low

"""What is in the TCM while an op runs, by the ops that are before it and the gaps kept.

Where precedence alone decides, it is decided here. Gaps are named by the use they end with: all
uses of a buffer have one but its first. The definitions are those of
:mod:`solver.traffic.residency`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.traffic.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from solver.peak.formulation.relation import Relation
    from solver.peak.formulation.units import Units
    from solver.traffic.model import TrafficProblem

#: Op ids ``(u, v)``: "u runs before v".
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap of a buffer in which it may be absent.

    Attributes
    ----------
    buffer, end : int
        The buffer, and the op that uses it next.
    cost : int
        Units that absence costs: the reload, and the write-back if ``end`` writes.
    store : int or None
        Index into the task's ``stores``: the write-back that readers share.
    """

    buffer: int
    end: int
    cost: int
    store: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """A gap that an op lies in, if the gap's buffer is live and all ``conditions`` hold.

    Attributes
    ----------
    gap : int
        Index into the task's ``gaps``.
    conditions : tuple of tuple of Pair
        Of each, one pair at least must be in that order.
    """

    gap: int
    conditions: tuple[tuple[Pair, ...], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A buffer is in the TCM at an op if it is born, not dead, and no gap it is absent in spans it.

    Attributes
    ----------
    births : tuple of int
        It is born if one of these is before the op; empty: it is born in any case.
    deaths : tuple of int
        It is dead if all of these are before the op; empty: it is not.
    spans : tuple of Span
        Gaps that may span the op.
    """

    births: tuple[int, ...]
    deaths: tuple[int, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Occupant:
    """A buffer that may take ``size`` units while an op runs, for any of some reasons."""

    buffer: int
    size: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """While ``op`` runs, its occupants must fit into ``room`` units."""

    op: int
    room: int
    occupants: tuple[Occupant, ...]


class Presence:
    """States the steps of a problem.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    relation : Relation
        Precedence.
    units : Units
        For sizes and costs.

    Attributes
    ----------
    gaps : tuple of Gap
        Of buffers with two users or more.
    stores : tuple of int
        Cost of each write-back, in units.
    """

    def __init__(self, problem: TrafficProblem, relation: Relation, units: Units) -> None:
        self._problem = problem
        self._relation = relation
        self._units = units
        self._of: dict[int, list[int]] = {}  # gaps per buffer
        self._users: dict[int, int] = {}  # as a mask
        gaps: list[Gap] = []
        stores: list[int] = []
        for b, buffer in enumerate(problem.buffers):
            if len(buffer.users) < 2:
                continue
            size = units.down(buffer.size)
            store = None
            if not buffer.is_input and not buffer.is_output:
                store = len(stores)
                stores.append(size)
            self._of[b] = []
            self._users[b] = sum(1 << u for u in buffer.users)
            first = relation.earliest(buffer.users)
            for w in buffer.users:
                if first == (w,):
                    continue
                self._of[b].append(len(gaps))
                writes = w in buffer.writers
                cost = units.down(2 * buffer.size) if writes else size
                gaps.append(Gap(b, w, cost, None if writes else store))
        self.gaps = tuple(gaps)
        self.stores = tuple(stores)

    def step(self, v: int) -> Step | None:
        """State what may be in the TCM while ``v`` runs; None if all of it fits in any case."""
        room = self._units.down(self._problem.capacity - self._problem.footprint(v))
        found = self._candidates(v)
        if sum(self._size(b) for b in found) <= room:
            return None
        return Step(v, room, tuple(self._occupant(b, v) for b in found))

    def _candidates(self, v: int) -> list[int]:
        """Buffers that need not, but may, be in the TCM while ``v`` runs."""
        before, after = self._relation.ancestors[v], self._relation.descendants[v]
        streaming = self._problem.mode is Mode.STREAMING
        found = []
        for b, users in self._users.items():
            others = users & ~(1 << v)
            may_be_born, may_be_left = others & ~after, others & ~before
            if others == users:
                is_candidate = may_be_born and may_be_left
            else:  # resident operands are part of the footprint
                is_candidate = streaming and (may_be_born or may_be_left)
            if is_candidate and self._size(b):
                found.append(b)
        return found

    def _size(self, b: int) -> int:
        return self._units.down(self._problem.buffers[b].size)

    def _occupant(self, b: int, v: int) -> Occupant:
        reasons = [self._between(b, v)]
        if v in self._problem.buffers[b].users:
            reasons = [self._back(b, v), self._on(b, v)]
        known = tuple(reason for reason in reasons if reason is not None)
        return Occupant(b, self._size(b), known)

    def _between(self, b: int, v: int) -> Reason | None:
        """Kept while an op runs that does not use it."""
        births = self._births(b, v)
        deaths = self._deaths(b, v)
        if births is None or deaths is None:
            return None
        return Reason(births, deaths, tuple(self._spans(b, v)))

    def _back(self, b: int, v: int) -> Reason | None:
        """Kept from the use before up to its user ``v``."""
        births = self._births(b, v)
        if births is None:
            return None
        return Reason(births, (), tuple(Span(g, ()) for g in self._of[b] if self.gaps[g].end == v))

    def _on(self, b: int, v: int) -> Reason | None:
        """Kept from its user ``v`` to the use after."""
        deaths = self._deaths(b, v)
        if deaths is None:
            return None
        return Reason((), deaths, tuple(self._spans(b, v)))

    def _births(self, b: int, v: int) -> tuple[int, ...] | None:
        relation = self._relation
        others = [u for u in self._problem.buffers[b].users if u != v]
        if any(relation.is_before(u, v) for u in others):
            return ()
        return tuple(u for u in relation.earliest(others) if not relation.is_before(v, u)) or None

    def _deaths(self, b: int, v: int) -> tuple[int, ...] | None:
        relation = self._relation
        others = [u for u in self._problem.buffers[b].users if u != v]
        if any(relation.is_before(v, u) for u in others):
            return ()
        return tuple(u for u in relation.latest(others) if not relation.is_before(u, v)) or None

    def _spans(self, b: int, v: int) -> Iterator[Span]:
        """Gaps that may begin before or at ``v`` and end after it."""
        relation = self._relation
        users = self._problem.buffers[b].users
        last = relation.latest(users)
        for g in self._of[b]:
            w = self.gaps[g].end
            if w == v or relation.is_before(w, v):
                continue
            conditions: list[tuple[Pair, ...]] = []
            if not relation.is_before(v, w) and last != (w,):  # else it is live only before w
                conditions.append(((v, w),))
            conditions += self._nothing_between(v, w, users)
            if () not in conditions:
                yield Span(g, tuple(conditions))

    def _nothing_between(self, v: int, w: int, users: Sequence[int]) -> Iterator[tuple[Pair, ...]]:
        """Each other user is before ``v`` or after ``w``; an empty condition if one never is."""
        relation = self._relation
        for u in users:
            if u in (v, w) or relation.is_before(u, v) or relation.is_before(w, u):
                continue
            pairs = ((u, v), (w, u))
            yield tuple((p, q) for p, q in pairs if not relation.is_before(q, p))

"""Order and layout together: the least arena, which is what gets deployed.

The least peak bounds every arena from below. Nearly always the first order of least peak has a
layout that meets it; if not, another order of the same peak may, and an order of a higher peak may
still need less arena than the best layout so far.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from solver.arena.layout import instance_of
from solver.arena.pack import Packed, pack
from solver.limits import Limit, LimitReachedError, Limits, Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from solver.arena.layout import Instance
    from solver.memory import Problem

_GLANCE = 1.0  # seconds for a layout while there are other orders to look at
_KEPT = 8  # orders worth the full effort after the first look
_PATIENCE = 50  # moves in a row that lead nowhere new


@dataclass(frozen=True, slots=True)
class JointPlan:
    """An order with a layout.

    Attributes
    ----------
    order : tuple of int
        Op ids.
    packed : Packed
        The layout, its proof and what stopped it.
    peak : int
        Bytes: peak of the order.
    lower_bound : int
        Bytes that no order and layout go below.
    tried : int
        Orders looked at.
    limit : Limit or None
        What stopped the search above the bound; None with a gap means that the orders ran out.
    """

    order: tuple[int, ...]
    packed: Packed
    peak: int
    lower_bound: int
    tried: int
    limit: Limit | None = None

    @property
    def arena(self) -> int:
        """Bytes of the arena."""
        return self.packed.height

    @property
    def gap(self) -> float:
        """Relative distance of the arena from the bound; 0 when proven least."""
        return (self.arena - self.lower_bound) / self.arena if self.arena else 0.0


def minimize_arena(
    problem: Problem,
    orders: Iterable[Sequence[int]],
    bound: int,
    limits: Limits | None = None,
    *,
    alignment: int = 1,
    pins: Mapping[int, int] | None = None,
) -> JointPlan:
    """Find the order and layout of least arena among the orders given.

    Parameters
    ----------
    problem : Problem
        Its sizes should be multiples of ``alignment`` already.
    orders : iterable of sequence of int
        At least one, the most promising first, say of least peak; :func:`nearby_orders` makes more
        of one. They are taken one at a time, only as long as the bound is not met.
    bound : int
        Bytes that no order's peak goes below.
    limits : Limits, optional
        For the whole search; ``nodes`` counts those of the canonical search of each layout.
    alignment : int
        Bytes.
    pins : mapping of int to int, optional
        Storage ids and their offsets.

    Returns
    -------
    JointPlan
        Never worse than the layout of the first order.

    Raises
    ------
    ValueError
        If there is no order, or one is not an order of the problem.
    """
    search = _Search(problem, bound, limits or Limits(), alignment, pins)
    limit: Limit | None = None
    try:
        search.look(orders)
        search.insist()
    except LimitReachedError as reached:
        limit = reached.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    if search.best is None:
        raise ValueError("there is no order to lay out")
    order, packed = search.best
    if packed.height == bound and limit is not Limit.INTERRUPT:
        limit = None
    return JointPlan(
        order, packed, problem.replay(order).peak, min(bound, packed.height), search.tried, limit
    )


class _Search:
    """First a short look at every order, then full effort on the ones with the least load."""

    def __init__(
        self,
        problem: Problem,
        bound: int,
        limits: Limits,
        alignment: int,
        pins: Mapping[int, int] | None,
    ) -> None:
        self.best: tuple[tuple[int, ...], Packed] | None = None
        self.tried = 0
        self._problem = problem
        self._bound = bound
        self._meter = Meter(limits)
        self._alignment = alignment
        self._pins = pins
        self._open: list[tuple[int, int, tuple[int, ...], Instance]] = []

    @property
    def _met(self) -> bool:
        return self.best is not None and self.best[1].height <= self._bound

    def look(self, orders: Iterable[Sequence[int]]) -> None:
        for order in orders:
            if self._met:
                return
            self.tried += 1
            instance = instance_of(self._problem, order, alignment=self._alignment, pins=self._pins)
            load = instance.load()
            if self.best is None or load < self.best[1].height:
                self._pack(tuple(order), instance, _GLANCE)
                self._open.append((load, self.tried, tuple(order), instance))
                self._open = sorted(self._open, key=lambda entry: entry[:2])[:_KEPT]
            self._meter.check()

    def insist(self) -> None:
        seconds = _GLANCE
        while not self._met and self._open:
            seconds *= 4
            for load, _, order, instance in tuple(self._open):
                assert self.best is not None
                if load >= self.best[1].height:  # the rest is no better
                    self._open = [entry for entry in self._open if entry[0] < load]
                    break
                self._meter.check()
                if self._pack(order, instance, seconds):
                    self._open = [entry for entry in self._open if entry[2] != order]
                if self._met:
                    return

    def _pack(self, order: tuple[int, ...], instance: Instance, seconds: float) -> bool:
        """Lay out one order; whether nothing more is to be had from it.

        Raises
        ------
        KeyboardInterrupt
            If the user pressed Ctrl-C meanwhile; the layout is kept.
        """
        total = self._meter.limits
        if total.seconds is not None:
            seconds = max(0.001, min(seconds, total.seconds - self._meter.seconds))
        slice_ = Limits(seconds, total.memory_bytes, total.nodes)
        packed = pack(instance, slice_, enough=self._bound)
        if self.best is None or packed.height < self.best[1].height:
            self.best = (order, packed)
        if packed.limit is Limit.INTERRUPT:
            raise KeyboardInterrupt
        return packed.limit is not Limit.TIME


def nearby_orders(
    problem: Problem, order: Sequence[int], *, peak: int, most: int = 200, seed: int = 0
) -> Iterator[tuple[int, ...]]:
    """Yield the order itself, then others within ``peak``: a walk that moves one op at a time.

    Parameters
    ----------
    problem : Problem
        What the orders are of.
    order : sequence of int
        Where to start.
    peak : int
        Bytes: the most any order may need.
    most : int
        Orders to yield at most; fewer if the walk finds nothing new for a while.
    seed : int
        Of the walk.
    """
    yield tuple(order)
    yield from islice(_walk(problem, list(order), peak, random.Random(seed)), most - 1)


def _walk(
    problem: Problem, order: list[int], peak: int, rng: random.Random
) -> Iterator[tuple[int, ...]]:
    known = {tuple(order)}
    idle = 0
    while len(order) > 1 and idle < _PATIENCE:
        idle += 1
        moved = _move(problem, order, rng)
        if tuple(moved) in known or problem.replay(moved).peak > peak:
            continue
        idle = 0
        order = moved
        known.add(tuple(order))
        yield tuple(order)


def _move(problem: Problem, order: list[int], rng: random.Random) -> list[int]:
    """Take one op out and put it back anywhere between its predecessors and its successors."""
    at = rng.randrange(len(order))
    v = order[at]
    rest = [*order[:at], *order[at + 1 :]]
    before, after = set(problem.predecessors[v]), set(problem.successors[v])
    first = max((i + 1 for i, w in enumerate(rest) if w in before), default=0)
    last = min((i for i, w in enumerate(rest) if w in after), default=len(rest))
    to = rng.randint(first, last)
    return [*rest[:to], v, *rest[to:]]

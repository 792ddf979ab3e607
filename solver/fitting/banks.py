"""Buffers over several separate banks: what each bank holds must fit in it at every step.

The sum of the banks decides nothing: a buffer lies in one bank, whole. For a fixed order the
question is settled exactly by CP-SAT (:mod:`solver.fitting.cpsat`), after quick bounds and first
fit. A refutation holds for the order that was tried; only those of
:func:`solver.fitting.quick.refute_all_orders`
hold for every order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.arena.blocks import Block
from solver.arena.bodies import parts_of
from solver.arena.layout import instance_of
from solver.fitting import cpsat
from solver.fitting.placement import Placement, check_placement
from solver.fitting.quick import allowed_banks, divide_and_pack, first_fit, refute_all_orders
from solver.limits import Limit, LimitReachedError, Limits, Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from solver.fitting.quick import Places
    from solver.fitting.room import Arena
    from solver.memory import Problem

_FIRST_CPSAT = 2.0  # seconds for each order before any gets more
_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """What a search over several banks found.

    Attributes
    ----------
    placement : Placement or None
        Checked; None if there is none among the orders tried, or time ran out.
    order : tuple of int or None
        Op ids of the placement.
    peak : int
        Bytes: the peak of that order, or the least of the orders tried.
    refutation : str
        Why no order whatever has a placement; empty if that is not proven.
    tried, refuted : int
        Orders tried, and how many of them are proven to have no placement.
    is_pinned : bool
        Whether buffers were pinned to banks.
    limit : Limit or None
        What stopped the search.
    """

    placement: Placement | None
    order: tuple[int, ...] | None
    peak: int
    refutation: str
    tried: int
    refuted: int
    is_pinned: bool = False
    limit: Limit | None = None


def spread_over_banks(
    problem: Problem,
    orders: Iterable[Sequence[int]],
    arenas: Sequence[Arena],
    *,
    alignment: int = 1,
    pins: Mapping[int, int] | None = None,
    reserve: int = 0,
    bound: int = 0,
    limits: Limits | None = None,
) -> Spread:
    """Place the buffers of one of the orders over separate banks.

    Parameters
    ----------
    problem : Problem
        Its sizes should be aligned already.
    orders : iterable of sequence of int
        Tried one after the other.
    arenas : sequence of Arena
        The banks.
    alignment : int
        Bytes, for offsets and sizes; every bank starts at a multiple of it.
    pins : mapping of int to int, optional
        Storage ids and the index of the bank each must lie in.
    reserve : int
        Bytes, contiguous, that are kept for other things in one of the banks.
    bound : int
        Bytes that no order's peak goes below.
    limits : Limits, optional
        For the whole search.
    """
    pins = dict(pins or {})
    sizes = tuple(arena.size // alignment * alignment for arena in arenas)
    reserve = -(-reserve // alignment) * alignment
    refutation = refute_all_orders(
        problem, sizes, alignment=alignment, pins=pins, reserve=reserve, bound=bound
    )
    meter = Meter(limits or Limits())
    entries: list[_Order] = []
    placement: Placement | None = None
    chosen: _Order | None = None
    limit: Limit | None = None
    try:
        if not refutation:
            for order in orders:
                entry = _Order(
                    problem, tuple(order), sizes, alignment=alignment, pins=pins, reserve=reserve
                )
                entries.append(entry)
                if entry.try_quickly():
                    chosen = entry
                    break
                meter.check()
            chosen = chosen or _insist(entries, meter)
    except LimitReachedError as reached:
        limit = reached.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    if chosen is not None:
        placement = chosen.placement(tuple(arenas))
        check_placement(placement, {b: arenas[k].name for b, k in pins.items()})
    known = [chosen] if chosen else entries
    return Spread(
        placement,
        chosen.order if chosen else None,
        min((problem.replay(entry.order).peak for entry in known), default=0),
        refutation,
        len(entries),
        sum(entry.is_refuted for entry in entries),
        bool(pins),
        limit,
    )


class _Order:
    """One order under test: parts that no column joins are placed independently."""

    def __init__(
        self,
        problem: Problem,
        order: tuple[int, ...],
        sizes: tuple[int, ...],
        *,
        alignment: int,
        pins: Mapping[int, int],
        reserve: int,
    ) -> None:
        self.order = order
        self.instance = instance_of(problem, order, alignment=alignment)
        if reserve:
            kept = Block("what is reserved", reserve, 0, max(1, len(order)), None)
            self.instance = replace(self.instance, blocks=(*self.instance.blocks, kept))
        self.parts = parts_of(self.instance)
        self.places: list[Places | None] = [None] * len(self.parts)
        self.is_refuted = False
        self._sizes = sizes
        self._pins = pins
        # Storages come first among the blocks: their ids are the block indices.
        self._allowed = [
            [allowed_banks(body, pins, sizes) for body in p.bodies] for p in self.parts
        ]

    def try_quickly(self) -> bool:
        """Bounds and first fit; whether every part is placed."""
        for n, (part, allowed) in enumerate(zip(self.parts, self._allowed, strict=True)):
            if max(part.loads) > sum(self._sizes) or not all(allowed):
                self.is_refuted = True
                return False
            self.places[n] = first_fit(part, allowed, self._sizes) or divide_and_pack(
                self.instance, part, allowed, self._sizes
            )
        return None not in self.places

    def insist(self, seconds: float, meter: Meter) -> bool:
        """CP-SAT on what is left; whether every part is placed."""
        for n, (part, allowed) in enumerate(zip(self.parts, self._allowed, strict=True)):
            if self.places[n] is not None:
                continue
            answer = cpsat.solve(part, self._sizes, allowed, seconds, check=meter.check)
            if answer.is_infeasible:
                self.is_refuted = True
                return False
            if answer.places is None:
                return False
            self.places[n] = answer.places
        return True

    def placement(self, arenas: tuple[Arena, ...]) -> Placement:
        """Put the parts together."""
        bank = [self._pins.get(i, 0) for i in range(len(self.instance.blocks))]  # of 0 bytes too
        offsets = [0] * len(self.instance.blocks)
        for part, places in zip(self.parts, self.places, strict=True):
            assert places is not None
            for body, (k, offset) in zip(part.bodies, places, strict=True):
                for i in body.members:
                    bank[i], offsets[i] = k, offset
        return Placement(self.instance, arenas, tuple(bank), tuple(offsets))


def _insist(entries: Sequence[_Order], meter: Meter) -> _Order | None:
    """Run rounds of CP-SAT over the orders that are open, each longer than the one before."""
    seconds = _FIRST_CPSAT
    while cpsat.is_available():
        still_open = [entry for entry in entries if not entry.is_refuted]
        if not still_open:
            return None
        for entry in still_open:
            meter.check()
            left = meter.limits.seconds
            allowed = seconds if left is None else max(0.01, min(seconds, left - meter.seconds))
            if entry.insist(allowed, meter):
                return entry
        seconds *= _GROWTH
    return None

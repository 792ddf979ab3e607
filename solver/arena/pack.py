"""Offsets of an order: from a load bound and first fit to an exact height.

The load bound comes first, since a layout that meets it needs no other proof. What it leaves open
goes in rounds, each with several times the effort of the one before: the canonical search asks
whether the bound can be met, and raises it if not; omnimalloc and CP-SAT, where installed, look
for lower layouts, and CP-SAT for higher bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from solver.arena import canonical, cpsat, omni
from solver.arena.bodies import parts_of
from solver.arena.firstfit import first_fit, preorders
from solver.arena.layout import Layout, check_layout
from solver.limits import Limit, LimitReachedError, Limits, Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.arena.bodies import Part
    from solver.arena.layout import Instance

_FIRST_NODES = 250  # of the canonical search in the first round, for each preorder
_SEARCHED = 3  # preorders that it tries
_FIRST_SECONDS = 0.2  # of each packer in the first round
_GROWTH = 3
_LONGEST = 60.0  # seconds of one run of a packer
_LONGEST_UNSTOPPABLE = 4.0  # omnimalloc sees no Ctrl-C
_CPSAT_FROM = 1  # round; the other packers find most layouts before
_FEW_BODIES = 64  # of a part for which CP-SAT is the first to decide between yes and no


@dataclass(frozen=True, slots=True)
class Packed:
    """A layout and how good it is.

    Attributes
    ----------
    layout : Layout
        Checked.
    lower_bound : int
        Bytes that no layout of the instance goes below.
    proven_by : str or None
        What proves the height least: ``"load"``, ``"search"`` or ``"cp-sat"``; None if the
        height is above the bound.
    limit : Limit or None
        What stopped the packers before a proof; None with a gap means that none of them that is
        installed can go on.
    """

    layout: Layout
    lower_bound: int
    proven_by: str | None
    limit: Limit | None = None

    @property
    def height(self) -> int:
        """Bytes of the arena."""
        return self.layout.height

    @property
    def offsets(self) -> tuple[int, ...]:
        """Offset of each block."""
        return self.layout.offsets

    @property
    def gap(self) -> float:
        """Relative distance of the height from the bound; 0 when proven least."""
        return (self.height - self.lower_bound) / self.height if self.height else 0.0


@dataclass(frozen=True, slots=True)
class Packers:
    """Which packers may be used; each only if it is installed."""

    canonical: bool = True
    omnimalloc: bool = True
    cpsat: bool = True


def pack(
    instance: Instance,
    limits: Limits | None = None,
    *,
    packers: Packers | None = None,
    enough: int = 0,
    decide: bool = False,
    workers: int = 1,
) -> Packed:
    """Lay out an instance as low as possible and prove it.

    Parameters
    ----------
    instance : Instance
        What to place.
    limits : Limits, optional
        When one is reached, the result holds the best layout and bound so far. ``nodes`` counts
        those of the canonical search.
    packers : Packers, optional
        All by default.
    enough : int
        Bytes: a layout this low will do, with or without a proof.
    decide : bool
        Stop as soon as no layout is as low as ``enough``: the lower bound exceeds it then.
    workers : int
        Threads of CP-SAT.

    Raises
    ------
    ContradictionError
        If blocks are pinned to offsets at which they overlap.
    VerificationError
        If the independent check contradicts a packer: a bug, never caught.
    """
    meter = Meter(limits or Limits())
    parts = [_Open(part) for part in parts_of(instance)]
    run = _Run(parts, meter, packers or Packers(), enough, workers, decide=decide)
    run.start()
    limit: Limit | None = None
    try:
        run.finish()
    except LimitReachedError as reached:
        limit = reached.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    offsets = [0] * len(instance.blocks)
    for i, pinned in instance.pins:
        offsets[i] = pinned  # blocks of 0 bytes too
    for part in parts:
        for body, offset in zip(part.part.bodies, part.offsets, strict=True):
            for i in body.members:
                offsets[i] = offset
    layout = Layout(instance, tuple(offsets))
    check_layout(layout, run.height)
    proven = run.height == run.bound
    if proven and limit is not Limit.INTERRUPT:
        limit = None
    return Packed(layout, run.bound, run.bound_from if proven else None, limit)


@dataclass(slots=True)
class _Open:
    """A part with its incumbent and its bound."""

    part: Part
    offsets: Sequence[int] = ()
    height: int = 0
    bound: int = field(init=False)
    bound_from: str = "load"

    def __post_init__(self) -> None:
        self.bound = self.part.bound

    @property
    def has_pins(self) -> bool:
        return any(body.pin is not None for body in self.part.bodies)

    def offer(self, offsets: Sequence[int]) -> None:
        """Keep a layout if it is the lowest so far."""
        tops = (o + body.size for o, body in zip(offsets, self.part.bodies, strict=True))
        height = max(tops)
        if not self.offsets or height < self.height:
            self.offsets, self.height = tuple(offsets), height

    def raise_bound(self, bound: int, source: str) -> None:
        """Keep a bound if it is the highest so far."""
        if bound > self.bound:
            self.bound, self.bound_from = bound, source


class _Run:
    """Rounds of packers over the parts that are still too high."""

    def __init__(
        self,
        parts: list[_Open],
        meter: Meter,
        packers: Packers,
        enough: int,
        workers: int,
        *,
        decide: bool,
    ) -> None:
        self._parts = parts
        self._meter = meter
        self._enough = enough
        self._decide = decide
        self._workers = workers
        self._canonical = packers.canonical
        self._omni = packers.omnimalloc and omni.is_available()
        self._cpsat = packers.cpsat and cpsat.is_available()

    @property
    def height(self) -> int:
        return max((part.height for part in self._parts), default=0)

    @property
    def bound(self) -> int:
        return max((part.bound for part in self._parts), default=0)

    @property
    def bound_from(self) -> str:
        return max(self._parts, key=lambda p: p.bound).bound_from if self._parts else "load"

    @property
    def goal(self) -> int:
        """Bytes that every part may use: lowering one of them further gains nothing."""
        return max(self.bound, self._enough)

    @property
    def _is_refuted(self) -> bool:
        return self._decide and self.bound > self._enough

    def _is_open(self, part: _Open) -> bool:
        return part.height > self.goal and not self._is_refuted

    def start(self) -> None:
        """Give every part a layout, whatever the limits, and the best of several within them."""
        for part in self._parts:
            for preorder in preorders(part.part):
                part.offer(first_fit(part.part, preorder))
                if part.height <= self.goal or self._meter.is_over:
                    break

    def finish(self) -> None:
        """Go on until every part is within the goal.

        Raises
        ------
        LimitReachedError
            When a limit is hit.
        """
        for effort in count():
            for part in self._parts:
                if not self._is_open(part):
                    continue
                self._meter.check()
                if not self._try(part, effort):
                    return
            if not any(map(self._is_open, self._parts)):
                return

    def _try(self, part: _Open, effort: int) -> bool:
        """One round on one part; False if no packer can go on."""
        seconds = _FIRST_SECONDS * _GROWTH**effort
        few = self._decide and len(part.part.bodies) <= _FEW_BODIES
        can_search = (
            self._canonical and not part.has_pins and len(part.part.bodies) <= canonical.MOST_BODIES
        )
        if few:
            self._solve(part, seconds)
        if can_search:
            self._search(part, effort)
        self._place(part, seconds)
        if effort >= _CPSAT_FROM:
            self._solve(part, seconds)
        return can_search or self._cpsat

    def _place(self, part: _Open, seconds: float) -> None:
        if self._omni and not part.has_pins:
            for preorder in omni.PREORDERS:
                if self._is_open(part):
                    self._meter.check()
                    allowed = self._slice(min(seconds, _LONGEST_UNSTOPPABLE))
                    part.offer(omni.place(part.part, self.goal, preorder, allowed))

    def _search(self, part: _Open, effort: int) -> None:
        """Ask the canonical search for the goal, and half of the way to it if it is alone."""
        alone = not self._omni and not self._cpsat
        choices = list(preorders(part.part))[:_SEARCHED]
        for middle in (False, True) if alone else (False,):
            for preorder in choices:
                if not self._is_open(part):
                    return
                verdict = canonical.search_within(
                    part.part,
                    (self.goal + part.height) // 2 if middle else self.goal,
                    preorder,
                    self._meter.allowance(_FIRST_NODES * _GROWTH**effort),
                    self._meter.check,
                )
                if verdict.offsets is not None:
                    part.offer(verdict.offsets)
                if verdict.bound is not None:
                    part.raise_bound(verdict.bound, "search")
                self._meter.add(verdict.nodes)

    def _solve(self, part: _Open, seconds: float) -> None:
        if not (self._cpsat and self._is_open(part)):
            return
        answer = cpsat.solve(
            part.part,
            part.bound,
            self._enough + 1 if self._decide else part.height,
            self._slice(min(seconds, _LONGEST)),
            hint=part.offsets,
            workers=self._workers,
            check=self._meter.check,
        )
        if answer.offsets is not None:
            part.offer(answer.offsets)
        part.raise_bound(answer.bound, "cp-sat")

    def _slice(self, seconds: float) -> float:
        """Seconds a packer may take: what the limit leaves, at most."""
        limit = self._meter.limits.seconds
        left = seconds if limit is None else max(0.01, limit - self._meter.seconds)
        return min(seconds, left)

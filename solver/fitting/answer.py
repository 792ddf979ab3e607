"""The verdict on one network and one device, and what it rests on.

"Fits" takes a layout that was placed and checked within memory that is certainly there. "Does not
fit" takes a proven bound above all the memory that could serve. Everything else is undecided.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from solver.memory import make_problem

if TYPE_CHECKING:
    from solver.fitting.banks import Spread
    from solver.fitting.need import Need
    from solver.fitting.room import Room


class Verdict(StrEnum):
    """Whether it fits."""

    FITS = "fits"
    NO = "does not fit"
    UNDECIDED = "undecided"

    @property
    def fits(self) -> bool | None:
        """True, False, or None when undecided."""
        return {Verdict.FITS: True, Verdict.NO: False}.get(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one network on one device.

    Attributes
    ----------
    need : Need
        The network.
    room : Room
        The device.
    activations : Verdict
        On the activations alone.
    weights : Verdict or None
        On the weights alone; None if the description has no flash.
    way : str or None
        What the activations take to fit, see :class:`solver.fitting.need.Way`, or
        ``"several banks"``; None if they are not known to fit.
    spread : Spread or None
        The search over several banks, if there was one.
    """

    need: Need
    room: Room
    activations: Verdict
    weights: Verdict | None
    way: str | None = None
    spread: Spread | None = None

    @property
    def verdict(self) -> Verdict:
        """On both together."""
        both = {self.activations, self.weights}
        if Verdict.NO in both:
            return Verdict.NO
        return Verdict.UNDECIDED if Verdict.UNDECIDED in both else Verdict.FITS

    @property
    def left(self) -> int:
        """Bytes of the arena left; negative: bytes that the best layout is too large."""
        if self.way == "several banks" and self.spread is not None:
            total = sum(arena.size for arena in self.room.arenas)
            return total - self.room.reserve - self.spread.peak
        return self.room.arena.size - self.room.reserve - self.need.arena

    @property
    def missing(self) -> int:
        """Bytes by which the bound exceeds the memory in question; 0 if it does not.

        If the answer is no: all that could serve; otherwise the largest arena.
        """
        limit = self.room.limit if self.activations is Verdict.NO else self.room.usable
        return max(0, self.need.bound - limit)

    @property
    def exceeds_one_arena(self) -> bool:
        """Whether it is proven that the largest arena of the description is too small."""
        return self.need.bound > self.room.usable


def judge(need: Need, room: Room, spread: Spread | None = None) -> Answer:
    """Compare a need with the room there is.

    Parameters
    ----------
    need : Need
        Of the network.
    room : Room
        On the device.
    spread : Spread, optional
        What a search over several banks found.
    """
    activations, way = Verdict.UNDECIDED, None
    is_pinned = spread is not None and spread.is_pinned
    least = None if is_pinned else need.least_way_within(room.usable)
    if room.arena.size < room.reserve:
        least = None
    if least is not None:
        activations, way = Verdict.FITS, least.name
    elif spread is not None and spread.placement is not None:
        activations, way = Verdict.FITS, "several banks"
    elif need.bound > room.limit or (spread is not None and spread.refutation and room.is_exact):
        activations = Verdict.NO
    return Answer(need, room, activations, _weights(need, room), way, spread)


def _weights(need: Need, room: Room) -> Verdict | None:
    """Weights belong in flash; external memory that counts could hold them, but may be full."""
    flash = room.device.flash
    if flash is None:
        return None
    if need.weights <= flash:
        return Verdict.FITS
    could_serve = flash + (room.device.external if room.has_external else 0)
    return Verdict.UNDECIDED if need.weights <= could_serve else Verdict.NO


def bottleneck_op(need: Need) -> str | None:
    """Name the op that cannot run with less than the bound, or runs at the peak of the order.

    None if the most is needed before the first op runs, or after the last.
    """
    plan = need.plan
    problem = make_problem(need.graph, need.rules)
    if max(problem.live_at_start, problem.live_at_end) >= plan.lower_bound_bytes:
        return None
    cut = plan.certificate.get("cut")
    if cut is not None and cut["bound_bytes"] >= plan.lower_bound_bytes:
        return str(cut["op"])
    index = {name: v for v, name in enumerate(problem.names)}
    step = problem.replay([index[name] for name in plan.order]).bottleneck
    return None if step is None else plan.order[step]

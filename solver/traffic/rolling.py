"""Offsets window by window; where something finds no room, a gap is no longer kept.

What began in earlier windows stays where it is. Each window is packed with a look at what comes
after it, and the first part of it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.arena.bodies import ContradictionError
from solver.limits import Limits
from solver.traffic.placement import fit, whole_units
from solver.traffic.residency import Residency
from solver.traffic.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from solver.arena.pack import Packers
    from solver.traffic.model import TrafficProblem
    from solver.traffic.replay import Replay
    from solver.traffic.residency import Gap, Interval
    from solver.traffic.timeline import Key, Window

_SECONDS = 0.1  # for one window
_GLANCE = 0.05  # for one window less one gap
_TRIES = 12  # gaps to choose from, the cheapest
_NEVER = 2**62


@dataclass(slots=True)
class Rolling:
    """One pass over an order, from a plan to one that has offsets.

    Attributes
    ----------
    problem : TrafficProblem
        No op may be oversized.
    plan : Residency
        What to begin with.
    alignment : int
        Bytes.
    check : callable
        Called now and then; what it raises ends the pass.
    stride, width : int
        Steps settled at a time, and looked at.
    most : int
        End once as many bytes of traffic have been added.
    packers : Packers
        What may be used beside first fit.
    absent : set of Gap
        Gaps of absence so far.
    offsets : dict
        Of the stays settled.
    extra : int
        Bytes of traffic added.
    """

    problem: TrafficProblem
    plan: Residency
    alignment: int
    check: Callable[[], None]
    stride: int
    width: int
    most: int
    packers: Packers
    absent: set[Gap] = field(init=False)
    offsets: dict[Key, int] = field(default_factory=dict)
    extra: int = 0
    _timeline: Timeline = field(init=False)
    _stored: set[int] = field(init=False)  # buffers that external memory gets anyway

    def __post_init__(self) -> None:
        self.absent = set(self.plan.absent)
        self._timeline = Timeline(self.problem, self.plan.order, self.alignment)
        self._stored = {b for b, buffer in enumerate(self.problem.buffers) if buffer.compulsory}
        for gap in self._timeline.gaps:
            self._note(gap)

    def run(self) -> bool:
        """Place everything; tell whether that worked out."""
        count = len(self.plan.order)
        for start in range(0, count, self.stride):
            found = self._place(self._timeline.window(start, min(count, start + self.width)))
            if found is None:
                return False
            settled = {key: o for key, o in found.items() if key[1] < start + self.stride}
            self.offsets.update(settled)
        return True

    @property
    def residency(self) -> Residency:
        """The plan, less what has been dropped."""
        return Residency(self.plan.order, frozenset(self.absent))

    def offsets_of(self, replay: Replay) -> list[int]:
        """Return the offsets of the stays of the plan's replay, once everything is placed."""
        placed = {
            b: iter([self.offsets[b, begin] for begin, _ in self._timeline.stays(b, self.absent)])
            for b in range(len(self.problem.buffers))
        }
        return [next(placed[stay.buffer]) for stay in replay.stays]

    def _place(self, window: Window) -> dict[Key, int] | None:
        """Return offsets in a window; drop one gap after the other until there are some."""
        found, _ = self._ask(window, self.absent, _SECONDS)
        while found is None and self.extra < self.most:
            lowest: tuple[int, Interval] | None = None
            for gap in self._droppable(window)[:_TRIES]:
                found, height = self._ask(window, self.absent | {gap.gap}, _GLANCE)
                if found is not None or lowest is None or height < lowest[0]:
                    lowest = height, gap
                if found is not None:
                    break
            if lowest is None:
                return None
            self.extra += self._price(lowest[1])
            self.absent.add(lowest[1].gap)
            self._note(lowest[1])
        return found if self.extra < self.most else None

    def _note(self, gap: Interval) -> None:
        if gap.gap in self.absent and not gap.dirty:
            self._stored.add(gap.buffer)

    def _droppable(self, window: Window) -> list[Interval]:
        """Return gaps that are kept in or into a window, cheapest first."""
        kept = [g for g in window.gaps if g.end > window.start and g.gap not in self.absent]
        return sorted(kept, key=self._price)

    def _price(self, gap: Interval) -> int:
        """Bytes that dropping a gap costs."""
        size = self.problem.buffers[gap.buffer].size
        return size if gap.buffer in self._stored and not gap.dirty else 2 * size

    def _ask(
        self, window: Window, absent: AbstractSet[Gap], seconds: float
    ) -> tuple[dict[Key, int] | None, int]:
        """Return offsets in a window if any are found, and how high the lowest layout is."""
        self.check()
        instance, keys = self._timeline.instance(window, absent, self.offsets)
        room = whole_units(self.problem, self.alignment)
        try:
            packed = fit(instance, room, Limits(seconds=seconds), self.packers)
        except ContradictionError:
            return None, _NEVER
        if packed.height > room:
            return None, packed.height
        return dict(zip(keys, packed.offsets, strict=False)), packed.height

"""The TCM over steps as shapes: bytes in use filled, bytes in and out as bars below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.report.page.memory import stairs
from solver.report.page.names import FARTHEST_BUDGET, Tick, size_ticks, step_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.report.tcm_trace import TracedStep

#: Height of the drawings in their own units; the page stretches them.
HEIGHT = 1000

_ROOM = 1.05  # above the highest line
_MOST_TICKS = 4  # on one side of the bars


@dataclass(frozen=True, slots=True)
class UseChart:
    """A path in a box of ``steps`` by :data:`HEIGHT`; the TCM in percent from the bottom.

    ``tcm`` is None where it is too far above to be drawn; ``fullest`` is None without steps.
    """

    steps: int
    area: str
    tcm: float | None
    fullest: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class MovesChart:
    """Bars in a box of ``steps`` by :data:`HEIGHT`: a path for each kind, and where zero is."""

    steps: int
    paths: tuple[tuple[str, str], ...]
    zero: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def use_chart(used: Sequence[int], tcm: int, fullest: int | None) -> UseChart:
    """Draw bytes of TCM in use; ``fullest`` is the step to mark."""
    steps = max(1, len(used))
    highest = max(used, default=0) or tcm
    is_near = tcm <= FARTHEST_BUDGET * highest
    top = int(max(highest, tcm if is_near else 0) * _ROOM) + 1
    return UseChart(
        steps=steps,
        area=f"M0,{HEIGHT}{stairs(used, top)}V{HEIGHT}Z" if used else "",
        tcm=round(100 * tcm / top, 2) if is_near else None,
        fullest=None if fullest is None else round(100 * (fullest + 0.5) / steps, 3),
        x_ticks=step_ticks(steps),
        y_ticks=size_ticks(top),
    )


def moves_chart(steps: Sequence[TracedStep]) -> MovesChart:
    """Draw what comes in upwards, what goes out downwards, compulsory bytes next to the axis."""
    high = max([1, *(step.coming for step in steps)])
    low = max([0, *(step.leaving for step in steps)])
    scale = HEIGHT / (_ROOM * (high + low))
    zero = round(_ROOM * high * scale)

    def bar(step: int, begin: int, size: int) -> str:
        """``begin`` and ``size`` count upwards from zero, downwards if negative."""
        y, height = zero - round(begin * scale), -round(size * scale)
        return f"M{step},{y}v{height or (-1 if size > 0 else 1)}h1V{y}z"

    parts = {"once": "", "weights": "", "reload": "", "spill": ""}
    for i, step in enumerate(steps):
        for part, begin, size in (
            ("once", 0, step.inputs),
            ("weights", step.inputs, step.weights),
            ("reload", step.inputs + step.weights, step.reloads),
            ("once", 0, -step.outputs),
            ("spill", -step.outputs, -step.spills),
        ):
            if size:
                parts[part] += bar(i, begin, size)
    return MovesChart(
        steps=max(1, len(steps)),
        paths=tuple((part, path) for part, path in parts.items() if path),
        zero=round(100 - 100 * zero / HEIGHT, 2),
        x_ticks=step_ticks(max(1, len(steps))),
        y_ticks=_both_ways(high, low),
    )


def _both_ways(high: int, low: int) -> tuple[Tick, ...]:
    """Sizes upwards and downwards from zero, the same distances apart."""
    larger, both = max(high, low), _ROOM * (high + low)
    zero = 100 * _ROOM * low / both
    sizes = [(tick.at * larger / 100, tick.text) for tick in size_ticks(larger)]
    sizes = sizes[:: 2 if len(sizes) > _MOST_TICKS else 1]
    ups = [Tick(round(zero + 100 * at / both, 2), text) for at, text in sizes if at <= high]
    downs = [Tick(round(zero - 100 * at / both, 2), text) for at, text in sizes if 0 < at <= low]
    return (*ups, *downs)

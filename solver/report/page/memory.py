"""Memory over steps as shapes: the plan's order filled, file order as a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.report.page.names import FARTHEST_BUDGET, Tick, size_ticks, step_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.report.page.content import Content

#: Height of the drawing in its own units; the page stretches it.
HEIGHT = 1000

_ROOM = 1.05  # above the highest line


@dataclass(frozen=True, slots=True)
class MemoryChart:
    """Paths in a box of ``steps`` by :data:`HEIGHT`; levels in percent from the bottom.

    ``budget`` and ``bound`` are None where they are not drawn.
    """

    steps: int
    area: str
    file_line: str
    budget: float | None
    bound: float | None
    bottleneck: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def memory_chart(content: Content, budget: int | None, bound: int) -> MemoryChart:
    """Draw both orders; ``bound`` gets a line only if it is below the peak."""
    steps = max(1, len(content.order))
    own = content.profile.step_peaks or (content.profile.live_before,)
    filed: tuple[int, ...] = ()
    if content.file_profile is not None:
        filed = content.file_profile.step_peaks or (content.file_profile.live_before,)
    highest = max(content.peak, content.file_peak or 0, 1)
    is_near = budget is not None and budget <= FARTHEST_BUDGET * highest
    if budget is not None and is_near:
        highest = max(highest, budget)
    top = int(highest * _ROOM) + 1

    def level(size: int) -> float:
        return round(100 * size / top, 2)

    step = content.bottleneck
    return MemoryChart(
        steps=steps,
        area=f"M0,{HEIGHT}{stairs(own, top)}V{HEIGHT}Z",
        file_line=_line(filed, top),
        budget=level(budget) if budget is not None and is_near else None,
        bound=level(bound) if bound < content.peak else None,
        bottleneck=None if step is None else round(100 * (step + 0.5) / steps, 3),
        x_ticks=step_ticks(steps),
        y_ticks=size_ticks(top),
    )


def _line(sizes: Sequence[int], top: int) -> str:
    if not sizes:
        return ""
    return f"M0,{_y(sizes[0], top)}{stairs(sizes, top)}"


def stairs(sizes: Sequence[int], top: int) -> str:
    """Relative to any start: up or down to each level, then along its step."""
    parts: list[str] = []
    for i, size in enumerate(sizes):
        if i + 1 == len(sizes) or _y(sizes[i + 1], top) != _y(size, top):
            parts.append(f"V{_y(size, top)}H{i + 1}")
    return "".join(parts)


def _y(size: int, top: int) -> int:
    return HEIGHT - round(HEIGHT * size / top)

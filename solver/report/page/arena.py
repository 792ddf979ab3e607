"""The arena as rectangles: steps to the right, bytes upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.report.page.names import FARTHEST_BUDGET, Tick, shown, size_ticks, step_ticks
from solver.report.units import full_size

if TYPE_CHECKING:
    from solver.report.page.content import Content, ReportInput

#: Height of the drawing in its own units; the page stretches it.
HEIGHT = 10_000

_ROOM = 1.02
_LEAST_WIDTH, _LEAST_HEIGHT = 7.0, 7.0  # percent: a smaller rectangle gets no label


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A block. ``kind`` is one of ``input``, ``output``, ``scratch`` or empty."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    shade: int
    is_hot: bool
    tooltip: str


@dataclass(frozen=True, slots=True)
class Label:
    """A name over its rectangle, in percent of the map; ``bottom`` counts from below."""

    left: float
    bottom: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class ArenaMap:
    """Rectangles in a box of ``steps`` by :data:`HEIGHT`; levels in percent from the bottom."""

    steps: int
    rectangles: tuple[Rectangle, ...]
    labels: tuple[Label, ...]
    top: float
    budget: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def arena_map(page: ReportInput, content: Content) -> ArenaMap | None:
    """Draw the layout; None if there is none to draw."""
    arena = page.arena
    if not arena or not page.blocks:
        return None
    budget = page.plan.budget_bytes
    is_near = budget is not None and budget <= FARTHEST_BUDGET * arena
    top = int(max(arena, budget if budget is not None and is_near else 0) * _ROOM) + 1
    steps = max(1, len(content.order))
    kinds = {
        storage.name: "input" if storage.is_input else "output" if storage.is_output else ""
        for storage in content.problem.storages
    }
    hot = 0 if content.bottleneck is None else content.bottleneck
    rectangles: list[Rectangle] = []
    labels: list[Label] = []
    placed = sorted(page.blocks, key=lambda block: (block[2], block[4], block[0]))
    for shade, (name, size, begin, end, offset) in enumerate(placed):
        if not size:
            continue
        height = page.aligned(size)
        low, high = (round(HEIGHT * y / top) for y in (offset, offset + height))
        kind = kinds.get(name, "scratch")
        rectangles.append(
            Rectangle(
                begin, HEIGHT - high, end - begin, max(1, high - low), kind, shade % 3,
                begin <= hot < end,
                f"{shown(name)}{f' ({kind})' if kind else ''}\n{_bytes(size, height)} "
                f"at offset {offset}\n{_range(begin, end)}",
            )
        )  # fmt: skip
        width, share = 100 * (end - begin) / steps, 100 * height / top
        if width >= _LEAST_WIDTH and share >= _LEAST_HEIGHT:
            labels.append(
                Label(
                    round(100 * begin / steps, 3), round(100 * offset / top, 3),
                    round(width, 3), round(share, 3), shown(name),
                )
            )  # fmt: skip
    return ArenaMap(
        steps=steps,
        rectangles=tuple(rectangles),
        labels=tuple(labels),
        top=round(100 * arena / top, 2),
        budget=round(100 * budget / top, 2) if budget is not None and is_near else None,
        x_ticks=step_ticks(steps),
        y_ticks=size_ticks(top),
    )


def _bytes(size: int, aligned: int) -> str:
    padding = f" + {aligned - size} of padding" if aligned > size else ""
    return full_size(size) + padding


def _range(begin: int, end: int) -> str:
    return f"step {end}" if end == begin + 1 else f"steps {begin + 1} to {end}"

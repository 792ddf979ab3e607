"""The arena as rectangles: steps to the right, bytes upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.report.page.names import FARTHEST_BUDGET, Tick, shown, size_ticks, step_ticks
from solver.report.units import full_size, short_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from solver.report.page.content import Content, ReportInput

#: Height of the drawing in its own units; the page stretches it.
HEIGHT = 10_000

_ROOM = 1.02
_LEAST_WIDTH, _LEAST_HEIGHT = 7.0, 7.0  # percent: a smaller rectangle gets no label


@dataclass(frozen=True, slots=True)
class Placed:
    """A block in a layout: bytes with padding, half-open steps, bytes from the bottom."""

    name: str
    height: int
    begin: int
    end: int
    offset: int
    kind: str
    is_hot: bool
    tooltip: str


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
    """Rectangles in a box of ``steps`` by :data:`HEIGHT`; levels in percent from the bottom.

    ``limit`` says what the level ``budget`` is, ``note`` what there is to see.
    """

    steps: int
    rectangles: tuple[Rectangle, ...]
    labels: tuple[Label, ...]
    top: float
    budget: float | None
    limit: str
    note: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def arena_map(page: ReportInput, content: Content) -> ArenaMap | None:
    """Draw the layout; None if there is none to draw."""
    arena = page.arena
    if not arena or not page.blocks:
        return None
    kinds = {
        storage.name: "input" if storage.is_input else "output" if storage.is_output else ""
        for storage in content.problem.storages
    }
    hot = 0 if content.bottleneck is None else content.bottleneck
    placed: list[Placed] = []
    for name, size, begin, end, offset in page.blocks:
        kind, height = kinds.get(name, "scratch"), page.aligned(size)
        tooltip = (
            f"{shown(name)}{f' ({kind})' if kind else ''}\n{_bytes(size, height)} "
            f"at offset {offset}\n{span(begin, end)}"
        )
        placed.append(Placed(name, height, begin, end, offset, kind, begin <= hot < end, tooltip))
    rounded = f", sizes rounded up to {page.alignment} bytes" if page.alignment > 1 else ""
    budget = page.plan.budget_bytes
    return draw(
        placed,
        max(1, len(content.order)),
        arena,
        budget,
        "" if budget is None else f"budget {short_size(budget)}",
        f"Arena of {full_size(arena)}; each rectangle is a buffer: live range to the right, offset "
        f"and bytes upwards{rounded}. {page.layout_note}",
    )


def draw(  # noqa: PLR0917
    blocks: Iterable[Placed], steps: int, arena: int, budget: int | None, limit: str, note: str
) -> ArenaMap:
    """Draw blocks in an arena of so many bytes, below ``budget`` where that is near."""
    is_near = budget is not None and budget <= FARTHEST_BUDGET * arena
    top = int(max(arena, budget if budget is not None and is_near else 0) * _ROOM) + 1
    rectangles: list[Rectangle] = []
    labels: list[Label] = []
    placed = sorted(blocks, key=lambda block: (block.begin, block.offset, block.name))
    for shade, block in enumerate(placed):
        if not block.height:
            continue
        low, high = (round(HEIGHT * y / top) for y in (block.offset, block.offset + block.height))
        length = block.end - block.begin
        rectangles.append(
            Rectangle(
                block.begin, HEIGHT - high, length, max(1, high - low), block.kind, shade % 3,
                block.is_hot, block.tooltip,
            )
        )  # fmt: skip
        width, share = 100 * length / steps, 100 * block.height / top
        if width >= _LEAST_WIDTH and share >= _LEAST_HEIGHT:
            labels.append(
                Label(
                    round(100 * block.begin / steps, 3), round(100 * block.offset / top, 3),
                    round(width, 3), round(share, 3), shown(block.name),
                )
            )  # fmt: skip
    return ArenaMap(
        steps=steps,
        rectangles=tuple(rectangles),
        labels=tuple(labels),
        top=round(100 * arena / top, 2),
        budget=round(100 * budget / top, 2) if budget is not None and is_near else None,
        limit=limit,
        note=note,
        x_ticks=step_ticks(steps),
        y_ticks=size_ticks(top),
    )


def _bytes(size: int, aligned: int) -> str:
    padding = f" + {aligned - size} of padding" if aligned > size else ""
    return full_size(size) + padding


def span(begin: int, end: int) -> str:
    """Name half-open steps, counted from 1."""
    return f"step {end}" if end == begin + 1 else f"steps {begin + 1} to {end}"

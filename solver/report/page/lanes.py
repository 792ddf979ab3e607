"""The graph in execution order: a column for each op, a lane for each tensor while it is live.

What crosses a column is what is live there. Long orders are cut into bands, one below the other;
lanes go on from the right end of a band at the left of the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

from solver.report.page.names import shown
from solver.report.page.tensors import assign, tensors_of
from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models import Graph
    from solver.report.page.content import Content
    from solver.report.page.tensors import Tensor

_WIDTH = 1180.0  # of a band
_LEFT = 44.0  # step numbers
_WIDEST_STEP = 36.0
_BAND = 100  # steps; a few more go into one band
_LONGEST_BAND = 130
_HEIGHT = 1100.0  # of all bands, unless lanes get too thin
_LEAST_PITCH, _LARGEST_PITCH = 2.6, 10.0
_HEAD, _FOOT = 17.0, 17.0  # above and below the lanes of a band
_LETTER = 6.2  # width of a letter
_SHORTEST_STRETCH = 3  # ops of one group to name it
_HEATS = 5


@dataclass(frozen=True, slots=True)
class Wire:
    """A tensor: its lane and its branches to the ops. ``weight`` 0 to 3 grows with its bytes."""

    path: str
    weight: int
    is_hot: bool
    tooltip: str


@dataclass(frozen=True, slots=True)
class Node:
    """An op. ``heat`` grows with the memory in use while it runs."""

    x: float
    y: float
    heat: int
    is_peak: bool
    tooltip: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text at a place."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Column:
    """The bottleneck: a column over the height of its band, and a label."""

    x: float
    y: float
    width: float
    height: float
    label: Text


@dataclass(frozen=True, slots=True)
class LaneDrawing:
    """The whole drawing, in pixels at full size."""

    width: float
    height: float
    radius: float
    pitch: float
    wires: tuple[Wire, ...]
    nodes: tuple[Node, ...]
    numbers: tuple[Text, ...]
    groups: tuple[Text, ...]
    column: Column | None


def lane_drawing(content: Content, graph: Graph) -> LaneDrawing | None:
    """Draw the plan's order; None for a network without ops."""
    if not content.order:
        return None
    tensors = tensors_of(content)
    lanes = assign(tensors, len(content.order))
    frame = _Frame.of(len(content.order), tensors)
    largest = max((t.size for t in tensors), default=0)
    peak = content.peak
    nodes: list[Node] = []
    for step, (v, used) in enumerate(zip(content.order, content.profile.step_peaks, strict=True)):
        kind = f" ({shown(graph.ops[v].kind)})" if graph.ops[v].kind else ""
        nodes.append(
            Node(
                round(frame.x(step), 1), round(frame.y(step, lanes[step]), 1),
                min(_HEATS - 1, used * _HEATS // peak) if peak else 0,
                used == peak and content.bottleneck is not None,
                f"step {step + 1}: {shown(graph.ops[v].name)}{kind}\n{short_size(used)} in use",
            )
        )  # fmt: skip
    wires = [
        Wire(
            _path(t, lanes, frame), ceil(3 * sqrt(t.size / largest)) if t.size else 0, t.is_hot,
            f"{shown(t.name)}: {short_size(t.size)}",
        )
        for t in tensors
    ]  # fmt: skip
    return LaneDrawing(
        width=round(_LEFT + frame.per_band * frame.dx + 8, 1),
        height=round(frame.tops[-1], 1),
        radius=round(min(4.0, 0.42 * frame.dx, 0.6 * frame.pitch + 1), 2),
        pitch=round(frame.pitch, 2),
        wires=tuple(w for w in wires if w.path),
        nodes=tuple(nodes),
        numbers=tuple(frame.numbers()),
        groups=tuple(_groups(content, graph, frame)),
        column=_column(content, graph, frame),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where steps and lanes are on the drawing."""

    steps: int
    per_band: int
    dx: float
    pitch: float
    tops: tuple[float, ...]  # of each band, and the end

    @classmethod
    def of(cls, steps: int, tensors: Sequence[Tensor]) -> _Frame:
        per_band = steps if steps <= _LONGEST_BAND else ceil(steps / ceil(steps / _BAND))
        highest = [0] * ceil(steps / per_band)
        for tensor in tensors:
            for band in range(max(0, tensor.begin) // per_band, tensor.last // per_band + 1):
                highest[band] = max(highest[band], tensor.lane)
        lanes = sum(lane + 1 for lane in highest)
        pitch = min(_LARGEST_PITCH, max(_LEAST_PITCH, _HEIGHT / lanes))
        tops = [0.0]
        for lane in highest:
            tops.append(tops[-1] + _HEAD + (lane + 1) * pitch + _FOOT)
        return cls(steps, per_band, min(_WIDEST_STEP, _WIDTH / per_band), pitch, tuple(tops))

    def x(self, step: float, band: int | None = None) -> float:
        if band is None:
            band = int(step) // self.per_band
        return _LEFT + (step - band * self.per_band + 0.5) * self.dx

    def y(self, step: int, lane: int) -> float:
        return self.lane_y(step // self.per_band, lane)

    def lane_y(self, band: int, lane: int) -> float:
        return self.tops[band] + _HEAD + (lane + 0.5) * self.pitch

    def numbers(self) -> Iterator[Text]:
        """First step of every band."""
        for band in range(len(self.tops) - 1):
            y = self.lane_y(band, 0) + 4
            yield Text(_LEFT - 12, round(y, 1), str(band * self.per_band + 1), "end")


def _path(tensor: Tensor, lanes: Sequence[int], frame: _Frame) -> str:
    """Its lane, cut into bands, and a branch to every op in another lane."""
    parts: list[str] = []
    straight_end = tensor.last == frame.steps - 1 or lanes[tensor.last] == tensor.lane
    begin = float(tensor.begin) if tensor.begin >= 0 else -0.5
    if tensor.begin >= 0 and lanes[tensor.begin] != tensor.lane:
        begin += 0.3
    end = tensor.last + 0.0 if straight_end else tensor.last - 0.7
    if tensor.last == frame.steps - 1 and tensor.touches and tensor.touches[-1] < tensor.last:
        end = tensor.last + 0.5  # kept to the end
    for band in range(max(0, tensor.begin) // frame.per_band, tensor.last // frame.per_band + 1):
        low = max(begin, band * frame.per_band - 0.5)
        high = min(end, (band + 1) * frame.per_band - 0.5)
        if high > low:
            y = frame.lane_y(band, tensor.lane)
            parts.append(f"M{frame.x(low, band):.1f},{y:.1f}H{frame.x(high, band):.1f}")
    for step in tensor.touches:
        if lanes[step] == tensor.lane:
            continue
        lane_y, node_y = frame.y(step, tensor.lane), frame.y(step, lanes[step])
        at = frame.x(step)
        # From the op down to its second output, or from the lane to the op that reads it.
        away = 0.3 * frame.dx if step == tensor.begin else -0.7 * frame.dx
        bend = at + away / 2
        parts.append(
            f"M{at + away:.1f},{lane_y:.1f}C{bend:.1f},{lane_y:.1f},{bend:.1f},{node_y:.1f},"
            f"{at:.1f},{node_y:.1f}"
        )
    return "".join(parts)


def _groups(content: Content, graph: Graph, frame: _Frame) -> Iterator[Text]:
    """Name stretches of ops whose names begin alike, where there is room."""
    first = 0
    names = [_group(graph.ops[v].name) for v in content.order]
    for step in range(1, frame.steps + 1):
        ends_band = step % frame.per_band == 0 or step == frame.steps
        if not ends_band and names[step] == names[first]:
            continue
        text = names[first]
        length = step - first
        if text and length >= _SHORTEST_STRETCH and len(text) * _LETTER < length * frame.dx:
            y = frame.tops[first // frame.per_band + 1] - 5
            yield Text(round(frame.x(first) - frame.dx / 2 + 2, 1), round(y, 1), text)
        first = step


def _group(name: str) -> str:
    """Give what stands before the first dot or slash."""
    head, dot, _ = shown(name.lstrip("/"), 200).replace("/", ".").partition(".")
    return head if dot else ""


def _column(content: Content, graph: Graph, frame: _Frame) -> Column | None:
    step = content.bottleneck
    if step is None:
        return None
    band = step // frame.per_band
    top, end = frame.tops[band], frame.tops[band + 1]
    x = frame.x(step)
    is_left = x < _LEFT + frame.per_band * frame.dx / 2
    name = shown(graph.ops[content.order[step]].name, 60)
    text = f"step {step + 1}: {name}"
    label = Text(round(x, 1), round(top + 11, 1), text, "start" if is_left else "end")
    width = max(frame.dx, 5)
    return Column(
        round(x - width / 2, 1), round(top + _HEAD - 2, 1), round(width, 1),
        round(end - top - _HEAD - _FOOT + 4, 1), label,
    )  # fmt: skip

"""Bar plots. matplotlib is imported here only, and on demand."""

from __future__ import annotations

import io
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from solver.peak.baselines.comparison import means
from solver.report.comparison import ratio_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from solver.peak.baselines.comparison import Mean
    from solver.report.comparison import Compared

#: Suffixes of plot files.
FORMATS = ("png", "svg", "pdf")

_COLOURS = {"peak": "#4c78a8", "arena": "#8c8279", "exact": "#2f8f4e"}
_DOT = "#1b1b1b"
_MOST_NAMES = 4  # networks named in the title
_LONGEST_NAME = 24  # characters


class PlotError(Exception):
    """A plot that cannot be drawn. The message says what would help."""


def check_plot(path: Path) -> None:
    """Refuse a plot file before any work goes into it.

    Raises
    ------
    PlotError
        If the suffix is unknown or matplotlib is missing.
    """
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        suffixes = ", ".join(f".{name}" for name in FORMATS)
        raise PlotError(f"{path}: cannot tell the format; end the name in one of {suffixes}")
    if find_spec("matplotlib") is None:
        raise PlotError("--plot needs matplotlib; pip install 'tightfit[plot]' brings it")


def ratio_plot(done: Sequence[Compared], path: Path) -> bytes:
    """Draw a bar per method: its bytes relative to the optimum.

    Parameters
    ----------
    done : sequence of Compared
        One network or more; with more, bars are geometric means and dots single networks.
    path : Path
        Tells the format by its suffix.

    Returns
    -------
    bytes
        The file's content, the same for the same figures.
    """
    # Half a second that only plots pay; no global state, so no backend is needed.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = means([compared.comparison for compared in done])
    content = io.BytesIO()
    suffix = path.suffix.lower().removeprefix(".")
    with rc_context({"svg.hashsalt": "tightfit", "svg.fonttype": "none", "text.parse_math": False}):
        figure = Figure(figsize=(8, 1.5 + 0.34 * len(rows)), layout="constrained")
        _draw(figure.add_subplot(), rows, done)
        dated = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[suffix]
        figure.savefig(content, format=suffix, dpi=150, metadata={dated: None})
    return content.getvalue()


def _draw(axes: Axes, rows: Sequence[Mean], done: Sequence[Compared]) -> None:
    dots = _dots(rows, done) if len(done) > 1 else []
    right = max([1.1, *(_finite(row.ratio) or 0 for row in rows), *(x for x, _ in dots)])
    for y, row in enumerate(rows):
        ratio = _finite(row.ratio) or 0
        axes.barh(y, ratio, height=0.7, color=_COLOURS[_kind(row)], zorder=2)
        # With dots about, only the foot of the bar is free.
        at, colour = (0.0, "white") if dots and ratio else (ratio, "black")
        axes.text(at + 0.012 * right, y, _label(row, done), va="center", fontsize=9, color=colour)
    if dots:
        xs, ys = zip(*dots, strict=True)
        axes.scatter(xs, ys, s=14, color=_DOT, zorder=3, alpha=0.7)
    axes.axvline(1, color=_COLOURS["exact"], linewidth=1.2, zorder=4)
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * right)
    axes.grid(axis="x", color="#dddddd", zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(_title(done), fontsize=11, loc="left")
    axes.set_xlabel(_axis(done))
    _legend(axes, rows, with_dots=bool(dots))


def _dots(rows: Sequence[Mean], done: Sequence[Compared]) -> list[tuple[float, int]]:
    """Ratio of each network, and the bar it belongs to."""
    bar = {row.name: y for y, row in enumerate(rows)}
    found: list[tuple[float, int]] = []
    for comparison in (compared.comparison for compared in done):
        for row in (*comparison.rows, comparison.exact):
            ratio = _finite(comparison.ratio(row))
            if ratio is not None:
                found.append((ratio, bar[row.name]))
    return found


def _kind(row: Mean) -> str:
    if row.name == "exact":
        return "exact"
    return "arena" if row.is_arena else "peak"


def _label(row: Mean, done: Sequence[Compared]) -> str:
    if row.ratio is None:
        return "no answer"
    text = ratio_text(row.ratio)
    return text if row.answered == len(done) else f"{text} ({row.answered} of {len(done)})"


def _legend(axes: Axes, rows: Sequence[Mean], *, with_dots: bool) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    texts = {"peak": "peak of live bytes", "arena": "arena bytes", "exact": "exact search"}
    kinds = {_kind(row) for row in rows}
    handles: list[Patch | Line2D] = [
        Patch(color=_COLOURS[kind], label=text) for kind, text in texts.items() if kind in kinds
    ]
    if with_dots:
        handles.append(
            Line2D([], [], color=_DOT, marker="o", markersize=4, linestyle="", label="one network")
        )
    axes.figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )


def _title(done: Sequence[Compared]) -> str:
    names = [_printable(compared.model) for compared in done[:_MOST_NAMES]]
    more = len(done) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _axis(done: Sequence[Compared]) -> str:
    undecided = sum(not compared.comparison.is_proven for compared in done)
    what = "bytes needed / optimum" if undecided < len(done) else "bytes needed / best order found"
    if len(done) > 1:
        what += ", geometric mean"
    if undecided and len(done) > 1:
        what += f" (not proven on {undecided} of {len(done)}: best order found)"
    elif undecided:
        what += " (not proven)"
    return what


def _finite(ratio: float | None) -> float | None:
    return None if ratio is None or math.isinf(ratio) else ratio


def _printable(text: str) -> str:
    name = "".join(c if c.isprintable() else "?" for c in Path(text).name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."

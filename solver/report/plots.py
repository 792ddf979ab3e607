"""Bar plots, and what all plots share. matplotlib is imported on demand."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solver.peak.baselines.comparison import means
from solver.report.tables import ratio_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from solver.peak.baselines.comparison import Mean
    from solver.report.comparison import Compared

#: Suffixes of plot files.
FORMATS = ("png", "svg", "pdf")

#: Settings for figures in papers: small letters that stay letters.
PAPER: Mapping[str, Any] = {"pdf.fonttype": 42, "font.size": 8}

_COLOURS = {
    "peak": "#4c78a8", "arena": "#8c8279", "traffic": "#4c78a8", "compulsory": "#b9bec5",
    "exact": "#2f8f4e",
}  # fmt: skip
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


def saved(
    path: Path,
    size: tuple[float, float],
    draw: Callable[[Figure], None],
    *,
    dpi: int = 150,
    settings: Mapping[Any, Any] | None = None,
) -> bytes:
    """Draw a figure and return the file's content, the same for the same drawing.

    Parameters
    ----------
    path : Path
        Tells the format by its suffix.
    size : tuple of float
        Width and height in inches.
    draw : callable
        Fills the figure.
    dpi : int
        Pixels per inch, where there are pixels.
    settings : mapping, optional
        Of matplotlib (``rcParams``), beside those that keep the content the same.
    """
    # Half a second that only plots pay; no global state, so no backend is needed.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    content = io.BytesIO()
    suffix = path.suffix.lower().removeprefix(".")
    with rc_context({
        "svg.hashsalt": "tightfit", "svg.fonttype": "none", "text.parse_math": False,
        **(settings or {}),
    }):  # fmt: skip
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        dated = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[suffix]
        figure.savefig(content, format=suffix, dpi=dpi, metadata={dated: None})
    return content.getvalue()


@dataclass(frozen=True, slots=True)
class Bar:
    """A method: its ratio to the best, None without an answer.

    ``kind`` is its colour; up to ``base`` it has that of compulsory bytes instead.
    """

    title: str
    ratio: float | None
    label: str
    kind: str
    base: float = 0.0


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars from the top, dots (ratio, bar) over them, what the axis shows, colours explained."""

    bars: Sequence[Bar]
    dots: Sequence[tuple[float, int]]
    title: str
    axis: str
    kinds: dict[str, str]


def draw_bars(plot: BarPlot, path: Path) -> bytes:
    """Draw a bar per method; see :func:`saved`."""
    return saved(path, (8, 1.5 + 0.34 * len(plot.bars)), lambda figure: _draw(figure, plot))


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
    rows = means([compared.comparison for compared in done])
    bars = [Bar(row.title, finite(row.ratio), _label(row, done), _kind(row)) for row in rows]
    kinds = {"peak": "peak of live bytes", "arena": "arena bytes", "exact": "exact search"}
    return draw_bars(
        BarPlot(
            bars,
            _dots(rows, done) if len(done) > 1 else (),
            title_of([compared.model for compared in done]),
            axis_of("bytes needed", "order", [compared.comparison.is_proven for compared in done]),
            {kind: text for kind, text in kinds.items() if any(bar.kind == kind for bar in bars)},
        ),
        path,
    )


def _draw(figure: Figure, plot: BarPlot) -> None:
    axes = figure.add_subplot()
    right = max([1.1, *(bar.ratio or 0 for bar in plot.bars), *(x for x, _ in plot.dots)])
    for y, bar in enumerate(plot.bars):
        ratio = bar.ratio or 0
        axes.barh(y, ratio, height=0.7, color=_COLOURS[bar.kind], zorder=2)
        axes.barh(y, min(bar.base, ratio), height=0.7, color=_COLOURS["compulsory"], zorder=2)
        if plot.dots:  # these may be anywhere on the bars: figures in a column beside them
            beside = axes.get_yaxis_transform()
            axes.text(1.01, y, bar.label, va="center", fontsize=9, transform=beside)
        else:
            axes.text(ratio + 0.012 * right, y, bar.label, va="center", fontsize=9)
    if plot.dots:
        xs, ys = zip(*plot.dots, strict=True)
        axes.scatter(xs, ys, s=14, color=_DOT, zorder=3, alpha=0.7)
    axes.axvline(1, color=_COLOURS["exact"], linewidth=1.2, zorder=4)
    axes.set_yticks(range(len(plot.bars)), [bar.title for bar in plot.bars])
    axes.invert_yaxis()
    axes.set_xlim(0, (1.03 if plot.dots else 1.12) * right)
    axes.grid(axis="x", color="#dddddd", zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(plot.title, fontsize=11, loc="left")
    axes.set_xlabel(plot.axis)
    _legend(axes, plot)


def _legend(axes: Axes, plot: BarPlot) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles: list[Patch | Line2D] = [
        Patch(color=_COLOURS[kind], label=text) for kind, text in plot.kinds.items()
    ]
    if plot.dots:
        handles.append(
            Line2D([], [], color=_DOT, marker="o", markersize=4, linestyle="", label="one network")
        )
    axes.figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )


def _dots(rows: Sequence[Mean], done: Sequence[Compared]) -> list[tuple[float, int]]:
    """Ratio of each network, and the bar it belongs to."""
    bar = {row.name: y for y, row in enumerate(rows)}
    found: list[tuple[float, int]] = []
    for comparison in (compared.comparison for compared in done):
        for row in (*comparison.rows, comparison.exact):
            ratio = finite(comparison.ratio(row))
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


def title_of(models: Sequence[str]) -> str:
    """Name the first few networks."""
    names = [_printable(model) for model in models[:_MOST_NAMES]]
    more = len(models) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def axis_of(what: str, found: str, proven: Sequence[bool]) -> str:
    """Say what ratios are of, and to what: the optimum, or the best that was found."""
    undecided = sum(not is_proven for is_proven in proven)
    words = f"{what} / optimum" if undecided < len(proven) else f"{what} / best {found} found"
    if len(proven) > 1:
        words += ", geometric mean"
    if undecided and len(proven) > 1:
        words += f" (not proven on {undecided} of {len(proven)}: best {found} found)"
    elif undecided:
        words += " (not proven)"
    return words


def finite(ratio: float | None) -> float | None:
    """Give a ratio that can be drawn; None for one to nothing."""
    return None if ratio is None or math.isinf(ratio) else ratio


def _printable(text: str) -> str:
    name = "".join(c if c.isprintable() else "?" for c in Path(text).name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."

"""Traffic over the size of the TCM for papers. matplotlib is imported on demand."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from solver.report.page.names import round_step, shown, size_ticks
from solver.report.plots import PAPER, saved
from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from solver.traffic.sweep import Curve

_SIZE = (5.0, 2.9)  # inches: a column and a half
_LONGEST_TITLE = 60  # characters
_MOST_TICKS = 7
_UNITS = (("MB", 1 << 20), ("KB", 1 << 10))
_ROOM = 1.14  # above the highest point
_COLOURS = {
    "best": "#2f74b5", "between": "#dfe9f4", "compulsory": "#6b7280", "none": "#eeeeee",
    "least": "#b3261e", "no_spill": "#2f8f4e", "knee": "#c9540a",
}  # fmt: skip


def curve_plot(curve: Curve, path: Path, *, title: str = "") -> bytes:
    """Draw traffic over sizes of TCM: the best plans, the lower bound, where the curve bends.

    Between two sizes that were solved, a plan for the smaller works and the bound of the larger
    holds: the least traffic lies in the shaded steps.

    Parameters
    ----------
    curve : Curve
        What :func:`solver.traffic.sweep.sweep` found.
    path : Path
        Tells the format by its suffix, see :func:`solver.report.plots.check_plot`.
    title : str
        Above the plot; nothing when empty.

    Returns
    -------
    bytes
        The file's content, the same for the same curve.
    """

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _draw(axes, curve)
        if title:
            axes.set_title(shown(title, _LONGEST_TITLE), fontsize=9, loc="left")
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=7.5)

    return saved(path, _SIZE, draw, dpi=300, settings=PAPER)


def _draw(axes: Axes, curve: Curve) -> None:
    low, high = curve.points[0].tcm, curve.points[-1].tcm
    known = [(p.tcm, p.traffic, p.bound) for p in curve.points if p.traffic is not None]
    _frame(axes, low, high, max([curve.compulsory, 1, *(traffic for _, traffic, _ in known)]))
    if known:
        sizes, traffic, bounds = (list(values) for values in zip(*known, strict=True))
        _draw_between(axes, sizes, traffic, bounds)
        proven = all(t == b for t, b in zip(traffic, bounds, strict=True))
        axes.plot(
            sizes, traffic, "o", markersize=3.5, color=_COLOURS["best"], zorder=4,
            label="least traffic, proven" if proven else "best plan",
        )  # fmt: skip
        if not proven:
            axes.step(
                sizes, bounds, "_-", where="pre", markersize=5, color="black", linewidth=0.6,
                zorder=3, label="lower bound",
            )  # fmt: skip
    axes.axhline(
        curve.compulsory, color=_COLOURS["compulsory"], linewidth=1, linestyle=":",
        label=f"compulsory, {short_size(curve.compulsory)}",
    )  # fmt: skip
    _draw_ends(axes, curve, low, high)
    _draw_knee(axes, curve)


def _draw_between(
    axes: Axes, sizes: Sequence[int], traffic: Sequence[int], bounds: Sequence[int]
) -> None:
    for i in range(len(sizes) - 1):
        axes.fill_between(
            sizes[i : i + 2], bounds[i + 1], traffic[i], color=_COLOURS["between"], linewidth=0
        )
    axes.step(
        sizes, traffic, where="post", color=_COLOURS["best"], linewidth=0.9, alpha=0.7, zorder=3
    )


def _draw_ends(axes: Axes, curve: Curve, low: int, high: int) -> None:
    """Mark where the curve begins and where it reaches the compulsory bytes, if in range."""
    is_inside = low <= curve.least_tcm <= high
    if low < curve.least_tcm:
        axes.axvspan(
            low, min(high, curve.least_tcm), color=_COLOURS["none"], linewidth=0,
            label="no plan runs" + ("" if is_inside else f" below {short_size(curve.least_tcm)}"),
        )  # fmt: skip
    if is_inside:
        axes.axvline(
            curve.least_tcm, color=_COLOURS["least"], linewidth=1, linestyle="--",
            label=f"smallest that works, {short_size(curve.least_tcm)}",
        )  # fmt: skip
    if low <= curve.no_spill_tcm <= high:
        is_least = curve.no_spill_tcm == curve.no_spill_bound
        what = "smallest without spills" if is_least else "no spills from here on"
        axes.axvline(
            curve.no_spill_tcm, color=_COLOURS["no_spill"], linewidth=1, linestyle="-.",
            label=f"{what}, {short_size(curve.no_spill_tcm)}",
        )  # fmt: skip


def _draw_knee(axes: Axes, curve: Curve) -> None:
    knee = curve.knee
    if knee is None or knee.traffic is None:
        return
    axes.plot(
        [knee.tcm], [knee.traffic], "o", markersize=8, markerfacecolor="none", zorder=5,
        color=_COLOURS["knee"], linestyle="",
        label=f"knee, {short_size(knee.traffic)} at {short_size(knee.tcm)}",
    )  # fmt: skip


def _frame(axes: Axes, low: int, high: int, highest: int) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator  # noqa: PLC0415

    axes.set_xscale("log", base=2)
    margin = (high / low) ** 0.02 if high > low else 1.1
    axes.set_xlim(low / margin, high * margin)
    ticks = _ticks(low, high)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(list(ticks.values()))
    top = int(highest * _ROOM) + 1
    sizes = size_ticks(top)
    axes.set_yticks([tick.at * top / 100 for tick in sizes], [tick.text for tick in sizes])
    axes.set_ylim(0, top)
    axes.set_xlabel("size of TCM")
    axes.set_ylabel("traffic")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _ticks(low: int, high: int) -> dict[int, str]:
    """Powers of two in the range; where that is short, round sizes."""
    if high >= 4 * low:
        every = ceil(log2(high / low) / _MOST_TICKS)
        powers = range((low - 1).bit_length(), high.bit_length(), every)
        return {1 << k: short_size(1 << k) for k in powers}
    name, unit = next(((n, u) for n, u in _UNITS if high >= 2 * u), ("bytes", 1))
    step = max(1, round(round_step(max(high - low, 1) / unit / 4, whole=unit == 1) * unit))
    ticks = range(-(-low // step) * step, high + 1, step) or (low,)
    return {tick: f"{tick / unit:.10g} {name}" for tick in ticks}

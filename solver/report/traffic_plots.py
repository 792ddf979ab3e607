"""Bar plots of traffic under a TCM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.report.plots import Bar, BarPlot, axis_of, draw_bars, finite, title_of
from solver.report.tables import ratio_text
from solver.report.units import percent
from solver.traffic.baselines.comparison import means

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from solver.report.traffic_comparison import ComparedTraffic
    from solver.traffic.baselines.comparison import Mean

_VISIBLE = 0.005  # a part of a bar above this is explained


def traffic_ratio_plot(done: Sequence[ComparedTraffic], path: Path) -> bytes:
    """Draw a bar per method: its traffic relative to the least.

    Networks that do not run in the TCM are left out.

    Parameters
    ----------
    done : sequence of ComparedTraffic
        One network or more; with more, bars are geometric means and dots single networks. The
        compulsory part of one is drawn in grey.
    path : Path
        Tells the format by its suffix.

    Returns
    -------
    bytes
        The file's content, the same for the same figures.
    """
    shown = [compared for compared in done if compared.comparison.is_feasible]
    comparisons = [compared.comparison for compared in shown]
    rows = means(comparisons)
    base = 0.0
    if len(comparisons) == 1 and comparisons[0].best:
        base = comparisons[0].compulsory / comparisons[0].best
    bars = tuple(
        Bar(
            row.title, finite(row.ratio), _label(row, len(shown)),
            "exact" if row.name == "exact" else "traffic", base,
        )
        for row in rows
    )  # fmt: skip
    place = {row.name: y for y, row in enumerate(rows)}
    dots = [
        (ratio, place[row.name])
        for comparison in comparisons
        for row in (*comparison.rows, comparison.exact)
        if (ratio := finite(comparison.ratio(row))) is not None
    ]
    kinds = {"traffic": "traffic of a heuristic", "exact": "least traffic"}
    if base > _VISIBLE:
        kinds["compulsory"] = "of which compulsory"
    return draw_bars(
        BarPlot(
            bars,
            dots if len(comparisons) > 1 else (),
            title_of([compared.model for compared in shown]),
            axis_of("bytes moved", "plan", [c.is_proven for c in comparisons])
            + "\nin brackets: share of a heuristic's spills that the best plan removes",
            kinds,
        ),
        path,
    )


def _label(row: Mean, networks: int) -> str:
    if row.ratio is None:
        return "no answer"
    text = ratio_text(row.ratio)
    if row.removed and row.name != "exact":
        text += f" (-{percent(row.removed)})"
    return text if row.answered == networks else f"{text} ({row.answered} of {networks})"

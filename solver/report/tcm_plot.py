"""A plan of least traffic for papers: the TCM over steps, and what moves at each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solver.report.page.names import FARTHEST_BUDGET, shown, size_ticks
from solver.report.plots import PAPER, saved
from solver.report.tcm_trace import footprints, trace
from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models import Graph
    from solver.plan import Plan
    from solver.report.tcm_trace import TracedStep

_SIZE = (5.0, 3.6)  # inches: a column and a half
_LOW_SIZE = (5.0, 2.6)
_RATIO = (1.35, 1.0)  # heights of the two
_LONGEST_TITLE = 60  # characters
_ROOM = 1.12  # above the highest line

_COLOURS = {
    "own": "#2f74b5", "fill": "#c3d9ee", "limit": "#b3261e", "inputs": "#9aa2ac",
    "outputs": "#9aa2ac", "weights": "#8c6bb1", "reloads": "#2f74b5", "spills": "#c9540a",
    "oversized": "#c9540a",
}  # fmt: skip


def tcm_plot(plan: Plan, graph: Graph, path: Path, *, title: str = "") -> bytes:
    """Draw bytes of TCM in use over steps, and bytes that move in and out below.

    Of a plan that is infeasible there are no steps: the bytes that each op needs by itself are
    drawn, in file order.

    Parameters
    ----------
    plan : Plan
        Of least traffic.
    graph : Graph
        The network of the plan.
    path : Path
        Tells the format by its suffix, see :func:`solver.report.plots.check_plot`.
    title : str
        Above the plot; nothing when empty.

    Returns
    -------
    bytes
        The file's content, the same for the same plan.
    """
    is_feasible = plan.traffic_bytes is not None

    def draw(figure: Figure) -> None:
        if is_feasible:
            above, below = figure.subplots(2, 1, sharex=True, height_ratios=_RATIO)
            steps = trace(plan, graph).steps
            _draw_use(above, [step.used for step in steps], plan)
            _draw_moves(below, steps)
            below.set_xlabel("step")
        else:
            above = figure.subplots()
            _draw_needs(above, footprints(plan, graph), plan)
        if title:
            above.set_title(shown(title, _LONGEST_TITLE), fontsize=9, loc="left")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=7.5)

    size = _SIZE if is_feasible else _LOW_SIZE
    return saved(path, size, draw, dpi=300, settings=PAPER)


def _draw_use(axes: Axes, used: Sequence[int], plan: Plan) -> None:
    edges = [i + 0.5 for i in range(len(used) + 1)]
    label = f"in use, at most {short_size(plan.peak_bytes)}"
    if used:
        axes.stairs(used, edges, color=_COLOURS["fill"], fill=True)
        axes.stairs(
            used, edges, color=_COLOURS["own"], linewidth=1, baseline=None, zorder=3, label=label
        )
    tcm = plan.tcm_bytes or 0
    _frame(axes, max(used, default=0) or tcm, tcm, len(used))
    axes.set_ylabel("TCM in use")


def _draw_needs(axes: Axes, needs: Sequence[int], plan: Plan) -> None:
    tcm = plan.tcm_bytes or 0
    places = range(1, len(needs) + 1)
    for small in (True, False):
        some = [need if (need <= tcm) == small else 0 for need in needs]
        axes.bar(
            places, some, width=1.0, color=_COLOURS["fill" if small else "oversized"],
            label="op that runs" if small else "op that does not",
        )  # fmt: skip
    _frame(axes, max(needs), tcm, len(needs))
    axes.set_xlabel("op, in file order")
    axes.set_ylabel("needed by each op")


def _frame(axes: Axes, highest: int, tcm: int, steps: int) -> None:
    is_near = tcm <= FARTHEST_BUDGET * highest
    style: dict[str, Any] = {"color": _COLOURS["limit"], "linewidth": 1, "linestyle": "--"}
    if is_near:
        axes.axhline(tcm, label=f"TCM, {short_size(tcm)}", **style)
    else:
        axes.plot([], [], label=f"TCM, {short_size(tcm)} (above)", **style)
    top = int(_ROOM * max(highest, tcm if is_near else 0, 1)) + 1
    ticks = size_ticks(top)
    axes.set_yticks([tick.at * top / 100 for tick in ticks], [tick.text for tick in ticks])
    axes.set_ylim(0, top)
    _tidy(axes, steps)


def _draw_moves(axes: Axes, steps: Sequence[TracedStep]) -> None:
    """Draw what comes in upwards and what goes out downwards, compulsory bytes next to the axis."""
    base = [0] * len(steps)
    for part, label in (
        ("inputs", "inputs in, outputs out"), ("weights", "weights in"), ("reloads", "reloads"),
    ):  # fmt: skip
        sizes = [getattr(step, part) for step in steps]
        if any(sizes) or part != "weights":
            _bars(axes, sizes, base, part, label)
            base = [a + b for a, b in zip(base, sizes, strict=True)]
    _bars(axes, [-s.outputs for s in steps], [0] * len(steps), "outputs")
    _bars(axes, [-s.spills for s in steps], [-s.outputs for s in steps], "spills", "spills")
    axes.axhline(0, color="black", linewidth=0.6)
    high = max([1, *(s.coming for s in steps)])
    low = max([0, *(s.leaving for s in steps)])
    larger = max(high, low)
    ticks = [(tick.at * larger / 100, tick.text) for tick in size_ticks(larger)]
    # Half as many: there is little room below.
    ticks = ticks[:: 2 if len(ticks) > 4 else 1]
    ups = [(at, text) for at, text in ticks if at <= high]
    downs = [(-at, text) for at, text in ticks if 0 < at <= low]
    places_of, texts = zip(*sorted(downs + ups), strict=True)
    axes.set_yticks(places_of, texts)
    axes.set_ylim(-_ROOM * low - 0.02 * larger, _ROOM * high)
    axes.set_ylabel("out     in")
    _tidy(axes, len(steps))


def _bars(
    axes: Axes, sizes: Sequence[int], base: Sequence[int], part: str, label: str = ""
) -> None:
    """Draw what is not zero, none of it thinner than a hair."""
    some = [i for i, size in enumerate(sizes) if size]
    colour = _COLOURS[part]
    axes.bar(
        [i + 1 for i in some], [sizes[i] for i in some], 1.0, [base[i] for i in some],
        color=colour, edgecolor=colour, linewidth=0.5, label=label,
    )  # fmt: skip


def _tidy(axes: Axes, steps: int) -> None:
    axes.set_xlim(0.5, max(1, steps) + 0.5)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

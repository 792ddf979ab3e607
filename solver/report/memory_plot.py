"""Memory over steps for papers. matplotlib is imported on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solver.report.explain import problem_of
from solver.report.page.names import FARTHEST_BUDGET, shown, size_ticks
from solver.report.plots import PAPER, saved
from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models import Graph
    from solver.memory import Problem
    from solver.plan import Plan

_SIZE = (5.0, 2.6)  # inches: a column and a half
_COLOURS = {"own": "#2f74b5", "fill": "#c3d9ee", "file": "#6b7280", "limit": "#b3261e"}
_LONGEST_TITLE, _LONGEST_OP = 60, 40  # characters


def memory_plot(plan: Plan, graph: Graph, path: Path, *, title: str = "") -> bytes:
    """Draw memory in use over steps: file order, the plan's order, the budget.

    Parameters
    ----------
    plan : Plan
        Of least peak.
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

    def draw(figure: Figure) -> None:
        _draw(figure.add_subplot(), plan, problem_of(plan, graph), title)

    return saved(path, _SIZE, draw, dpi=300, settings=PAPER)


def _draw(axes: Axes, plan: Plan, problem: Problem, title: str) -> None:
    index = {name: v for v, name in enumerate(problem.names)}
    profile = problem.replay([index[name] for name in plan.order])
    own = profile.step_peaks or (profile.live_before,)
    highest = max(profile.peak, 1)
    is_least = profile.peak == plan.lower_bound_bytes
    label = "optimum" if is_least else "best order found"
    axes.stairs(own, _edges(own), color=_COLOURS["fill"], fill=True)
    axes.stairs(
        own, _edges(own), color=_COLOURS["own"], linewidth=1, baseline=None, zorder=3,
        label=f"{label}, {short_size(profile.peak)}",
    )  # fmt: skip
    in_file = range(len(problem))
    if problem.is_order(in_file):
        filed = problem.replay(in_file)
        highest = max(highest, filed.peak)
        sizes = filed.step_peaks or (filed.live_before,)
        axes.stairs(
            sizes, _edges(sizes), color=_COLOURS["file"], linewidth=1, baseline=None,
            label=f"file order, {short_size(filed.peak)}",
        )  # fmt: skip
    if not is_least:
        axes.axhline(
            plan.lower_bound_bytes, color="black", linewidth=1, linestyle=":",
            label=f"lower bound, {short_size(plan.lower_bound_bytes)}",
        )  # fmt: skip
    highest = max(highest, _draw_budget(axes, plan.budget_bytes, highest))
    if profile.bottleneck is not None and profile.live_before < profile.peak:
        _mark(axes, profile.bottleneck, profile.peak, plan.order[profile.bottleneck], len(own))
    _frame(axes, len(own), int(highest * 1.16) + 1)
    if title:
        axes.set_title(shown(title, _LONGEST_TITLE), fontsize=9, loc="left")
    entries = len(axes.get_legend_handles_labels()[0])
    axes.figure.legend(
        loc="outside lower center", ncols=entries if entries < 4 else 2, frameon=False,
        fontsize=7.5,
    )  # fmt: skip


def _edges(sizes: Sequence[int]) -> list[float]:
    """Centre step ``i``, counted from 1, at ``i``."""
    return [i + 0.5 for i in range(len(sizes) + 1)]


def _draw_budget(axes: Axes, budget: int | None, highest: int) -> int:
    """Draw the budget where that is near; return how high the plot has to be for it."""
    if budget is None:
        return 0
    label = f"budget, {short_size(budget)}"
    style: dict[str, Any] = {"color": _COLOURS["limit"], "linewidth": 1, "linestyle": "--"}
    if budget > FARTHEST_BUDGET * highest:
        axes.plot([], [], label=f"{label} (above)", **style)
        return 0
    axes.axhline(budget, label=label, **style)
    return budget


def _mark(axes: Axes, step: int, peak: int, op: str, steps: int) -> None:
    """Name the op at the peak, on the side with more room."""
    is_left = step < steps / 2
    axes.plot([step + 1], [peak], marker="v", markersize=4, color=_COLOURS["own"], clip_on=False)
    axes.annotate(
        shown(op, _LONGEST_OP), (step + 1, peak), xytext=(5 if is_left else -5, 4),
        textcoords="offset points", ha="left" if is_left else "right", va="bottom", fontsize=7.5,
    )  # fmt: skip


def _frame(axes: Axes, steps: int, top: int) -> None:
    ticks = size_ticks(top)
    axes.set_yticks([tick.at * top / 100 for tick in ticks], [tick.text for tick in ticks])
    axes.set_ylim(0, top)
    axes.set_xlim(0.5, steps + 0.5)
    axes.set_xlabel("step")
    axes.set_ylabel("memory in use")
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

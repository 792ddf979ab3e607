"""The page on a plan of least traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solver.report.page.arena import HEIGHT as ARENA_HEIGHT
from solver.report.page.names import shown
from solver.report.page.render import TONES, bars, check_page, environment, told
from solver.report.page.tcm import HEIGHT, moves_chart, use_chart
from solver.report.page.tcm_content import derive_traffic, figures
from solver.report.page.tcm_map import tcm_map

if TYPE_CHECKING:
    from solver.report.page.tcm_content import TrafficContent, TrafficReport

_LISTED = 25  # spilled buffers before the rest is folded away


def render_traffic_page(page: TrafficReport) -> str:
    """Render the whole page.

    Parameters
    ----------
    page : TrafficReport
        Network, plan and what is known around them.

    Returns
    -------
    str
        HTML that refers to nothing outside itself. Everything that comes from the model, the
        command line or the plan is escaped.

    Raises
    ------
    ValueError
        If the plan is not one of the graph.
    PageError
        If Jinja2 is missing.
    """
    check_page()
    content = derive_traffic(page)
    plan = page.plan
    rows = content.rows if plan.traffic_bytes is not None else ()
    badge = "Infeasible" if plan.traffic_bytes is None else "Optimal"
    if content.summary.answer is None:
        badge = "Not proven"
    return environment().get_template("tcm.html").render(
        page=page,
        plan=plan,
        content=content,
        summary=content.summary,
        badge=badge,
        verdict=(_told(content.summary.verdict, badge),),
        tone=TONES[content.summary.answer],
        figures=tuple(figures(page, content)),
        rows=rows,
        bars=bars(rows),
        use=use_chart(content.used, plan.tcm_bytes or 0, content.fullest),
        moves=moves_chart(content.trace.steps),
        arena=tcm_map(page, content),
        arena_height=ARENA_HEIGHT,
        height=HEIGHT,
        listed=_LISTED,
        data=_data(content) if content.trace.steps else None,
    )  # fmt: skip


def _told(verdict: str, badge: str) -> str:
    """Leave out what the badge says already, but not that it is proven."""
    return told(verdict.replace(f"{badge} (proven): ", "Proven: "), badge)


def _data(content: TrafficContent) -> dict[str, Any]:
    """Gather what the script needs to say what is in the TCM at a step."""
    trace = content.trace
    stays: list[list[object]] = [[shown(name), *rest] for name, *rest in trace.stays]
    if trace.pinned:
        stays.insert(0, ["pinned weights", trace.pinned, 0, len(trace.steps)])
    return {
        "ops": [[shown(step.name), shown(step.kind)] for step in trace.steps],
        "used": [step.used for step in trace.steps],
        "file": [],
        "scratch": [step.workspace for step in trace.steps],
        "live": stays,
        "where": "In the TCM",
        "moves": [
            [list(map(shown, names)) for names in (step.brought, step.taken, step.dropped)]
            for step in trace.steps
        ],
        "start": content.fullest or 0,
    }

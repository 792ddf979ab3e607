"""From content to HTML. Jinja2 is imported here only, and on demand."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from solver.report.page.arena import HEIGHT as ARENA_HEIGHT
from solver.report.page.arena import arena_map
from solver.report.page.content import derive
from solver.report.page.lanes import lane_drawing
from solver.report.page.memory import HEIGHT as MEMORY_HEIGHT
from solver.report.page.memory import memory_chart
from solver.report.page.names import FARTHEST_BUDGET, clean, shown
from solver.report.units import full_size, percent, short_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import Environment

    from solver.report.page.content import Content, ReportInput
    from solver.report.summary import Row

_BADGES = {"fits": "Fits", "does not fit": "Does not fit", "undecided": "Undecided"}
#: Colour of a verdict by the answer.
TONES = {True: "good", False: "bad", None: "open"}


class PageError(Exception):
    """A page that cannot be made. The message says what would help."""


def check_page() -> None:
    """Refuse a page before any work goes into it.

    Raises
    ------
    PageError
        If Jinja2 is missing.
    """
    if find_spec("jinja2") is None:
        raise PageError("--report needs Jinja2; pip install 'tightfit[report]' brings it")


def render_page(page: ReportInput) -> str:
    """Render the whole page.

    Parameters
    ----------
    page : ReportInput
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
    content = derive(page)
    plan = page.plan
    badge = _badge(page)
    return (
        environment()
        .get_template("page.html")
        .render(
            page=page,
            plan=plan,
            content=content,
            summary=content.summary,
            badge=badge,
            verdict=page.verdict or (told(content.summary.verdict, badge),),
            tone=_tone(page, content),
            figures=tuple(_figures(page, content)),
            rows=content.summary.rows,
            bars=bars(content.summary.rows),
            memory=memory_chart(content, plan.budget_bytes, plan.lower_bound_bytes),
            memory_height=MEMORY_HEIGHT,
            arena=arena_map(page, content),
            arena_height=ARENA_HEIGHT,
            lanes=lane_drawing(content, page.graph),
            data=_data(page, content) if content.order else None,
        )
    )


def environment() -> Environment:
    """Find the templates beside this file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    found = Environment(
        loader=PackageLoader("solver.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(clean=clean, shown=shown, full=full_size, short=short_size)
    return found


def _badge(page: ReportInput) -> str:
    if page.answer is not None:
        return _BADGES[page.answer]
    if page.plan.budget_bytes is None:
        return "Optimal" if page.plan.is_proven else "Not proven"
    return {True: "Fits", False: "Does not fit", None: "Undecided"}[page.plan.fits]


def told(verdict: str, badge: str) -> str:
    """Leave out what the badge says already."""
    told = verdict.removeprefix(f"{badge}: ")
    return told[:1].upper() + told[1:]


def _tone(page: ReportInput, content: Content) -> str:
    if page.answer is not None:
        return {"fits": "good", "does not fit": "bad", "undecided": "open"}[page.answer]
    return TONES[content.summary.answer]


def _figures(page: ReportInput, content: Content) -> Iterator[tuple[str, int | None, str]]:
    """Label, bytes (None for a figure in words) and a remark."""
    plan = page.plan
    bound = plan.lower_bound_bytes
    is_least = content.peak == bound
    yield "Peak", content.peak, "proven least" if is_least else "best order found"
    gap = f"gap {percent(1 - bound / content.peak)}" if content.peak else ""
    yield "Lower bound", bound, "met: no order needs less" if is_least else gap
    if content.file_peak is not None:
        yield "File order", content.file_peak, "the order in the model file"
        saved = content.file_peak - content.peak
        share = percent(saved / content.file_peak) if content.file_peak else "nothing to save"
        yield "Saved", saved, f"{share} of file order" if saved > 0 else "file order is as good"
    if page.arena is not None:
        over = page.arena - content.peak
        note = "equal to the peak" if not over else f"{short_size(over)} above the peak"
        yield "Arena", page.arena, note if over >= 0 else ""
    if plan.budget_bytes is not None:
        room = plan.budget_bytes - plan.needed_bytes
        note = f"{short_size(room)} left" if room >= 0 else f"{short_size(-room)} missing"
        yield "Budget", plan.budget_bytes, note


def bars(rows: Sequence[Row]) -> tuple[float | None, ...]:
    """Length of each table row's bar in percent of the longest; None for a budget far above."""
    longest = max((row.size for row in rows if row.label != "budget"), default=0)
    scale = max(
        [longest, *(row.size for row in rows if row.size <= FARTHEST_BUDGET * longest)], default=0
    )
    return tuple(
        None if row.size > scale else round(100 * row.size / scale, 2) if scale else 0.0
        for row in rows
    )


def _data(page: ReportInput, content: Content) -> dict[str, Any]:
    """Gather what the script needs to say what is live at a step."""
    ops = page.graph.ops
    return {
        "ops": [[shown(ops[v].name), shown(ops[v].kind)] for v in content.order],
        "used": content.profile.step_peaks,
        "file": content.file_profile.step_peaks if content.file_profile else [],
        "scratch": [content.problem.workspace[v] for v in content.order],
        "live": [[shown(life.name), life.size, life.begin, life.end] for life in content.lives],
        "start": content.bottleneck or 0,
    }

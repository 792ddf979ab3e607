"""Where buffers lie in the TCM: steps to the right, bytes upwards."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from solver.report.page.arena import ArenaMap, Placed, draw, span
from solver.report.page.names import shown
from solver.report.tcm_trace import rules_of, traffic_problem_of
from solver.report.units import full_size, short_size

if TYPE_CHECKING:
    from solver.report.page.tcm_content import TrafficContent, TrafficReport


def tcm_map(page: TrafficReport, content: TrafficContent) -> ArenaMap | None:
    """Draw each stay of a buffer in the TCM; None if the plan has no offsets."""
    plan = page.plan
    if not plan.tcm_offsets or not content.trace.steps:
        return None
    runs = [i for i, step in enumerate(plan.steps or ()) if "run" in step]
    rules = rules_of(plan)
    sizes = {w.name: rules.aligned(w.size) for w in page.graph.weights}
    kinds = dict.fromkeys(sizes, "scratch")
    for buffer in traffic_problem_of(plan, page.graph).buffers:
        sizes[buffer.name] = buffer.size
        kinds[buffer.name] = "input" if buffer.is_input else "output" if buffer.is_output else ""
    hot = -1 if content.fullest is None else content.fullest
    placed: list[Placed] = []
    for name, first, last, offset in plan.tcm_offsets:
        begin, end = bisect_left(runs, first), bisect_left(runs, last)
        if begin == end:  # it leaves before an op runs
            continue
        kind, size = kinds[name], sizes[name]
        what = {"scratch": " (pinned weight)", "": ""}.get(kind, f" ({kind})")
        tooltip = f"{shown(name)}{what}\n{full_size(size)} at offset {offset}\n{span(begin, end)}"
        is_hot = begin <= hot < end and kind != "scratch"
        placed.append(Placed(name, size, begin, end, offset, kind, is_hot, tooltip))
    arena = plan.arena_bytes or 0
    return draw(
        placed,
        len(runs),
        arena,
        content.tcm,
        f"TCM {short_size(content.tcm)}",
        f"{full_size(arena)} of TCM; each rectangle is a buffer while it is there: steps to the "
        "right, offset and bytes upwards.",
    )

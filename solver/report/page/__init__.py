"""The report as one self-contained HTML page: no request leaves it, no script is needed to read it.

``content.py`` replays the plan and gathers what the page says; ``memory.py``, ``arena.py`` and
``lanes.py`` turn it into shapes; the templates beside them hold all markup. ``tcm_content.py``,
``tcm.py``, ``tcm_map.py`` and ``tcm_render.py`` do the same for plans of least traffic.
"""

from solver.report.page.content import ReportInput
from solver.report.page.layout import with_layout
from solver.report.page.render import PageError, check_page, render_page
from solver.report.page.tcm_content import TrafficReport
from solver.report.page.tcm_render import render_traffic_page

__all__ = [
    "PageError",
    "ReportInput",
    "TrafficReport",
    "check_page",
    "render_page",
    "render_traffic_page",
    "with_layout",
]

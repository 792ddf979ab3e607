"""The report as one self-contained HTML page: no request leaves it, no script is needed to read it.

``content.py`` replays the plan and gathers what the page says; ``memory.py``, ``arena.py`` and
``lanes.py`` turn it into shapes; the templates beside them hold all markup.
"""

from solver.report.page.content import ReportInput
from solver.report.page.layout import with_layout
from solver.report.page.render import PageError, check_page, render_page

__all__ = ["PageError", "ReportInput", "check_page", "render_page", "with_layout"]

"""Plans in words, on the terminal and beyond."""

from solver.report.summary import Summary, summarize
from solver.report.text import render_summary, render_verdict

__all__ = ["Summary", "render_summary", "render_verdict", "summarize"]

"""Writes ``benchmarks/RESULTS.md`` from the files in ``benchmarks/results``.

:mod:`benchmarks.table.page` puts the page together; every other module is one section, or what
sections share: :mod:`~benchmarks.table.cells` (Markdown) and :mod:`~benchmarks.table.records`
(CSV).
"""

from benchmarks.table.page import main, render

__all__ = ["main", "render"]

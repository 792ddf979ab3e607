"""Comparisons in words and tables for people."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from solver.limits import Limit
from solver.peak.baselines.comparison import means
from solver.report.summary import summarize
from solver.report.units import count, full_size, percent, seconds, short_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from models import Graph
    from solver.peak.baselines.comparison import Comparison, Row

_WIDEST = 100  # columns on a terminal
_UNLIMITED = 1000  # columns in a file or a pipe
_NONE = "-"
_NAMED = 3  # heuristics named before "and N more"
_FAR = 1.5  # a ratio from here on is shown in red

_NO_ANSWER = {
    Limit.TIME: "no answer in time",
    Limit.MEMORY: "no answer within the memory limit",
    Limit.NODES: "no answer within the limit on states",
    Limit.INTERRUPT: "interrupted",
    None: "the file is not sorted",
}
_STOPPED = {
    Limit.TIME: "stopped by --time-limit",
    Limit.MEMORY: "stopped by --memory-limit",
    Limit.NODES: "stopped by the limit on states",
    Limit.INTERRUPT: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison and where its network comes from.

    Attributes
    ----------
    comparison : Comparison
        The figures.
    graph : Graph
        The network.
    model, title, precision : str
        See :class:`solver.cli.network.Network`.
    """

    comparison: Comparison
    graph: Graph
    model: str
    title: str
    precision: str


def render_comparison(compared: Compared, stream: TextIO | None) -> str:
    """Render the report on one network for ``stream``."""
    console = _console(stream)
    comparison = compared.comparison
    summary = summarize(
        comparison.plan, compared.graph, title=compared.title, precision=compared.precision
    )
    for fact in summary.facts:
        _say(console, fact)
    console.print()
    console.print(_table(comparison))
    console.print()
    if not comparison.is_proven:
        _say(
            console,
            "The optimum is not proven: 'to best' is relative to the best order found, 'to bound' "
            "to the proven lower bound. The ratio to the optimum lies between the two.",
        )
    for warning in summary.warnings:
        _say(console, f"Warning: {warning}.")
    _say(console, verdict(compared), style="bold")
    return _text(console)


def render_verdict(compared: Compared, stream: TextIO | None) -> str:
    """Render one sentence on one network."""
    console = _console(stream)
    _say(console, f"{compared.title}: {verdict(compared)}", style="bold")
    return _text(console)


def render_means(comparisons: Sequence[Comparison], stream: TextIO | None) -> str:
    """Render one row per method over all networks."""
    console = _console(stream)
    undecided = sum(not c.is_proven for c in comparisons)
    networks = count(len(comparisons), "network")
    _say(console, f"Over {networks}; ratios are geometric means over those with an answer:")
    console.print()
    console.print(_mean_table(comparisons))
    console.print()
    if undecided:
        _say(
            console,
            f"Not proven on {undecided} of {networks}: there, 'to best' is relative to the best "
            "order found, 'to bound' to the proven lower bound.",
        )
    return _text(console)


def verdict(compared: Compared) -> str:
    """Say what the optimum is and how near the heuristics come."""
    comparison = compared.comparison
    best, bound = full_size(comparison.best), full_size(comparison.bound)
    if comparison.is_proven:
        sentence = f"Optimum {best}, proven"
    else:
        gap = percent((comparison.best - comparison.bound) / comparison.best)
        sentence = f"Not proven: best order {best}, lower bound {bound} (gap {gap})"
    orders = [row for row in comparison.rows if row.needed is not None and not row.is_arena]
    if orders:
        sentence += f"; {_nearest(orders, comparison)}"
    if comparison.is_interrupted:
        sentence += "; interrupted"
    return sentence + "."


def _nearest(orders: Sequence[Row], comparison: Comparison) -> str:
    it = "the optimum" if comparison.is_proven else "the best order"
    met = [row.title for row in orders if row.needed == comparison.best]
    if len(met) == len(orders):
        return f"every heuristic with an answer meets {it}"
    if met:
        more = len(met) - _NAMED
        shown = [*met[:_NAMED], f"{more} more"] if more > 1 else met
        return f"met by {_listed(shown)}"
    nearest = min(orders, key=lambda row: row.needed or 0)
    ratio = ratio_text(comparison.ratio(nearest))
    return f"no heuristic meets {it}, the nearest is {nearest.title} at {ratio} times"


def ratio_text(ratio: float | None) -> str:
    """Give a ratio with three decimals; only a ratio of one reads 1.000."""
    if ratio is None:
        return _NONE
    if math.isinf(ratio):
        return "inf"
    text = f"{ratio:.3f}"
    return "1.001" if ratio > 1 and text == "1.000" else text


def note(row: Row, comparison: Comparison) -> str:
    """Say what is special about a row."""
    parts = ["arena bytes"] if row.is_arena and row.needed is not None else []
    if row.needed == comparison.best and not row.is_arena:
        parts.append("optimal" if comparison.is_proven else "best found")
    if row.needed is None:
        parts.append(_NO_ANSWER[row.limit])
    elif row.limit is not None:
        parts.append(_STOPPED[row.limit])
    return ", ".join(parts)


def _table(comparison: Comparison) -> Table:
    ratios = ("ratio",) if comparison.is_proven else ("to best", "to bound")
    table = _new_table("order", "bytes", "", *ratios, "time", notes=True)

    def add(row: Row, style: str, remark: str) -> None:
        size = ["", ""] if row.needed is None else [str(row.needed), short_size(row.needed)]
        ratios = [comparison.ratio(row)]
        if not comparison.is_proven:
            ratios.append(comparison.ratio_to_bound(row))
        table.add_row(
            row.title, *size, *map(ratio_text, ratios), seconds(row.seconds), remark, style=style
        )

    for row in comparison.rows:
        add(row, _style(comparison.ratio(row)), note(row, comparison))
    table.add_section()
    add(comparison.exact, "bold", note(comparison.exact, comparison).replace("optimal", "proven"))
    if not comparison.is_proven:
        below = ratio_text(comparison.bound / comparison.best)
        size = (str(comparison.bound), short_size(comparison.bound))
        table.add_row("proven lower bound", *size, below, "1.000", "", "", style="bold")
    return table


def _mean_table(comparisons: Sequence[Comparison]) -> Table:
    with_bounds = not all(c.is_proven for c in comparisons)
    ratios = ("to best", "to bound") if with_bounds else ("ratio",)
    met = "best on" if with_bounds else "optimal on"
    table = _new_table("order", *ratios, "worst", met, "answered", "time")
    for row in means(comparisons):
        is_exact = row.name == comparisons[0].exact.name
        if is_exact:
            table.add_section()
        to_bound = [row.ratio_to_bound] if with_bounds else []
        table.add_row(
            row.title,
            *map(ratio_text, (row.ratio, *to_bound, row.worst)),
            _NONE if row.is_arena else f"{row.met} of {row.networks}",
            f"{row.answered} of {row.networks}",
            seconds(row.seconds),
            style="bold" if is_exact else _style(row.ratio),
        )
    return table


def _style(ratio: float | None) -> str:
    """Colour on a terminal: what meets the optimum, what has no answer, what is far off."""
    if ratio is None:
        return "dim"
    if ratio <= 1:
        return "green"
    return "red" if ratio >= _FAR else ""


def _new_table(label: str, *figures: str, notes: bool = False) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 2), pad_edge=True, header_style="underline")
    table.add_column(label, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", overflow="fold")
    if notes:
        table.add_column("", overflow="fold")
    return table


def _console(stream: TextIO | None) -> Console:
    """Collect what suits ``stream``: on a terminal its width and colours."""
    if stream is None or not stream.isatty():
        return Console(
            file=io.StringIO(), width=_UNLIMITED, force_terminal=False, color_system=None,
            highlight=False, markup=False, emoji=False,
        )  # fmt: skip
    return Console(
        file=io.StringIO(), width=min(Console(file=stream).width, _WIDEST), force_terminal=True,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip


def _say(console: Console, text: str, style: str | None = None) -> None:
    # Names come from files: none of them may move the cursor or end the line.
    console.print("".join(c if c.isprintable() else "?" for c in text), style=style)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]

"""Comparisons in words and tables for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.peak.baselines.comparison import means
from solver.report.summary import summarize
from solver.report.tables import (
    NO_ANSWER,
    NONE,
    STOPPED,
    collect,
    named,
    new_table,
    ratio_text,
    say,
    text_of,
)
from solver.report.units import count, full_size, percent, seconds, short_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.table import Table

    from models import Graph
    from solver.peak.baselines.comparison import Comparison, Row

_FAR = 1.5  # a ratio from here on is shown in red


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
    console = collect(stream)
    comparison = compared.comparison
    summary = summarize(
        comparison.plan, compared.graph, title=compared.title, precision=compared.precision
    )
    for fact in summary.facts:
        say(console, fact)
    console.print()
    console.print(_table(comparison))
    console.print()
    if not comparison.is_proven:
        say(
            console,
            "The optimum is not proven: 'to best' is relative to the best order found, 'to bound' "
            "to the proven lower bound. The ratio to the optimum lies between the two.",
        )
    for warning in summary.warnings:
        say(console, f"Warning: {warning}.")
    say(console, verdict(compared), style="bold")
    return text_of(console)


def render_verdict(compared: Compared, stream: TextIO | None) -> str:
    """Render one sentence on one network."""
    console = collect(stream)
    say(console, f"{compared.title}: {verdict(compared)}", style="bold")
    return text_of(console)


def render_means(comparisons: Sequence[Comparison], stream: TextIO | None) -> str:
    """Render one row per method over all networks."""
    console = collect(stream)
    undecided = sum(not c.is_proven for c in comparisons)
    networks = count(len(comparisons), "network")
    say(console, f"Over {networks}; ratios are geometric means over those with an answer:")
    console.print()
    console.print(_mean_table(comparisons))
    console.print()
    if undecided:
        say(
            console,
            f"Not proven on {undecided} of {networks}: there, 'to best' is relative to the best "
            "order found, 'to bound' to the proven lower bound.",
        )
    return text_of(console)


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
        return f"met by {named(met)}"
    nearest = min(orders, key=lambda row: row.needed or 0)
    ratio = ratio_text(comparison.ratio(nearest))
    return f"no heuristic meets {it}, the nearest is {nearest.title} at {ratio} times"


def note(row: Row, comparison: Comparison) -> str:
    """Say what is special about a row."""
    parts = ["arena bytes"] if row.is_arena and row.needed is not None else []
    if row.needed == comparison.best and not row.is_arena:
        parts.append("optimal" if comparison.is_proven else "best found")
    if row.needed is None:
        parts.append(NO_ANSWER[row.limit])
    elif row.limit is not None:
        parts.append(STOPPED[row.limit])
    return ", ".join(parts)


def _table(comparison: Comparison) -> Table:
    ratios = ("ratio",) if comparison.is_proven else ("to best", "to bound")
    table = new_table("order", "bytes", "", *ratios, "time", notes=True)

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
    table = new_table("order", *ratios, "worst", met, "answered", "time")
    for row in means(comparisons):
        is_exact = row.name == comparisons[0].exact.name
        if is_exact:
            table.add_section()
        to_bound = [row.ratio_to_bound] if with_bounds else []
        table.add_row(
            row.title,
            *map(ratio_text, (row.ratio, *to_bound, row.worst)),
            NONE if row.is_arena else f"{row.met} of {row.networks}",
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

"""Comparisons of traffic under a TCM in words and tables for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from solver.report.traffic import summarize_traffic, without_plan
from solver.report.units import count, full_size, percent, seconds, short_size
from solver.traffic.baselines.comparison import means

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.table import Table

    from models import Graph
    from solver.traffic.baselines.comparison import Row, TrafficComparison

_FAR = 0.5  # a share removed from here on is shown in red


@dataclass(frozen=True, slots=True)
class ComparedTraffic:
    """A comparison and where its network comes from.

    Attributes
    ----------
    comparison : TrafficComparison
        The figures.
    graph : Graph
        The network.
    model, title, precision : str
        See :class:`solver.cli.network.Network`.
    """

    comparison: TrafficComparison
    graph: Graph
    model: str
    title: str
    precision: str


def render_traffic(compared: ComparedTraffic, stream: TextIO | None) -> str:
    """Render the report on one network for ``stream``."""
    console = collect(stream)
    comparison = compared.comparison
    summary = summarize_traffic(
        comparison.plan, compared.graph, title=compared.title, precision=compared.precision
    )
    for fact in summary.facts:
        say(console, fact)
    console.print()
    if comparison.is_feasible:
        console.print(_table(comparison))
        console.print()
        say(console, _legend(comparison))
    else:
        for remark in summary.remarks:
            say(console, remark)
    for warning in summary.warnings:
        say(console, f"Warning: {warning}.")
    say(console, verdict(compared), style="bold")
    return text_of(console)


def render_traffic_verdict(compared: ComparedTraffic, stream: TextIO | None) -> str:
    """Render one sentence on one network."""
    console = collect(stream)
    say(console, f"{compared.title}: {verdict(compared)}", style="bold")
    return text_of(console)


def render_traffic_means(done: Sequence[ComparedTraffic], stream: TextIO | None) -> str:
    """Render one row per method over all networks that run in the TCM."""
    console = collect(stream)
    comparisons = [c.comparison for c in done if c.comparison.is_feasible]
    networks = count(len(comparisons), "network")
    left_out = len(done) - len(comparisons)
    but = f" ({left_out} more do not run in this TCM)" if left_out else ""
    say(console, f"Over {networks}{but}; the best plan removes, of the spills of each method:")
    console.print()
    console.print(_mean_table(comparisons))
    console.print()
    say(console, "Removed: mean and least share, over the networks on which the method spills.")
    undecided = sum(not c.is_proven for c in comparisons)
    if undecided:
        say(console, f"Not proven on {undecided} of {networks}: there, the best plan found counts.")
    return text_of(console)


def verdict(compared: ComparedTraffic) -> str:
    """Say what the least traffic is and how near the heuristics come."""
    comparison = compared.comparison
    best = comparison.best
    if best is None:
        return without_plan(comparison.plan)
    weights = comparison.plan.options["weights"]
    beyond = "beyond the compulsory" if weights == "pin" else "spills and reloads"
    what = f"{full_size(best)}, {full_size(best - comparison.compulsory)} of it {beyond}"
    if best == comparison.compulsory:
        named = "inputs, outputs and weights" if weights == "stream" else "inputs and outputs"
        what = f"{full_size(best)}, nothing but {named}"
    if comparison.is_proven:
        sentence = f"Least traffic (proven): {what}"
    else:
        gap = percent(1 - comparison.bound / best)
        bound = full_size(comparison.bound)
        sentence = f"Not proven: the best plan moves {what}; lower bound {bound} (gap {gap})"
    known = [row for row in comparison.rows if row.traffic is not None]
    if known:
        sentence += f"; {_nearest(known, comparison)}"
    if comparison.is_interrupted:
        sentence += "; interrupted"
    return sentence + "."


def _nearest(known: Sequence[Row], comparison: TrafficComparison) -> str:
    it = "it" if comparison.is_proven else "the best plan"
    met = [row.title for row in known if row.traffic == comparison.best]
    if len(met) == len(known):
        return f"every heuristic with an answer meets {it}"
    if met:
        return f"met by {named(met)}"
    nearest = min(known, key=lambda row: row.traffic or 0)
    removed = percent(comparison.removed(nearest) or 0.0)
    return (
        f"no heuristic meets {it}, which removes {removed} of the spills of the nearest, "
        f"{nearest.title}"
    )


def note(row: Row, comparison: TrafficComparison) -> str:
    """Say what is special about a row."""
    parts = []
    if row.traffic == comparison.best and row.traffic is not None:
        parts.append("least" if comparison.is_proven else "best found")
    if row.traffic is None:
        parts.append(NO_ANSWER[row.limit])
    elif row.limit is not None:
        parts.append(STOPPED[row.limit])
    return ", ".join(parts)


def _legend(comparison: TrafficComparison) -> str:
    compulsory = full_size(comparison.compulsory)
    pin = comparison.plan.options["weights"] == "pin"
    streamed = ", weights that might be pinned included" if pin else ""
    return (
        f"Spills: bytes moved beyond the compulsory {compulsory}{streamed}. Removed: the share of "
        f"a method's spills that the {'least' if comparison.is_proven else 'best plan found'} "
        "does without."
    )


def _table(comparison: TrafficComparison) -> Table:
    table = new_table("order + replacement", "bytes", "spills", "removed", "time", notes=True)

    def add(row: Row, style: str, remark: str) -> None:
        removed, spilled = comparison.removed(row), comparison.spilled(row)
        table.add_row(
            row.title,
            NONE if row.traffic is None else str(row.traffic),
            NONE if spilled is None else short_size(spilled),
            NONE if removed is None else percent(removed),
            seconds(row.seconds),
            remark,
            style=style,
        )

    for row in comparison.rows:
        add(row, _style(row, comparison.removed(row)), note(row, comparison))
    table.add_section()
    exact = note(comparison.exact, comparison)
    add(comparison.exact, "bold", exact.replace("least", "proven"))
    if not comparison.is_proven:
        beyond = short_size(comparison.bound - comparison.compulsory)
        table.add_row("proven lower bound", str(comparison.bound), beyond, style="bold")
    return table


def _mean_table(comparisons: Sequence[TrafficComparison]) -> Table:
    is_proven = all(c.is_proven for c in comparisons)
    table = new_table(
        "order + replacement", "removed", "least", "spills on", "traffic ratio",
        "least on" if is_proven else "best on", "answered", "time",
    )  # fmt: skip
    for mean in means(comparisons):
        is_exact = mean.name == comparisons[0].exact.name
        if is_exact:
            table.add_section()
        shares = (mean.removed, mean.least_removed)
        table.add_row(
            mean.title,
            *(NONE if share is None else percent(share) for share in shares),
            f"{mean.spilling} of {mean.answered}",
            ratio_text(mean.ratio),
            f"{mean.met} of {mean.networks}",
            f"{mean.answered} of {mean.networks}",
            seconds(mean.seconds),
            style="bold" if is_exact else "",
        )
    return table


def _style(row: Row, removed: float | None) -> str:
    """Colour on a terminal: what meets the least, what has no answer, what is far off."""
    if row.traffic is None:
        return "dim"
    if not removed:
        return "green"
    return "red" if removed >= _FAR else ""

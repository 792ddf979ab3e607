"""What a report says about a plan, whatever it is rendered to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.report.explain import evidence, verdict
from solver.report.units import count, percent, seconds, short_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models import Graph
    from solver.plan import Plan

_ORDERS = {
    "file_order": "file order",
    "kahn": "breadth-first order",
    "depth_first": "depth-first order",
    "reverse_post_order": "reverse post-order",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled size and a remark on it."""

    label: str
    size: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The report on one plan.

    Attributes
    ----------
    facts : tuple of str
        The network, its precision, the memory rules.
    rows : tuple of Row
        Sizes to compare.
    remarks : tuple of str
        Why it is so, and what it took.
    warnings : tuple of str
        What the figures do not account for.
    verdict : str
        The answer.
    answer : bool or None
        Whether the answer is good news; None when it is open.
    """

    facts: tuple[str, ...]
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]
    verdict: str
    answer: bool | None


def summarize(
    plan: Plan, graph: Graph, *, title: str, precision: str, hints: Iterable[str] = ()
) -> Summary:
    """Put a least-peak plan into words.

    Parameters
    ----------
    plan : Plan
        What the solver returned.
    graph : Graph
        What it was given.
    title, precision : str
        Where the network comes from, and how its activations are sized.
    hints : iterable of str
        What the user could do next.
    """
    answer = plan.fits
    if plan.budget_bytes is None and plan.is_proven:
        answer = True
    return Summary(
        facts=(f"{title}: {contents(graph)}", precision, f"memory rules: {rules_in_words(plan)}"),
        rows=tuple(_rows(plan)),
        remarks=(*_remarks(plan, graph), *hints),
        warnings=plan.warnings,
        verdict=_qualified(verdict(plan), plan),
        answer=answer,
    )


def _qualified(sentence: str, plan: Plan) -> str:
    """Keep the verdict from claiming more than the reader could count."""
    if not plan.warnings:
        return sentence
    noun = "warning" if len(plan.warnings) == 1 else "warnings"
    return f"{sentence} This holds for what was counted: see the {noun}."


def contents(graph: Graph, weights: str = "not counted") -> str:
    """Count what a network consists of, and say what is done with its weights."""
    ops, buffers = count(len(graph.ops), "op"), count(len(graph.buffers), "buffer")
    constants = f"; {short_size(graph.weight_bytes)} of weights {weights}"
    return f"{ops}, {buffers}{constants if graph.weights else ''}"


def rules_in_words(plan: Plan) -> str:
    """Say under which memory rules a plan holds."""
    options = plan.options
    alignment = options["alignment"]
    if not options["in_place"] and not options["views"] and alignment == 1:
        return "conservative (nothing in place, views are copies, no alignment)"
    return ", ".join((
        "in place where the op allows it" if options["in_place"] else "nothing in place",
        "views share storage" if options["views"] else "views are copies",
        "no alignment" if alignment == 1 else f"sizes rounded up to {count(alignment, 'byte')}",
    ))  # fmt: skip


def order_name(name: str) -> str:
    """Give a simple order its name for people."""
    return _ORDERS.get(name, name.replace("_", " "))


def _rows(plan: Plan) -> list[Row]:
    peak, budget = plan.peak_bytes, plan.budget_bytes
    note = "proven optimal" if plan.is_proven else f"gap {percent(plan.gap)}"
    rows = [
        Row("best order", peak, note if plan.arena_bytes is None else "live bytes at their peak"),
        Row("proven lower bound", plan.lower_bound_bytes, "no order needs less"),
    ]
    if plan.arena_bytes is not None:
        rows.insert(0, Row("arena", plan.arena_bytes, note))
    if budget is not None:
        room = budget - plan.needed_bytes
        left = f"{short_size(room)} left" if room >= 0 else f"{short_size(-room)} missing"
        rows.append(Row("budget", budget, left))
    for name, needed in plan.baselines.items():
        saved = (needed - peak) / needed if needed else 0.0
        note = f"{percent(saved)} saved" if saved > 0 else "the same"
        if budget is not None and peak <= budget < needed:
            note += ", would not fit"
        rows.append(Row(order_name(name), needed, note))
    return rows


def _remarks(plan: Plan, graph: Graph) -> list[str]:
    remarks: list[str] = []
    is_optimal = plan.is_proven
    if is_optimal and plan.baselines.get("file_order") == plan.peak_bytes:
        remarks.append("File order is already optimal: no order needs less.")
    remarks.extend(evidence(plan, graph))
    states = plan.certificate.get("states", 0)
    searched = f"{count(states, 'state')} searched" if states else "no search needed"
    if plan.certificate.get("kind") == "formulation":
        searched = f"proven by {plan.certificate['formulation']['method']}"
    remarks.append(f"{seconds(plan.seconds)}, {searched}.")
    if plan.fits is None and not is_optimal and plan.limit in ("time", "memory"):
        remarks.append(f"A larger --{plan.limit}-limit may decide it.")
    return remarks

"""What a report says about a plan of least traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.memory import MemoryRules
from solver.report.summary import Row, Summary, contents, order_name, rules_in_words
from solver.report.units import count, full_size, percent, printable, seconds, short_size
from solver.traffic.model import make_traffic_problem, streamed_bytes
from solver.traffic.offsets import WITHOUT_OFFSETS

if TYPE_CHECKING:
    from models import Graph
    from solver.plan import Plan
    from solver.traffic.sweep import Curve, Point

_NAMED = 3
_PROOFS = {
    "compulsory": "nothing moves but what has to move in any case",
    "peak": "the least peak is above the TCM, so something must be spilled",
    "landmarks": "no plan for what must be live at some ops moves less",
    "sketch": "a relaxation of the problem, solved exactly, moves no less",
    "search": "an exhaustive search found no plan that moves less",
    "formulation": "no plan moves less",
    "pinning": "no way to share the TCM between activations and pinned weights moves less",
}
_ABOUT_LESS = ("landmarks", "sketch", "search", "formulation", "pinning")
_BOUNDS = {  # where there may be a better plan
    **{kind: f"{_PROOFS[kind]} than the bound" for kind in _ABOUT_LESS},
    "compulsory": "this has to move in any case",
}
_WEIGHTS = {"ignore": "not counted", "stream": "streamed", "pin": "pinned or streamed"}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the traffic of a plan consists of, in bytes, and the weights that are none of it."""

    in_and_out: int
    weights: int
    spilled: int
    pinned: int
    pinned_bytes: int


def summarize_traffic(
    plan: Plan,
    graph: Graph,
    *,
    title: str,
    precision: str,
    bandwidth: int | None = None,
    energy: float | None = None,
) -> Summary:
    """Put a plan of least traffic into words.

    Parameters
    ----------
    bandwidth : int, optional
        Bytes per second of external memory.
    energy : float, optional
        Picojoules per byte of external access.
    """
    mode, weights = plan.options["mode"], plan.options["weights"]
    tcm = full_size(plan.tcm_bytes or 0)
    facts = (
        f"{title}: {contents(graph, _WEIGHTS[weights])}",
        precision,
        f"memory rules: {rules_in_words(plan)}",
        f"TCM of {tcm}, {mode} operands, weights {_WEIGHTS[weights]}" + _budget_fact(plan),
    )
    if plan.traffic_bytes is None:
        over = (_oversized(plan),) if "oversized" in plan.certificate else ()
        answer = False if plan.status == "infeasible" else None
        return Summary(facts, (), over, plan.warnings, without_plan(plan), answer=answer)
    parts = _parts(plan, graph)
    remarks = [("Proof: " if plan.is_proven else "Bound: ") + _proof(plan) + "."]
    states = plan.certificate["states"]
    remarks.append(f"{seconds(plan.seconds)}, {count(states, 'state')} searched.")
    if plan.arena_bytes is not None:
        remarks.append(_offsets(plan))
    traffic = plan.traffic_bytes or 0
    if bandwidth is not None:
        remarks.append(
            f"At {short_size(bandwidth)} per second the traffic takes "
            f"{seconds(traffic / bandwidth)}, if nothing else runs meanwhile."
        )
    if energy is not None:
        remarks.append(
            f"At {energy:g} pJ per byte it costs {traffic * energy / 1e6:.4g} microjoules."
        )
    return Summary(
        facts,
        tuple(_rows(plan, parts)),
        tuple(remarks),
        plan.warnings,
        _verdict(plan, parts),
        answer=True if plan.is_proven or plan.fits else None,
    )


def _proof(plan: Plan) -> str:
    """Say what the bound rests on."""
    certificate = plan.certificate
    kind = str(certificate["kind"])
    words = _PROOFS.get(kind, "")
    if not plan.is_proven:
        words = _BOUNDS.get(kind, words)
    if "formulation" in certificate:
        words += f", says the {certificate['formulation']['method']} formulation"
    return words


def _parts(plan: Plan, graph: Graph) -> _Parts:
    options = plan.options
    rules = MemoryRules(options["alignment"], views=options["views"])
    activations = make_traffic_problem(
        graph, plan.tcm_bytes or 0, mode=options["mode"], rules=rules
    )
    in_and_out, traffic = activations.compulsory_bytes, plan.traffic_bytes or 0
    streamed = [w for w in graph.weights if w.name not in options.get("pinned", ())]
    pinned = [w for w in graph.weights if w.name in options.get("pinned", ())]
    weights = 0 if options["weights"] == "ignore" else sum(map(streamed_bytes, streamed))
    return _Parts(
        in_and_out,
        weights,
        traffic - in_and_out - weights,
        len(pinned),
        sum(rules.aligned(w.size) for w in pinned),
    )


def _rows(plan: Plan, parts: _Parts) -> list[Row]:
    traffic, compulsory = plan.traffic_bytes or 0, plan.compulsory_bytes or 0
    note = "proven least" if plan.is_proven else f"gap {percent(plan.gap)}"
    rows = [
        Row("traffic", traffic, note),
        Row("compulsory part", compulsory, _compulsory_note(parts, compulsory)),
        *_weight_rows(plan, parts),
        Row("spills and reloads", parts.spilled),
        Row("proven lower bound", plan.lower_bound_bytes, "no plan moves less"),
        Row("TCM in use", plan.peak_bytes, "at most"),
    ]
    if plan.budget_bytes is not None:
        external = int(plan.certificate["external_bytes"])
        rows.append(Row("external memory in use", external, "at most, weights left out"))
    for name, moved in plan.baselines.items():
        more = moved - compulsory
        saved = 1 - (traffic - compulsory) / more if more else 0.0
        what = f"{percent(saved)} of its spills saved" if saved > 0 else "the same"
        if saved < 0:
            what = "less, but it has no offsets"
        rows.append(Row(f"{order_name(name)} + replacement", moved, what))
    return rows


def _paid(plan: Plan) -> int:
    """Bytes that the plan moves because none were found that moves less and has offsets."""
    traffic = plan.traffic_bytes or 0
    return traffic - int(plan.certificate.get(WITHOUT_OFFSETS, traffic))


def _offsets(plan: Plan) -> str:
    sentence = f"Offsets: placed in {full_size(plan.arena_bytes or 0)} of TCM"
    paid = _paid(plan)
    if not paid:
        return sentence + "."
    return (
        f"{sentence}, at the price of {full_size(paid)} more traffic: none were found for the best "
        f"plan without them, which moves {full_size((plan.traffic_bytes or 0) - paid)}."
    )


def _compulsory_note(parts: _Parts, compulsory: int) -> str:
    return "inputs in, outputs out" + (", weights in" if compulsory > parts.in_and_out else "")


def _weight_rows(plan: Plan, parts: _Parts) -> list[Row]:
    if plan.options["weights"] == "ignore":
        return []
    rows = [Row("weights streamed", parts.weights)]
    if plan.options["weights"] == "pin":
        rows.append(Row("weights pinned", parts.pinned_bytes, count(parts.pinned, "weight")))
    return rows


def _verdict(plan: Plan, parts: _Parts) -> str:
    traffic = plan.traffic_bytes or 0
    what = f"moves {full_size(traffic)}, {full_size(parts.spilled)} of it spills and reloads"
    if not parts.spilled:
        named = "inputs, outputs and weights" if parts.weights else "inputs and outputs"
        what = f"moves {full_size(traffic)}, nothing but {named}"
    if plan.is_proven:
        within = "" if plan.budget_bytes is None else " within the budget"
        sentence = f"Optimal: {what}; no plan{within} moves less (proven)"
    else:
        bound = full_size(plan.lower_bound_bytes)
        begin = "Not proven" if plan.budget_bytes is None else "Fits, not proven least"
        found = "the best plan with offsets" if _paid(plan) else "the best plan"
        sentence = f"{begin}: {found} {what}; every plan moves at least {bound}"
    if plan.limit is not None:
        how = (
            "interrupted" if plan.limit == "interrupt" else f"stopped by the limit on {plan.limit}"
        )
        sentence += f"; {how}"
    return sentence + "."


def _budget_fact(plan: Plan) -> str:
    if plan.budget_bytes is None:
        return ""
    return f"; a budget of {full_size(plan.budget_bytes)} for it and external memory"


def without_plan(plan: Plan) -> str:
    """Say that no plan was found, and why; which TCM or budget would do."""
    if "oversized" not in plan.certificate:
        return _beyond_budget(plan)
    least = full_size(plan.certificate["least_tcm_bytes"])
    largest = printable(next(iter(plan.certificate["oversized"])))
    return (
        f"Infeasible (proven): no plan runs in this TCM; the smallest that works is {least}, for "
        f"op {largest}."
    )


def _beyond_budget(plan: Plan) -> str:
    tcm, budget = full_size(plan.tcm_bytes or 0), full_size(plan.budget_bytes or 0)
    least = plan.certificate["least_budget_bytes"]
    needs = ""
    if least > (plan.budget_bytes or 0):
        needs = f"; with this TCM it takes at least {full_size(least)}"
    if plan.status == "infeasible":
        return (
            f"Infeasible (proven): no plan fits a TCM of {tcm} and external memory in a budget of "
            f"{budget}{needs}."
        )
    how = "" if plan.limit is None else f"; stopped by the limit on {plan.limit}"
    if plan.limit == "interrupt":
        how = "; interrupted"
    return (
        f"Undecided: no plan was found that fits a TCM of {tcm} and external memory in a budget of "
        f"{budget}, and it was not proven that there is none{how}."
    )


def _oversized(plan: Plan) -> str:
    over = plan.certificate["oversized"]
    named = [
        f"{printable(name)} ({short_size(size)})" for name, size in list(over.items())[:_NAMED]
    ]
    more = f" and {len(over) - _NAMED} more" if len(over) > _NAMED else ""
    return f"Larger than the TCM by themselves: {', '.join(named)}{more}."


def render_curve(curve: Curve, title: str, *, quiet: bool) -> str:
    """Render a curve over sizes of TCM as plain text."""
    lines = [] if quiet else [f"{printable(title)[1:-1]}: least traffic by size of TCM", ""]
    head = ("TCM", "traffic", "spills", "lower bound", "")
    cells = [head] + [
        (
            short_size(p.tcm),
            "-" if p.traffic is None else str(p.traffic),
            "-" if p.traffic is None else str(p.traffic - curve.compulsory),
            "-" if p.traffic is None else str(p.bound),
            _point_note(p, curve),
        )
        for p in curve.points
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    if not quiet:
        for *numbers, note in cells:
            row = "  ".join(f"{n:>{w}}" for n, w in zip(numbers, widths, strict=True))
            lines.append(f"  {row}  {note}".rstrip())
        lines.append("")
    op = "" if curve.largest_op is None else f", for op {printable(curve.largest_op)}"
    lines.append(f"Smallest TCM that works at all: {full_size(curve.least_tcm)}{op}.")
    named = "inputs, outputs and weights" if curve.weights == "stream" else "inputs and outputs"
    pinned = ", all weights pinned" if curve.weights == "pin" else ""
    if curve.no_spill_tcm == curve.no_spill_bound:
        lines.append(
            f"Smallest TCM without spills{pinned}: {full_size(curve.no_spill_tcm)} (proven); "
            f"only {full_size(curve.compulsory)} of {named} move then."
        )
    else:
        lines.append(
            f"Without spills{pinned}: {full_size(curve.no_spill_tcm)} is enough, less than "
            f"{full_size(curve.no_spill_bound)} is not."
        )
    if curve.knee is not None and curve.knee.traffic is not None:
        lines.append(
            f"Knee of the curve: {full_size(curve.knee.tcm)}, where "
            f"{full_size(curve.knee.traffic)} move."
        )
    if any(point.limit == "interrupt" for point in curve.points):
        lines.append("Interrupted: larger sizes were not reached.")
    return "\n".join(lines) + "\n"


def _point_note(point: Point, curve: Curve) -> str:
    if point.traffic is None:
        return "infeasible"
    notes = [] if point.is_proven else ["not proven"]
    if curve.knee is not None and point.tcm == curve.knee.tcm:
        notes.append("knee")
    if point.traffic == curve.compulsory:
        notes.append("no spills")
    return ", ".join(notes)

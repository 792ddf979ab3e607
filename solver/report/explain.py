"""The sentences that say what a plan proves, and why it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solver.memory import MemoryRules, Problem, make_problem
from solver.peak.certificate import live_during
from solver.report.units import count, full_size, percent, printable, short_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models import Graph
    from solver.plan import Plan

_NAMED = 3  # buffers named before "and N more"

_STOPS = {
    "time": "stopped by --time-limit",
    "memory": "stopped by --memory-limit",
    "nodes": "stopped by the limit on states",
    "interrupt": "interrupted",
}


def verdict(plan: Plan) -> str:
    """One sentence: does it fit, or how good is the order."""
    is_optimal = plan.is_proven
    arena = "" if plan.arena_bytes is None else "an arena of "
    best = "order" if plan.arena_bytes is None else "order and layout"
    peak = f"{arena}{full_size(plan.needed_bytes)}"
    bound = full_size(plan.lower_bound_bytes)
    gap = f"gap {percent(plan.gap)}"
    if plan.budget_bytes is None:
        if is_optimal:
            sentence = f"Optimal: needs {peak}, no order needs less (proven)"
        else:
            sentence = (
                f"Not proven: the best {best} found needs {peak}, every order needs at least "
                f"{bound} ({gap})"
            )
    else:
        budget = full_size(plan.budget_bytes)
        if plan.fits:
            quality = "proven optimal" if is_optimal else f"not proven optimal, {gap}"
            sentence = f"Fits: needs {peak} of {budget} ({quality})"
        elif plan.fits is None:
            sentence = (
                f"Undecided: the best {best} found needs {peak}, every order needs at least "
                f"{bound}, the budget is {budget}"
            )
        else:
            need = "needs" if is_optimal else "needs at least"
            missing = full_size(plan.lower_bound_bytes - plan.budget_bytes)
            sentence = (
                f"Does not fit (proven): {need} {bound}, the budget is {budget}; {missing} missing"
            )
    if plan.limit is not None:
        sentence += f"; {_STOPS.get(plan.limit, f'stopped by the limit on {plan.limit}')}"
    return sentence + "."


def evidence(plan: Plan, graph: Graph) -> list[str]:
    """Sentences that say why no order needs less than the bound, or fits the budget.

    The last one is about the bound. One before it gives a weaker reason that is easier to check
    and already rules the budget out, where there is such a reason.
    """
    problem = problem_of(plan, graph)
    certificate = plan.certificate
    simple = [(max(problem.live_at_start, problem.live_at_end), _ends_sentence(problem))]
    if "cut" in certificate:
        cut = certificate["cut"]
        simple.append((cut["bound_bytes"], _cut_sentence(cut, problem)))
    best, sentence = max(simple, key=lambda item: item[0])
    if best >= plan.lower_bound_bytes:
        return [f"{_label(plan)}: {sentence}."]
    found: list[str] = []
    if plan.budget_bytes is not None and best > plan.budget_bytes:
        found.append(f"Over budget: {sentence}.")
    if certificate["kind"] == "formulation":
        reason = _formulation_reason(certificate["formulation"])
    else:
        reason = _search_reason(certificate["search"])
    sentence = (
        f"no order stays below {full_size(plan.lower_bound_bytes)}: {reason}; the best order needs "
        f"{full_size(plan.peak_bytes)} {bottleneck(plan, problem)}"
    )
    return [*found, f"{_label(plan)}: {sentence}."]


def _label(plan: Plan) -> str:
    return "Proof" if plan.status == "optimal" else "Bound"


def problem_of(plan: Plan, graph: Graph) -> Problem:
    """State the problem that ``plan`` solves, under its own memory rules."""
    options = plan.options
    rules = MemoryRules(
        alignment=options.get("alignment", 1),
        in_place=options.get("in_place", False),
        views=options.get("views", False),
    )
    return make_problem(graph, rules)


def bottleneck(plan: Plan, problem: Problem) -> str:
    """Where the plan's own order is at its peak: op and buffers."""
    index = {name: v for v, name in enumerate(problem.names)}
    order = [index[name] for name in plan.order]
    profile = problem.replay(order)
    step = profile.bottleneck
    if step is None or profile.live_before == profile.peak:
        return "before the first op runs"
    before = frozenset(order[:step])
    live = live_during(problem, before, order[step])
    sizes = [(problem.storages[b].name, problem.storages[b].size) for b in live]
    return f"while op {printable(plan.order[step])} runs with {_listed(sizes)} live"


def _ends_sentence(problem: Problem) -> str:
    at_start = problem.live_at_start >= problem.live_at_end
    ends = max(problem.live_at_start, problem.live_at_end)
    what, when = ("input", "before the first op") if at_start else ("output", "after the last op")
    sizes = sorted(
        (
            (s.name, s.size)
            for s in problem.storages
            if s.size and (s.is_input if at_start else s.is_output)
        ),
        key=lambda item: -item[1],
    )
    plural = "" if len(sizes) == 1 else "s"
    return (
        f"every order needs at least {full_size(ends)}: {when}, the network {what}{plural} "
        f"{_listed(sizes)} must be live"
    )


def _cut_sentence(cut: Mapping[str, Any], problem: Problem) -> str:
    op = problem.names.index(cut["op"])
    size_of = {s.name: s.size for s in problem.storages}
    live = sorted(((name, size_of[name]) for name in cut["live"]), key=lambda item: -item[1])
    total = sum(size for _, size in live)
    extra = ""
    if problem.workspace[op]:
        extra += f" and {short_size(problem.workspace[op])} of workspace"
        total += problem.workspace[op]
    own = {problem.storages[b].name for b in (*problem.produced[op], *problem.consumed[op])}
    alternative = "" if own.issuperset(cut["live"]) else ", or others no smaller"
    saved = total - cut["bound_bytes"]
    if saved > 0:
        alternative += f" (less {short_size(saved)} that it overwrites in place)"
    return (
        f"every order needs at least {full_size(cut['bound_bytes'])}: while op "
        f"{printable(cut['op'])} runs, {_listed(live)}{extra} must be live{alternative}"
    )


def _search_reason(search: Mapping[str, Any]) -> str:
    reason = (
        f"an exhaustive {search['direction']} search of {count(search['states'], 'state')} over "
        f"{count(len(search['window']), 'op')} found none"
    )
    if search.get("closed") is not None:
        states = count(len(search["closed"]["states"]), "state")
        reason += f" (proof in the plan: a closed set of {states})"
    return reason


def _formulation_reason(formulation: Mapping[str, Any]) -> str:
    return (
        f"the {formulation['method']} formulation of {count(len(formulation['window']), 'op')} "
        "has no solution"
    )


def _listed(sizes: Sequence[tuple[str, int]]) -> str:
    """Name the largest few, largest first."""
    shown = [f"{printable(name)} ({short_size(size)})" for name, size in sizes[:_NAMED]]
    rest = sizes[_NAMED:]
    if rest:
        shown.append(f"{len(rest)} more ({short_size(sum(size for _, size in rest))})")
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]

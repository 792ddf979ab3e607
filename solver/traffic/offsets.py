"""Give a plan of least traffic its offsets in the TCM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from solver.limits import Limit, Meter
from solver.memory import MemoryRules
from solver.plan import Status
from solver.traffic.layout import find_offsets
from solver.traffic.simulate import Move, as_mappings, simulate

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.limits import Limits
    from solver.plan import Plan
    from solver.traffic.model import TrafficProblem
    from solver.traffic.placement import Placement

_SHARE, _LITTLE = 0.1, 0.3  # of the time limit are for the layout, of a short one more
_LEAST, _MOST = 0.5, 6.0  # seconds between which the first is enough
_STATED, _CHECK, _LAYOUT = 2, 4, 12  # times that of stating the problem: again, and what follows
_IN_ANY_CASE = 0.01  # share of the time limit if it is over
_INTERRUPTED = 0.1  # seconds for it if the user has pressed Ctrl-C before

#: Key of a certificate: traffic of the best plan, for which no offsets were found.
WITHOUT_OFFSETS = "without_offsets_bytes"
UNPLACED = (
    "no offsets in the TCM were found: what is there at any time fits by its bytes, "
    "but perhaps not each buffer in one piece"
)


def reserve(limits: Limits, stated: float, *, offsets: bool) -> tuple[Limits, Limits]:
    """Set time apart for what comes after the plan.

    Returns
    -------
    tuple of Limits
        For the plan, and for the plan and its offsets: then there is time left to check it. The
        seconds that stating the problem took tell how long one look at everything takes.
    """
    if limits.seconds is None:
        return limits, limits
    little = _LITTLE * limits.seconds
    check = min(_CHECK * stated, little)
    share = min(max(_SHARE * limits.seconds, min(max(_LEAST, _LAYOUT * stated), little)), _MOST)
    both = limits.seconds - check
    within = both - min(_STATED * stated, little) - share * offsets
    return replace(limits, seconds=within), replace(limits, seconds=both)


def with_offsets(
    plan: Plan, graph: Graph, problem: TrafficProblem, limits: Limits, start: float
) -> Plan:
    """Give a plan its offsets; change it if it has none.

    Pinned weights lie side by side at the bottom: they are always there, so nothing is lost.

    Parameters
    ----------
    plan : Plan
        Of least traffic, without offsets, not infeasible.
    graph : Graph
        Its network.
    problem : TrafficProblem
        What it solves.
    limits : Limits
        For the plan and its offsets together: the layout gets what is left of the time, but never
        more than a few seconds.
    start : float
        Seconds that have passed.

    Returns
    -------
    Plan
        With offsets, or as it was with a warning. It is another plan only if none were found for
        this one. If it moves more then, the bound stays as it is (it holds without offsets too),
        and the certificate says under ``without_offsets_bytes`` what the first plan moved.
    """
    meter, left = Meter(limits), limits.seconds
    if left is not None:
        left = max(left - start, _IN_ANY_CASE * left)
    if plan.limit == Limit.INTERRUPT:
        left = _INTERRUPTED if left is None else min(left, _INTERRUPTED)
    weights = _pinned(plan, graph)
    room = problem.capacity - sum(weights.values())
    beside = replace(problem, capacity=max(1, room))  # no bytes left: there is nothing to place
    steps = [Move.from_mapping(step) for step in plan.steps or ()]
    found = find_offsets(beside, steps, plan.options["alignment"], replace(limits, seconds=left))
    if found.limit is Limit.INTERRUPT:
        plan = replace(plan, limit=found.limit.value)
    plan = replace(plan, seconds=round(plan.seconds + meter.seconds, 6))
    if found.placement is None:
        return replace(plan, warnings=(*plan.warnings, UNPLACED))
    extra = found.placement.replay.traffic - simulate(beside, steps).traffic
    plan = _placed(plan, problem, found.placement, weights)
    return plan if extra == 0 else _moving(plan, extra, found.limit)


def _pinned(plan: Plan, graph: Graph) -> dict[str, int]:
    """Bytes of TCM that each pinned weight takes."""
    sizes = {w.name: MemoryRules(plan.options["alignment"]).aligned(w.size) for w in graph.weights}
    return {name: sizes[name] for name in plan.options.get("pinned", ())}


def _placed(
    plan: Plan, problem: TrafficProblem, placement: Placement, weights: dict[str, int]
) -> Plan:
    """Return the plan of a placement above the weights, its traffic left as it was."""
    replay, bottom = placement.replay, 0
    stays: list[tuple[str, int, int, int]] = []
    for name, size in weights.items():
        stays.append((name, 0, len(placement.steps), bottom))
        bottom += size
    stays += (
        (problem.buffers[b].name, begin, end, bottom + offset)
        for (b, begin, end), offset in zip(replay.stays, placement.offsets, strict=True)
    )
    offsets = {name: offset for name, _, _, offset in stays}
    is_constant = all(offsets[name] == offset for name, _, _, offset in stays)
    return replace(
        plan,
        peak_bytes=bottom + replay.peak,
        order=tuple(problem.names[v] for v in replay.order),
        steps=as_mappings(placement.steps),
        arena_bytes=bottom + placement.arena,
        offsets=offsets if is_constant else None,
        tcm_offsets=tuple(stays),
    )


def _moving(plan: Plan, extra: int, limit: Limit | None) -> Plan:
    """Return the plan with so much more traffic; its curve told the story of another."""
    assert plan.traffic_bytes is not None
    traffic = plan.traffic_bytes + extra
    proven = traffic == plan.lower_bound_bytes
    stopped = plan.limit or (limit.value if limit is not None else None)
    paid = {WITHOUT_OFFSETS: plan.traffic_bytes} if extra > 0 else {}
    return replace(
        plan,
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        limit=None if proven and stopped != Limit.INTERRUPT else stopped,
        traffic_bytes=traffic,
        certificate={**plan.certificate, **paid},
        curve=(),
    )

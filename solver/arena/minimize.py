"""From a graph to a verified plan of least arena: order and offsets together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from solver.arena.arrange import arrange
from solver.limits import Limits
from solver.plan import Plan, Status
from solver.verify import check_layout, check_replay

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.arena.arrange import Arranged

_SHARE = 0.1  # of the time limit that the layout gets in any case


def lay_out(plan: Plan, graph: Graph, limits: Limits | None = None) -> Plan:
    """Give a plan of least peak its offsets; change its order if another needs less arena.

    Parameters
    ----------
    plan : Plan
        Of least peak, without offsets.
    graph : Graph
        Its network.
    limits : Limits, optional
        Those the plan was made under: the layout gets what is left of the time, and a tenth of it
        at least.

    Returns
    -------
    Plan
        With ``arena_bytes`` and ``offsets``. The arena is least if it equals
        ``lower_bound_bytes``. ``fits`` is about the arena now. A new order may have a higher peak.

    Raises
    ------
    VerificationError
        If the independent check contradicts the layout: a bug, never caught.
    """
    limits = limits or Limits()
    if limits.seconds is not None:
        left = max(limits.seconds - plan.seconds, _SHARE * limits.seconds)
        limits = replace(limits, seconds=left)
    arranged = arrange(graph, plan, replace(limits, nodes=None))
    found = _with_offsets(plan, arranged)
    check_replay(found, graph)
    check_layout(found, graph)
    return found


def _with_offsets(plan: Plan, arranged: Arranged) -> Plan:
    peak, arena, bound = arranged.joint.peak, arranged.arena, plan.lower_bound_bytes
    limit = plan.limit
    if limit is None and arena > bound and arranged.joint.limit is not None:
        limit = arranged.joint.limit.value
    fits = plan.fits
    if plan.budget_bytes is not None:
        fits = True if arena <= plan.budget_bytes else fits if bound > plan.budget_bytes else None
    return replace(
        plan,
        status=Status.OPTIMAL if peak == bound else Status.FEASIBLE,
        limit=limit,
        fits=fits,
        peak_bytes=peak,
        order=arranged.order,
        arena_bytes=arena,
        offsets=dict(arranged.offsets),
        # Another order: the curve tells the story of the first.
        curve=plan.curve if peak == plan.peak_bytes else (),
    )

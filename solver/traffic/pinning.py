"""Which weights stay in the TCM for good, and the least traffic of all the rest together.

Pinning weights of ``P`` bytes leaves ``C - P`` for the activations. So the least traffic is
that of the least ``T(c) + W(C - c)``, where ``T(c)`` is the least traffic of the activations in
``c`` bytes and ``W(r)`` that of the weights when the best choice of ``r`` bytes is pinned: an exact
search and a knapsack, coupled by one number. Neither grows with its room. So no split with the
activations in ``a`` to ``b`` bytes moves less than ``T(b) + W(C - a)``, a bound by which ranges of
splits are discarded, best first; and a plan that uses ``p`` bytes serves every split from ``p`` on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from solver.limits import Limit
from solver.plan import Status
from solver.traffic.model import Weights
from solver.traffic.outcome import TrafficOutcome
from solver.traffic.pinnable import Pinnable
from solver.traffic.rules import UNBOUNDED
from solver.traffic.splits import Splits

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.limits import Meter
    from solver.memory import MemoryRules
    from solver.traffic.model import TrafficProblem
    from solver.traffic.splits import Activations


def minimize_with_pinning(
    graph: Graph,
    problem: TrafficProblem,
    rules: MemoryRules,
    meter: Meter,
    activations: Activations,
) -> TrafficOutcome:
    """Find the plan and the pinned weights that move the fewest bytes together, and prove it.

    Parameters
    ----------
    graph : Graph
        The network.
    problem : TrafficProblem
        The problem of pinning, with the whole TCM; no op may be oversized.
    rules : MemoryRules
        Alignment and views.
    meter : Meter
        Limits and observer.
    activations : callable
        Least traffic without weights in so many bytes. An observer that raises
        :class:`LimitReachedError` ends it early.
    """
    search = Splits(problem, Pinnable(graph, problem, rules), meter, activations)
    search.run()
    limit = None if search.limit is None else search.limit.value
    if search.refusal is not None:
        return replace(
            search.refusal,
            tcm_bytes=problem.capacity,
            budget_bytes=problem.live_capacity,
            least_budget_bytes=search.least_budget,
            weights=Weights.PIN,
            compulsory_bytes=problem.compulsory_bytes,
            traffic_lower_bound_bytes=problem.compulsory_bytes,
        )
    common = _common(graph, problem, search)
    if search.best.total == UNBOUNDED:
        return TrafficOutcome(
            **common,
            status=Status.UNKNOWN,
            order=(),
            steps=(),
            traffic_bytes=None,
            peak_bytes=None,
            limit=limit,
        )
    proven = search.best.total == search.bound
    keep_limit = search.limit is not None and (not proven or search.limit is Limit.INTERRUPT)
    return TrafficOutcome(
        **common,
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        order=search.best.order,
        steps=search.best.steps,
        traffic_bytes=search.best.total,
        peak_bytes=search.best.peak + sum(item.size for item in search.best.pinned),
        limit=limit if keep_limit else None,
        pinned=tuple(item.name for item in search.best.pinned),
        external_bytes=None if problem.external is None else search.best.external,
    )


def _common(graph: Graph, problem: TrafficProblem, search: Splits) -> dict[str, Any]:
    """Parts of an outcome with or without a plan."""
    return {
        "model": graph.name,
        "tcm_bytes": problem.capacity,
        "mode": problem.mode,
        "weights": Weights.PIN,
        "compulsory_bytes": problem.compulsory_bytes,
        "traffic_lower_bound_bytes": search.bound,
        "proof": "compulsory" if search.bound == problem.compulsory_bytes else "pinning",
        "baselines": search.baselines,
        "least_tcm_bytes": problem.least_capacity,
        "states": search.meter.states,
        "seconds": round(search.meter.seconds, 6),
        "curve": tuple(search.curve),
        "warnings": graph.warnings,
        "budget_bytes": problem.live_capacity,
        "least_budget_bytes": search.least_budget,
    }

"""A plan of least traffic, as :class:`solver.plan.Plan`."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.limits import Limits, Meter
from solver.memory import MemoryRules
from solver.peak.backend import NAMES, libraries
from solver.plan import Plan
from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import Mode, Weights, make_traffic_problem
from solver.traffic.offsets import reserve, with_offsets
from solver.traffic.simulate import Move, simulate
from solver.verify.traffic import check_traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.limits import Observer
    from solver.traffic.outcome import TrafficOutcome


def plan_traffic(
    graph: Graph,
    tcm: int,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    method: str = "auto",
    workers: int = 1,
    options: Mapping[str, Any] | None = None,
    offsets: bool = True,
    budget: int | None = None,
) -> Plan:
    """Find the plan of least traffic and its offsets in the TCM.

    See :func:`solver.traffic.minimize_traffic` and :func:`solver.traffic.offsets.with_offsets`, for
    which some of a time limit is set apart.

    Parameters
    ----------
    options : mapping, optional
        Reading options to record in the plan.
    offsets : bool
        Whether the plan needs offsets, even if another one without them moves less.
    budget : int, optional
        Bytes of TCM and external memory together.

    Returns
    -------
    Plan
        Its steps have been replayed by independent code.

    Raises
    ------
    ValueError
        If the TCM is not positive or beyond the budget, there is no such method, or the rules allow
        in-place reuse.
    BackendUnavailableError
        If the library of the formulation is not installed.
    VerificationError
        If the independent replay contradicts the solver: a bug, never caught.
    """
    rules = rules or MemoryRules()
    meter = Meter(limits or Limits())
    problem = make_traffic_problem(
        graph, tcm, mode=mode, weights=weights, rules=rules, budget=budget
    )
    within, both = reserve(meter.limits, meter.seconds, offsets=offsets)
    outcome = minimize_traffic(
        graph,
        tcm,
        within,
        observer,
        mode=mode,
        weights=weights,
        rules=rules,
        method=method,
        workers=workers,
        budget=budget,
    )
    plan = Plan(
        model=graph.name,
        problem="traffic",
        status=outcome.status,
        limit=outcome.limit,
        tcm_bytes=tcm,
        budget_bytes=budget,
        fits=outcome.fits,
        peak_bytes=outcome.peak_bytes or 0,
        lower_bound_bytes=outcome.traffic_lower_bound_bytes,
        order=outcome.order,
        traffic_bytes=outcome.traffic_bytes,
        compulsory_bytes=outcome.compulsory_bytes,
        steps=outcome.steps,
        baselines=outcome.baselines,
        seconds=outcome.seconds,
        certificate=_certificate(outcome),
        options={
            **(options or {}),
            "alignment": rules.alignment,
            "in_place": rules.in_place,
            "views": rules.views,
            "mode": outcome.mode.value,
            "weights": outcome.weights.value,
            **({"pinned": list(outcome.pinned)} if outcome.weights is Weights.PIN else {}),
        },
        curve=outcome.curve,
        warnings=outcome.warnings,
        versions={
            "tightfit": __version__,
            "python": platform.python_version(),
            "scipy": version("scipy"),
            **{name: version(name) for name in libraries({method, outcome.method})},
        },
    )
    if outcome.traffic_bytes is not None:
        if offsets:
            plan = with_offsets(plan, graph, problem, both, meter.seconds)
        if budget is not None:
            moves = map(Move.from_mapping, plan.steps or ())
            used = simulate(problem, moves).external
            plan = replace(plan, certificate={**plan.certificate, "external_bytes": used})
    check_traffic(plan, graph)
    return plan


def _certificate(outcome: TrafficOutcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": outcome.proof,
        "bound_bytes": outcome.traffic_lower_bound_bytes,
        "states": outcome.states,
        "least_tcm_bytes": outcome.least_tcm_bytes,
    }
    if outcome.proof in ("formulation", "pinning") and outcome.method in NAMES:
        found["formulation"] = {
            "method": outcome.method,
            "bound_bytes": outcome.traffic_lower_bound_bytes,
        }
    if outcome.landmarks:
        found["landmarks"] = list(outcome.landmarks)
    if outcome.oversized:
        found["oversized"] = dict(outcome.oversized)
    if outcome.budget_bytes is not None:
        found["least_budget_bytes"] = outcome.least_budget_bytes
    return found

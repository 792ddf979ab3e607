"""Statements of a plan beside its order and its proof."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from solver.verify.errors import require
from solver.verify.replay import is_order, replay_peak

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.plan import Plan
    from solver.verify.storages import Memory


def check_baselines(plan: Plan, memory: Memory) -> None:
    """Recompute file order; of other heuristics' orders only the peak is known, not the order.

    Raises
    ------
    VerificationError
        Naming the first peak that cannot be.
    """
    for name, stated in plan.baselines.items():
        require(
            type(stated) is int and stated >= plan.peak_bytes,
            f"baseline {name!r} peaks at {stated!r}, below the best order's {plan.peak_bytes}",
        )
    if "file_order" not in plan.baselines:
        return
    stated = plan.baselines["file_order"]
    order = range(len(memory.names))
    require(is_order(order, memory), "the file's own order is not valid, yet has a peak")
    peak = replay_peak(order, memory)
    require(peak == stated, f"file order peaks at {peak} bytes, not at {stated}")


def check_other_statements(plan: Plan, graph: Graph) -> None:
    """Refuse answers to questions that a least-peak plan was not asked, and odd histories.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    for name in (
        "tcm_bytes",
        "traffic_bytes",
        "compulsory_bytes",
        "steps",
        "tcm_offsets",
    ):
        require(getattr(plan, name) is None, f"a plan of least peak states {name!r}")
    require(
        plan.limit in (None, "interrupt") or plan.status != "optimal",
        f"an optimal plan that stopped at the limit {plan.limit!r}",
    )
    require(
        plan.limit in (None, "time", "memory", "interrupt", "nodes"),
        f"unknown limit {plan.limit!r}",
    )
    require(0 <= plan.seconds < math.inf, f"it took {plan.seconds} seconds")
    for warning in graph.warnings:
        require(warning in plan.warnings, f"the plan leaves out the warning {warning!r}")
    _check_curve(plan)


def _check_curve(plan: Plan) -> None:
    for seconds, peak, bound in plan.curve:
        require(0 <= seconds < math.inf, f"the curve has a point at {seconds} seconds")
        require(0 <= bound <= peak, f"the curve has a bound of {bound} and a peak of {peak}")
    for (time, peak, bound), (next_time, next_peak, next_bound) in itertools.pairwise(plan.curve):
        require(next_time >= time, "the curve goes back in time")
        require(next_peak <= peak and next_bound >= bound, "the curve gets worse")
    if plan.curve:
        require(
            plan.curve[-1][1:] == (plan.peak_bytes, plan.lower_bound_bytes),
            "the curve does not end in the plan's peak and bound",
        )

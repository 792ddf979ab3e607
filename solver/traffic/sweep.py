"""Least traffic over a range of TCM sizes: what a larger TCM is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.limits import Limit, Limits, Meter, SilentObserver
from solver.memory import MemoryRules
from solver.peak.engine import Engine
from solver.traffic.minimize import minimize_traffic
from solver.traffic.model import Mode, Weights, make_traffic_problem, streamed_bytes
from solver.traffic.nospill import peak_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.graph import Graph
    from solver.limits import Observer
    from solver.traffic.model import TrafficProblem

_POINTS = 12
_GRAIN = 256  # bytes: sizes in between are rounded down to this


@dataclass(frozen=True, slots=True)
class Point:
    """Traffic at one size of TCM.

    Attributes
    ----------
    tcm : int
        Bytes.
    traffic : int or None
        Bytes of the best plan; None if some op is larger than the TCM.
    bound : int
        Bytes that no plan goes below.
    limit : str or None
        What stopped the solver there.
    """

    tcm: int
    traffic: int | None
    bound: int
    limit: str | None = None

    @property
    def is_proven(self) -> bool:
        """Whether the traffic is the least, or proven impossible."""
        return self.traffic is None or self.traffic == self.bound


@dataclass(frozen=True, slots=True)
class Curve:
    """Points by size of TCM, and where the curve begins, bends and ends.

    Attributes
    ----------
    points : tuple of Point
        Smallest TCM first.
    compulsory : int
        Bytes that move with any TCM, however large.
    least_tcm : int
        The smallest TCM for which there is a plan.
    largest_op : str or None
        The op that needs all of that; None if there is no op.
    no_spill_tcm, no_spill_bound : int
        A TCM with which nothing but the compulsory bytes moves, and a bound below which there is
        none; the smallest such TCM where the two are equal. Weights that may be pinned all are.
    weights : Weights
        How constants were counted.
    """

    points: tuple[Point, ...]
    compulsory: int
    least_tcm: int
    no_spill_tcm: int
    no_spill_bound: int
    weights: Weights = Weights.IGNORE
    largest_op: str | None = None

    @property
    def knee(self) -> Point | None:
        """The point furthest below the line from the first feasible one to the last.

        Source: Satopaa et al., "Finding a 'Kneedle' in a Haystack", ICDCSW 2011.
        """
        found = [(p.tcm, p.traffic, p) for p in self.points if p.traffic is not None]
        if len(found) < 3:
            return None
        (x0, y0, _), (x1, y1, _) = found[0], found[-1]
        if y0 == y1 or x0 == x1:
            return None
        below = [((x - x0) / (x1 - x0) + (y - y1) / (y0 - y1), -x, p) for x, y, p in found[1:-1]]
        return min(below, key=lambda item: (item[0], -item[1]))[2]


def sweep(
    graph: Graph,
    low: int,
    high: int,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    method: str = "auto",
    workers: int = 1,
    on_point: Callable[[Point], None] | None = None,
) -> Curve:
    """Solve the traffic problem for sizes of TCM from ``low`` to ``high``.

    Sizes are spread evenly on a logarithmic scale, from where the curve begins to where it reaches
    the compulsory bytes, or over the part of that in range; both ends of the range are among them.
    Each gets an even share of the time left. A plan for a smaller TCM works in a larger one, and a
    bound for a larger one holds in a smaller one: both are passed on. An interrupt ends the sweep
    with the points there are, if there are any.

    Raises
    ------
    ValueError
        If the range is empty or not positive, or there is no such method.
    BackendUnavailableError
        If the library of the formulation is not installed.
    KeyboardInterrupt
        If there is no point yet.
    """
    if not 0 < low <= high:
        raise ValueError(f"there are no sizes of TCM from {low} to {high}")
    limits, observer = limits or Limits(), observer or SilentObserver()
    weights = Weights(weights)
    meter = Meter(limits, observer)
    problem = make_traffic_problem(graph, high, mode=mode, weights=weights, rules=rules)
    whole = Engine(peak_problem(problem), Meter(meter.remaining(1 / (_POINTS + 1)))).solve()
    if whole.limit is Limit.INTERRUPT:
        raise KeyboardInterrupt
    pinned = _pinnable_bytes(graph, rules or MemoryRules()) if weights is Weights.PIN else 0
    no_spills, no_spills_bound = (
        max(peak + pinned, problem.least_capacity) for peak in (whole.peak, whole.bound)
    )
    sizes = _sizes(low, high, problem.least_capacity, no_spills)
    found: list[Point] = []
    for k, size in enumerate(sizes):
        share = meter.remaining(1 / (len(sizes) - k))
        outcome = minimize_traffic(
            graph, size, share, observer, mode=mode, weights=weights, rules=rules, method=method,
            workers=workers,
        )  # fmt: skip
        traffic = outcome.traffic_bytes
        earlier = [p.traffic for p in found if p.traffic is not None]
        if traffic is not None and earlier:
            traffic = min(traffic, *earlier)
        found.append(Point(size, traffic, outcome.traffic_lower_bound_bytes, outcome.limit))
        if on_point is not None:
            on_point(found[-1])
        if outcome.limit == "interrupt":
            break
    bound = 0
    for k in reversed(range(len(found))):
        if found[k].traffic is not None:
            bound = max(bound, found[k].bound)
            found[k] = replace(found[k], bound=bound)
    largest = make_traffic_problem(
        graph, max(high, no_spills), mode=mode, weights=weights, rules=rules
    )
    return Curve(
        tuple(found),
        largest.compulsory_bytes,
        problem.least_capacity,
        no_spills,
        no_spills_bound,
        weights,
        _largest_op(problem),
    )


def _largest_op(problem: TrafficProblem) -> str | None:
    ops = range(len(problem))
    largest = max(ops, key=lambda v: (problem.footprint(v), -v), default=None)
    return None if largest is None else problem.names[largest]


def _sizes(low: int, high: int, least: int, enough: int) -> list[int]:
    """List both ends of the range, and sizes between where there may be something to see."""
    first, last = (min(max(low, size), high) for size in (least, enough))
    steps = _POINTS - 1
    between = (int(first * (last / first) ** (k / steps)) for k in range(1, steps))
    rounded = (max(first, size // _GRAIN * _GRAIN) for size in between)
    return sorted({low, first, *rounded, last, high})


def _pinnable_bytes(graph: Graph, rules: MemoryRules) -> int:
    return sum(rules.aligned(w.size) for w in graph.weights if streamed_bytes(w))

"""Every heuristic beside the least traffic, each plan replayed step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.limits import Limit, Limits, Meter
from solver.memory import MemoryRules
from solver.traffic.baselines import HEURISTICS, FoundOrder, Heuristic, find_orders
from solver.traffic.model import Mode, Weights, make_traffic_problem
from solver.traffic.pinnable import Pinnable
from solver.traffic.plan import plan_traffic
from solver.traffic.residency import plan_steps
from solver.traffic.simulate import simulate
from solver.verify import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from models.graph import Graph
    from solver.limits import Observer
    from solver.plan import Plan
    from solver.traffic.model import TrafficProblem

_NO_TIME = 1e-3  # seconds for a plan of sorts once the user has stopped the rest


@dataclass(frozen=True, slots=True)
class Row:
    """What one method moves.

    Attributes
    ----------
    name, title : str
        The method's, for machines and for people.
    traffic : int or None
        Bytes moved in all; None if there is no answer.
    seconds : float
        Time it took, its order included.
    limit : Limit or None
        The limit that stopped it, with or without an answer.
    """

    name: str
    title: str
    traffic: int | None
    seconds: float
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class TrafficComparison:
    """All heuristics on one network under one TCM.

    Attributes
    ----------
    plan : Plan
        The best plan of the exact solver, and what is proven about it.
    rows : tuple of Row
        In the order of :data:`HEURISTICS`; shorter if interrupted, empty if infeasible.
    """

    plan: Plan
    rows: tuple[Row, ...]

    @property
    def exact(self) -> Row:
        """The exact solver as a row."""
        plan = self.plan
        limit = None if plan.limit is None else Limit(plan.limit)
        return Row("exact", "least traffic (tightfit)", plan.traffic_bytes, plan.seconds, limit)

    @property
    def is_feasible(self) -> bool:
        """Whether the network runs in this TCM at all."""
        return self.plan.traffic_bytes is not None

    @property
    def compulsory(self) -> int:
        """Bytes that every plan moves."""
        return self.plan.compulsory_bytes or 0

    @property
    def best(self) -> int | None:
        """Bytes of the best plan that anyone found: the least if proven. None if infeasible."""
        known = [r.traffic for r in (*self.rows, self.exact) if r.traffic is not None]
        return min(known, default=None)

    @property
    def bound(self) -> int:
        """No plan moves less, in bytes."""
        return self.plan.lower_bound_bytes

    @property
    def is_proven(self) -> bool:
        """Whether ``best`` is the least, or there is no plan at all."""
        return not self.is_feasible or self.best == self.bound

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped it."""
        return any(row.limit is Limit.INTERRUPT for row in (*self.rows, self.exact))

    def spilled(self, row: Row) -> int | None:
        """Non-compulsory bytes of a method; None if there is no answer."""
        return None if row.traffic is None else row.traffic - self.compulsory

    def removed(self, row: Row) -> float | None:
        """Share of a method's non-compulsory bytes that the best plan does without.

        None if there is no answer, or nothing to remove.
        """
        best, spilled = self.best, self.spilled(row)
        if best is None or not spilled:
            return None
        return 1 - (best - self.compulsory) / spilled

    def ratio(self, row: Row) -> float | None:
        """Bytes moved, relative to the best plan; None if there is no answer."""
        if row.traffic is None or self.best is None:
            return None
        if self.best == 0:
            return 1.0 if row.traffic == 0 else math.inf
        return row.traffic / self.best


@dataclass(frozen=True, slots=True)
class Mean:
    """One method over several networks.

    Attributes
    ----------
    name, title : str
        The method's.
    networks, answered, met : int
        Networks that run in their TCM, those it had an answer for, and those on which it was as
        good as the best plan.
    spilling : int
        Those on which it moved non-compulsory bytes.
    removed, least_removed : float or None
        Share of these bytes that the best plan does without: arithmetic mean and minimum over them.
    ratio : float or None
        Geometric mean of traffic relative to the best plan.
    seconds : float
        Time in all.
    """

    name: str
    title: str
    networks: int
    answered: int
    met: int
    spilling: int
    removed: float | None
    least_removed: float | None
    ratio: float | None
    seconds: float


def compare_traffic(
    graph: Graph,
    tcm: int,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    orders: Mapping[str, FoundOrder] | None = None,
    options: Mapping[str, Any] | None = None,
) -> TrafficComparison:
    """Run every heuristic and the exact solver.

    Parameters
    ----------
    graph : Graph
        The network.
    tcm : int
        Bytes of TCM.
    limits : Limits, optional
        For the exact solver, for each order and for each replacement anew.
    observer : Observer, optional
        Told about the exact solver.
    mode, weights, rules
        See :func:`solver.traffic.minimize_traffic`.
    orders : mapping, optional
        Orders of :func:`find_orders` that are known already, for example of another TCM.
    options : mapping, optional
        Reading options to record in the plan.

    Returns
    -------
    TrafficComparison
        Also when limits or the user stopped parts of it.

    Raises
    ------
    ValueError
        If the TCM is not positive, or the rules allow in-place reuse.
    VerificationError
        If a plan moves less than the proven bound, or its replay fails: a bug, never caught.
    """
    limits, rules = limits or Limits(), rules or MemoryRules()
    problem = make_traffic_problem(graph, tcm, mode=mode, weights=weights, rules=rules)
    known = dict(orders or {})
    pinnable = None
    if Weights(weights) is Weights.PIN and not problem.oversized():
        pinnable = Pinnable(graph, problem, rules)
    found: dict[str, Row] = {}

    def run(wanted: Iterable[Heuristic]) -> None:
        missing = dict.fromkeys(h.order for h in wanted if h.order not in known)
        known.update(find_orders(graph, missing, limits, mode=mode, rules=rules))
        for heuristic in wanted:
            if not _is_interrupted(found) and heuristic.order in known:
                order = known[heuristic.order]
                found[heuristic.name] = _measured(heuristic, problem, order, limits, pinnable)

    # What takes milliseconds comes first, so that an interrupt leaves something to show.
    if not problem.oversized():
        run([h for h in HEURISTICS if not h.is_search])
    plan = plan_traffic(
        graph,
        tcm,
        Limits(_NO_TIME) if _is_interrupted(found) else limits,
        observer,
        mode=mode,
        weights=weights,
        rules=rules,
        options=options,
        offsets=False,
    )
    goes_on = plan.limit != Limit.INTERRUPT and not _is_interrupted(found)
    if plan.traffic_bytes is not None and goes_on:
        run([h for h in HEURISTICS if h.is_search])
    rows = tuple(found[h.name] for h in HEURISTICS if h.name in found)
    comparison = TrafficComparison(plan, rows)
    if comparison.best is not None and comparison.best < comparison.bound:
        raise VerificationError("a heuristic undercuts the proven bound")
    return comparison


def means(comparisons: Sequence[TrafficComparison]) -> list[Mean]:
    """One mean per method over the feasible networks, in the order of rows; the exact one last."""
    pairs: dict[str, list[tuple[TrafficComparison, Row]]] = {h.name: [] for h in HEURISTICS}
    for comparison in comparisons:
        if comparison.is_feasible:
            for row in (*comparison.rows, comparison.exact):
                pairs.setdefault(row.name, []).append((comparison, row))
    return [_mean(some) for some in pairs.values() if some]


def _mean(pairs: Sequence[tuple[TrafficComparison, Row]]) -> Mean:
    removed = [share for c, row in pairs if (share := c.removed(row)) is not None]
    ratios = [ratio for c, row in pairs if (ratio := c.ratio(row)) is not None]
    mean = None
    if ratios:
        mean = math.inf
        if math.inf not in ratios:
            mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    return Mean(
        name=pairs[0][1].name,
        title=pairs[0][1].title,
        networks=len(pairs),
        answered=len(ratios),
        met=sum(row.traffic == c.best for c, row in pairs),
        spilling=len(removed),
        removed=math.fsum(removed) / len(removed) if removed else None,
        least_removed=min(removed, default=None),
        ratio=mean,
        seconds=sum(row.seconds for _, row in pairs),
    )


def _is_interrupted(found: Mapping[str, Row]) -> bool:
    return any(row.limit is Limit.INTERRUPT for row in found.values())


def _measured(
    heuristic: Heuristic,
    problem: TrafficProblem,
    order: FoundOrder,
    limits: Limits,
    pinnable: Pinnable | None,
) -> Row:
    """Replay what a heuristic does; weights are pinned as far as it leaves room for them."""
    meter, seconds, traffic, limit = Meter(), order.seconds, None, order.limit
    if order.order is not None:
        try:
            plan = heuristic.replace(problem, order.order, limits.seconds)
        except KeyboardInterrupt:
            plan, limit = None, Limit.INTERRUPT
        seconds += meter.seconds
        if plan is not None:
            replay = simulate(problem, plan_steps(problem, plan))
            traffic = replay.traffic
            if pinnable is not None:
                streamed = pinnable.streamed(problem.capacity - replay.peak)
                traffic += streamed - problem.weight_bytes
        elif limit is None:
            limit = Limit.TIME
    return Row(heuristic.name, heuristic.title, traffic, round(seconds, 6), limit)

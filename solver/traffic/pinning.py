"""Which weights stay in the TCM for good, and the least traffic of all the rest together.

Pinning weights of ``P`` bytes leaves ``C - P`` for the activations. So the least traffic is
that of the least ``T(c) + W(C - c)``, where ``T(c)`` is the least traffic of the activations in
``c`` bytes and ``W(r)`` that of the weights when the best choice of ``r`` bytes is pinned: an exact
search and a knapsack, coupled by one number. Neither grows with its room. So no split with the
activations in ``a`` to ``b`` bytes moves less than ``T(b) + W(C - a)``, a bound by which ranges of
splits are discarded, best first; and a plan that uses ``p`` bytes serves every split from ``p`` on.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from solver.limits import Limit, LimitReachedError, Limits, Meter, Observer
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.plan import Status
from solver.traffic.heuristics import quick
from solver.traffic.model import Weights
from solver.traffic.nospill import peak_problem
from solver.traffic.outcome import TrafficOutcome
from solver.traffic.pinnable import Pinnable
from solver.traffic.residency import Residency, intervals, plan_steps
from solver.traffic.rules import UNBOUNDED
from solver.traffic.simulate import as_mappings, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.traffic.knapsack import Item
    from solver.traffic.model import TrafficProblem

    Activations = Callable[[int, Limits, Observer], TrafficOutcome]

_SHARE = 2  # of the time left goes to one size of room, as long as there are others
_LAST_SECONDS = 0.05  # not worth another try


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
    search = _Search(problem, Pinnable(graph, problem, rules), meter, activations)
    search.run()
    proven = search.best.total == search.bound
    keep_limit = search.limit is not None and (not proven or search.limit is Limit.INTERRUPT)
    return TrafficOutcome(
        model=graph.name,
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        tcm_bytes=problem.capacity,
        mode=problem.mode,
        weights=Weights.PIN,
        order=search.best.order,
        steps=search.best.steps,
        traffic_bytes=search.best.total,
        compulsory_bytes=problem.compulsory_bytes,
        traffic_lower_bound_bytes=search.bound,
        peak_bytes=search.best.peak + sum(item.size for item in search.best.pinned),
        proof="compulsory" if search.bound == problem.compulsory_bytes else "pinning",
        limit=search.limit.value if search.limit is not None and keep_limit else None,
        baselines=search.baselines,
        least_tcm_bytes=problem.least_capacity,
        states=meter.states,
        seconds=round(meter.seconds, 6),
        curve=tuple(search.curve),
        warnings=graph.warnings,
        pinned=tuple(item.name for item in search.best.pinned),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do with the activations, and with the weights.

    Attributes
    ----------
    order, steps
        As plans write them.
    traffic, bound : int
        Bytes the activations move, and move at least in this much room.
    peak : int
        The most bytes they take.
    pinned : tuple of Item
        Weights that fit beside them.
    total : int
        Bytes that move, those of weights that are not pinned included.
    """

    order: tuple[str, ...]
    steps: tuple[Mapping[str, str], ...]
    traffic: int
    bound: int
    peak: int
    pinned: tuple[Item, ...] = ()
    total: int = UNBOUNDED


class _Range(NamedTuple):
    """Splits not settled: entries ``first`` to ``last`` of the choices of weights.

    ``bound`` holds for each of them; in all of them the activations move at least ``floor`` bytes.
    """

    bound: int
    first: int
    last: int
    floor: int


class _Watch:
    """Ends the search of one size of room once its bound is all that is wanted."""

    def __init__(self, meter: Meter, target: int) -> None:
        self._meter = meter
        self._target = target
        self.is_reached = False

    def on_incumbent(self, peak: int) -> None:
        """Ignore: the plan is judged as a whole later."""

    def on_bound(self, bound: int) -> None:
        self.is_reached = bound >= self._target
        if self.is_reached:
            raise LimitReachedError(Limit.NODES)

    def on_progress(self, states: int) -> None:
        self._meter.observer.on_progress(self._meter.states + states)


@dataclass(slots=True)
class _Search:
    """One solve; ``best`` and ``bound`` are valid at any time."""

    problem: TrafficProblem
    weights: Pinnable
    meter: Meter
    activations: Activations
    best: _Plan = field(init=False)
    bound: int = field(init=False)
    limit: Limit | None = None
    baselines: dict[str, int] = field(default_factory=dict)
    curve: list[tuple[float, int, int]] = field(default_factory=list)
    _open: list[_Range] = field(default_factory=list)
    _tried: list[_Range] = field(default_factory=list)  # stopped by a share of the time
    _final: int = UNBOUNDED  # bound of what cannot be improved

    def __post_init__(self) -> None:
        self.bound = self.problem.compulsory_bytes
        self.best = _Plan((), (), 0, 0, 0)
        for name, find in SIMPLE_ORDERS.items():
            order = find(peak_problem(self.problem, loads=False))
            if order is not None:
                plan = self._replayed(quick(self.problem, order)[-1])
                self.baselines[name] = self._offer(plan)

    def _replayed(self, residency: Residency) -> _Plan:
        steps = plan_steps(self.problem, residency)
        replay = simulate(self.problem, steps)
        traffic = replay.traffic - self.problem.weight_bytes
        names = tuple(self.problem.names[v] for v in residency.order)
        return _Plan(names, as_mappings(steps), traffic, self._in_and_out, replay.peak)

    @property
    def _in_and_out(self) -> int:
        """Bytes that the activations move in any room."""
        return self.problem.compulsory_bytes - self.problem.weight_bytes

    def _offer(self, plan: _Plan) -> int:
        """Pin what fits beside a plan; return the bytes they move together."""
        room = self.problem.capacity - plan.peak
        total = plan.traffic + self.weights.streamed(room)
        if total < self.best.total:
            self.best = replace(plan, pinned=self.weights.choose(room), total=total)
            self._record()
            self.meter.observer.on_incumbent(total)
        return total

    def run(self) -> None:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        try:
            self._put(self._open, 0, len(self.weights.sizes) - 1, self._in_and_out)
            self._raise_bound()
            while self._next() is not None and self.limit is None:
                self._settle()
                self._raise_bound()
        except LimitReachedError as stop:
            self.limit = stop.limit
        except KeyboardInterrupt:
            self.limit = Limit.INTERRUPT

    def _put(self, ranges: list[_Range], first: int, last: int, floor: int) -> None:
        if first <= last:
            bound = floor + self.weights.least_streamed(last)
            heapq.heappush(ranges, _Range(bound, first, last, floor))

    def _raise_bound(self) -> None:
        heads = (ranges[0].bound for ranges in (self._open, self._tried) if ranges)
        bound = min(self.best.total, self._final, *heads)
        if bound > self.bound:
            self.bound = bound
            self._record()
            self.meter.observer.on_bound(bound)

    def _record(self) -> None:
        total = self.best.total
        self.curve.append((round(self.meter.seconds, 6), total, min(self.bound, total)))

    def _next(self) -> list[_Range] | None:
        """Ranges of which the first may hold something better; untried ones go before."""
        for ranges in (self._open, self._tried):
            if ranges and ranges[0].bound < self.best.total:
                return ranges
        return None

    def _settle(self) -> None:
        """Solve the activations in one size of room, and cut the range it is in accordingly."""
        ranges = self._next()
        assert ranges is not None
        top = ranges[0]
        at = self._place(top) if ranges is self._open else top.first
        plan, is_stopped = self._solve(at, top)
        floor = max(top.floor, plan.bound)
        reach = bisect_right(self.weights.sizes, self.problem.capacity - plan.peak) - 1
        reach = min(max(reach, at), top.last)
        heapq.heappop(ranges)
        self._put(self._open, top.first, at - 1, top.floor)
        if is_stopped and floor < plan.traffic:
            self._put(self._tried, at, reach, floor)
        else:
            self._final = min(self._final, floor + self.weights.least_streamed(reach))
        self._put(self._open, reach + 1, top.last, floor)

    def _place(self, top: _Range) -> int:
        """Choose the entry to solve next: the first of all, then one that halves the savings."""
        if top.first == 0:
            return 0
        most = self.weights.most
        useless = top.floor + self.weights.all - self.best.total
        first = bisect_right(most, useless, top.first, top.last)
        return bisect_left(most, (most[first] + most[top.last]) // 2, first, top.last)

    def _solve(self, at: int, top: _Range) -> tuple[_Plan, bool]:
        """Solve the activations beside an entry; tell whether a limit kept it from its proof."""
        left = self.problem.capacity - self.weights.sizes[at]
        if left == 0:
            plan = self._all_outside()
            self._offer(plan)
            return plan, False
        watch = _Watch(self.meter, top.floor + self.best.total - top.bound)
        outcome = self.activations(left, self._limits(), watch)
        self.meter.states += outcome.states
        assert outcome.traffic_bytes is not None
        assert outcome.peak_bytes is not None
        plan = _Plan(
            outcome.order,
            outcome.steps,
            outcome.traffic_bytes,
            outcome.traffic_lower_bound_bytes,
            outcome.peak_bytes,
        )
        self._offer(plan)
        if outcome.limit not in (None, Limit.TIME) and not watch.is_reached:
            self.limit = Limit(outcome.limit)
        return plan, outcome.limit is not None

    def _limits(self) -> Limits:
        """Limits of one size of room.

        Raises
        ------
        LimitReachedError
            If nothing is left.
        """
        limits = self.meter.limits
        self.meter.check()
        if limits.nodes is not None:
            limits = replace(limits, nodes=self.meter.allowance(limits.nodes))
        if limits.seconds is None:
            return limits
        left = limits.seconds - self.meter.seconds
        if left < _LAST_SECONDS:
            raise LimitReachedError(Limit.TIME)
        alone = len(self._open) + len(self._tried) == 1
        last = (self._open or self._tried)[0]
        if not (alone and last.first == last.last):
            left /= _SHARE
        return replace(limits, seconds=left)

    def _all_outside(self) -> _Plan:
        """Access every operand in external memory: what remains when all of the TCM is pinned."""
        order = SIMPLE_ORDERS["kahn"](peak_problem(self.problem, loads=False))
        assert order is not None
        absent = frozenset(gap.gap for gap in intervals(self.problem, order))
        plan = self._replayed(Residency(tuple(order), absent))
        return replace(plan, bound=plan.traffic)

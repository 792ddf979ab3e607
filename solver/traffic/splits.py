"""Best-first search of the ways to share the TCM between activations and pinned weights."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from solver.limits import Limit, LimitReachedError, Limits, Meter, Observer
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.plan import Status
from solver.traffic.heuristics import furthest_use
from solver.traffic.nospill import peak_problem
from solver.traffic.residency import Residency, intervals, plan_steps
from solver.traffic.rules import UNBOUNDED
from solver.traffic.simulate import ExternalFullError, as_mappings, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from solver.traffic.knapsack import Item
    from solver.traffic.model import TrafficProblem
    from solver.traffic.outcome import TrafficOutcome
    from solver.traffic.pinnable import Pinnable

    Activations = Callable[[int, Limits, Observer], TrafficOutcome]

_SHARE = 2  # of the time left goes to one size of room, as long as there are others
_LAST_SECONDS = 0.05  # not worth another try


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the activations, and with the weights.

    Attributes
    ----------
    order, steps
        As plans write them.
    traffic : int
        Bytes the activations move.
    peak, external : int
        The most bytes they take of the TCM, and of external memory.
    pinned : tuple of Item
        Weights that fit beside them.
    total : int
        Bytes that move, those of weights that are not pinned included.
    """

    order: tuple[str, ...]
    steps: tuple[Mapping[str, str], ...]
    traffic: int
    peak: int
    external: int
    pinned: tuple[Item, ...] = ()
    total: int = UNBOUNDED


class _Answer(NamedTuple):
    """What is known of the activations in some room."""

    plan: Plan | None
    bound: int
    is_stopped: bool = False  # by a limit, before the proof
    is_refuted: bool = False  # there is no plan


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
class Splits:
    """One solve; ``best`` and ``bound`` are valid at any time."""

    problem: TrafficProblem
    weights: Pinnable
    meter: Meter
    activations: Activations
    best: Plan = field(init=False)
    bound: int = field(init=False)
    limit: Limit | None = None
    refusal: TrafficOutcome | None = None  # why there is no plan at all
    least_budget: int = 0
    baselines: dict[str, int] = field(default_factory=dict)
    curve: list[tuple[float, int, int]] = field(default_factory=list)
    _open: list[_Range] = field(default_factory=list)
    _tried: list[_Range] = field(default_factory=list)  # stopped by a share of the time
    _final: int = UNBOUNDED  # bound of what cannot be improved

    def __post_init__(self) -> None:
        self.bound = self.problem.compulsory_bytes
        self.best = Plan((), (), 0, 0, 0)
        self._try_order("kahn", self._pin)  # not reported: an interrupt is for `run` to handle

    def _try_order(self, name: str, offer: Callable[[Plan], int]) -> None:
        """Offer a simple order with simple replacement, and weights in what it leaves free."""
        order = SIMPLE_ORDERS[name](peak_problem(self.problem, loads=False))
        if order is not None:
            plan = self._replayed(furthest_use(self.problem, order))
            if plan is not None:
                self.baselines[name] = offer(plan)

    def _replayed(self, residency: Residency) -> Plan | None:
        """Replay a plan; None if it takes too much external memory."""
        steps = plan_steps(self.problem, residency)
        try:
            replay = simulate(self.problem, steps)
        except ExternalFullError:
            return None
        traffic = replay.traffic - self.problem.weight_bytes
        names = tuple(self.problem.names[v] for v in residency.order)
        return Plan(names, as_mappings(steps), traffic, replay.peak, replay.external)

    @property
    def _in_and_out(self) -> int:
        """Bytes that the activations move in any room."""
        return self.problem.compulsory_bytes - self.problem.weight_bytes

    def _offer(self, plan: Plan) -> int:
        """Pin what fits beside a plan and report it if that is the best so far."""
        before = self.best
        total = self._pin(plan)
        if self.best is not before:
            self.meter.observer.on_incumbent(total)
        return total

    def _pin(self, plan: Plan) -> int:
        """Pin what fits beside a plan; return the bytes they move together."""
        room = self.problem.capacity - plan.peak
        total = plan.traffic + self.weights.streamed(room)
        if total < self.best.total:
            self.best = replace(plan, pinned=self.weights.choose(room), total=total)
            self._record()
        return total

    def run(self) -> None:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        try:
            for name in SIMPLE_ORDERS:
                self._try_order(name, self._offer)
            self._put(self._open, 0, len(self.weights.sizes) - 1, self._in_and_out)
            self._raise_bound()
            while self._next() is not None and self.limit is None and self.refusal is None:
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
        if self.bound < bound < UNBOUNDED:
            self.bound = bound
            self._record()
            self.meter.observer.on_bound(bound)

    def _record(self) -> None:
        total = self.best.total
        if total == UNBOUNDED:
            return
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
        answer = self._solve(at, top)
        floor, reach = max(top.floor, answer.bound), at
        if answer.plan is not None:
            room = self.problem.capacity - answer.plan.peak
            reach = min(max(bisect_right(self.weights.sizes, room) - 1, at), top.last)
        heapq.heappop(ranges)
        self._put(self._open, top.first, at - 1, top.floor)
        if answer.is_refuted:  # then there is no plan in less room either
            return
        if answer.is_stopped and (answer.plan is None or floor < answer.plan.traffic):
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

    def _solve(self, at: int, top: _Range) -> _Answer:
        """Solve the activations beside an entry."""
        room = self.problem.capacity - self.weights.sizes[at]
        if room == 0:
            return self._all_outside()
        watch = _Watch(self.meter, top.floor + self.best.total - top.bound)
        outcome = self.activations(room, self._limits(), watch)
        self.meter.states += outcome.states
        if at == 0:
            self.least_budget = outcome.least_budget_bytes + self.problem.capacity - room
        if outcome.status is Status.INFEASIBLE:
            self.refusal = outcome if at == 0 else None
            return _Answer(None, UNBOUNDED, is_refuted=True)
        plan = None
        if outcome.traffic_bytes is not None:
            assert outcome.peak_bytes is not None
            plan = Plan(
                outcome.order,
                outcome.steps,
                outcome.traffic_bytes,
                outcome.peak_bytes,
                outcome.external_bytes or 0,
            )
            self._offer(plan)
        if outcome.limit not in (None, Limit.TIME) and not watch.is_reached:
            self.limit = Limit(outcome.limit)
        bound = outcome.traffic_lower_bound_bytes
        return _Answer(plan, bound, is_stopped=outcome.limit is not None)

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
        useful = [r for r in (*self._open, *self._tried) if r.bound < self.best.total]
        alone = len(useful) == 1 and useful[0]
        is_last = alone and (alone in self._tried or alone.first == alone.last)
        if not is_last:
            left /= _SHARE
        return replace(limits, seconds=left)

    def _all_outside(self) -> _Answer:
        """Access every operand in external memory: what remains when all of the TCM is pinned."""
        order = SIMPLE_ORDERS["kahn"](peak_problem(self.problem, loads=False))
        assert order is not None
        absent = frozenset(gap.gap for gap in intervals(self.problem, order))
        plan = self._replayed(Residency(tuple(order), absent))
        if plan is None:
            return _Answer(None, self._in_and_out)
        self._offer(plan)
        return _Answer(plan, plan.traffic)

"""One solve: quick plans, the question whether anything need be spilled, the exact search."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Meter
from solver.peak.backend import NAMES
from solver.peak.engine import Engine
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.traffic.assist import METHOD, AnsweredError, Assistant, may_assist
from solver.traffic.backend import Hint
from solver.traffic.deferred import defers
from solver.traffic.formulate import formulate
from solver.traffic.heuristics import furthest_use, quick
from solver.traffic.intervals import best_replacement
from solver.traffic.ladder import Ladder, share_of
from solver.traffic.landmarks import Landmarks
from solver.traffic.model import Mode
from solver.traffic.nospill import least_peak, peak_problem
from solver.traffic.residency import Residency, spilled_bytes
from solver.traffic.search import Search, warm_up
from solver.traffic.segments import Splitter
from solver.traffic.space import Space
from solver.traffic.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.backend import RawOutcome
    from solver.traffic.rules import Rules, Sketch

_GREED = (8, 2)  # weights of the cost to come in the quick searches before the exact one
_QUICK_STATES = 4096
_PEAK_STATES = 2**17
_PEAK_SHARE = 0.5  # of the limits, for the question whether nothing need be spilled
_SEGMENTS_SHARE = 0.3  # of what is left of the time
_SEGMENTS_STATES = 2**19
_FEW_LANDMARKS, _MOST_LANDMARKS = 4, 256
_LARGE = 1024  # ops from which on an order of least peak is tried at once
_ROUNDS = (2**18, 2**20, 2**22)  # states of each sketch
_FIRST_STATES = 2**16  # of a search that defers
_BRIEFLY = 4  # a search between them has so many times fewer
_EASY = 512  # ops up to which there are as many as that
_REPLACEMENT_SECONDS = 2.0
_REPLACEMENT_SHARE = 0.1  # of the time limit


@dataclass(slots=True)
class Run(Standing):
    """One solve.

    Attributes
    ----------
    pruning : Rules
        Switches of the exact search.
    method : str
        See :func:`solver.traffic.minimize_traffic`.
    assisted : bool
        Whether CP-SAT may join in on a second core.
    """

    pruning: Rules
    method: str = "auto"
    assisted: bool = False
    _chain: Landmarks | None = field(default=None, init=False)
    _splitter: Splitter | None = field(default=None, init=False)
    _has_tried_least_peak: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        first = SIMPLE_ORDERS["kahn"](peak_problem(self.problem, loads=False))
        assert first is not None
        plan = furthest_use(self.problem, first)
        if self._is_within(plan):  # not reported: an interrupt is for `solve` to handle
            self.best, self.spilled = plan, spilled_bytes(self.problem, plan)
            self._record()

    def solve(self) -> None:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        try:
            self._solve()
        except LimitReachedError as stop:
            self.limit = stop.limit
        except KeyboardInterrupt:
            self.limit = Limit.INTERRUPT
        if self.best is None:
            return
        self.spilled = spilled_bytes(self.problem, self.best)
        self.bound = min(self.bound, self.spilled)
        traffic, bound = (self.problem.compulsory_bytes + b for b in (self.spilled, self.bound))
        if self.curve[-1][1:] != (traffic, bound):
            self._record()

    def _solve(self) -> None:
        self._try_simple_orders()
        if self.spilled == 0:
            return
        self.meter.check()
        order = self._ask_peak()
        if self.spilled > 0:
            self._chain = Landmarks(self.problem, order)
            self._raise_by_landmarks(_FEW_LANDMARKS)
            if len(self.problem) >= _LARGE:
                self._try_least_peak()
                self._improve_by_segments()
            self._improve(order)

    def _improve(self, *orders: tuple[int, ...]) -> None:
        """Replace better in given orders and the best one, then search."""
        best = () if self.best is None else (self.best.order,)
        for order in dict.fromkeys((*orders, *best)):
            self._replace(order)
        space = Space(self.problem)
        warm_up(space, self.meter, self.pruning)
        for greed in _GREED:
            if self.bound < self.spilled:
                search = Search(space, self.meter, self.spilled, self.pruning, greed=greed)
                states = self._fewer(_QUICK_STATES)
                found = search.run(states=states, until=share_of(self.meter))
                if found is not None and self._weigh(found):
                    self._replace(found.order)
        if not self._is_settled:
            if self.method in NAMES:
                self._formulate()
            elif self.assisted and may_assist(self.problem):
                self._search_with_assistant(space)
            else:
                self._search(space, self._climb(space))

    def _try_simple_orders(self) -> None:
        for name, find in SIMPLE_ORDERS.items():
            self.meter.check()
            order = find(peak_problem(self.problem, loads=False))
            if order is not None:
                plan = furthest_use(self.problem, order)
                if self._is_within(plan):
                    spilled = spilled_bytes(self.problem, plan)
                    self.baselines[name] = self.problem.compulsory_bytes + spilled
                    self._offer(plan)

    def _search_with_assistant(self, space: Space) -> None:
        try:
            with Assistant(self.problem, self.meter, lambda: Hint(self.best)):
                self._search(space, self._climb(space))
        except AnsweredError as answer:
            self.method = METHOD
            self._take(answer.outcome)

    @property
    def _is_settled(self) -> bool:
        """Whether there is nothing more to search for."""
        return self.bound >= self.spilled

    def _climb(self, space: Space) -> Sketch | None:
        """Search sketches, and briefly for plans, until one settles it; return the best sketch."""
        if not self.pruning.sketch or space.streaming:
            self._try_least_peak()
            return None
        rounds: tuple[int, ...] = _ROUNDS
        if defers(space, self.pruning):  # in no need of sketches, but for the orders they find
            rounds = rounds[:2]
            self._search(space, None, _FIRST_STATES)
            if self._is_settled:
                return None
        ladder = Ladder(space, self.meter, self.pruning)
        for states in map(self._fewer, rounds):
            for row in range(ladder.rows):
                for order in ladder.climb(row, states, lambda: self.spilled, self._raise_by_sketch):
                    self._replace(order)
                    if self._is_settled:
                        return None
                if row == 0:
                    if not ladder.is_done(row):
                        break  # it is worth more states than the finer rows
                    if ladder.rows > 1:
                        self._search(space, ladder.best, states // _BRIEFLY)
                if self._is_settled:
                    return None
            if states == self._fewer(_ROUNDS[0]):
                self._try_least_peak()
                self._raise_by_landmarks(_MOST_LANDMARKS)
                self._improve_by_segments()
                if self._is_settled:
                    return None
            if ladder.is_done(ladder.rows - 1):
                break
        return ladder.best

    def _fewer(self, states: int) -> int:
        """Fewer states of a large network: each takes longer."""
        ops = max(_EASY, len(self.problem))
        return max(1, states * _EASY**2 // ops**2)

    def _try_least_peak(self) -> None:
        """Try an order of least peak, or the lowest found in a share of the time, once."""
        if self._has_tried_least_peak:
            return
        self._has_tried_least_peak = True
        limits = self.meter.limits
        if limits.seconds is not None:
            limits = replace(limits, seconds=max(1e-3, share_of(self.meter) - self.meter.seconds))
        outcome = Engine(
            peak_problem(self.problem), Meter(replace(limits, nodes=_PEAK_STATES))
        ).solve()
        self.meter.states += outcome.states
        if outcome.limit is Limit.INTERRUPT:
            raise LimitReachedError(Limit.INTERRUPT)
        self._replace([v for v in outcome.order if v < len(self.problem)])

    def _improve_by_segments(self) -> None:
        """Improve the best plan segment by segment."""
        if self.best is None or self._is_settled or self.problem.mode is not Mode.RESIDENT:
            return
        if self.problem.live_capacity is not None:
            return
        if self._splitter is None:
            self._splitter = Splitter(
                self.problem, self.meter, self.pruning, self._offer, self._polish
            )
        left = (self.meter.limits.seconds or math.inf) - self.meter.seconds
        until = self.meter.seconds + _SEGMENTS_SHARE * left
        self._splitter.run(self.best, _SEGMENTS_STATES, until)

    def _polish(self, plan: Residency) -> Residency:
        """Offer the best replacement in a plan's order; return the best plan."""
        self._replace(plan.order)
        assert self.best is not None
        return self.best

    def _raise_by_landmarks(self, most: int) -> None:
        """Use more landmarks, up to so many."""
        if self._chain is None or self._is_settled:
            return
        for bound in self._chain.bounds(
            most, lambda: 2 * (share_of(self.meter) - self.meter.seconds)
        ):
            self._raise_bound(min(bound.spilled, self.spilled), "landmarks", bound.ops)
            self.meter.check()

    def _raise_by_sketch(self, bound: int) -> None:
        self._raise_bound(min(bound, self.spilled), "sketch")

    def _ask_peak(self) -> tuple[int, ...]:
        """Settle whether nothing need be spilled, if that is soon done; return a low order."""
        outcome = least_peak(self.problem, self.meter, _PEAK_SHARE)
        order = tuple(v for v in outcome.order if v < len(self.problem))
        if outcome.peak <= self.problem.capacity:
            self._offer(Residency(order, frozenset()))
        elif outcome.bound > self.problem.capacity:
            tracked = (b.size for b in self.problem.buffers if len(b.users) > 1)
            self._raise_bound(min(tracked), "peak")
        if outcome.limit is not None:
            raise LimitReachedError(outcome.limit)
        for plan in quick(self.problem, order):
            self._offer(plan)
        return order

    def _replace(self, order: Sequence[int]) -> None:
        """Offer the best replacement for an order."""
        self.meter.check()
        limit, seconds = self.meter.limits.seconds, _REPLACEMENT_SECONDS
        if limit is not None:
            seconds = min(seconds, _REPLACEMENT_SHARE * limit, limit - self.meter.seconds)
        found = self._replacement(order, seconds)
        if found is not None:
            self._offer(found)

    def _replacement(self, order: Sequence[int], seconds: float) -> Residency | None:
        return best_replacement(self.problem, order, seconds)

    def _search(self, space: Space, sketch: Sketch | None, states: int | None = None) -> None:
        """Search for the best plan, at most for so many states and a share of the time."""
        if self._is_settled:
            return
        search = Search(space, self.meter, self.spilled, self.pruning, sketch=sketch)
        found = search.run(
            lambda bound: self._raise_bound(min(bound, self.spilled), "search"),
            states,
            None if states is None else share_of(self.meter),
        )
        if found is not None:
            self._offer(found)
        if search.is_done:
            self._raise_bound(self.spilled, "search")

    def _formulate(self) -> None:
        """Have a formulation solve it; its plan is replayed, its bound is its word."""
        hint = Hint(self.best, self.bound)
        found = formulate(
            self.problem, hint, method=self.method, meter=self.meter,
            on_bound=lambda bound: self._raise_bound(bound, "formulation"),
        )  # fmt: skip
        self._take(found)
        if found.limit is not None:
            raise LimitReachedError(found.limit)

    def _take(self, found: RawOutcome) -> None:
        self._offer(found.plan)
        self._raise_bound(found.bound, "formulation")

    def _weigh(self, found: Residency) -> bool:
        """Offer what a quick search found; tell whether its order deserves more."""
        return self._offer(found)

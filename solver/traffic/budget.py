"""Least traffic where the TCM and external memory together must stay within a budget.

A buffer that is live is somewhere, so the bytes that are live while an op runs never exceed the
budget. That depends on the order alone: the least peak decides whether there is any plan, and the
exact search leaves out the orders that do not keep to it, once it is known that the best plan
without any cap does not do. What the search proves is a bound on plans within the budget. Whether
its plan is one is another question, since buffers may be in both memories at once, and since the
one may be full while the other is not. Each plan is replayed; if it takes too much, the integer
program of :mod:`solver.traffic.capped` looks for another one with the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Meter, SilentObserver
from solver.traffic.capped import best_capped_replacement, fits_both
from solver.traffic.ladder import share_of
from solver.traffic.live import least_external
from solver.traffic.nospill import least_live
from solver.traffic.residency import spilled_bytes
from solver.traffic.run import Run
from solver.traffic.search import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.residency import Residency
    from solver.traffic.rules import Sketch
    from solver.traffic.space import Space

_ENDLESS = 2**60  # from here on a bound says that there is no plan
_GREED = (1, 4)  # weights of the cost to come in searches for other orders
_STATES = 2**15  # of each
_SHARE = 0.4  # of the time, for the problem without a cap
_LEAST_SECONDS = 0.01
_STEPS_PER_SECOND = 10_000  # of the gaps in a replacement: it is not stated faster


class _Quiet(SilentObserver):
    """Passes on nothing but progress."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def on_progress(self, states: int) -> None:
        self._meter.observer.on_progress(self._meter.states + states)


@dataclass(slots=True)
class CappedRun(Run):
    """A solve within a budget.

    Attributes
    ----------
    is_searched : bool
        Whether the exact search has ended. Its best plan may still take too much.
    """

    is_searched: bool = False

    @property
    def _is_settled(self) -> bool:
        return self.bound >= self.spilled or self.is_searched

    def _solve(self) -> None:
        problem = self.problem
        assert problem.external is not None
        external = least_external(problem)
        self.least_budget = problem.capacity + external
        if external > problem.external:
            self._refuse("external")
            return
        self._try_simple_orders()
        if self.spilled == 0:
            return
        self.meter.check()
        low = self._ask_live()
        if self.is_infeasible:
            return
        self._solve_without_cap()
        if not self._is_settled:
            self._improve(low)

    def _solve_without_cap(self) -> None:
        """Start from the least traffic with external memory of any size: it may do."""
        limits = self.meter.limits
        if limits.seconds is not None:
            left = limits.seconds - self.meter.seconds
            limits = replace(limits, seconds=max(_LEAST_SECONDS, _SHARE * left))
        if limits.nodes is not None:
            limits = replace(limits, nodes=self.meter.allowance(limits.nodes))
        watch = Meter(limits, _Quiet(self.meter))
        run = Run(replace(self.problem, external=None), watch, self.pruning)
        run.solve()
        self.meter.states += watch.states
        self._raise_bound(run.bound, run.proof, run.landmarks)
        assert run.best is not None
        self._offer(run.best)
        if run.limit not in (None, Limit.TIME):
            raise LimitReachedError(run.limit)
        if not self._is_settled:
            self._replace(run.best.order)

    def _refuse(self, proof: str) -> None:
        self.is_infeasible, self.proof, self.bound, self.landmarks = True, proof, 0, ()

    def _ask_live(self) -> tuple[int, ...]:
        """Settle whether some order keeps what is live within the budget; return one."""
        outcome = least_live(self.problem, self.meter)
        self.least_budget = max(self.least_budget, outcome.bound)
        if outcome.bound > (self.problem.live_capacity or 0):
            self._refuse("live")
        elif outcome.limit is not None:
            raise LimitReachedError(outcome.limit)
        return tuple(outcome.order)

    def _replacement(self, order: Sequence[int], seconds: float) -> Residency | None:
        if self.meter.limits.seconds is None:
            return best_capped_replacement(self.problem, order, seconds)
        most_steps = int(seconds * _STEPS_PER_SECOND)
        return best_capped_replacement(self.problem, order, seconds, most_steps)

    def _weigh(self, found: Residency) -> bool:
        self._offer(found)
        return True

    def _is_within(self, plan: Residency) -> bool:
        return fits_both(self.problem, plan)

    def _search(self, space: Space, sketch: Sketch | None, states: int | None = None) -> None:
        if self._is_settled:
            return
        search = Search(space, self.meter, self.spilled, self.pruning, sketch=sketch)
        until = None if states is None else share_of(self.meter)
        found = search.run(self._on_bound, states, until)
        self.is_searched = search.is_done
        if found is not None:
            self._offer(found)
            self._raise_bound(spilled_bytes(self.problem, found), "search")
            if self.bound < self.spilled:
                self._replace(found.order)
                self._try_more(space)
        elif self.is_searched and self.best is not None:
            self._raise_bound(self.spilled, "search")
        elif self.is_searched:
            self._refuse("search")

    def _on_bound(self, bound: int) -> None:
        if bound < _ENDLESS:  # no plan at all: then there is nothing to bound
            self._raise_bound(min(bound, self.spilled), "search")

    def _try_more(self, space: Space) -> None:
        """Try other good orders, since that of the search has no plan that is as good."""
        for greed in _GREED:
            if self.bound == self.spilled:
                return
            search = Search(space, self.meter, self.spilled, self.pruning, greed=greed)
            found = search.run(states=_STATES)
            if found is not None:
                self._replace(found.order)

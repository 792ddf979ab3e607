"""A problem made ready for a formulation: hint digested, sizes in units, precedence closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.peak.formulation.liveness import StepPeak, step_peaks
from solver.peak.formulation.relation import Relation
from solver.peak.formulation.symmetry import symmetry_edges
from solver.peak.formulation.units import coarser, exact_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.memory import Problem
    from solver.peak.backend import Hint


_PEAK_SHARE = 50


@dataclass(frozen=True, slots=True)
class Task:
    """Find an order with a peak of ``floor`` to ``ceiling`` units, as low as possible.

    Attributes
    ----------
    relation : Relation
        Precedence, with that of interchangeable ops added.
    steps : tuple of StepPeak
        What each op needs while it runs.
    floor, ceiling : int
        Units. Every order needs ``floor``; an order above ``ceiling`` is no better than the
        incumbent.
    """

    relation: Relation
    steps: tuple[StepPeak, ...]
    floor: int
    ceiling: int

    def __len__(self) -> int:
        return len(self.relation)


class Incumbent:
    """Best order and bound so far, always valid: orders are replayed, bounds converted.

    Parameters
    ----------
    problem : Problem
        What to solve.
    hint : Hint
        Its order, or else any order, is the first incumbent.
    most_units : int, optional
        Units that the undecided part of a step may add up to; the peak may have 50 times as
        many. Where exact units are more than that, coarser ones are used.
    symmetry : bool
        Whether interchangeable ops are put in the order of their ids.

    Attributes
    ----------
    order : list of int
        Best order so far.
    peak, bound : int
        Its peak, and what every order needs, in bytes.
    """

    def __init__(
        self,
        problem: Problem,
        hint: Hint,
        most_units: int | None = None,
        *,
        symmetry: bool = True,
    ) -> None:
        self._problem = problem
        self._symmetry = symmetry
        self._most_units = most_units
        self._divisor = exact_units(problem).size
        self.units = exact_units(problem)
        self.order = list(
            Relation.of(problem.predecessors).topological if hint.order is None else hint.order
        )
        self.peak = problem.replay(self.order).peak
        ends = max(problem.live_at_start, problem.live_at_end)
        self.bound = min(self._round_up(max(ends, hint.floor)), self.peak)
        self._cutoff = self.peak

    @property
    def value(self) -> int:
        """What the best order needs: its peak."""
        return self.peak

    @property
    def is_optimal(self) -> bool:
        """Whether no order is better."""
        return self.bound >= self.peak

    def task(self) -> Task:
        """State what is left to do: to find something better than the incumbent."""
        self._cutoff = self.peak
        edges = symmetry_edges(self._problem) if self._symmetry else ()
        relation = Relation.of(self._problem.predecessors, edges)
        self.units = exact_units(self._problem)
        steps = step_peaks(self._problem, relation, self.units)
        if self._most_units is not None:
            undecided = max((step.undecided for step in steps), default=0)
            factor = max(
                1,
                -(-undecided // self._most_units),
                -(-self.units.up(self.peak) // (_PEAK_SHARE * self._most_units)),
            )
            if factor > 1:
                self.units = coarser(self.units, factor)
                steps = step_peaks(self._problem, relation, self.units)
        return Task(
            relation=relation,
            steps=steps,
            floor=self.units.down(self.bound),
            ceiling=self.units.down(self.peak - 1),
        )

    def offer(self, order: Sequence[int]) -> bool:
        """Replay an order and keep it if it is better."""
        peak = self._problem.replay(order).peak
        if peak >= self.peak:
            return False
        self.order, self.peak = list(order), peak
        return True

    def raise_bound(self, units: int) -> bool:
        """Take a bound on the orders that are better than the first incumbent.

        All others need at least as much as the best so far, so the bound never exceeds that.
        """
        bound = min(self._round_up(units * self.units.size), self.peak)
        if bound <= self.bound:
            return False
        self.bound = bound
        return True

    def refute(self) -> bool:
        """Take it that nothing is better than the first incumbent; not if something was."""
        if self.peak < self._cutoff or self.is_optimal:
            return False
        self.bound = self.peak
        return True

    def _round_up(self, size: int) -> int:
        """Return the next size a peak can have: all are sums and differences of sizes."""
        return -(-size // self._divisor) * self._divisor

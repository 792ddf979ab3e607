"""A traffic problem made ready for a formulation: sizes in units, precedence closed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.memory import Problem, Storage
from solver.peak.formulation.relation import Relation
from solver.peak.formulation.symmetry import symmetry_edges
from solver.peak.formulation.units import Units, coarser
from solver.traffic.formulation.presence import Presence
from solver.traffic.heuristics import quick
from solver.traffic.residency import Residency, fits, spilled_bytes

if TYPE_CHECKING:
    from solver.traffic.backend import Hint
    from solver.traffic.formulation.presence import Gap, Step
    from solver.traffic.model import TrafficProblem


@dataclass(frozen=True, slots=True)
class Task:
    """Find a plan that spills ``floor`` to ``ceiling`` units, as few as possible.

    Attributes
    ----------
    relation : Relation
        Precedence, with that of interchangeable ops added.
    users : tuple of tuple of int
        Ops that touch each buffer.
    gaps : tuple of Gap
        Where buffers may be absent.
    stores : tuple of int
        Cost of each write-back that readers share.
    steps : tuple of Step
        Ops beside which not everything fits.
    floor, ceiling : int
        Units. Every plan spills ``floor``; one above ``ceiling`` is of no interest.
    """

    relation: Relation
    users: tuple[tuple[int, ...], ...]
    gaps: tuple[Gap, ...]
    stores: tuple[int, ...]
    steps: tuple[Step, ...]
    floor: int
    ceiling: int

    def __len__(self) -> int:
        return len(self.relation)

    @property
    def most(self) -> int:
        """No plan spills more units."""
        return sum(gap.cost for gap in self.gaps) + sum(self.stores)

    @property
    def widest(self) -> int:
        """The most units that could be in the TCM beside the operands of an op."""
        return max((sum(o.size for o in step.occupants) for step in self.steps), default=0)


class Incumbent:
    """Best plan and bound so far, always valid: plans are replayed, bounds converted.

    Parameters
    ----------
    problem : TrafficProblem
        What to solve.
    hint : Hint
        Its plan, or else a quick one, is the first incumbent.
    most_units : int, optional
        Units that all costs, and the occupants of any step, may add up to. Where exact units are
        more than that, coarser ones are used.
    symmetry : bool
        Whether interchangeable ops are put in the order of their ids.

    Attributes
    ----------
    plan : Residency
        Best plan so far.
    spilled, bound : int
        What it spills and what every plan spills, in bytes.
    """

    def __init__(
        self,
        problem: TrafficProblem,
        hint: Hint,
        most_units: int | None = None,
        *,
        symmetry: bool = True,
    ) -> None:
        if problem.live_capacity is not None:
            raise ValueError("a budget of external memory is not part of the formulations")
        self._problem = problem
        self._symmetry = symmetry
        self._most_units = most_units
        # Only buffers with two users or more are ever spilled.
        shared = (buffer.size for buffer in problem.buffers if len(buffer.users) > 1)
        self._divisor = math.gcd(*shared) or 1
        self.units = Units(self._divisor, is_exact=True)
        plan = hint.plan
        if plan is None:
            plan = quick(problem, Relation.of(problem.predecessors).topological)[-1]
        self.plan = plan
        self.spilled = self._replay(plan)
        self._cutoff = self.spilled if hint.cutoff is None else min(self.spilled, hint.cutoff)
        self.bound = min(self._round_up(hint.lower_bound), self._cutoff)

    @property
    def value(self) -> int:
        """What the best plan spills."""
        return self.spilled

    @property
    def is_optimal(self) -> bool:
        """Whether no plan of interest is better."""
        return self.bound >= min(self.spilled, self._cutoff)

    def task(self) -> Task:
        """State what is left to do: to find something better than the incumbent."""
        edges = symmetry_edges(_as_storages(self._problem)) if self._symmetry else ()
        relation = Relation.of(self._problem.predecessors, edges)
        task = self._stated(relation)
        if self._most_units is not None:
            factor = -(-max(task.widest, task.most) // self._most_units)
            if factor > 1:
                self.units = coarser(self.units, factor)
                task = self._stated(relation)
        return task

    def _stated(self, relation: Relation) -> Task:
        presence = Presence(self._problem, relation, self.units)
        steps = (presence.step(v) for v in range(len(self._problem)))
        return Task(
            relation=relation,
            users=tuple(buffer.users for buffer in self._problem.buffers),
            gaps=presence.gaps,
            stores=presence.stores,
            steps=tuple(step for step in steps if step is not None),
            # Costs rounded down may add up to less than the bound.
            floor=self.units.down(self.bound) if self.units.is_exact else 0,
            ceiling=self.units.down(self._cutoff - 1),
        )

    def offer(self, found: Residency) -> bool:
        """Replay a plan and keep it if it is better; its order may do with another replacement."""
        plans = [found, *quick(self._problem, found.order)]
        best = min(
            (plan for plan in plans if fits(self._problem, plan)),
            key=lambda plan: spilled_bytes(self._problem, plan),
        )
        spilled = self._replay(best)
        if spilled >= self.spilled:
            return False
        self.plan, self.spilled = best, spilled
        return True

    def raise_bound(self, units: int) -> bool:
        """Take a bound on the plans that are of interest.

        All others spill at least the cutoff, so the bound never exceeds that.
        """
        bound = min(self._round_up(units * self.units.size), self.spilled, self._cutoff)
        if bound <= self.bound:
            return False
        self.bound = bound
        return True

    def refute(self) -> bool:
        """Take it that no plan is below the cutoff; not if one was found."""
        if self.spilled < self._cutoff or self.is_optimal:
            return False
        self.bound = self._cutoff
        return True

    def _replay(self, plan: Residency) -> int:
        if not self._problem.is_order(plan.order):
            raise ValueError("not an order: ops are missing, repeated or before their inputs")
        if not fits(self._problem, plan):
            raise ValueError("a plan that does not fit into the TCM")
        return spilled_bytes(self._problem, plan)

    def _round_up(self, size: int) -> int:
        """Return the next number of bytes a plan can spill: all are sums of sizes."""
        return -(-size // self._divisor) * self._divisor


def _as_storages(problem: TrafficProblem) -> Problem:
    """State precedence and buffers as a least-peak problem.

    Whatever maps it to itself maps plans to plans that spill as much.
    """
    return Problem(
        names=problem.names,
        predecessors=problem.predecessors,
        storages=tuple(
            Storage(b.name, b.size, b.writers, b.readers, b.is_input, b.is_output)
            for b in problem.buffers
        ),
        workspace=problem.workspace,
        reuses=tuple(() for _ in problem.names),
    )

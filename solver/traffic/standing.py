"""The best plan so far and what is proven about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.traffic.residency import spilled_bytes
from solver.traffic.rules import UNBOUNDED

if TYPE_CHECKING:
    from solver.limits import Limit, Meter
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Residency


@dataclass(slots=True)
class Standing:
    """What a solve has come to; ``best`` and ``bound`` are valid at any time.

    Attributes
    ----------
    problem : TrafficProblem
        No op may be oversized.
    meter : Meter
        Limits and observer.
    best : Residency or None
        The best plan so far. There always is one unless external memory is capped.
    spilled, bound : int
        Its non-compulsory bytes, and what none goes below.
    proof : str
        What the bound rests on.
    landmarks : tuple of int
        Ops that the bound rests on if that is the proof.
    limit : Limit or None
        What stopped the solver.
    least_budget : int
        Where external memory is capped: no budget below this works with this TCM.
    is_infeasible : bool
        Whether there is no plan at all, as ``proof`` says.
    baselines : dict of str to int
        Traffic of simple orders.
    curve : list of (float, int, int)
        Seconds, traffic and bound after each improvement of either.
    """

    problem: TrafficProblem
    meter: Meter
    best: Residency | None = field(default=None, kw_only=True)
    spilled: int = field(default=UNBOUNDED, kw_only=True)
    bound: int = field(default=0, kw_only=True)
    proof: str = field(default="compulsory", kw_only=True)
    limit: Limit | None = field(default=None, kw_only=True)
    least_budget: int = field(default=0, kw_only=True)
    is_infeasible: bool = field(default=False, kw_only=True)
    landmarks: tuple[int, ...] = field(default=(), kw_only=True)
    baselines: dict[str, int] = field(default_factory=dict, kw_only=True)
    curve: list[tuple[float, int, int]] = field(default_factory=list, kw_only=True)

    def _is_within(self, plan: Residency) -> bool:  # noqa: ARG002
        """Whether a plan that fits in the TCM is one."""
        return True

    def _offer(self, plan: Residency) -> bool:
        spilled = spilled_bytes(self.problem, plan)
        if spilled >= self.spilled or not self._is_within(plan):
            return False
        self.best, self.spilled = plan, spilled
        self._record()
        self.meter.observer.on_incumbent(self.problem.compulsory_bytes + spilled)
        return True

    def _raise_bound(self, bound: int, proof: str, landmarks: tuple[int, ...] = ()) -> None:
        if bound > self.bound:
            self.bound, self.proof, self.landmarks = bound, proof, landmarks
            self._record()
            self.meter.observer.on_bound(self.problem.compulsory_bytes + bound)

    def _record(self) -> None:
        if self.best is None:
            return
        compulsory = self.problem.compulsory_bytes
        self.curve.append(
            (
                round(self.meter.seconds, 6),
                compulsory + self.spilled,
                compulsory + min(self.bound, self.spilled),
            )
        )

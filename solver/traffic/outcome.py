"""What the traffic solver returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.plan import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.traffic.model import Mode, Weights


@dataclass(frozen=True, slots=True)
class TrafficOutcome:
    """A plan, what it moves, and what is proven about it.

    Attributes
    ----------
    model : str
        Name of the network.
    status : Status
        OPTIMAL iff ``traffic_bytes`` equals ``traffic_lower_bound_bytes``; INFEASIBLE if there is
        no plan: some op is larger than the TCM, or no order stays within the budget; UNKNOWN if
        there may be one within the budget but none was found; else FEASIBLE.
    tcm_bytes : int
        Size of the TCM.
    mode : Mode
        Resident or streaming.
    weights : Weights
        How constants were counted.
    order : tuple of str
        Op names; empty if infeasible.
    steps : tuple of mapping
        One key each: ``load``, ``store``, ``evict``, ``stream`` or ``run``, see
        :mod:`solver.traffic.simulate`. Empty without a plan.
    traffic_bytes : int or None
        All bytes the plan moves, by replay. None without a plan.
    compulsory_bytes : int
        The part that no plan avoids.
    traffic_lower_bound_bytes : int
        No plan moves less.
    peak_bytes : int or None
        The most TCM in use at any time.
    proof : str
        What the bound rests on: ``"compulsory"`` (nothing else moves),
        ``"landmarks"`` (:mod:`solver.traffic.landmarks`), ``"sketch"`` or ``"search"``
        (:mod:`solver.traffic.sketch`, :mod:`solver.traffic.explorer`), ``"peak"`` (least peak above
        the TCM, so that something must be dropped), ``"formulation"`` (the word of the solver that
        ``method`` names), ``"pinning"`` (:mod:`solver.traffic.pinning`, on what
        ``method`` proves of the activations). If infeasible: ``"footprint"`` (an op is larger than
        the TCM), ``"external"`` (inputs or outputs are larger than what the budget leaves beside
        the TCM), ``"live"`` (the least peak of all that is live is above the budget) or
        ``"search"``.
    landmarks : tuple of str
        Ops that the bound rests on, where that is the proof.
    limit : str or None
        Limit that stopped the solver before its proof.
    baselines : mapping of str to int
        Traffic of simple orders with furthest-use replacement, in bytes.
    oversized : mapping of str to int
        Ops that cannot run in this TCM, with the bytes each needs.
    least_tcm_bytes : int
        The smallest TCM for which there is a plan.
    states : int
        States expanded.
    seconds : float
        Time the solver took.
    curve : tuple of (float, int, int)
        Seconds, traffic and bound after each improvement of either.
    warnings : tuple of str
        What the reader could not account for.
    pinned : tuple of str
        Weights that stay in the TCM; their bytes are part of ``peak_bytes``.
    method : str
        How it was asked to be proven, see :func:`solver.traffic.minimize_traffic`.
    budget_bytes : int or None
        Cap on the TCM and external memory in use together.
    external_bytes : int or None
        The most external memory in use at any time.
    least_budget_bytes : int
        No budget below this works with this TCM; 0 where none was given.
    """

    model: str
    status: Status
    tcm_bytes: int
    mode: Mode
    weights: Weights
    order: tuple[str, ...]
    steps: tuple[Mapping[str, str], ...]
    traffic_bytes: int | None
    compulsory_bytes: int
    traffic_lower_bound_bytes: int
    peak_bytes: int | None
    proof: str
    landmarks: tuple[str, ...] = ()
    limit: str | None = None
    baselines: Mapping[str, int] = field(default_factory=dict)
    oversized: Mapping[str, int] = field(default_factory=dict)
    least_tcm_bytes: int = 0
    states: int = 0
    seconds: float = 0.0
    curve: tuple[tuple[float, int, int], ...] = ()
    warnings: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    method: str = "auto"
    budget_bytes: int | None = None
    external_bytes: int | None = None
    least_budget_bytes: int = 0

    def __post_init__(self) -> None:
        if self.traffic_bytes is None:
            if self.status not in (Status.INFEASIBLE, Status.UNKNOWN):
                raise ValueError(f"status {self.status.value!r} without traffic")
            return
        if not self.compulsory_bytes <= self.traffic_lower_bound_bytes <= self.traffic_bytes:
            raise ValueError(
                f"compulsory {self.compulsory_bytes}, bound {self.traffic_lower_bound_bytes} and "
                f"traffic {self.traffic_bytes} are out of order"
            )
        proven = self.traffic_bytes == self.traffic_lower_bound_bytes
        if (self.status is Status.OPTIMAL) != proven:
            raise ValueError(
                f"status {self.status.value!r} with traffic {self.traffic_bytes} and bound "
                f"{self.traffic_lower_bound_bytes}"
            )

    @property
    def fits(self) -> bool | None:
        """Whether there is a plan within the budget; None if that is open or was not asked."""
        if self.budget_bytes is None or self.status is Status.UNKNOWN:
            return None
        return self.traffic_bytes is not None

    @property
    def spilled_bytes(self) -> int | None:
        """Non-compulsory bytes."""
        return None if self.traffic_bytes is None else self.traffic_bytes - self.compulsory_bytes

    @property
    def gap(self) -> float:
        """Relative distance of the traffic from its bound; 0 when optimal."""
        if not self.traffic_bytes:
            return 0.0
        return (self.traffic_bytes - self.traffic_lower_bound_bytes) / self.traffic_bytes

"""What the engine knows of a problem, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.limits import Limit
    from solver.peak.bounds import OpBound


@dataclass(frozen=True, slots=True)
class Claim:
    """What a formulation says of a window.

    Attributes
    ----------
    method : str
        Its name in :mod:`solver.peak.backend`.
    window : tuple of int
        Problem ops.
    order : list of int or None
        Order of the window, in problem ops.
    bound : int
        Bytes that every order of the window needs, by the solver's word.
    limit : Limit or None
        Why it stopped, if not by itself.
    """

    method: str
    window: tuple[int, ...]
    order: list[int] | None
    bound: int
    limit: Limit | None


@dataclass(frozen=True, slots=True)
class Refutation:
    """Search evidence: no order of ``window`` (problem ops) stays below ``bound`` bytes."""

    bound: int
    window: tuple[int, ...]
    backward: bool
    states: int


@dataclass(slots=True)
class Outcome:
    """Best order and bound so far, and what proves the bound.

    Attributes
    ----------
    order : list of int
        Problem ops.
    peak, bound : int
        Bytes; equal iff the order is proven optimal.
    cut : OpBound or None
        Best cut bound seen.
    refutation : Refutation or None
        The search that proved ``bound``, when it is above the cut bound.
    claim : Claim or None
        The formulation that claims ``bound``, when it is above what cuts and searches proved.
    limit : Limit or None
        Why the solver stopped before peak and bound met.
    baselines : dict of str to int
        Peaks of the simple orders, in bytes.
    curve : list of (float, int, int)
        Seconds, peak and bound after each improvement of either.
    """

    order: list[int]
    peak: int
    bound: int
    cut: OpBound | None = None
    refutation: Refutation | None = None
    claim: Claim | None = None
    limit: Limit | None = None
    states: int = 0
    baselines: dict[str, int] = field(default_factory=dict)
    curve: list[tuple[float, int, int]] = field(default_factory=list)

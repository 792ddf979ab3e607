"""What every formulation of least traffic takes and gives, and where to find one by name.

As in :mod:`solver.peak.backend`: what a backend returns is a claim, its plan to be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from solver.peak.backend import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.limits import Limit, Limits, Observer
    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Residency


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known before a backend starts; bytes are non-compulsory ones.

    Attributes
    ----------
    plan : Residency or None
        The incumbent. The backend looks for plans that spill less only.
    lower_bound : int
        Bytes that every plan spills.
    cutoff : int or None
        Only plans that spill less than so many bytes are of interest, whatever the incumbent.
    """

    plan: Residency | None = None
    lower_bound: int = 0
    cutoff: int | None = None

    def __post_init__(self) -> None:
        if self.lower_bound < 0:
            raise ValueError(f"the lower bound must not be negative: {self.lower_bound}")


@dataclass(frozen=True, slots=True)
class RawOutcome:
    """What a backend claims.

    Attributes
    ----------
    plan : Residency
        Best plan found, or the incumbent it was given or made; it fits.
    bound : int
        Non-compulsory bytes that every plan moves, by the backend's word. Equal to what ``plan``
        spills, or to the cutoff, when the backend claims a proof.
    limit : Limit or None
        Why the backend stopped; None if it came to an end by itself.
    nodes : int
        Branches (CP-SAT) or nodes of the tree (ILP).
    seconds : float
        Wall time.
    """

    plan: Residency
    bound: int
    limit: Limit | None = None
    nodes: int = 0
    seconds: float = 0.0


class Backend(Protocol):
    """A formulation with its solver."""

    @property
    def name(self) -> str:
        """What :func:`backend` calls it."""

    def is_available(self) -> bool:
        """Whether its libraries are installed and can be loaded."""

    def solve(
        self,
        problem: TrafficProblem,
        limits: Limits,
        hint: Hint,
        observer: Observer | None = None,
        workers: int = 1,
    ) -> RawOutcome:
        """Look for a plan that spills less than the hint's and for a proof that there is none.

        Never raises for a limit or Ctrl-C: the outcome holds the best plan and bound so far.

        Parameters
        ----------
        problem : TrafficProblem
            What to solve; no op may be oversized.
        limits : Limits
            Time, memory, and nodes (CP-SAT: conflicts).
        hint : Hint
            Incumbent and bounds.
        observer : Observer, optional
            Told about incumbents and bounds (non-compulsory bytes) and nodes, from the calling
            thread.
        workers : int
            Threads of the solver. With one, the same input gives the same outcome.

        Raises
        ------
        BackendUnavailableError
            If a library is missing.
        """


_CLASSES: Mapping[str, tuple[str, str]] = {
    "cpsat": ("solver.traffic.cpsat.backend", "CpSat"),
    "ilp-highs": ("solver.traffic.ilp.backend", "IlpHighs"),
    "ilp-cbc": ("solver.traffic.ilp.backend", "IlpCbc"),
}
assert tuple(_CLASSES) == NAMES


def backend(name: str) -> Backend:
    """Return a new backend; its solver's library is loaded when it is first used.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in _CLASSES:
        raise ValueError(f"no backend {name!r}; there are {', '.join(NAMES)}")
    module, cls = _CLASSES[name]
    found: Backend = getattr(import_module(module), cls)()
    return found

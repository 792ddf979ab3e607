"""What every formulation of least peak memory takes and gives, and where to find one by name.

A backend states the problem as a mathematical program and hands it to a general solver. What it
returns is a *claim*: the caller replays the order and decides what to believe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from solver.limits import Limit, Limits, Observer
    from solver.memory import Problem


class BackendUnavailableError(ImportError):
    """The library a backend needs is not there; the message names the extra to install."""

    def __init__(self, backend: str, extra: str, reason: object) -> None:
        super().__init__(f"{backend} is not available ({reason}): pip install 'tightfit[{extra}]'")
        self.backend = backend
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known before a backend starts; it only has to do better.

    Attributes
    ----------
    order : tuple of int or None
        The incumbent. The backend looks for orders of a lower peak only.
    lower_bound : int
        Bytes that every order needs.
    op_bounds : mapping of int to int
        Per op, the least step peak it has in any order, in bytes
        (:class:`solver.peak.bounds.CutBounds`); ops may be left out.
    """

    order: tuple[int, ...] | None = None
    lower_bound: int = 0
    op_bounds: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.lower_bound < 0:
            raise ValueError(f"the lower bound must not be negative: {self.lower_bound}")

    @property
    def floor(self) -> int:
        """The best bound of all that are given, in bytes."""
        return max((self.lower_bound, *self.op_bounds.values()))


@dataclass(frozen=True, slots=True)
class RawOutcome:
    """What a backend claims.

    Attributes
    ----------
    order : list of int or None
        Best order found, or the incumbent it was given; None if there is neither.
    bound : int
        Bytes that every order needs, by the backend's word. Equal to the peak of ``order`` when
        the backend claims a proof.
    limit : Limit or None
        Why the backend stopped; None if it came to an end by itself.
    nodes : int
        Branches (CP-SAT) or nodes of the tree (ILP).
    seconds : float
        Wall time.
    """

    order: list[int] | None
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
        problem: Problem,
        limits: Limits,
        hint: Hint,
        observer: Observer | None = None,
        workers: int = 1,
    ) -> RawOutcome:
        """Look for an order of lower peak than the hint's and for a proof that there is none.

        Never raises for a limit or Ctrl-C: the outcome holds the best order and bound so far.

        Parameters
        ----------
        problem : Problem
            What to solve.
        limits : Limits
            Time, memory, and nodes (CP-SAT: conflicts).
        hint : Hint
            Incumbent and bounds.
        observer : Observer, optional
            Told about incumbents, bounds and nodes, from the calling thread.
        workers : int
            Threads of the solver. With one, the same input gives the same outcome.

        Raises
        ------
        BackendUnavailableError
            If a library is missing.
        """


_CLASSES: Mapping[str, tuple[str, str]] = {
    "cpsat": ("solver.peak.cpsat.backend", "CpSat"),
    "ilp-highs": ("solver.peak.ilp.backend", "IlpHighs"),
    "ilp-cbc": ("solver.peak.ilp.backend", "IlpCbc"),
}

#: Names that :func:`backend` knows.
NAMES = tuple(_CLASSES)


_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "cpsat": ("ortools",),
    "ilp-highs": ("PuLP", "highspy"),
    "ilp-cbc": ("PuLP",),
}


def libraries(names: Iterable[str]) -> list[str]:
    """Distributions that the named backends rest on; other names rest on none."""
    return sorted({library for name in names for library in _LIBRARIES.get(name, ())})


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

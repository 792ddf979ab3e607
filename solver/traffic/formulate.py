"""Hand a traffic problem to a formulation."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from solver.traffic.backend import Hint, backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.limits import Meter
    from solver.traffic.backend import RawOutcome
    from solver.traffic.model import TrafficProblem

_backend = cache(backend)  # some have a process of their own, which takes a while to start


def formulate(
    problem: TrafficProblem,
    hint: Hint,
    *,
    method: str,
    meter: Meter,
    on_bound: Callable[[int], None] = lambda _: None,
    on_plan: Callable[[int], None] = lambda _: None,
) -> RawOutcome:
    """Solve a traffic problem by a formulation.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    hint : Hint
        Incumbent and bounds.
    method : str
        A name in :mod:`solver.traffic.backend`.
    meter : Meter
        The formulation gets what its limits leave.
    on_bound, on_plan : callable
        Told non-compulsory bytes that every plan, or a better plan, moves. A
        :class:`LimitReachedError` they raise ends the formulation.

    Raises
    ------
    BackendUnavailableError
        If its library is not installed.
    LimitReachedError
        If nothing is left of the limits.
    """
    meter.check()
    return _backend(method).solve(
        problem, meter.remaining(), hint, _Watch(meter, on_bound, on_plan)
    )


class _Watch:
    """Passes on what a backend tells."""

    def __init__(
        self, meter: Meter, on_bound: Callable[[int], None], on_plan: Callable[[int], None]
    ) -> None:
        self._meter = meter
        self.on_bound = on_bound
        self.on_incumbent = on_plan

    def on_progress(self, states: int) -> None:
        """Add to what was counted before."""
        self._meter.observer.on_progress(self._meter.states + states)

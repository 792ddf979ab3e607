"""Plans that simple ways lead to, to be put beside the least traffic.

Each first takes an order, then decides what to drop when room runs out: order and replacement one
after the other, as compilers do. :data:`HEURISTICS` lists all of them in the order in which reports
show them; :func:`find_orders` finds their orders, which do not depend on the size of the TCM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.traffic.baselines.orders import SEARCHED, FoundOrder, find_orders
from solver.traffic.heuristics import densest_gaps, furthest_use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Residency

    Replace = Callable[[TrafficProblem, Sequence[int], float | None], Residency | None]


@dataclass(frozen=True, slots=True)
class Heuristic:
    """An order and a replacement.

    Attributes
    ----------
    name : str
        For JSON and CSV.
    title : str
        For people.
    summary : str
        One line.
    order : str
        Whose order, see :func:`find_orders`.
    replace : callable
        From a problem, an order and seconds to a plan; None if there is none in time.
    """

    name: str
    title: str
    summary: str
    order: str
    replace: Replace

    @property
    def is_search(self) -> bool:
        """Whether its order may take until a limit; the others take milliseconds."""
        return self.order in SEARCHED


def _belady(
    problem: TrafficProblem, order: Sequence[int], _seconds: float | None
) -> Residency | None:
    return furthest_use(problem, order)


def _knapsack(
    problem: TrafficProblem, order: Sequence[int], _seconds: float | None
) -> Residency | None:
    return densest_gaps(problem, order)


def _ilp(problem: TrafficProblem, order: Sequence[int], seconds: float | None) -> Residency | None:
    # The names of heuristics are wanted more often than this one's library.
    from solver.traffic.intervals import best_replacement  # noqa: PLC0415

    return best_replacement(problem, order, seconds)


_BELADY = "what is used furthest ahead leaves"
_KNAPSACK = "what saves most per byte and step stays"

#: Every known heuristic, in a fixed order.
HEURISTICS = (
    Heuristic(
        "file_order", "file order + Belady", f"ops as the file lists them; {_BELADY}",
        "file_order", _belady,
    ),
    Heuristic(
        "kahn", "breadth-first + Belady", f"the op that became ready first; {_BELADY}",
        "kahn", _belady,
    ),
    Heuristic(
        "depth_first", "depth-first + Belady", f"the op that became ready last; {_BELADY}",
        "depth_first", _belady,
    ),
    Heuristic(
        "least_peak", "least peak + Belady", f"the order of least peak in the TCM; {_BELADY}",
        "least_peak", _belady,
    ),
    Heuristic(
        "serenity", "SERENITY + Belady", f"SERENITY's order (MLSys 2020); {_BELADY}",
        "serenity", _belady,
    ),
    Heuristic(
        "file_order_knapsack", "file order + knapsack",
        f"ops as the file lists them; {_KNAPSACK}", "file_order", _knapsack,
    ),
    Heuristic(
        "least_peak_knapsack", "least peak + knapsack",
        f"the order of least peak in the TCM; {_KNAPSACK}", "least_peak", _knapsack,
    ),
    Heuristic(
        "least_peak_ilp", "least peak + ILP",
        "the order of least peak in the TCM; the best replacement for it, by an integer program",
        "least_peak", _ilp,
    ),
)  # fmt: skip

__all__ = ["HEURISTICS", "FoundOrder", "Heuristic", "find_orders"]

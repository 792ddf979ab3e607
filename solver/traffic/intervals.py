"""The best replacement for a fixed order, as an integer program over gaps.

Each gap between consecutive uses of a buffer is kept or not. At each step the kept gaps that span
it, the operands and the workspace fit in the TCM. The columns are intervals of ones, so the linear
relaxation is nearly integral: hundreds of ops take milliseconds. Solved by HiGHS through SciPy.

Where these intervals have too many steps in all, a column for each step adds up what is kept there
from what was kept at the one before, so that the program grows with the number of gaps only. HiGHS
finds fewer cuts for it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from solver.traffic.model import Mode
from solver.traffic.residency import Interval, Residency, fits, intervals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from solver.traffic.model import TrafficProblem
    from solver.traffic.residency import Gap

_ROUND = 0.5
_MOST_ENTRIES = 2**17  # of intervals written out step by step


class Stay(NamedTuple):
    """A column: whether a buffer is in the TCM from one step until before another.

    ``uses`` are the steps next to it at which it is touched, and has to have room then.
    """

    column: int
    buffer: int
    begin: int
    end: int
    uses: tuple[int, ...]


class Formulation:
    """The integer program of an order.

    Columns: gaps kept, then buffers written back, then, in large programs, what is kept at each
    step, in units; then (streaming) operands with room.
    """

    def __init__(
        self, problem: TrafficProblem, order: Sequence[int], clashes: Iterable[AbstractSet[Gap]]
    ) -> None:
        self.problem = problem
        self.order = order
        self.gaps = intervals(problem, order)
        self.unit = math.gcd(*(b.size for b in problem.buffers), 0) or 1
        self.cost: list[float] = [-self._saving(gap) / self.unit for gap in self.gaps]
        self.integral = [1] * len(self.gaps)
        self.upper: list[float] = [1] * len(self.gaps)
        self.present: dict[tuple[int, int], int] = {}  # columns of (buffer, step), streaming
        self.next_to: dict[tuple[int, int], list[int]] = defaultdict(list)  # stays
        self.rows: list[dict[int, float]] = []
        self.lower: list[float] = []
        self._add_write_backs()
        self._add_room()
        for clash in clashes:
            kept: dict[int, float] = {g: -1 for g, gap in enumerate(self.gaps) if gap.gap in clash}
            self.row(kept, 1 - len(kept))

    def _saving(self, gap: Interval) -> int:
        size = self.problem.buffers[gap.buffer].size
        return 2 * size if gap.dirty else size

    def column(self, cost: float = 0, *, integral: bool = True, upper: float = 1) -> int:
        """Add a column from zero up; return its index."""
        self.cost.append(cost)
        self.integral.append(int(integral))
        self.upper.append(upper)
        return len(self.cost) - 1

    def row(self, entries: dict[int, float], at_least: float) -> None:
        """Add a row."""
        self.rows.append(entries)
        self.lower.append(at_least)

    def _add_write_backs(self) -> None:
        """Have a buffer written back if it is absent in any gap after its last producer."""
        stored: dict[int, int] = {}
        for g, gap in enumerate(self.gaps):
            buffer = self.problem.buffers[gap.buffer]
            if gap.dirty or buffer.is_input or buffer.is_output:
                continue
            if gap.buffer not in stored:
                stored[gap.buffer] = self.column(buffer.size / self.unit)
            self.row({g: 1, stored[gap.buffer]: 1}, 1)

    def stays(self) -> Iterator[Stay]:
        """List the columns that take room between uses."""
        for g, gap in enumerate(self.gaps):
            yield Stay(g, gap.buffer, gap.begin + 1, gap.end, (gap.begin, gap.end))

    def _add_room(self) -> None:
        """Everything present at a step fits."""
        problem, unit = self.problem, self.unit
        stays = list(self.stays())
        free = [(problem.capacity - problem.footprint(v)) // unit for v in self.order]
        if sum(stay.end - stay.begin for stay in stays) > _MOST_ENTRIES:
            held = self._add_levels(stays, free)
        else:
            held = [{} for _ in self.order]
            for stay in stays:
                size = problem.buffers[stay.buffer].size // unit
                for step in range(stay.begin, stay.end):
                    held[step][stay.column] = size
        for stay in stays:
            for step in stay.uses:
                self.next_to[stay.buffer, step].append(stay.column)
        if problem.mode is Mode.STREAMING:
            for (b, step), gaps in self.next_to.items():
                room = self.present[b, step] = self.column()
                held[step][room] = problem.buffers[b].size // unit
                for g in gaps:
                    self.row({room: 1, g: -1}, 0)
        for entries, most in zip(held, free, strict=True):
            if sum(size * self.upper[column] for column, size in entries.items()) > most:
                self.row({column: -size for column, size in entries.items()}, -most)

    def _add_levels(self, stays: Iterable[Stay], free: Sequence[int]) -> list[dict[int, float]]:
        """Add a column for each step, at least what is kept there; return those by step."""
        change: list[dict[int, float]] = [defaultdict(float) for _ in range(len(free) + 1)]
        for stay in stays:
            size = self.problem.buffers[stay.buffer].size // self.unit
            change[stay.begin][stay.column] -= size
            change[stay.end][stay.column] += size
        levels = [self.column(integral=False, upper=most) for most in free]
        for step, level in enumerate(levels):
            before = {levels[step - 1]: -1.0} if step else {}
            self.row({**change[step], **before, level: 1}, 0)
        return [{level: 1} for level in levels]

    def solve(self, seconds: float | None) -> Residency | None:
        """Gaps to be absent in, or None if nothing was found in time."""
        count = len(self.cost)
        if not count:
            return Residency(tuple(self.order), frozenset())
        options = {} if seconds is None else {"time_limit": max(seconds, 0.01)}
        entries = [(r, c, v) for r, row in enumerate(self.rows) for c, v in row.items()]
        constraints = ()
        if entries:
            rows, columns, values = zip(*entries, strict=True)
            matrix = coo_array((values, (rows, columns)), shape=(len(self.rows), count)).tocsr()
            constraints = LinearConstraint(matrix, lb=np.array(self.lower))
        result = milp(
            np.array(self.cost),
            integrality=np.array(self.integral),
            bounds=Bounds(0, np.array(self.upper)),
            constraints=constraints,
            options=options,
        )
        if result.x is None:
            return None
        return self.read([value > _ROUND for value in result.x])

    def read(self, is_one: Sequence[bool]) -> Residency:
        """Read a solution, by column."""
        absent = frozenset(gap.gap for g, gap in enumerate(self.gaps) if not is_one[g])
        return Residency(tuple(self.order), absent)


def best_replacement(
    problem: TrafficProblem,
    order: Sequence[int],
    seconds: float | None = None,
    clashes: Iterable[AbstractSet[Gap]] = (),
) -> Residency | None:
    """Least traffic for ``order``.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    order : sequence of int
        A valid order.
    seconds : float, optional
        Time for the solver; what it has by then is returned.
    clashes : iterable of set of Gap
        Gaps of which not all may be kept together, for each of these sets.

    Returns
    -------
    Residency or None
        None if nothing was found in time. Optimal for the order if ``seconds`` was not reached.
    """
    found = Formulation(problem, order, clashes).solve(seconds)
    return found if found is not None and fits(problem, found) else None

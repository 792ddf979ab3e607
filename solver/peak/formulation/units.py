"""Bytes in the units of a program: small whole numbers, rounded so that bounds stay bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.memory import Problem


@dataclass(frozen=True, slots=True)
class Units:
    """A unit of ``size`` bytes.

    Sizes are rounded down and credits up, so a program in these units never needs more than the
    problem it stands for: its optimum, times the unit, is a lower bound. With the greatest common
    divisor of all sizes nothing is rounded at all (:attr:`is_exact`), and every peak is a multiple.
    """

    size: int
    is_exact: bool

    def down(self, size: int) -> int:
        """Units that surely fit into ``size`` bytes."""
        return size // self.size

    def up(self, size: int) -> int:
        """Units that ``size`` bytes surely fit into."""
        return -(-size // self.size)


def exact_units(problem: Problem) -> Units:
    """Return the greatest common divisor of all sizes."""
    sizes = [
        *(s.size for s in problem.storages),
        *problem.workspace,
        *(reuse.size for reuses in problem.reuses for reuse in reuses),
    ]
    return Units(math.gcd(*sizes) or 1, is_exact=True)


def coarser(units: Units, factor: int) -> Units:
    """Return units ``factor`` times as large."""
    return Units(units.size * factor, is_exact=units.is_exact and factor == 1)

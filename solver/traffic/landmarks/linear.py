"""Linear programs over ``[0, 1]`` with integer data, and exact bounds on their least value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCALE = 2**40  # of which multipliers are whole numbers
_SLACK = 2**36  # given up, so that another solver's multipliers prove the bound as well


class Term(NamedTuple):
    """A variable, or a constant if ``variable`` is negative."""

    variable: int
    constant: int = 0


ZERO, ONE = Term(-1, 0), Term(-1, 1)


class LinearProgram:
    """Minimise ``cost``, subject to rows ``sum of factor * term <= most``."""

    def __init__(self) -> None:
        self.cost: list[int] = []
        self._most: list[int] = []
        self._entries: list[tuple[int, int, int]] = []  # row, variable, factor

    def variable(self, cost: int = 0) -> Term:
        """Add a variable from zero to one."""
        self.cost.append(cost)
        return Term(len(self.cost) - 1)

    def row(self, terms: Iterable[tuple[int, Term]], most: int = 0) -> None:
        """Add a row."""
        for factor, (variable, constant) in terms:
            if variable < 0:
                most -= factor * constant
            else:
                self._entries.append((len(self._most), variable, factor))
        self._most.append(most)

    def at_least_any(self, terms: Sequence[Term]) -> Term:
        """Return a term that is at least each of some, and no more if that is dearer."""
        return self._extreme(terms, ONE, ZERO, 1)

    def at_most_all(self, terms: Sequence[Term]) -> Term:
        """Return a term that is at most each of some, and no less if that is dearer."""
        return self._extreme(terms, ZERO, ONE, -1)

    def _extreme(self, terms: Sequence[Term], deciding: Term, idle: Term, sign: int) -> Term:
        """Return the largest of some terms, or with sign -1 the least."""
        if deciding in terms:
            return deciding
        open_terms = [term for term in dict.fromkeys(terms) if term != idle]
        if len(open_terms) < 2:
            return open_terms[0] if open_terms else idle
        extreme = self.variable()
        for term in open_terms:
            self.row([(sign, term), (-sign, extreme)])
        return extreme

    def bound(self, seconds: float) -> int | None:
        """Return an integer that no solution costs less than; None if none was found in time."""
        if not self._most:
            return 0
        rows, columns, factors = map(np.array, zip(*self._entries, strict=True))
        shape = len(self._most), len(self.cost)
        matrix = csr_array((factors.astype(float), (rows, columns)), shape=shape)
        result = linprog(
            np.array(self.cost, float),
            A_ub=matrix,
            b_ub=np.array(self._most, float),
            bounds=(0, 1),
            options={"time_limit": seconds},
        )
        if result.status or result.ineqlin is None:
            return None
        return self._exact([-value for value in result.ineqlin.marginals])

    def _exact(self, multipliers: Sequence[float]) -> int:
        """Bound the value by multipliers of the rows: what is left of the costs is at least so."""
        whole = [max(0, round(value * _SCALE)) for value in multipliers]
        left = [cost * _SCALE for cost in self.cost]
        for row, variable, factor in self._entries:
            left[variable] += factor * whole[row]
        value = sum(min(0, cost) for cost in left)
        value -= sum(most * w for most, w in zip(self._most, whole, strict=True))
        return -((_SLACK - value) // _SCALE)

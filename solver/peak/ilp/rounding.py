"""Whole-number bounds from floating-point ones, on the safe side.

HiGHS and CBC call a variable whole within 1e-6, a row fulfilled within 1e-6 or 1e-7, and prune with
the same tolerances. A row of the program is ``P >= constant + sum of sizes * variables``, so its
error is at most 1e-6 times the sizes in it, plus 1e-6. Sizes are therefore stated in units that, in
a row, add up to no more than :data:`MOST_UNITS`, which keeps that error under :data:`MARGIN`; and
``P`` is whole, so a bound ``b`` proves ``ceil(b - MARGIN)``. A program found infeasible proves a
whole unit, four times the margin. Where units had to be coarse for that (see
:mod:`solver.peak.formulation.units`) bounds stay valid but may fall short of a proof.
"""

from __future__ import annotations

import math

_TOLERANCE = 1e-6

#: Units that the sizes in a row may add up to; the constant may be 50 times that.
MOST_UNITS = 200_000

#: How far a bound may be off, in units.
MARGIN = 0.25

assert (MOST_UNITS + 1) * _TOLERANCE < MARGIN


def safe_bound(bound: float) -> int | None:
    """Round a solver's bound to units that are surely needed; None if it says nothing."""
    return math.ceil(bound - MARGIN) if math.isfinite(bound) else None

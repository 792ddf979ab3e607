"""Exit codes, the same for every command."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.plan import Plan


class Exit(IntEnum):
    """What a command found out."""

    YES = 0
    NO = 1
    USAGE = 2
    UNDECIDED = 3
    INTERRUPTED = 130


#: For the end of every help text.
EXIT_CODES = """\
exit codes:
  0    it fits; without --budget: the answer is proven optimal
  1    proven not to fit; with --tcm: no plan runs in a TCM of that size, or of any in the range
  2    bad input or usage
  3    undecided within the limits
  130  interrupted; the best plan so far has been reported"""


def exit_code(plan: Plan) -> Exit:
    """Exit code that says what ``plan`` says."""
    if plan.limit == "interrupt":
        return Exit.INTERRUPTED
    if plan.status == "infeasible":
        return Exit.NO
    if plan.budget_bytes is None:
        return Exit.YES if plan.is_proven else Exit.UNDECIDED
    if plan.fits is None:
        return Exit.UNDECIDED
    return Exit.YES if plan.fits else Exit.NO

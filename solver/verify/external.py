"""External memory in use while the steps of a plan of least traffic are replayed.

A buffer holds room there from the step that first stores or streams it until the step that last
loads or streams it: a network input from before the first step, a network output beyond the last.
The TCM and what is in use beside it must stay within the budget. Weights are not counted.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from solver.verify.errors import require

if TYPE_CHECKING:
    from solver.plan import Plan
    from solver.verify.storages import Memory

_BEFORE = -1


class External:
    """Which buffers were accessed in external memory, and at which steps."""

    def __init__(self, memory: Memory) -> None:
        self._storages = memory.storages
        self._accesses: dict[int, list[int]] = {
            b: [_BEFORE] if s.is_input else [] for b, s in memory.storages.items()
        }

    def access(self, b: int, step: int) -> None:
        """Take note of a load, a store or a streamed access."""
        self._accesses[b].append(step)

    def most(self, steps: int) -> int:
        """Bytes in use at the worst of so many steps, or before the first."""
        change = [0] * (steps + 3)
        for b, accesses in self._accesses.items():
            if accesses:
                last = steps if self._storages[b].is_output else max(accesses)
                change[min(accesses) + 1] += self._storages[b].size
                change[last + 2] -= self._storages[b].size
        return max(itertools.accumulate(change))


def check_budget(plan: Plan, outside: External) -> None:
    """Check what a plan states about the budget.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    budget, tcm = plan.budget_bytes, plan.tcm_bytes or 0
    is_planned = plan.status in ("optimal", "feasible")
    if budget is None:
        require(plan.fits is None, f"the verdict on no budget is {plan.fits}")
        require(plan.status != "unknown", "nothing is known, and there is no budget")
        return
    require(budget >= tcm, f"a TCM of {tcm} bytes in a budget of {budget}")
    fits = {"infeasible": False, "unknown": None}.get(plan.status, True)
    require(fits == plan.fits, f"the verdict on the budget is {plan.fits}, it should be {fits}")
    if is_planned:
        used = outside.most(len(plan.steps or ()))
        stated = plan.certificate.get("external_bytes")
        require(used == stated, f"the steps use {used} bytes of external memory, not {stated!r}")
        require(tcm + used <= budget, f"{tcm} and {used} bytes are beyond the budget of {budget}")


def exceeds_budget(plan: Plan, memory: Memory) -> bool:
    """Whether the inputs or the outputs alone, all outside at once, are beyond the budget."""
    if plan.budget_bytes is None:
        return False
    storages = memory.storages.values()
    inputs = sum(s.size for s in storages if s.is_input)
    outputs = sum(s.size for s in storages if s.is_output)
    return (plan.tcm_bytes or 0) + max(inputs, outputs) > plan.budget_bytes

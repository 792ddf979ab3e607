"""Check a plan against a network, trusting nothing in the plan and sharing no code with a solver.

The order is replayed with a plain set of live buffers. Memory is stated anew from the network
(:mod:`solver.verify.storages`), a cut is checked through a flow (:mod:`solver.verify.cut`), a
search through a closed set of states (:mod:`solver.verify.closed`). Only :mod:`models.graph` and
:mod:`solver.plan` are shared with those who make plans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.verify.arena import check_layout
from solver.verify.errors import VerificationError
from solver.verify.examine import Findings, examine
from solver.verify.replay import check_replay, replay_peak
from solver.verify.storages import Memory, Rules, state_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.graph import Graph
    from solver.plan import Plan

__all__ = [
    "Findings",
    "Memory",
    "Rules",
    "VerificationError",
    "check",
    "check_layout",
    "check_replay",
    "examine",
    "main",
    "replay_peak",
    "state_memory",
]


def check(plan: Plan, graph: Graph) -> None:
    """Check every statement of a least-peak plan.

    What a search without a closed set or a formulation claims is checked for form only;
    :func:`examine` says whether the bound rests on such a claim.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    examine(plan, graph)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    from solver.verify.__main__ import main as run_command  # noqa: PLC0415  not for the library

    return run_command(argv)

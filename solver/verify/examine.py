"""Check a whole plan, statement by statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.verify.arena import check_arena
from solver.verify.certificate import Proof, check_certificate, check_traffic_certificate
from solver.verify.replay import check_replay
from solver.verify.statements import check_baselines, check_other_statements
from solver.verify.storages import state_memory, stated_rules
from solver.verify.traffic import check_traffic

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.plan import Plan


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found to hold.

    Attributes
    ----------
    ops : int
        Ops replayed.
    peak, bound : int
        Bytes.
    proof : Proof
        What the bound rests on.
    arena : int or None
        Bytes in which the offsets keep everything apart.
    """

    ops: int
    peak: int
    bound: int
    proof: Proof
    arena: int | None = None


def examine(plan: Plan, graph: Graph) -> Findings:
    """Check every statement of a plan and say what the bound rests on.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    if plan.problem == "traffic":
        return _examine_traffic(plan, graph)
    check_replay(plan, graph)
    check_other_statements(plan, graph)
    memory = state_memory(graph, stated_rules(plan))
    check_baselines(plan, memory)
    check_arena(plan, graph, memory)
    proof = check_certificate(plan, memory)
    return Findings(
        len(plan.order), plan.peak_bytes, plan.lower_bound_bytes, proof, plan.arena_bytes
    )


def _examine_traffic(plan: Plan, graph: Graph) -> Findings:
    check_traffic(plan, graph)
    proof = check_traffic_certificate(plan, state_memory(graph, stated_rules(plan)))
    return Findings(
        len(plan.order), plan.peak_bytes, plan.lower_bound_bytes, proof, plan.arena_bytes
    )

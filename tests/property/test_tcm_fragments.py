"""Where the plan of least traffic has no offsets: another one, or the least price."""

from __future__ import annotations

import pytest

from solver.traffic import make_traffic_problem, minimize_traffic
from solver.traffic.offsets import WITHOUT_OFFSETS
from solver.traffic.plan import plan_traffic
from solver.verify import check
from tests.property.fragments import HARD, BruteForce, network

pytestmark = pytest.mark.usefixtures("unhurried")


@pytest.mark.parametrize("mode", ["resident", "streaming"])
@pytest.mark.parametrize("case", range(len(HARD)))
def test_the_price_of_offsets_is_least(mode: str, case: int) -> None:
    """In one order, in any order, and where something is spilled in any case."""
    tcm, blocks = HARD[case]
    for graph in (
        network(blocks),
        network(blocks, in_a_row=False),
        network(blocks, across=2),
    ):
        plan = plan_traffic(graph, tcm, mode=mode)
        check(plan, graph)
        if plan.status == "infeasible":
            continue
        free = minimize_traffic(graph, tcm, mode=mode).traffic_bytes
        least = BruteForce(make_traffic_problem(graph, tcm, mode=mode)).least()
        assert plan.tcm_offsets is not None
        assert plan.traffic_bytes == least
        assert plan.lower_bound_bytes == free
        paid = plan.certificate.get(WITHOUT_OFFSETS)
        if least == free:
            assert (plan.status, paid) == ("optimal", None)
        else:
            assert (plan.status, paid) == ("feasible", free)

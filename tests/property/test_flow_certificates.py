"""Every cut comes with a flow that proves it, whatever the sizes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.memory import make_problem
from solver.peak import bounds, certificate
from solver.peak.bounds import CutBounds, OpBound
from solver.peak.certificate import live_during, make_certificate
from solver.peak.flow import largest_flow
from solver.peak.outcome import Outcome
from solver.peak.space import Space
from solver.verify import Rules, VerificationError, cut, state_memory
from solver.verify.cut import check_cut
from tests.property.graphs import cases, enlarged
from tests.property.oracle import Oracle

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.memory import MemoryRules


def check_all_cuts(graph: Graph, rules: MemoryRules) -> int:
    """Make and check the certificate of every op; return how many flows that took."""
    problem = make_problem(graph, rules)
    memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
    oracle = Oracle(graph, rules)
    found = CutBounds(Space(problem))
    flows = 0
    for v in range(len(problem)):
        op_bound = found.cut(v)
        outcome = Outcome([], op_bound.bound, op_bound.bound, cut=op_bound)
        evidence = make_certificate(graph, problem, outcome)["cut"]
        check_cut(evidence, memory)
        flows += len(evidence["flow"])
        states = [done for done in oracle.states() if v in oracle.ready(done)]
        assert evidence["bound_bytes"] == min(oracle.step_peak(done, v) for done in states)
        with pytest.raises(VerificationError):
            check_cut({**evidence, "bound_bytes": op_bound.bound + 1}, memory)
    return flows


def test_every_op_has_a_flow_that_meets_its_cut() -> None:
    ops = flows = 0
    for graph, rules in cases(350, seed=970):
        flows += check_all_cuts(graph, rules)
        ops += len(graph.ops)
    assert flows > ops + 25


def test_sizes_near_a_terabyte() -> None:
    """Beyond the 32 bits that SciPy counts in."""
    for graph, rules in cases(120, seed=971, most_ops=7):
        check_all_cuts(enlarged(graph, random.Random(graph.name)), rules)


def test_more_choices_than_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best source of each target is granted outright: a weaker bound, proven all the same."""
    granted = 0
    for module, name in (
        (bounds, "_REUSE_CHOICES"), (certificate, "_MOST_CHOICES"), (cut, "_MOST_CHOICES"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 1)
    for graph, rules in cases(250, seed=972):
        problem = make_problem(graph, rules)
        memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
        for v in range(len(problem)):
            op_bound = CutBounds(Space(problem)).cut(v)
            outcome = Outcome([], op_bound.bound, op_bound.bound, cut=op_bound)
            check_cut(make_certificate(graph, problem, outcome)["cut"], memory)
            granted += len(memory.overwrites[v]) > 1
    assert granted > 20


@pytest.mark.parametrize("factor", [1, 2**20 + 7, 2**33, 3**25, 2**50 + 3])
def test_a_flow_in_several_steps(factor: int) -> None:
    """Digits of all orders: the same value as the sum of what one knows, byte for byte."""
    rng = random.Random(factor)
    for _ in range(20):
        # Disjoint paths through pairs of nodes: each carries the smaller of two limits.
        limits: dict[str, int] = {}
        arcs: list[tuple[str, str]] = []
        wanted = 0
        for k in range(rng.randint(1, 12)):
            limits[f"a{k}"], limits[f"b{k}"] = (rng.randrange(1, factor + 5) for _ in range(2))
            arcs += [("start", f"a{k}"), (f"a{k}", f"b{k}"), (f"b{k}", "end")]
            wanted += min(limits[f"a{k}"], limits[f"b{k}"])
        found = list(largest_flow(arcs, limits))
        assert sum(amount for tail, _, amount in found if tail == "start") == wanted
        assert all(amount > 0 for *_, amount in found)


def test_nothing_flows_where_nothing_is_limited() -> None:
    assert not list(largest_flow([("a", "b")], {}))
    assert not list(largest_flow([], {}))


def test_what_is_live_during_an_op() -> None:
    for graph, rules in cases(200, seed=973, least_ops=1):
        problem, oracle = make_problem(graph, rules), Oracle(graph, rules)
        for done in oracle.states():
            for v in oracle.ready(done):
                live = live_during(problem, done, v)
                sizes = [problem.storages[b].size for b in live]
                assert sizes == sorted(sizes, reverse=True)
                during = [b for b in oracle.blocks if b.live(done) or v in b.producers]
                assert sum(sizes) == sum(block.size for block in during)


def test_the_cut_that_is_asked_for() -> None:
    """Any cheapest state will do: the flow belongs to the op alone."""
    for graph, rules in cases(40, seed=974, least_ops=2):
        problem, oracle = make_problem(graph, rules), Oracle(graph, rules)
        memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
        for v in range(len(problem)):
            needs = {d: oracle.step_peak(d, v) for d in oracle.states() if v in oracle.ready(d)}
            least = min(needs.values())
            for done, need in needs.items():
                outcome = Outcome([], need, need, cut=OpBound(need, v, done))
                evidence = make_certificate(graph, problem, outcome)["cut"]
                if need == least:
                    check_cut(evidence, memory)
                else:
                    with pytest.raises(VerificationError, match="the flow proves"):
                        check_cut(evidence, memory)

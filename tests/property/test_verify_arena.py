"""Layouts pass the verifier; layouts in which two live buffers meet do not."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from solver import minimize_peak
from solver.arena.minimize import lay_out
from solver.verify import VerificationError, check
from tests.property.graphs import cases

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.plan import Plan


def laid_out(graph: Graph, rules: MemoryRules) -> Plan:
    return lay_out(minimize_peak(graph, rules=rules), graph)


@pytest.mark.parametrize("seed", [910, 911])
def test_layouts_of_random_graphs_pass(seed: int) -> None:
    met = 0
    for graph, rules in cases(150, seed):
        plan = laid_out(graph, rules)
        check(plan, graph)
        assert plan.arena_bytes is not None
        assert plan.arena_bytes >= plan.peak_bytes
        met += plan.arena_bytes == plan.lower_bound_bytes
    assert met > 100


def test_budgets_are_for_the_arena() -> None:
    for graph, rules in cases(60, seed=912, least_ops=1):
        plan = laid_out(graph, rules)
        assert plan.arena_bytes is not None
        for budget, fits in ((plan.arena_bytes, True), (plan.lower_bound_bytes - 1, False)):
            if budget > 0:
                asked = lay_out(minimize_peak(graph, budget, rules=rules), graph)
                assert asked.fits is fits, graph.name
                check(asked, graph)


def test_mutated_layouts_are_refused() -> None:
    """A buffer moved elsewhere is refused, unless it may lie there."""
    refused = accepted = 0
    for graph, rules in cases(150, seed=913, least_ops=2):
        plan = laid_out(graph, rules)
        rng = random.Random(graph.name)
        if not plan.offsets:
            continue
        name = rng.choice(sorted(plan.offsets))
        for offset in {0, rules.alignment, plan.offsets[name] + rules.alignment, -16}:
            if offset == plan.offsets[name]:
                continue
            mutant = replace(plan, offsets={**plan.offsets, name: offset})
            try:
                check(mutant, graph)
            except VerificationError:
                refused += 1
            else:
                accepted += 1
                assert not meet(mutant, graph, rules)
    assert refused > 200
    assert accepted < refused / 3


def meet(plan: Plan, graph: Graph, rules: MemoryRules) -> bool:
    """Whether two buffers that live together meet; only told where nothing shares bytes."""
    if rules.in_place or rules.views or plan.offsets is None:
        return False
    step = {name: i for i, name in enumerate(plan.order)}
    blocks = []
    for b, buffer in enumerate(graph.buffers):
        if not buffer.size:
            continue
        writes = [step[graph.ops[v].name] for v in graph.producers[b]]
        uses = writes + [step[graph.ops[v].name] for v in graph.consumers[b]]
        begin = 0 if buffer.is_input else min(writes)
        end = len(step) if buffer.is_output else max(uses, default=0) + 1
        low = plan.offsets[buffer.name]
        blocks.append((begin, end, low, low + rules.aligned(buffer.size)))
    return any(
        a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]
        for i, a in enumerate(blocks)
        for b in blocks[:i]
    )


@pytest.mark.parametrize(
    ("change", "statement"),
    [
        ({"arena_bytes": None}, "an arena without offsets"),
        ({"arena_bytes": 1}, "beyond the arena of 1"),
        ({"offsets": {}}, "has no offset"),
    ],
)
def test_statements_about_the_arena(change: dict[str, object], statement: str) -> None:
    graph, rules = next(c for c in cases(50, seed=914, least_ops=3) if c[0].buffers[0].size > 1)
    plan = replace(laid_out(graph, rules), budget_bytes=None, fits=None)
    with pytest.raises(VerificationError, match=statement):
        check(replace(plan, **change), graph)  # type: ignore[arg-type]

"""The search that decides late what was dropped, against the one that chooses victims."""

from __future__ import annotations

import random
from itertools import chain, combinations
from typing import TYPE_CHECKING

import pytest

from solver.memory import MemoryRules
from solver.peak.space import bits
from solver.traffic import kernel, make_traffic_problem
from solver.traffic.deferred import DeferredExplorer, may_defer
from solver.traffic.explorer import PythonExplorer
from solver.traffic.kernel import NativeExplorer
from solver.traffic.residency import fits, spilled_bytes
from solver.traffic.rules import Event, Explorer, Rules
from solver.traffic.search import residency_of
from solver.traffic.slack import Slack, keep, loosen, most_kept, shortage
from solver.traffic.space import Space
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from solver.traffic.model import TrafficProblem

UPPER = 2**58


def drawn(count: int, seed: int, most_ops: int) -> Iterator[tuple[TrafficProblem, random.Random]]:
    """Problems in little TCM, some with little external memory, some of large alignment."""
    for graph, found in cases(count, seed, most_ops=most_ops, least_ops=4):
        rng = random.Random(graph.name)
        alignment = rng.choice((found.alignment, found.alignment, 64))
        rules = MemoryRules(alignment, views=found.views)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity
        tcm += alignment * rng.choice((0, 0, 0, 1, 2, 5))
        budget = tcm + rng.randint(0, 30) * alignment if rng.random() < 0.3 else None
        problem = make_traffic_problem(graph, tcm, rules=rules, budget=budget)
        if may_defer(Space(problem)):
            yield problem, rng


def explore(explorer: Explorer) -> Event:
    """Search to the end."""
    event = Event.SLICE
    while event is Event.SLICE:
        event = explorer.advance(1 << 20, 1 << 40)
    return event


@pytest.mark.parametrize("seed", [1010, 1011])
def test_one_optimum_with_every_switch(seed: int) -> None:
    spilled = capped = 0
    names = ("free_moves", "valleys", "dominance", "trade", "tally")
    for problem, rng in drawn(500, seed, most_ops=11):
        space = Space(problem)
        rules = Rules(**{name: rng.random() < 0.8 for name in names})
        usual = PythonExplorer(space, UPPER, Rules())
        explorers: list[Explorer] = [DeferredExplorer(space, UPPER, rules)]
        if kernel.is_available():
            explorers.append(NativeExplorer(space, UPPER, rules, defer=True))
        event = explore(usual)
        for explorer in explorers:
            assert explore(explorer) is event
            assert (explorer.bound, explorer.states) == (usual.bound, explorers[0].states)
            if event is Event.FOUND:
                plan = residency_of(space, explorer.moves())
                assert spilled_bytes(problem, plan) == usual.bound
                assert fits(problem, plan)
        if event is Event.FOUND and usual.bound:
            assert explore(DeferredExplorer(space, usual.bound, rules)) is Event.EXHAUSTED
            spilled += 1
            capped += space.live_capacity is not None
    assert spilled > 30
    assert capped > 3


def subsets(members: Iterable[int]) -> Iterator[tuple[int, ...]]:
    listed = tuple(members)
    return chain.from_iterable(combinations(listed, n) for n in range(len(listed) + 1))


def kept(slack: Slack, size: list[int], members: Iterable[int]) -> set[frozenset[int]]:
    """All sets of members that can be kept, straight from what limits say."""
    return {
        frozenset(found)
        for found in subsets(members)
        if all(
            sum(size[k] for k in found if k in slack and slack[k] <= limit) <= limit
            for limit in slack.values()
        )
    }


def limits(rng: random.Random, members: Iterable[int], size: list[int]) -> Slack:
    return {k: rng.randint(size[k], 14) for k in members if rng.random() < 0.8}


def test_limits_on_nested_sets() -> None:
    rng = random.Random(1012)
    for _ in range(1500):
        size = [rng.randint(1, 4) for _ in range(5)]
        slack = limits(rng, range(5), size)
        sets = kept(slack, size, range(5))
        some = {k for k in slack if rng.random() < 0.6}
        most = most_kept(slack, size, some)
        assert most >= max(sum(size[k] for k in found & some) for found in sets)
        if set(size) == {1}:
            assert most == max(len(found & some) for found in sets)

        fewer = dict(slack)
        loose = loosen(fewer, size)
        assert {*loose, *fewer} == set(slack)
        assert kept(fewer, size, range(5)) == sets
        assert not fewer or max(fewer.values()) == most_kept(slack, size, fewer)

        if slack:
            k = rng.choice(sorted(slack))
            left = dict(slack)
            could = keep(left, size, k)
            with_k = {found - {k} for found in sets if k in found}
            assert could == bool(with_k)
            assert not could or kept(left, size, set(range(5)) - {k}) == with_k


def test_what_is_short_under_other_limits() -> None:
    rng = random.Random(1013)
    enough = 0
    for _ in range(800):
        unit = rng.choice((1, 2))
        size = [unit * rng.choice(((1, 1, 1), (1, 2, 3))[rng.random() < 0.5]) for _ in range(5)]
        ours, theirs = (
            {k: v - v % unit for k, v in limits(rng, range(5), size).items()} for _ in range(2)
        )
        lost = {k for k in range(5) if k not in ours and rng.random() < 0.3}
        excess, members = shortage(ours | dict.fromkeys(lost, 0), theirs, size)
        can = {found - lost for found in kept(ours, size, range(5))}
        worst = max(
            min(sum(size[k] for k in want - have) for have in can if have <= want)
            for want in kept(theirs, size, range(5))
        )
        if not excess:
            assert worst == 0
            enough += 1
        else:
            assert worst <= excess + max(size[k] for k in members) - unit
            assert worst <= sum(size[k] for k in members)
    assert enough > 50


def test_the_tally_falls_by_no_more_than_dropping_or_storing_costs() -> None:
    seen = 0
    for problem, rng in drawn(60, 1014, most_ops=8):
        space = Space(problem)
        undone = 0
        while undone != space.full:
            ready = space.ready(undone)
            live = [k for k, users in enumerate(space.users) if users & undone and users & ~undone]
            held = sum(space.size[k] for k in live)
            for _ in range(6):
                h = rng.randint(0, held)
                cheap = rng.randint(0, h)
                less = rng.randint(0, h)
                easy = rng.randint(max(0, less - (h - cheap)), min(cheap, less))
                stored = rng.randint(0, h - cheap)
                rest = space.tally.rest(undone, ready, h, cheap)
                after = space.tally.rest(undone, ready, h - less, cheap - easy)
                assert rest <= 2 * less - easy + after
                assert rest <= stored + space.tally.rest(undone, ready, h, cheap + stored)
                seen += rest > 0
            undone |= 1 << rng.choice(list(bits(ready)))
    assert seen > 100

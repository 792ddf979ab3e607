"""Every stage of least traffic looks at the clock: little is begun once the time is over."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from models import zoo
from solver import limits
from solver.arena import pack
from solver.arena.blocks import Block
from solver.arena.bodies import parts_of
from solver.arena.firstfit import first_fit
from solver.arena.layout import Instance
from solver.limits import Limit, LimitReachedError, Limits
from solver.traffic import kernel, make_traffic_problem, run
from solver.traffic.offsets import reserve
from solver.traffic.plan import plan_traffic
from solver.traffic.rules import Event, Rules
from solver.traffic.search import Search, warm_up
from solver.traffic.space import Space
from tests.clock import Clock
from tests.property.fragments import uneven

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.graph import Graph
    from solver.arena.bodies import Part
    from solver.limits import Meter

COMPILED = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not kernel.is_available(), reason="no kernel")),
]
#: What takes long on large networks: one call of each may have begun when the time is over.
STAGES = (
    (run, "best_replacement"),
    (run, "furthest_use"),
    (run, "Engine"),
    (run, "Search"),
    (run, "Ladder"),
)


class Calls:
    """Counts calls that begin once the time is over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock, looks: int) -> None:
        self.late: dict[str, int] = {}
        for module, name in STAGES:
            monkeypatch.setattr(module, name, self._counted(module, name, clock, looks))

    def _counted(
        self, module: object, name: str, clock: Clock, looks: int
    ) -> Callable[..., object]:
        do: Callable[..., object] = getattr(module, name)

        def counted(*args: object, **options: object) -> object:
            if clock.looks >= looks:
                self.late[name] = self.late.get(name, 0) + 1
            return do(*args, **options)

        return counted


def network(what: str) -> Graph:
    if what == "training":
        return zoo.graph("training", model="residual", depth=6)
    return uneven(random.Random(3), 120, 30, reach=14)


@pytest.mark.parametrize("what", ["training", "uneven"])
@pytest.mark.parametrize("budget", [False, True])
def test_little_begins_once_the_time_is_over(what: str, budget: bool) -> None:
    graph = network(what)
    least = make_traffic_problem(graph, 1)
    tcm = least.least_capacity * 5 // 4
    cap = tcm + sum(b.size for b in least.buffers) if budget else None
    for looks in (1, 2, 4, 8, 16, 32, 64):
        with pytest.MonkeyPatch.context() as patch:
            clock = Clock.installed(patch, looks)
            calls = Calls(patch, clock, looks)
            plan = plan_traffic(graph, tcm, Limits(seconds=3600), budget=cap)
        assert plan.traffic_bytes is not None  # checked by the verifier
        if clock.looks < looks:
            break
        assert sum(calls.late.values()) <= 2


def test_one_layout_is_made_once_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = tuple(Block(f"b{i}", 5 + i % 3, i, i + 2 + i % 4, None) for i in range(40))
    made: list[tuple[int, ...]] = []

    def count(part: Part, preorder: tuple[int, ...]) -> list[int]:
        made.append(preorder)
        return first_fit(part, preorder)

    monkeypatch.setattr(pack, "first_fit", count)
    Clock.installed(monkeypatch, 1)
    packed = pack.pack(Instance(blocks), Limits(seconds=3600))
    assert packed.limit is Limit.TIME
    assert packed.height > packed.lower_bound
    assert len(made) == len(parts_of(Instance(blocks))) == 1


@pytest.mark.parametrize("compiled", COMPILED)
def test_a_slice_without_end_is_left(compiled: bool) -> None:
    graph = uneven(random.Random(5), 400 if compiled else 60, 1000, reach=30)
    problem = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity)
    rules = Rules(compiled=compiled, tally=False)
    space = Space(problem)
    paused = Search(space, limits.Meter(), rules=rules)._explorer
    assert paused.advance(10**12, 2**32, lambda: True) is Event.SLICE
    assert paused.advance(3, 2**32) is Event.SLICE  # it can go on

    def stop() -> bool:
        raise LimitReachedError(Limit.TIME)

    stopped = Search(space, limits.Meter(), rules=rules)._explorer
    with pytest.raises(LimitReachedError):
        stopped.advance(10**12, 2**32, stop)


@pytest.mark.parametrize("compiled", COMPILED)
def test_the_tally_goes_on_where_it_stopped(compiled: bool) -> None:
    """In steps fewer than the network has ops: each begins where the last one ended."""
    graph = uneven(random.Random(1), 25, 20, reach=4)
    problem = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity)
    rules = Rules(compiled=compiled)
    bounds = []
    for steps in (1, 10**6):
        space = Space(problem)
        warm = kernel.warm if compiled else lambda space, steps: space.tally.warm(steps)
        while not warm(space, steps):
            pass
        search = Search(space, limits.Meter(), rules=rules)
        search._explorer.advance(1, 2**32)
        bounds.append(search.bound)
    assert bounds[0] == bounds[1] > 0


@pytest.mark.parametrize("compiled", COMPILED)
def test_a_tally_that_takes_too_long_is_given_up(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = uneven(random.Random(1), 25, 20, reach=4)
    problem = make_traffic_problem(graph, make_traffic_problem(graph, 1).least_capacity)
    space = Space(problem)
    meter: Meter = limits.Meter(Limits(seconds=10**6))
    monkeypatch.setattr("solver.traffic.search._STEPS", 1)
    monkeypatch.setattr("solver.traffic.search.share_of", lambda _: -1.0)
    warm_up(space, meter, Rules(compiled=compiled))
    search = Search(space, meter, rules=Rules(compiled=compiled))
    search._explorer.advance(1, 2**32)
    assert search.bound == 0


@pytest.mark.parametrize("seconds", [0.01, 1.0, 5.0, 20.0, 60.0, 3600.0])
@pytest.mark.parametrize("stated", [0.0, 0.01, 0.5, 100.0])
def test_time_is_set_apart(seconds: float, stated: float) -> None:
    within, both = reserve(Limits(seconds=seconds), stated, offsets=True)
    alone, _ = reserve(Limits(seconds=seconds), stated, offsets=False)
    assert within.seconds is not None
    assert both.seconds is not None
    assert alone.seconds is not None
    assert 0 < within.seconds < alone.seconds <= both.seconds <= seconds
    assert within.seconds < 0.95 * both.seconds or seconds > 60
    assert reserve(Limits(nodes=5), stated, offsets=True) == (Limits(nodes=5), Limits(nodes=5))

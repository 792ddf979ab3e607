"""Sketches bound the optimum from below, alone and on each other, cut short or not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.limits import Limits, Meter, SilentObserver
from solver.memory import MemoryRules
from solver.traffic import kernel, make_traffic_problem, minimize_traffic
from solver.traffic.kernel import NativeSketch
from solver.traffic.ladder import rungs
from solver.traffic.rules import Event, Rules
from solver.traffic.search import Search
from solver.traffic.sketch import PythonSketch
from solver.traffic.space import Space
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.traffic.rules import Sketch

needs_kernel = pytest.mark.skipif(
    not kernel.is_available(), reason="built without the compiled kernel"
)


def spaces(count: int, seed: int, most_ops: int) -> Iterator[tuple[Space, int, random.Random]]:
    """Draw spaces in which something must be spilled, and the least bytes of that."""
    for graph, drawn in cases(count, seed, most_ops=most_ops, least_ops=4):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        tcm = make_traffic_problem(graph, 1, rules=rules).least_capacity + rng.choice((0, 0, 1, 4))
        plan = minimize_traffic(graph, tcm, rules=rules, pruning=Rules(sketch=False))
        if plan.spilled_bytes:
            space = Space(make_traffic_problem(graph, tcm, rules=rules))
            yield space, plan.spilled_bytes, rng


def chain(space: Space, rng: random.Random) -> list[tuple[int, int]]:
    """Draw numbers of exact buffers and bytes waived, each sketch finer than the one before."""
    sizes = space.size
    whole = [k for k in range(len(sizes)) if k == 0 or sizes[k] < sizes[k - 1]] + [len(sizes)]
    found: list[tuple[int, int]] = []
    for share in (rng.choice((0.6, 0.9, 1)), rng.choice((0.3, 0.5)), 0):
        exact = sorted(rng.sample(whole, min(3, len(whole))))
        least = found[-1][0] if found else 0
        found += [(e, int(share * space.capacity)) for e in exact if e >= least]
    return found


def end(sketch: Sketch, states: int) -> Event:
    """Search a sketch to its end, or for so many states."""
    event = Event.SLICE
    while event is Event.SLICE and sketch.states < states:
        event = sketch.advance(1, 1 << 40)
    return event


@needs_kernel
@pytest.mark.parametrize("seed", [960, 961])
def test_bounds_orders_and_the_kernel(seed: int) -> None:
    tight = searched = 0
    for space, least, rng in spaces(350, seed, most_ops=10):
        python: PythonSketch | None = None
        compiled: NativeSketch | None = None
        upper = least + rng.choice((0, 1, 100))
        for exact, waived in chain(space, rng):
            python = PythonSketch(space, upper, exact, waived, python)
            compiled = NativeSketch(space, upper, exact, waived, compiled)
            states = rng.choice((1 << 40, 1 << 40, 20))
            event = end(python, states)
            assert end(compiled, states) is event
            assert (compiled.bound, compiled.states) == (python.bound, python.states)
            assert python.bound <= max(least, upper if event is Event.EXHAUSTED else 0)
            assert event is not Event.EXHAUSTED or upper == least
            if event is Event.FOUND:
                order = python.order()
                assert compiled.order() == order
                assert space.problem.is_order([space.ops[i] for i in reversed(order)])
                tight += python.bound == least
        for sketch, rules in (
            (python, Rules(compiled=False, defer=False)),
            (compiled, Rules(defer=False)),
        ):
            meter = Meter(Limits(), SilentObserver())
            search = Search(space, meter, least + 1, rules, sketch=sketch)
            assert search.run() is not None
            assert search.bound == least
            searched += 1
    assert tight > 100
    assert searched > 60


def test_buffers_of_one_size_go_together() -> None:
    for space, _, _ in spaces(60, 962, most_ops=8):
        for row in rungs(space):
            for exact, _ in row:
                assert exact == len(space.size) or space.size[exact - 1] > space.size[exact]
        for exact in range(1, len(space.size)):
            if space.size[exact - 1] == space.size[exact]:
                for make in (PythonSketch, NativeSketch) if kernel.is_available() else ():
                    with pytest.raises(ValueError, match="one size"):
                        make(space, 1, exact, 0)

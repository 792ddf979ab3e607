"""Windows, part-wise refinement and the portfolio, each on its own."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from models import GraphBuilder
from models.zoo import graph as zoo_graph
from solver.limits import LimitReachedError, Limits, Meter
from solver.memory import Problem, make_problem
from solver.peak.engine import Engine
from solver.peak.heuristics import kahn_order
from solver.peak.portfolio import Portfolio
from solver.peak.refine import refine
from solver.peak.search import Found, Refuted, Rules
from solver.peak.split import boundaries
from solver.peak.window import Window
from tests.property.graphs import random_graph

if TYPE_CHECKING:
    from models.graph import Graph


def branches(*sizes: int) -> Graph:
    """One input, and per size a wide op and a narrow op behind it; all join at the end."""
    builder = GraphBuilder("branches")
    builder.buffer("x", 10, is_input=True)
    for i, size in enumerate(sizes):
        builder.buffer(f"wide{i}", size)
        builder.buffer(f"narrow{i}", 1)
        builder.op(f"grow{i}", ["x"], [f"wide{i}"])
    for i in range(len(sizes)):
        builder.op(f"shrink{i}", [f"wide{i}"], [f"narrow{i}"])
    builder.buffer("y", 1)
    builder.op("join", [f"narrow{i}" for i in range(len(sizes))], ["y"])
    return builder.build()


def windows(problem: Problem) -> list[Window]:
    order = kahn_order(problem)
    profile = problem.replay(order)
    edges = boundaries(problem, order)
    made = [Window(problem, order, begin, end, profile) for begin, end in itertools.pairwise(edges)]
    for window in made:
        window.offer_whole(order, profile)
    return made


def drive(portfolio: Portfolio) -> list[int]:
    """Offer what is found, as the engine does; return the bounds proven on the way."""
    bounds: list[int] = []
    for outcome in portfolio.run():
        if outcome is not None and isinstance(outcome[1], Found):
            portfolio.window.offer(outcome[1].order)
        elif outcome is not None:
            assert isinstance(outcome[1], Refuted)
            bounds.append(outcome[1].bound)
    return bounds


def test_a_window_replays_its_part() -> None:
    problem = make_problem(branches(100, 50))
    window = windows(problem)[0]
    assert window.order == [0, 1, 2, 3]
    assert window.step_peaks(window.order) == [110, 160, 151, 52]
    assert (window.peak, window.bottleneck()) == (160, 1)
    # One branch after the other: the wide buffers never meet.
    assert window.offer([0, 2, 1, 3])
    assert (window.peak, window.order) == (111, [0, 2, 1, 3])
    assert not window.offer([0, 1, 2, 3])
    assert window.ceiling == {0: 110, 1: 61, 2: 111, 3: 52}


def test_twins_share_their_best_order() -> None:
    builder = GraphBuilder("twice")
    builder.buffer("x0", 10, is_input=True)
    for stage in range(2):
        for name, size in (("a", 100), ("b", 50), ("c", 1), ("d", 1)):
            builder.buffer(f"{name}{stage}", size)
        builder.buffer(f"x{stage + 1}", 10)
        builder.op(f"fa{stage}", [f"x{stage}"], [f"a{stage}"])
        builder.op(f"fb{stage}", [f"x{stage}"], [f"b{stage}"])
        builder.op(f"fc{stage}", [f"a{stage}"], [f"c{stage}"])
        builder.op(f"fd{stage}", [f"b{stage}"], [f"d{stage}"])
        builder.op(f"fx{stage}", [f"c{stage}", f"d{stage}"], [f"x{stage + 1}"])
    first, second = (w for w in windows(make_problem(builder.build())) if len(w.ops) > 1)
    assert first.shape == second.shape
    assert first.offer([0, 2, 1, 3])
    assert second.offer_twin(first)
    assert second.order == [5, 7, 6, 8]
    assert second.peak == first.peak == 111


def test_refinement_lowers_the_peak_and_keeps_the_order_valid() -> None:
    improved = 0
    for seed in range(40):
        problem = make_problem(random_graph(random.Random(f"refine/{seed}"), 40, 20))
        optimum = Engine(problem, Meter()).solve().peak
        for window in windows(problem):
            before = window.peak
            done = tuple(kahn_order(problem)[: window.begin])
            fell = refine(problem, window, done, bound=0, meter=Meter(), rules=Rules())
            assert fell == (window.peak < before)
            assert max(window.step_peaks(window.order)) == window.peak
            assert sorted(window.order) == list(window.ops)
            improved += fell
        joined = [v for w in windows(problem) for v in w.order]
        assert problem.replay(joined).peak >= optimum
    assert improved > 20


@pytest.mark.parametrize("workers", [1, 2])
def test_a_portfolio_ends_where_bound_and_order_meet(workers: int) -> None:
    for seed in range(15):
        problem = make_problem(random_graph(random.Random(f"portfolio/{seed}"), 30, 15))
        optimum = Engine(problem, Meter()).solve().peak
        with ThreadPoolExecutor(workers) as pool:
            for window in windows(problem):
                portfolio = Portfolio(window, 0, Meter(), Rules(), pool if workers > 1 else None)
                assert all(bound <= max(optimum, window.peak) for bound in drive(portfolio))
                assert portfolio.bound >= window.peak
                assert window.peak <= optimum


def test_a_portfolio_passes_limits_on() -> None:
    problem = make_problem(zoo_graph("randwire_cell", nodes=48))
    window = windows(problem)[0]
    portfolio = Portfolio(window, 0, Meter(Limits(nodes=20)), Rules(), None)
    with pytest.raises(LimitReachedError, match="nodes"):
        drive(portfolio)
    assert portfolio.bound < window.peak

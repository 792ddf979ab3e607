"""Windows: where every order passes."""

from __future__ import annotations

from models import GraphBuilder
from solver.memory import make_problem
from solver.peak.split import boundaries, windows
from tests.property.graphs import chain, diamond, in_series, union


def test_the_diamond_has_a_waist_at_each_end() -> None:
    problem = make_problem(diamond())
    assert windows(problem) == [[0], [1, 2, 3], [4]]
    assert boundaries(problem, [0, 1, 2, 3, 4]) == boundaries(problem, [0, 2, 3, 1, 4])
    assert boundaries(problem, [0, 1, 2, 3, 4]) == [0, 1, 4, 5]


def test_a_chain_is_all_waist() -> None:
    assert windows(make_problem(chain([1, 1, 1, 1]))) == [[0], [1], [2]]


def test_parallel_networks_have_none() -> None:
    both = union(diamond(), chain([1, 1]))
    assert windows(make_problem(both)) == [[0, 1, 2, 3, 4, 5]]


def test_one_after_the_other() -> None:
    """Each diamond is closed by an op before and one after it."""
    problem = make_problem(in_series([diamond(), diamond()]))
    assert [len(ops) for ops in windows(problem)] == [1, 1, 3, 1, 1, 1, 1, 3, 1, 1]


def test_extra_dependencies_count() -> None:
    builder = GraphBuilder("g")
    builder.op("a", [], [])
    builder.op("b", [], [], after=["a"])
    assert windows(make_problem(builder.build())) == [[0], [1]]


def test_two_ops_that_need_nothing() -> None:
    builder = GraphBuilder("g")
    builder.op("a", [], [])
    builder.op("b", [], [])
    assert windows(make_problem(builder.build())) == [[0, 1]]


def test_no_ops() -> None:
    assert windows(make_problem(chain([5]))) == []

"""Exact search of the diamond: the optimum is 15, left branch first."""

from __future__ import annotations

import pytest

from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.memory import make_problem
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.space import Space
from tests.property.graphs import chain, diamond, union

PROBLEM = make_problem(diamond())
LEFT_FIRST = [0, 2, 3, 1, 4]
PLAIN = Rules(free_moves=False, commits=False)

every_way = pytest.mark.parametrize(
    ("backward", "rules"),
    [
        (backward, rules)
        for backward in (False, True)
        for rules in (
            Rules(),
            Rules(compiled=False),
            PLAIN,
            Rules(free_moves=False, commits=False, compiled=False),
        )
    ],
)


def search(budget: int, meter: Meter, rules: Rules, *, backward: bool = False) -> Search:
    return Search(Space(PROBLEM, backward=backward), budget, meter, rules)


@every_way
def test_found(backward: bool, rules: Rules) -> None:
    for budget in (15, 16, 18):
        events = list(search(budget, Meter(), rules, backward=backward).run())
        assert events == [Found(LEFT_FIRST)]


@every_way
def test_refuted_and_resumed(backward: bool, rules: Rules) -> None:
    """Fourteen bytes are too few: fifteen at least. Fifteen are enough."""
    run = search(14, Meter(), rules, backward=backward)
    events = list(run.run())
    assert [type(event) for event in events] == [Refuted, Found]
    assert isinstance(events[0], Refuted)
    assert events[0].bound == 15
    assert 0 < events[0].states <= run.states
    assert events[1] == Found(LEFT_FIRST)


def test_bounds_climb_through_the_step_peaks_ruled_out() -> None:
    """Forwards from 4: 5 for stem, 10 for right, 13 for widen, 15 for narrow after it."""
    events = list(search(4, Meter(), PLAIN).run())
    assert [e.bound for e in events if isinstance(e, Refuted)] == [5, 10, 13, 15]


def test_slices() -> None:
    run = search(14, Meter(), PLAIN)
    events = list(run.run(1))
    assert events.count(None) >= 3
    assert [e for e in events if e] == list(search(14, Meter(), PLAIN).run())


def test_the_meter_counts_states() -> None:
    meter = Meter()
    run = search(14, meter, PLAIN)
    list(run.run())
    assert meter.states == run.states > 0


def test_the_node_limit_stops_between_two_states() -> None:
    needed = Meter()
    list(search(15, needed, PLAIN).run())
    enough = Meter(Limits(nodes=needed.states))
    assert list(search(15, enough, PLAIN).run()) == [Found(LEFT_FIRST)]
    scarce = Meter(Limits(nodes=needed.states - 1))
    with pytest.raises(LimitReachedError) as stop:
        list(search(15, scarce, PLAIN).run())
    assert stop.value.limit is Limit.NODES
    assert scarce.states == needed.states - 1


def test_free_moves_finish_a_chain_of_shrinking_buffers() -> None:
    """No state has to be expanded."""
    run = Search(Space(make_problem(chain([9, 5, 3, 2]))), 14, Meter())
    assert list(run.run()) == [Found([0, 1, 2])]
    assert run.states == 0


@pytest.mark.parametrize("compiled", [False, True])
def test_commits_add_where_plain_search_multiplies(compiled: bool) -> None:
    """Six hills beside a tower that is too high: done one by one, or in all combinations."""
    network = chain([2, 99])
    for _ in range(6):
        network = union(network, chain([2, 5, 1]))
    space = Space(make_problem(network))
    states = []
    for commits in (True, False):
        rules = Rules(free_moves=False, commits=commits, lookahead=0, compiled=compiled)
        run = Search(space, 60, Meter(), rules)
        refuted = next(event for event in run.run() if event)
        assert isinstance(refuted, Refuted)
        assert refuted.bound == 6 * 1 + 2 + 99
        states.append(refuted.states)
    assert states[0] < 30
    assert states[1] == 3**6


def test_an_order_of_nothing() -> None:
    assert list(Search(Space(make_problem(chain([3]))), 3, Meter()).run()) == [Found([])]

"""What the verifier states for itself: storages, windows, states, steps."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from solver.memory import make_problem
from solver.peak.split import windows
from solver.verify import Rules, VerificationError, state_memory
from solver.verify.stretch import Stretch
from solver.verify.window import check_window
from tests.property.graphs import cases, in_series, random_graph
from tests.property.oracle import Oracle

if TYPE_CHECKING:
    from models.graph import Graph
    from solver.memory import MemoryRules, Storage
    from solver.verify import Memory


def memory_of(graph: Graph, rules: MemoryRules) -> Memory:
    return state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))


def others_of(storage: Storage, op: int) -> frozenset[int]:
    return frozenset(storage.users) - {op}


def test_the_storages_are_those_of_the_solver() -> None:
    """Stated twice by different code: merged views, aligned sizes, in-place pairs, precedence."""
    pairs = 0
    for graph, rules in cases(3000, seed=900, most_ops=14):
        memory, problem = memory_of(graph, rules), make_problem(graph, rules)
        assert [
            (s.name, s.size, s.writers, s.users, s.is_input, s.is_output)
            for s in memory.storages.values()
        ] == [
            (s.name, s.size, frozenset(s.producers), frozenset(s.users), s.is_input, s.is_output)
            for s in problem.storages
        ], graph.name
        home = list(memory.storages)
        assert [graph.buffers[b].name for b in home] == [s.name for s in problem.storages]
        assert memory.workspace == problem.workspace
        for v in range(len(problem)):
            assert memory.before[v] == {*problem.predecessors[v]}
            assert memory.after[v] == {*problem.successors[v]}
            assert {*memory.touched[v]} == {
                home[b] for b in (*problem.produced[v], *problem.consumed[v])
            }
            assert [(o.source, o.target, o.others, o.size) for o in memory.overwrites[v]] == [
                (home[r.source], home[r.target], others_of(problem.storages[r.source], v), r.size)
                for r in problem.reuses[v]
            ], graph.name
            pairs += len(memory.overwrites[v])
    assert pairs > 1000


def test_a_window_is_what_every_order_runs_in_one_stretch() -> None:
    accepted = 0
    for graph, rules in cases(600, seed=901, most_ops=5, least_ops=1):
        oracle, memory = Oracle(graph, rules), memory_of(graph, rules)
        rng = random.Random(graph.name)
        every = list(oracle.orders())
        for _ in range(8):
            ops = rng.sample(range(len(graph.ops)), rng.randint(1, len(graph.ops)))
            stretches = set()
            for order in every:
                places = sorted(map(order.index, ops))
                joined = places[-1] - places[0] == len(ops) - 1
                stretches.add(frozenset(order[: places[0]]) if joined else None)
            (before, *others) = stretches
            names = [graph.ops[v].name for v in ops]
            if others or before is None:
                with pytest.raises(VerificationError, match="may run within the search's window"):
                    check_window(names, memory)
            else:
                window = check_window(names, memory)
                assert (list(window.ops), window.before) == (ops, before), graph.name
                accepted += 1
    assert accepted > 600


def test_the_solvers_windows_are_windows() -> None:
    for graph, rules in cases(200, seed=902, most_ops=20, least_ops=1):
        memory = memory_of(graph, rules)
        for window in windows(make_problem(graph, rules)):
            check_window([graph.ops[v].name for v in window], memory)


@pytest.mark.parametrize("backward", [False, True])
def test_states_and_steps_of_a_window(backward: bool) -> None:
    """A window with neighbours: every state, every step, against the definitions."""
    for k, (middle, rules) in enumerate(cases(500, seed=903, most_ops=5, least_ops=1)):
        rng = random.Random(middle.name)
        graph = in_series([random_graph(rng, 2), middle, random_graph(rng, 2)]) if k % 3 else middle
        memory, oracle = memory_of(graph, rules), Oracle(graph, rules)
        parts = windows(make_problem(graph, rules))
        names = [graph.ops[v].name for v in max(parts, key=len)]
        rng.shuffle(names)
        window = check_window(names, memory)
        stretch = Stretch(memory, window, backward=backward)
        low, high = window.before, window.before | set(window.ops)
        bit = {v: 1 << i for i, v in enumerate(window.ops)}
        mask = {
            done: sum(bit[v] for v in ((high - done) if backward else (done - low)))
            for done in oracle.states(low, high)
        }
        states = set(mask.values())
        for number in range(min(stretch.full, 255) + 1):
            assert stretch.is_state(number) == (number in states)
        for done, state in mask.items():
            used = oracle.memory(done)
            assert stretch.memory(state) == used, graph.name
            ready = {v for v in oracle.ready(done) if v in high}
            if backward:
                ready = {v for v in done - low if done - {v} in mask}
            assert {window.ops[i] for i in stretch.ready(state)} == ready, graph.name
            for v in ready:
                first, then = (done - {v}, done - {v}) if backward else (done, done | {v})
                step = stretch.step(window.ops.index(v), state, used)
                assert step == (oracle.step_peak(first, v), oracle.memory(then)), graph.name
        for _ in range(5):
            a, b = sorted(rng.choices(list(mask), k=2), key=lambda done: mask[done].bit_count())
            if a <= b if not backward else b <= a:
                between = sorted(
                    oracle.memory(z) for z in mask if min(a, b, key=len) <= z <= max(a, b, key=len)
                )
                found = stretch.between(mask[a], mask[b], oracle.memory(a))
                assert sorted(found) == between, graph.name
                assert stretch.least_between(mask[a], mask[b]) == between[0], graph.name

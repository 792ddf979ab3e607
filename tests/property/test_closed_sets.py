"""Closed sets of states prove what they say, and nothing else passes for one.

The verifier is held against :func:`holds`, which decides from the definition alone, over all states
between two states, whether a closed set is a proof.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from solver.memory import make_problem
from solver.peak import closed as recording
from solver.peak.closed import TooLargeError, closed_set
from solver.peak.space import Space, bits
from solver.verify import Rules, VerificationError, state_memory
from solver.verify import closed as verifying
from solver.verify.closed import check_closed
from solver.verify.window import Window
from tests.property.graphs import cases
from tests.property.oracle import Oracle, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.verify import Memory

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A whole network as one window, and the least budget of its steps."""

    graph: Graph
    oracle: Oracle
    memory: Memory
    spaces: tuple[Space, Space]
    window: Window
    least: int

    def refuses(self, closed: object, budget: int) -> bool:
        try:
            check_closed(closed, self.memory, self.window, budget)
        except VerificationError:
            return True
        return False

    def closed(self, budget: int, *, backward: bool) -> Json | None:
        found = closed_set([self.spaces[backward]], budget)
        return None if found is None else found.to_json()


def make_case(graph: Graph, rules: MemoryRules) -> Case:
    oracle, problem = Oracle(graph, rules), make_problem(graph, rules)
    memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
    window = Window(tuple(range(len(graph.ops))), frozenset())
    spaces = (Space(problem), Space(problem, backward=True))
    return Case(graph, oracle, memory, spaces, window, least_of_steps(oracle))


def least_of_steps(oracle: Oracle) -> int:
    """The optimum over orders of the highest step peak, by dynamic programming."""
    peak: dict[State, int] = {}
    for done in oracle.states():
        before = [done - {v} for v in done if done - {v} in peak and v in oracle.ready(done - {v})]
        steps = ((max(peak[b], oracle.step_peak(b, next(iter(done - b))))) for b in before)
        peak[done] = min(steps, default=0)
    return peak[oracle.all_ops]


def holds(case: Case, closed: Json, budget: int) -> bool:
    """Whether a closed set is a proof: straight from the definition, in sets."""
    oracle, backward = case.oracle, closed["direction"] == "backward"
    every = oracle.all_ops

    def memory(state: State) -> int:
        return oracle.memory(every - state if backward else state)

    def steps(state: State) -> dict[int, int]:
        """Step peak of every op that may come next."""
        if not backward:
            return {v: oracle.step_peak(state, v) for v in oracle.ready(state)}
        left = every - state
        last = [v for v in left if not any(v in oracle.predecessors[w] for w in left)]
        return {v: oracle.step_peak(left - {v}, v) for v in last}

    def after(v: int) -> State:
        return frozenset(w for w in every if v in oracle.predecessors[w])

    def commit(state: State, group: list[int]) -> State | None:
        here = state
        for op in group:
            if steps(here).get(op, budget + 1) > budget:
                return None
            here |= {op}
        low, high = sorted((every - state, every - here) if backward else (state, here), key=len)
        between = min(oracle.memory(done) for done in oracle.states(low, high))
        return here if memory(here) <= between else None

    def follow(state: State, groups: list[list[int]]) -> State | None:
        here: State | None = state
        for group in groups:
            here = None if here is None else commit(here, group)
        return here

    def groups_of(path: str) -> list[list[int]]:
        return [[int(op) for op in group.split()] for group in path.split(";") if group.strip()]

    states = {
        frozenset(i for i in range(len(every)) if int(text, 16) >> i & 1): paths
        for text, paths in closed["states"].items()
    }
    if every in states or follow(frozenset(), groups_of(closed["start"])) not in states:
        return False
    for state, paths in states.items():
        if not all(state >= (after(v) if backward else oracle.predecessors[v]) for v in state):
            return False
        moves = {groups[0][0]: groups for groups in map(groups_of, paths)}
        fitting = {v for v, peak in steps(state).items() if peak <= budget}
        if moves.keys() != fitting or len(moves) != len(paths):
            return False
        for v, groups in moves.items():
            if len(groups[0]) > 1 or follow(state | {v}, groups[1:]) not in states:
                return False
    return True


def some_cases(count: int, seed: int, most_ops: int = 8) -> Iterator[Case]:
    for graph, rules in cases(count, seed, most_ops=most_ops, least_ops=2):
        yield make_case(graph, rules)


def proofs(
    count: int, seed: int, most_ops: int = 8, least_states: int = 1
) -> Iterator[tuple[Case, Json, int]]:
    """Closed sets for the largest budget that is too small, and for half of it."""
    for case in some_cases(count, seed, most_ops):
        for backward, budget in itertools.product((False, True), {case.least - 1, case.least // 2}):
            if budget < case.least:
                closed = case.closed(budget, backward=backward)
                assert closed is not None, case.graph.name
                if len(closed["states"]) >= least_states:
                    yield case, closed, budget


def test_a_closed_set_exists_iff_no_order_fits() -> None:
    """And the verifier accepts it."""
    states = 0
    for case in some_cases(1200, seed=910, most_ops=10):
        for backward in (False, True):
            for budget in (case.least // 2, case.least - 1, case.least, case.least + 1):
                closed = case.closed(budget, backward=backward)
                assert (closed is None) == (budget >= case.least), (case.graph.name, budget)
                if closed is not None:
                    found = check_closed(closed, case.memory, case.window, budget)
                    assert found == len(closed["states"])
                    states += found
    assert states > 10_000


def test_the_definition_agrees() -> None:
    for case, closed, budget in proofs(300, seed=911):
        assert holds(case, closed, budget), case.graph.name


def test_no_closed_set_holds_for_a_budget_that_suffices() -> None:
    """Whatever it was made for; and one that lacks nothing but the room has an op that leaves."""
    for case, closed, _ in proofs(800, seed=912):
        for budget in (case.least, case.least + 1, 10 * case.least + 10):
            assert case.refuses(closed, budget), case.graph.name


def test_a_budget_at_which_one_more_op_fits() -> None:
    raised = 0
    for case, closed, budget in proofs(400, seed=913):
        low, high = budget, case.least
        while low + 1 < high:  # the largest budget for which it holds
            middle = (low + high) // 2
            low, high = (low, middle) if case.refuses(closed, middle) else (middle, high)
        assert not case.refuses(closed, low)
        assert case.refuses(closed, low + 1)
        assert holds(case, closed, low)
        assert not holds(case, closed, low + 1), case.graph.name
        raised += low > budget
    assert raised > 100


def parts(closed: Json) -> Iterator[Json]:
    """The set without one of its states, or without one of its paths."""
    for text, paths in closed["states"].items():
        rest = {other: p for other, p in closed["states"].items() if other != text}
        yield {**closed, "states": rest}
        for k in range(len(paths)):
            yield {**closed, "states": {**closed["states"], text: paths[:k] + paths[k + 1 :]}}


def test_nothing_can_be_left_out() -> None:
    """Each state is the start or is led to; each path belongs to an op that fits."""
    for case, closed, budget in proofs(700, seed=914):
        for part in parts(closed):
            assert case.refuses(part, budget), (case.graph.name, part)


def test_the_end_is_never_in_the_set() -> None:
    for case, closed, budget in proofs(300, seed=915):
        end = format((1 << len(case.window.ops)) - 1, "x")
        assert case.refuses({**closed, "states": {**closed["states"], end: []}}, budget)
        assert case.refuses({**closed, "states": {end: []}}, budget)


def mutated_path(path: str, ops: int, rng: random.Random) -> str:
    """Change, move, add, drop or join ops and groups."""
    groups = [group.split() for group in path.split("; ") if group]
    if not groups:
        return str(rng.randrange(ops))
    group = rng.choice(groups)
    kind = rng.randrange(8)
    if kind == 0:
        group[rng.randrange(len(group))] = str(rng.randrange(ops + 1))
    elif kind == 1:
        rng.shuffle(group)
    elif kind == 2:
        group.insert(rng.randint(0, len(group)), str(rng.randrange(ops)))
    elif kind == 3:
        group.remove(rng.choice(group))
    elif kind == 4:
        groups.remove(group)
    elif kind == 5:
        groups.append([str(rng.randrange(ops))])
    elif kind == 6:
        groups = [[op for group in groups for op in group]]
    else:
        rng.shuffle(groups)
    return "; ".join(" ".join(group) for group in groups if group)


def mutated(closed: Json, ops: int, rng: random.Random) -> Json:
    states = {text: list(paths) for text, paths in closed["states"].items()}
    text = rng.choice(list(states))
    kind = rng.randrange(6)
    if kind == 0:
        opposite = {"forward": "backward", "backward": "forward"}
        return {**closed, "direction": opposite[closed["direction"]]}
    if kind == 1:
        return {**closed, "start": mutated_path(closed["start"], ops, rng)}
    if kind == 2 and states[text]:
        k = rng.randrange(len(states[text]))
        states[text][k] = mutated_path(states[text][k], ops, rng) or "0"
    elif kind == 3:
        states[text].append(str(rng.randrange(ops)))
    elif kind == 4:
        states[format(rng.randrange(1 << ops), "x")] = list(states[text])
    else:
        other = rng.choice(list(states))
        states[text], states[other] = states[other], states[text]
    return {**closed, "states": states}


@pytest.mark.parametrize("seed", [920, 921])
def test_mutations_are_refused_unless_they_still_prove_it(seed: int) -> None:
    """Decided by :func:`holds`. Some survive: another order of a commit, a state nobody needs."""
    refused = accepted = 0
    for case, closed, budget in proofs(700, seed, least_states=2):
        rng = random.Random(case.graph.name)
        for _ in range(4):
            other = closed
            for _ in range(rng.choice((1, 1, 2))):
                other = mutated(other, len(case.window.ops), rng)
            wanted = holds(case, other, budget)
            assert case.refuses(other, budget) != wanted, (case.graph.name, other)
            accepted += wanted
            refused += not wanted
            assert case.refuses(other, case.least), (case.graph.name, other)
    assert refused > 500
    assert accepted > 30


def exhaustive(space: Space, start: int, budget: int) -> dict[str, list[str]]:
    """All states that are reached from one state within a budget, by single ops."""
    memory = {start: space.memory(start)}
    states: dict[str, list[str]] = {}
    front = [start]
    while front:
        state = front.pop()
        paths = states[format(state, "x")] = []
        for op in bits(space.ready(state)):
            rise, net = space.effect(op, state)
            if memory[state] + rise <= budget:
                paths.append(str(op))
                if state | 1 << op not in memory:
                    memory[state | 1 << op] = memory[state] + net
                    front.append(state | 1 << op)
    return states


def path_to(target: int, space: Space, budget: int) -> list[int]:
    """Ops from the start to a state that is reached within a budget, and only those of it."""
    state, memory, path = 0, space.start_memory, list[int]()
    while state != target:
        for op in bits(space.ready(state) & target):
            rise, net = space.effect(op, state)
            if memory + rise <= budget and format(target, "x") in exhaustive(
                space, state | 1 << op, budget
            ):
                path.append(op)
                state, memory = state | 1 << op, memory + net
                break
    return path


@pytest.mark.parametrize("backward", [False, True])
def test_commits_to_states_that_are_not_the_lowest_on_the_way(backward: bool) -> None:
    """Each is no higher than the start, yet no order within the budget passes it."""
    traps = 0
    for case in some_cases(1500, seed=931, most_ops=7):
        space, budget = case.spaces[backward], case.least
        end = format(space.full, "x")
        for text in exhaustive(space, 0, budget):
            target = int(text, 16)
            if not target or space.memory(target) > space.start_memory:
                continue
            states = exhaustive(space, target, budget)
            if end not in states:
                traps += 1
                start = " ".join(map(str, path_to(target, space, budget)))
                direction = "backward" if backward else "forward"
                trap = {"direction": direction, "start": start, "states": states}
                assert case.refuses(trap, budget), (case.graph.name, trap)
    assert traps > 10


def reckless_follow(walk: Any, node: Any, op: int) -> Any:  # noqa: ANN401
    """Take an op that fits although it raises memory: unsound."""
    rise, net = walk._effect(op, node.state)
    if node.memory + rise > walk._budget:
        return None
    return walk._step(node, op, net), (op,)


def hasty_follow(walk: Any, node: Any, op: int) -> Any:  # noqa: ANN401
    """Follow any two ops that end no higher, past states that may be lower: unsound."""
    for first, second in itertools.permutations(range(len(walk._space.ops)), 2):
        here, path = node, list[int]()
        for v in (op, first, second):
            if here.state >> v & 1 or walk._space.need[v] & ~here.state:
                break
            rise, net = walk._effect(v, here.state)
            if here.memory + rise > walk._budget:
                break
            here, path = walk._step(here, v, net), [*path, v]
            if len(path) == 3 and here.memory <= node.memory:
                return here, tuple(path)
    return None


def blind_effect(walk: Any, op: int, state: int) -> Any:  # noqa: ANN401
    """Overlook ops now and then."""
    rise, net = walk._space.effect(op, state)
    return (rise + (1 << 60), net) if hash((op, state)) % 7 == 0 else (rise, net)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("_follow", reckless_follow),
        ("_follow", hasty_follow),
        ("_effect", blind_effect),
    ],
)
@pytest.mark.parametrize("backward", [False, True])
def test_sets_that_close_by_an_unsound_rule(
    name: str, rule: object, backward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Recorded with a wrong rule for a budget that suffices: the verifier sees through them."""
    fooled = 0
    built = list(some_cases(800, seed=930))
    monkeypatch.setattr(recording._Walk, name, rule)
    for case in built:
        for budget in (case.least, case.least + 2):
            closed = case.closed(budget, backward=backward)
            if closed is not None:
                fooled += 1
                assert case.refuses(closed, budget), (case.graph.name, closed)
    assert fooled > 20


@pytest.mark.parametrize("most", [0, 2])
def test_long_commits_are_checked_by_a_cut(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers when hardly any state is looked at by itself."""
    wanted: list[tuple[Case, Json, int, bool]] = []
    for case, closed, budget in proofs(200, seed=940):
        rng = random.Random(case.graph.name)
        others = (closed, *(mutated(closed, len(case.window.ops), rng) for _ in range(6)))
        wanted += ((case, other, budget, case.refuses(other, budget)) for other in others)
    monkeypatch.setattr(verifying, "_MOST_BETWEEN", most)
    for case, other, budget, refused in wanted:
        assert case.refuses(other, budget) == refused, case.graph.name


def test_limits_on_what_is_recorded() -> None:
    case, closed, budget = next(proofs(1000, seed=950, most_ops=12, least_states=10))
    spaces = [case.spaces[closed["direction"] == "backward"]]
    for limits in ({"most_states": 2}, {"most_ops": 2}, {"most_steps": 5}):
        with pytest.raises(TooLargeError, match="more than"):
            closed_set(spaces, budget, **limits)
    assert closed_set(spaces, budget) is not None
    # What one direction cannot record, the other may.
    loose = closed_set(case.spaces, budget)
    assert loose is not None
    assert not case.refuses(loose.to_json(), budget)


@pytest.mark.parametrize(
    "closed",
    [
        None, [], {}, {"direction": "forward"}, {"direction": "forward", "states": {}},
        {"direction": "forward", "states": []}, {"direction": 1, "states": {"0": []}},
        {"direction": "forward", "states": {"0": []}}, {"direction": "forward", "start": 0},
    ],
)  # fmt: skip
def test_what_is_no_closed_set(closed: object) -> None:
    case = next(some_cases(1, seed=960))
    assert case.refuses(closed, case.least - 1)


@pytest.mark.parametrize("text", ["", "00", "0x0", "A", "-1", "g", " 0", "0 ", "1_0", "\u0661"])
def test_a_state_has_one_spelling(text: str) -> None:
    case, closed, budget = next(proofs(10, seed=961))
    assert case.refuses({**closed, "states": {**closed["states"], text: []}}, budget)


@pytest.mark.parametrize(
    "path", [None, 0, [], ["0"], "", " ", "0;", ";0", "0,1", "-1", "a", "0  1"]
)
def test_what_is_no_path(path: object) -> None:
    case, closed, budget = next(proofs(10, seed=962))
    text = next(iter(closed["states"]))
    for paths in ([*closed["states"][text], path], path):
        assert case.refuses({**closed, "states": {**closed["states"], text: paths}}, budget)
    if path != "":
        assert case.refuses({**closed, "start": path}, budget)

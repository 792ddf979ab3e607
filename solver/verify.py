"""Check a plan against a network, trusting nothing in the plan and sharing no code with the search.

The replay below is deliberately plain: a set of live buffers, and for each the ops still to come.
A cut certificate is recomputed as a maximum flow by networkx over a network built here, from the
definition. What a search certificate claims is not re-proven here; its statements are only
checked for consistency.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import networkx as nx

from solver.memory import MemoryRules, Problem, make_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models.graph import Graph
    from solver.plan import Plan


# Size, live from the start, kept to the end, producers, users.
Gadget = tuple[int, bool, bool, tuple[int, ...], tuple[int, ...]]
_REUSE_CASES = 16


class VerificationError(AssertionError):
    """A statement of a plan is false. Never caught by the library."""


def check(plan: Plan, graph: Graph) -> None:
    """Check every statement of a least-peak plan.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    check_replay(plan, graph)
    _check_other_statements(plan)
    _check_baselines(plan, graph)
    _check_certificate(plan, make_problem(graph, _rules(plan)))


def check_replay(plan: Plan, graph: Graph) -> None:
    """Replay the order: it must be valid, peak as stated, and agree with verdict and status.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    _require(plan.problem == "peak", f"unknown problem {plan.problem!r}")
    order = _order(plan.order, graph)
    peak = replay_peak(order, make_problem(graph, _rules(plan)))
    _require(peak == plan.peak_bytes, f"the order peaks at {peak} bytes, not at {plan.peak_bytes}")
    _require(
        0 <= plan.lower_bound_bytes <= peak,
        f"the bound {plan.lower_bound_bytes} is not between 0 and the peak {peak}",
    )
    proven = plan.lower_bound_bytes == peak
    _require(
        (plan.status == "optimal") == proven and plan.status in ("optimal", "feasible"),
        f"status {plan.status.value!r} with bound {plan.lower_bound_bytes} and peak {peak}",
    )
    fits: bool | None = None
    if plan.budget_bytes is not None:
        if peak <= plan.budget_bytes:
            fits = True
        elif plan.lower_bound_bytes > plan.budget_bytes:
            fits = False
    _require(fits == plan.fits, f"the verdict on the budget is {plan.fits}, it should be {fits}")


def replay_peak(order: Sequence[int], problem: Problem) -> int:
    """Peak of an order in bytes, straight from the definition of memory."""
    storages = problem.storages
    touched: list[list[int]] = [[] for _ in range(len(problem))]
    for b, storage in enumerate(storages):
        for v in storage.users:
            touched[v].append(b)
    waiting = [set(s.users) for s in storages]
    live = {b for b, s in enumerate(storages) if s.is_input}
    used = peak = sum(storages[b].size for b in live)
    for v in order:
        born = {b for b in touched[v] if v in storages[b].producers} - live
        live |= born
        used += sum(storages[b].size for b in born)
        credit: dict[int, int] = {}
        for reuse in problem.reuses[v]:
            if waiting[reuse.source] == {v}:
                credit[reuse.target] = max(credit.get(reuse.target, 0), reuse.size)
        peak = max(peak, used + problem.workspace[v] - sum(credit.values()))
        for b in touched[v]:
            waiting[b].remove(v)
        dead = {b for b in touched[v] if not waiting[b] and not storages[b].is_output}
        live -= dead
        used -= sum(storages[b].size for b in dead)
    return peak


def _rules(plan: Plan) -> MemoryRules:
    options = plan.options
    alignment = options.get("alignment", 1)
    _require(
        type(alignment) is int and alignment >= 1, f"alignment {alignment!r} is no positive integer"
    )
    for name in ("in_place", "views"):
        value = options.get(name, False)
        _require(type(value) is bool, f"option {name!r} is {value!r}, neither true nor false")
    return MemoryRules(
        alignment=alignment,
        in_place=options.get("in_place", False),
        views=options.get("views", False),
    )


def _order(names: Sequence[str], graph: Graph) -> list[int]:
    index = {op.name: i for i, op in enumerate(graph.ops)}
    order: list[int] = []
    done: set[int] = set()
    for name in names:
        _require(name in index, f"the network has no op {name!r}")
        v = index[name]
        _require(v not in done, f"op {name!r} runs twice")
        for p in graph.predecessors[v]:
            _require(p in done, f"op {name!r} runs before {graph.ops[p].name!r}, which it needs")
        done.add(v)
        order.append(v)
    missing = sorted(set(index.values()) - done)
    _require(not missing, "".join(f"op {graph.ops[v].name!r} never runs" for v in missing[:1]))
    return order


def _check_baselines(plan: Plan, graph: Graph) -> None:
    """Recompute file order; of other heuristics' orders only the peak is known, not the order."""
    for name, stated in plan.baselines.items():
        _require(
            type(stated) is int and stated >= plan.peak_bytes,
            f"baseline {name!r} peaks at {stated!r}, below the best order's {plan.peak_bytes}",
        )
    if "file_order" not in plan.baselines:
        return
    stated = plan.baselines["file_order"]
    problem = make_problem(graph, _rules(plan))
    order = range(len(problem))
    _require(problem.is_order(order), "the file's own order is not valid, yet has a peak")
    peak = replay_peak(order, problem)
    _require(peak == stated, f"file order peaks at {peak} bytes, not at {stated}")


def _check_other_statements(plan: Plan) -> None:
    """Refuse answers to questions that a least-peak plan was not asked."""
    for name in (
        "tcm_bytes",
        "arena_bytes",
        "offsets",
        "traffic_bytes",
        "compulsory_bytes",
        "steps",
    ):
        _require(getattr(plan, name) is None, f"a plan of least peak states {name!r}")
    _require(
        plan.limit in (None, "interrupt") or plan.status != "optimal",
        f"an optimal plan that stopped at the limit {plan.limit!r}",
    )
    _require(
        plan.limit in (None, "time", "memory", "interrupt", "nodes"),
        f"unknown limit {plan.limit!r}",
    )
    _require(plan.seconds >= 0, f"it took {plan.seconds} seconds")
    for (_, peak, bound), (_, next_peak, next_bound) in itertools.pairwise(plan.curve):
        _require(next_peak <= peak and next_bound >= bound, "the curve gets worse")
    if plan.curve:
        _require(
            plan.curve[-1][1:] == (plan.peak_bytes, plan.lower_bound_bytes),
            "the curve does not end in the plan's peak and bound",
        )


def _check_certificate(plan: Plan, problem: Problem) -> None:
    certificate = plan.certificate
    stated = certificate.get("bound_bytes")
    _require(
        stated == plan.lower_bound_bytes,
        f"the certificate is for {stated} bytes, the bound is {plan.lower_bound_bytes}",
    )
    kind = certificate.get("kind")
    _require(kind in ("ends", "cut", "search"), f"unknown kind of certificate {kind!r}")
    _require_count(certificate.get("states"), "states")
    ends = {
        "start": sum(s.size for s in problem.storages if s.is_input),
        "end": sum(s.size for s in problem.storages if s.is_output),
    }
    _require(certificate.get("ends") == ends, f"the ends need {ends} bytes")
    _require(
        kind != "ends" or max(ends.values()) == stated,
        f"the ends need {max(ends.values())} bytes, the certificate says {stated}",
    )
    cut = certificate.get("cut")
    if cut is not None:
        _check_cut(cut, problem)
    if kind == "cut":
        _require(
            cut is not None and cut["bound_bytes"] == stated,
            "the cut's bound is not the certificate's bound",
        )
    search = certificate.get("search")
    if search is not None or kind == "search":
        _check_search(search, plan, problem)
    _require((kind == "search") == (search is not None), "a search that proves nothing")


def _check_search(search: object, plan: Plan, problem: Problem) -> None:
    """Check what the search says of itself; it is not repeated."""
    _require(isinstance(search, dict), f"the search is {search!r}")
    assert isinstance(search, dict)
    _require(
        search.get("refuted_bytes") == plan.lower_bound_bytes - 1,
        "the search did not refute the byte below the bound",
    )
    _require(
        search.get("direction") in ("forward", "backward"),
        f"unknown direction {search.get('direction')!r}",
    )
    _require_count(search.get("states"), "states of the search")
    window = search.get("window")
    _require(isinstance(window, list) and bool(window), f"the search's window is {window!r}")
    assert isinstance(window, list)
    names = set(problem.names)
    _require(len(set(map(str, window))) == len(window), "the search's window repeats an op")
    for name in window:
        _require(name in names, f"the network has no op {name!r}")


def _check_cut(cut: object, problem: Problem) -> None:
    """Check that the stated state exists, holds the stated buffers, and is the cheapest."""
    _require(isinstance(cut, dict), f"the cut is {cut!r}")
    assert isinstance(cut, dict)
    bound = cut.get("bound_bytes")
    proven = _least_step_peak(cut, problem)
    _require(proven == bound, f"op {cut['op']!r} needs {proven} bytes at least, not {bound}")
    op = problem.names.index(cut["op"])
    before = cut.get("before")
    _require(
        isinstance(before, list) and all(name in problem.names for name in before),
        "the cut's state names ops that the network does not have",
    )
    assert isinstance(before, list)
    index = {name: v for v, name in enumerate(problem.names)}
    state = {index[name] for name in before}
    _require(len(state) == len(before) and op not in state, "the cut's state is none")
    _require(
        all(p in state for v in (*state, op) for p in problem.predecessors[v]),
        "the cut's state is not closed under predecessors",
    )
    live = [
        storage
        for storage in problem.storages
        if storage.size
        and (storage.is_input or not state.union((op,)).isdisjoint(storage.producers))
        and (storage.is_output or not state.issuperset(storage.users))
    ]
    _require(
        sorted(map(str, cut.get("live") or [])) == sorted(s.name for s in live),
        "the cut's live buffers are not those of its state",
    )


def _least_step_peak(cut: Mapping[str, Any], problem: Problem) -> int:
    """Least bytes in use while the named op runs, over all states: a minimum cut.

    An op that may overwrite one of several inputs overwrites the best: one cut per choice.
    """
    _require(cut.get("op") in problem.names, f"the network has no op {cut.get('op')!r}")
    op = problem.names.index(cut["op"])
    precedence = nx.DiGraph()
    precedence.add_nodes_from(range(len(problem)))
    precedence.add_edges_from((p, v) for v, ps in enumerate(problem.predecessors) for p in ps)
    before = nx.ancestors(precedence, op)
    after = nx.descendants(precedence, op) | {op}

    network = nx.DiGraph()
    network.add_edges_from(("start", v) for v in before)
    network.add_edges_from((v, "end") for v in after)
    network.add_edges_from((v, p) for p, v in precedence.edges)
    constant = problem.workspace[op]
    gadgets: list[Gadget] = [
        (s.size, op in s.producers or s.is_input, s.is_output, s.producers, s.users)
        for s in problem.storages
    ]
    by_target: dict[int, list[tuple[int, list[int]]]] = {}
    for reuse in problem.reuses[op]:
        others = [u for u in problem.storages[reuse.source].users if u != op]
        by_target.setdefault(reuse.target, []).append((reuse.size, others))
    cases = list(itertools.product(*by_target.values()))
    if len(cases) > _REUSE_CASES:  # grant the largest credit outright: lower, still valid
        credit = sum(max(size for size, _ in choices) for choices in by_target.values())
        return constant - credit + _minimum_cut(network, gadgets)
    return constant + min(
        _minimum_cut(network, [*gadgets, *((s, True, False, (), tuple(o)) for s, o in case)])
        - sum(size for size, _ in case)
        for case in cases
    )


def _minimum_cut(precedence: nx.DiGraph, gadgets: Iterable[Gadget]) -> int:
    network = precedence.copy()
    network.add_nodes_from(("start", "end"))
    for k, (size, initial, kept, producers, users) in enumerate(gadgets):
        network.add_edge(("in", k), ("out", k), capacity=size)
        network.add_edges_from((v, ("in", k)) for v in (["start"] if initial else producers))
        network.add_edges_from((("out", k), v) for v in (["end"] if kept else users))
    return int(nx.maximum_flow_value(network, "start", "end"))


def _require_count(value: object, what: str) -> None:
    _require(type(value) is int and value >= 0, f"{what}: {value!r} is no count")


def _require(holds: bool, statement: str) -> None:
    if not holds:
        raise VerificationError(statement)

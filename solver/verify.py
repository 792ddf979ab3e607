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
    return MemoryRules(
        alignment=alignment,
        in_place=bool(options.get("in_place", False)),
        views=bool(options.get("views", False)),
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
    stated = plan.baselines.get("file_order")
    if stated is None:
        return
    problem = make_problem(graph, _rules(plan))
    order = range(len(problem))
    _require(problem.is_order(order), "the file's own order is not valid, yet has a peak")
    peak = replay_peak(order, problem)
    _require(peak == stated, f"file order peaks at {peak} bytes, not at {stated}")


def _check_certificate(plan: Plan, problem: Problem) -> None:
    certificate = plan.certificate
    stated = certificate.get("bound_bytes")
    _require(
        stated == plan.lower_bound_bytes,
        f"the certificate is for {stated} bytes, the bound is {plan.lower_bound_bytes}",
    )
    kind = certificate.get("kind")
    ends = max(
        sum(s.size for s in problem.storages if s.is_input),
        sum(s.size for s in problem.storages if s.is_output),
    )
    if kind == "ends":
        _require(stated == ends, f"the ends need {ends} bytes, the certificate says {stated}")
        return
    _require(kind in ("cut", "search"), f"unknown kind of certificate {kind!r}")
    cut = certificate.get("cut")
    if cut is not None:
        proven = _least_step_peak(cut, problem)
        _require(
            proven == cut.get("bound_bytes"),
            f"op {cut.get('op')!r} needs {proven} bytes at least, not {cut.get('bound_bytes')}",
        )
    if kind == "cut":
        _require(
            cut is not None and cut.get("bound_bytes") == stated,
            "the cut's bound is not the certificate's bound",
        )
        return
    search = certificate.get("search")
    _require(
        isinstance(search, dict) and search.get("refuted_bytes") == plan.lower_bound_bytes - 1,
        "the search did not refute the byte below the bound",
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


def _require(holds: bool, statement: str) -> None:
    if not holds:
        raise VerificationError(statement)

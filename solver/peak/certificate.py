"""Evidence for a bound, in the form that :mod:`solver.verify` checks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from solver.peak.closed import TooLargeError, closed_set
from solver.peak.flow import largest_flow
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.graph import Graph
    from solver.memory import Problem, Reuse
    from solver.peak.bounds import OpBound
    from solver.peak.outcome import Claim, Outcome, Refutation

_MOST_CHOICES = 16  # as in solver.verify.cut


def make_certificate(
    graph: Graph, problem: Problem, outcome: Outcome, *, closed: bool = True
) -> dict[str, Any]:
    """Write down what proves the bound of ``outcome``.

    Parameters
    ----------
    graph : Graph
        The network.
    problem : Problem
        The same under memory rules.
    outcome : Outcome
        What the engine found.
    closed : bool
        Whether to look for the closed set of a search.

    Returns
    -------
    dict
        A cut with a flow that anyone can add up, a search with its closed set of states where that
        is small, or the two ends.
    """
    found: dict[str, Any] = {
        "bound_bytes": outcome.bound,
        "kind": "ends",
        "ends": {"start": problem.live_at_start, "end": problem.live_at_end},
        "states": outcome.states,
    }
    if outcome.cut is not None:
        found["cut"] = _cut(graph, problem, outcome.cut)
        if outcome.cut.bound == outcome.bound:
            found["kind"] = "cut"
    refutation, claim = outcome.refutation, outcome.claim
    if refutation is not None and refutation.bound == outcome.bound and found["kind"] != "cut":
        found["kind"] = "search"
        found["search"] = {
            "refuted_bytes": refutation.bound - 1,
            "direction": "backward" if refutation.backward else "forward",
            "states": refutation.states,
            **_window(problem, outcome, refutation, closed=closed),
        }
    elif claim is not None and claim.bound == outcome.bound and found["kind"] != "cut":
        found["kind"] = "formulation"
        found["formulation"] = {
            "method": claim.method,
            "bound_bytes": claim.bound,
            **_window(problem, outcome, claim, closed=closed),
        }
    return found


def live_during(problem: Problem, before: frozenset[int], op: int) -> list[int]:
    """Storages in use while ``op`` runs in state ``before``, largest first."""
    live = [
        b
        for b, storage in enumerate(problem.storages)
        if (storage.is_input or any(p == op or p in before for p in storage.producers))
        and (storage.is_output or any(u not in before for u in storage.users))
        and storage.size
    ]
    return sorted(live, key=lambda b: (-problem.storages[b].size, b))


def window_proof(
    problem: Problem, order: Sequence[int], window: Sequence[int], bound: int
) -> dict[str, Any]:
    """Look for a closed set which proves that no order of a window stays below ``bound``.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    order : sequence of int
        Any order of it: each runs the window in one stretch.
    window : sequence of int
        Ops between two states that every order passes.
    bound : int
        Bytes; some exact method has proven them.

    Returns
    -------
    dict
        ``"closed"``, for a certificate; None where it would be too large, and ``"not_closed"`` says
        why.
    """
    inside = set(window)
    begin = next(i for i, v in enumerate(order) if v in inside)
    end = begin + len(inside)
    forward = Space(problem, order[:begin], window)
    backward = Space(problem, order[end:], window, backward=True)
    try:
        found = closed_set((backward, forward), bound - 1)
    except TooLargeError as error:
        reason = f"{error}: taken on trust unless it is searched again"
        return {"closed": None, "not_closed": reason}
    assert found is not None, "an order stays below a bound that was proven"
    return {"closed": found.to_json()}


def _window(
    problem: Problem, outcome: Outcome, evidence: Refutation | Claim, *, closed: bool
) -> dict[str, Any]:
    proof: dict[str, Any] = {"closed": None}
    if closed:
        proof = window_proof(problem, outcome.order, evidence.window, evidence.bound)
    return {"window": [problem.names[v] for v in evidence.window], **proof}


def _cut(graph: Graph, problem: Problem, cut: OpBound) -> dict[str, Any]:
    names, storages = problem.names, problem.storages
    return {
        "op": names[cut.op],
        "bound_bytes": cut.bound,
        "before": [names[v] for v in sorted(cut.before)],
        "live": [storages[b].name for b in live_during(problem, cut.before, cut.op)],
        "flow": _flows(graph, problem, cut.op),
    }


def _flows(graph: Graph, problem: Problem, op: int) -> list[dict[str, Any]]:
    """One largest flow for each choice of what ``op`` overwrites."""
    number = {buffer.name: b for b, buffer in enumerate(graph.buffers)}
    network = _Network(problem, op, [number[s.name] for s in problem.storages])
    return [
        {
            "overwritten": sorted(problem.storages[reuse.source].name for reuse in choice),
            "arcs": network.flow(choice),
        }
        for choice in _choices(problem, op, network.left)
    ]


def _choices(problem: Problem, op: int, left: set[int]) -> list[tuple[Reuse, ...]]:
    by_target: dict[int, list[Reuse]] = {}
    for reuse in problem.reuses[op]:
        others = set(problem.storages[reuse.source].users) - {op}
        if others.isdisjoint(left):
            by_target.setdefault(reuse.target, []).append(reuse)
    if math.prod(map(len, by_target.values())) > _MOST_CHOICES:
        return [()]
    return list(itertools.product(*by_target.values()))


class _Network:
    """The network around an op that :mod:`solver.verify.cut` defines."""

    def __init__(self, problem: Problem, op: int, numbers: Sequence[int]) -> None:
        self._problem = problem
        self._op = op
        self._numbers = numbers
        self._begun = _reach(op, problem.predecessors)
        self.left = _reach(op, problem.successors)
        self._free = set(range(len(problem))) - self._begun - self.left

    def flow(self, choice: Iterable[Reuse]) -> list[str]:
        """Arcs of a largest flow, as texts."""
        problem, free = self._problem, self._free
        limits: dict[str, int] = {}
        arcs: list[tuple[str, str]] = []
        for v in free:
            arcs.extend((f"op {v}", f"op {p}") for p in problem.predecessors[v] if p in free)
        for b, storage in enumerate(problem.storages):
            node = f"buffer {self._numbers[b]}"
            is_born = storage.is_input or not self._begun.isdisjoint(storage.producers)
            is_kept = storage.is_output or not self.left.isdisjoint(storage.users)
            writers = [v for v in storage.producers if v in free]
            users = [v for v in storage.users if v in free]
            if storage.size and (is_born or writers) and (is_kept or users):
                limits[node] = storage.size
                tails = ["start"] if is_born else [f"op {v}" for v in writers]
                heads = ["end"] if is_kept else [f"op {v}" for v in users]
                arcs.extend((tail, node) for tail in tails)
                arcs.extend((node, head) for head in heads)
        for reuse in choice:
            others = [v for v in problem.storages[reuse.source].users if v in free]
            if reuse.size and others:
                node = f"reuse {self._numbers[reuse.source]}"
                limits[node] = reuse.size
                arcs.append(("start", node))
                arcs.extend((node, f"op {v}") for v in others)
        return [f"{tail} > {head}: {amount}" for tail, head, amount in largest_flow(arcs, limits)]


def _reach(op: int, edges: Sequence[Iterable[int]]) -> set[int]:
    """Ops reached from ``op``, itself included."""
    found = {op}
    front = [op]
    while front:
        for v in edges[front.pop()]:
            if v not in found:
                found.add(v)
                front.append(v)
    return found

"""Ops grouped into sequences, and sequences into cells, as HMCOS does it.

Source: Wang et al., "Hierarchical Memory-Constrained Operator Scheduling of Neural Architecture
Search Networks" (DAC 2022), and its passes ``JoinSequencePass`` and ``MakeGroupPass`` in
wzh99/HMCOS (``src/sched/pass.cpp``). Two of its criteria look at op types; here the shape of the
graph stands in for them, so that any network can be grouped: an op of one input and one output of
equal size counts as element-wise, and a sequence that joins three or more branches ends a cell
(HMCOS: a ``Concat``). Groups that intrude on the next cell are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx

from solver.peak.heuristics import reverse_post_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.memory import Problem

_BRANCHES = 3  # that a cell's last sequence joins, at least
_SOURCE, _SINK = -1, -2


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Two levels of grouping.

    Attributes
    ----------
    sequences : tuple of tuple of int
        Ops that run one right after the other; every op once. Sequences come in an order that
        respects all precedence.
    predecessors : tuple of frozenset of int
        Sequences that each sequence waits for.
    cells : tuple of tuple of int
        Sequences of each cell, ascending; no sequence is in two. Each cell can run as a whole.
    """

    sequences: tuple[tuple[int, ...], ...]
    predecessors: tuple[frozenset[int], ...]
    cells: tuple[tuple[int, ...], ...]


def make_hierarchy(problem: Problem) -> Hierarchy:
    """Group the ops of a problem."""
    sequences = _join(problem)
    home = {v: s for s, ops in enumerate(sequences) for v in ops}
    predecessors = tuple(
        frozenset(home[p] for v in ops for p in problem.predecessors[v]) - {s}
        for s, ops in enumerate(sequences)
    )
    return Hierarchy(sequences, predecessors, tuple(_cells(predecessors)))


def _join(problem: Problem) -> tuple[tuple[int, ...], ...]:
    """Join an op to the only op that feeds it, where that cannot raise the peak by much.

    An element-wise op always joins. Another one joins if neither the memory while it runs nor the
    memory after it exceeds what the sequence had before, and all that feeds the sequence feeds
    nothing else.
    """
    order = reverse_post_order(problem)
    sequences: dict[int, list[int]] = {}  # by last op
    for v in order:
        before = problem.predecessors[v]
        ops = sequences.get(before[0]) if len(before) == 1 else None
        if ops is None or len(problem.successors[ops[-1]]) != 1 or not _joins(problem, ops, v):
            sequences[v] = [v]
        else:
            sequences[v] = [*sequences.pop(ops[-1]), v]
    return _sorted(order, sequences.values())


def _joins(problem: Problem, ops: Sequence[int], v: int) -> bool:
    consumed, produced = problem.consumed[v], problem.produced[v]
    size = [storage.size for storage in problem.storages]
    if len(consumed) == len(produced) == 1 and size[consumed[0]] == size[produced[0]]:
        return True
    if any(len(problem.successors[p]) != 1 for p in problem.predecessors[ops[0]]):
        return False
    heights: list[int] = []
    levels: list[int] = []
    level = 0  # as if each op were the last to read its inputs
    for w in (*ops, v):
        heights.append(level + sum(size[b] for b in problem.produced[w]))
        level = heights[-1] - sum(size[b] for b in problem.consumed[w])
        levels.append(level)
    return heights[-1] <= max(heights[:-1]) and levels[-1] <= max(levels[:-1])


def _sorted(
    order: Sequence[int], sequences: Iterable[Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    """Sort sequences by the position of their last ops in a valid order.

    That respects precedence: others wait for the last op of a sequence only, and all ops of a
    sequence but the first wait for nothing outside of it.
    """
    position = {v: i for i, v in enumerate(order)}
    return tuple(map(tuple, sorted(sequences, key=lambda ops: position[ops[-1]])))


def _cells(predecessors: Sequence[frozenset[int]]) -> list[tuple[int, ...]]:
    """For each join, the sequences that lead to it and nowhere else, without its dominators."""
    count = len(predecessors)
    if not count:
        return []
    graph = nx.DiGraph()
    graph.add_nodes_from((_SOURCE, _SINK, *range(count)))
    graph.add_edges_from((p, s) for s in range(count) for p in predecessors[s])
    graph.add_edges_from([(_SOURCE, s) for s in range(count) if not predecessors[s]])
    graph.add_edges_from([(s, _SINK) for s in range(count) if not graph.out_degree(s)])
    before = _Dominators(graph, _SOURCE)
    behind = _Dominators(graph.reverse(copy=False), _SINK)
    cells: list[tuple[int, ...]] = []
    taken: set[int] = set()
    for end in range(count):
        if len(predecessors[end]) < _BRANCHES or end in taken:
            continue
        cell = {end}
        front = [end]
        while front:
            for s in predecessors[front.pop()]:
                if s in cell or s in taken or before.is_above(s, end):
                    continue
                if behind.is_above(end, s):
                    cell.add(s)
                    front.append(s)
        if len(cell) > 1 and _can_run_whole([*cells, tuple(cell)], predecessors):
            cells.append(tuple(sorted(cell)))
            taken |= cell
    return cells


class _Dominators:
    """Which nodes lie on every path from the root to a node."""

    def __init__(self, graph: nx.DiGraph, root: int) -> None:
        self._parent: dict[int, int] = dict(nx.immediate_dominators(graph, root))
        self._depth = {root: 0}
        for node in nx.topological_sort(graph):
            if node != root:
                self._depth[node] = self._depth[self._parent[node]] + 1

    def is_above(self, above: int, node: int) -> bool:
        """Whether every path from the root to ``node`` passes ``above``."""
        while self._depth[node] > self._depth[above]:
            node = self._parent[node]
        return node == above


def _can_run_whole(
    cells: Sequence[tuple[int, ...]], predecessors: Sequence[frozenset[int]]
) -> bool:
    """Whether no cell waits for itself once each is one vertex."""
    vertex = {s: ~k for k, cell in enumerate(cells) for s in cell}
    graph = nx.DiGraph()
    graph.add_edges_from(
        (vertex.get(p, p), vertex.get(s, s))
        for s, before in enumerate(predecessors)
        for p in before
        if vertex.get(p, p) != vertex.get(s, s)
    )
    return bool(nx.is_directed_acyclic_graph(graph))

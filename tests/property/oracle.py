"""Brute force, straight from the definitions in the docstring of :mod:`solver.memory`.

Shares nothing with the solver but :class:`MemoryRules`. A state is the frozenset of ops that have
run. :func:`least_peak` walks all states; :func:`least_peak_by_orders` walks all orders.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.memory import MemoryRules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.graph import Graph

State = frozenset[int]
START: State = frozenset()


@dataclass(frozen=True)
class Block:
    """Storage of one or more buffers, and everything that decides whether it is live."""

    buffers: frozenset[int]
    size: int
    producers: frozenset[int]
    users: frozenset[int]
    is_input: bool
    is_output: bool

    def live(self, done: State) -> bool:
        born = self.is_input or bool(self.producers & done)
        dead = not self.is_output and self.users <= done
        return born and not dead


@dataclass(frozen=True)
class Overwrite:
    """The op may write ``target`` over ``source`` once the ``others`` have run."""

    source: int
    target: int
    others: frozenset[int]
    size: int


class Oracle:
    """A graph under rules."""

    def __init__(self, graph: Graph, rules: MemoryRules | None = None) -> None:
        rules = rules or MemoryRules()
        self.predecessors = [
            frozenset(op.after) | {p for b in op.inputs for p in _writers(graph, b)}
            for op in graph.ops
        ]
        self.all_ops: State = frozenset(range(len(graph.ops)))
        self.workspace = [op.workspace for op in graph.ops]
        self.blocks = [_block(graph, rules, group) for group in _groups(graph, rules)]
        self.overwrites = [
            self._overwrites(graph, v) if rules.in_place else [] for v in range(len(graph.ops))
        ]

    def _overwrites(self, graph: Graph, v: int) -> list[Overwrite]:
        """The pairs that hold under the rules; a source serves its first pair only."""
        block_of = {b: k for k, block in enumerate(self.blocks) for b in block.buffers}
        found: dict[int, Overwrite] = {}
        for x, y in graph.ops[v].in_place:
            source, target = self.blocks[block_of[x]], self.blocks[block_of[y]]
            dies_here = not source.is_output and v not in source.producers
            reads_target = any(b in target.buffers for b in graph.ops[v].inputs)
            born_here = (
                v in target.producers
                and target.producers - {v} <= _later(graph, v)
                and not target.is_input
                and not reads_target
            )
            if dies_here and born_here and block_of[x] not in found:
                found[block_of[x]] = Overwrite(
                    block_of[x], block_of[y], source.users - {v}, min(source.size, target.size)
                )
        return list(found.values())

    def memory(self, done: State) -> int:
        """Live bytes between two steps."""
        return sum(block.size for block in self.blocks if block.live(done))

    def step_peak(self, done: State, v: int) -> int:
        """Bytes in use while ``v`` runs: all that is live before, and all that it writes."""
        used = sum(b.size for b in self.blocks if b.live(done) or v in b.producers)
        return used + self.workspace[v] - self._credit(done, v)

    def _credit(self, done: State, v: int) -> int:
        due = [o for o in self.overwrites[v] if o.others <= done]
        targets = {o.target for o in due}
        return sum(max(o.size for o in due if o.target == target) for target in targets)

    def peak(self, order: Sequence[int]) -> int:
        """The most bytes in use at any time."""
        prefixes = [frozenset(order[:i]) for i in range(len(order))]
        steps = [self.step_peak(done, v) for done, v in zip(prefixes, order, strict=True)]
        return max([self.memory(START), *steps])

    def ready(self, done: State) -> Iterator[int]:
        """Ops that may run next."""
        for v, before in enumerate(self.predecessors):
            if v not in done and before <= done:
                yield v

    def states(self, low: State = START, high: State | None = None) -> Iterator[State]:
        """All states from ``low`` to ``high``, by number of ops."""
        inside = self.all_ops if high is None else high
        level = {low}
        while level:
            yield from level
            level = {done | {v} for done in level for v in self.ready(done) if v in inside}

    def orders(self) -> Iterator[tuple[int, ...]]:
        """All valid orders."""
        for order in itertools.permutations(self.all_ops):
            if all(self.predecessors[v] <= set(order[:i]) for i, v in enumerate(order)):
                yield order

    def least_peak(self, low: State = START, high: State | None = None) -> int:
        """The optimum between two states, by dynamic programming over those between."""
        high = self.all_ops if high is None else high
        peak = {low: self.memory(low)}
        for done in self.states(low, high):
            for v in self.ready(done):
                if v in high:
                    new = max(peak[done], self.step_peak(done, v))
                    peak[done | {v}] = min(peak.get(done | {v}, new), new)
        return peak[high]

    def least_peak_by_orders(self) -> int:
        """The optimum, by trying every order."""
        return min(self.peak(order) for order in self.orders())


def _later(graph: Graph, v: int) -> set[int]:
    """Ops that read, directly or not, what ``v`` writes."""
    later: set[int] = set()
    while True:
        written = {b for w in (v, *later) for b in graph.ops[w].outputs}
        more = {w for w, op in enumerate(graph.ops) if written.intersection(op.inputs)}
        if more <= later:
            return later
        later |= more


def _writers(graph: Graph, buffer: int) -> list[int]:
    return [v for v, op in enumerate(graph.ops) if buffer in op.outputs]


def _readers(graph: Graph, buffer: int) -> list[int]:
    return [v for v, op in enumerate(graph.ops) if buffer in op.inputs]


def _groups(graph: Graph, rules: MemoryRules) -> list[set[int]]:
    """Buffers that share storage: an output and what it is a view of, if one op alone writes it."""
    groups = [{b} for b in range(len(graph.buffers))]
    for op in graph.ops if rules.views else ():
        for x, y in op.views:
            if len(_writers(graph, y)) == 1:
                joined = set[int]().union(*(g for g in groups if x in g or y in g))
                groups = [g for g in groups if x not in g and y not in g] + [joined]
    return groups


def _block(graph: Graph, rules: MemoryRules, group: set[int]) -> Block:
    buffers = [graph.buffers[b] for b in group]
    producers = frozenset(v for b in group for v in _writers(graph, b))
    consumers = frozenset(v for b in group for v in _readers(graph, b))
    unread = any(not _readers(graph, b) for b in group)
    return Block(
        buffers=frozenset(group),
        size=max(-(-b.size // rules.alignment) * rules.alignment for b in buffers),
        producers=producers,
        users=producers | consumers,
        is_input=any(b.is_input for b in buffers),
        is_output=unread or any(b.is_output for b in buffers),
    )

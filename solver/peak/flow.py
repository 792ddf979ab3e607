"""Cheapest states by minimum cut.

Memory is submodular in the state, so its minimum over all states between two given ones is a
minimum s-t cut (Picard, Management Science 1976, for closures; the storage gadget is ours): one
node per undecided op, one arc of capacity ``size`` per storage from its allocators to its
finishers, and infinite arcs that keep the source side closed under precedence. The maximum flow
itself comes from SciPy, or from networkx where capacities exceed SciPy's 32 bits.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from solver.peak.space import Room, Space, bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_SOURCE, _SINK = 0, 1
_DIGITS = 30
_LARGEST = 2**_DIGITS  # residuals reach twice an endless capacity and must fit 32 bits


@dataclass(slots=True)
class _Network:
    """Arcs of a cut problem; node 0 is the source, node 1 the sink."""

    nodes: int = 2
    finite: dict[tuple[int, int], int] = field(default_factory=dict)
    infinite: set[tuple[int, int]] = field(default_factory=set)

    def add_node(self) -> int:
        self.nodes += 1
        return self.nodes - 1

    def join(self, ends: list[int], *, into: bool) -> int:
        """One node that stands for several, with endless arcs from (or to) each of them."""
        if len(ends) == 1:
            return ends[0]
        hub = self.add_node()
        self.infinite.update((end, hub) if into else (hub, end) for end in ends)
        return hub

    def solve(self, *, largest: bool) -> tuple[int, set[int]]:
        """Minimum cut value and the nodes on its source side."""
        unit = math.gcd(*self.finite.values())
        endless = sum(self.finite.values()) // unit + 1
        arcs = dict.fromkeys(self.infinite, endless)
        for arc, capacity in self.finite.items():
            arcs[arc] = min(endless, arcs.get(arc, 0) + capacity // unit)
        if endless > _LARGEST:
            return self._solve_large(arcs, unit, largest=largest)
        tails, heads = np.array(list(arcs), dtype=np.int32).T
        capacities = np.fromiter(arcs.values(), dtype=np.int32, count=len(arcs))
        shape = (self.nodes, self.nodes)
        graph = csr_array((capacities, (tails, heads)), shape=shape)
        result = maximum_flow(graph, _SOURCE, _SINK)
        residual = csr_array(graph - result.flow)
        residual.eliminate_zeros()
        if largest:
            reach = breadth_first_order(
                csr_array(residual.T), _SINK, return_predecessors=False
            ).tolist()
            side = set(range(self.nodes)).difference(reach)
        else:
            side = set(breadth_first_order(residual, _SOURCE, return_predecessors=False).tolist())
        return int(result.flow_value) * unit, side

    def _solve_large(
        self, arcs: dict[tuple[int, int], int], unit: int, *, largest: bool
    ) -> tuple[int, set[int]]:
        import networkx as nx  # noqa: PLC0415  rarely needed

        graph = nx.DiGraph()
        graph.add_nodes_from(range(self.nodes))
        graph.add_weighted_edges_from(((a, b, c) for (a, b), c in arcs.items()), weight="capacity")
        residual = nx.algorithms.flow.dinitz(graph, _SOURCE, _SINK)
        spare = nx.DiGraph()
        spare.add_nodes_from(range(self.nodes))
        spare.add_edges_from(
            (a, b) for a, b, d in residual.edges(data=True) if d["flow"] < d["capacity"]
        )
        value = int(residual.graph["flow_value"]) * unit
        if largest:
            return value, set(range(self.nodes)) - nx.ancestors(spare, _SINK) - {_SINK}
        return value, nx.descendants(spare, _SOURCE) | {_SOURCE}


@dataclass(frozen=True, slots=True)
class Cheapest:
    """A state of least cost between two others, and that cost in bytes."""

    cost: int
    state: int


def cheapest_state(
    space: Space,
    inside: int,
    outside: int,
    rooms: Iterable[Room],
    *,
    largest: bool = False,
) -> Cheapest:
    """Minimise the total size of live ``rooms`` over states between two others.

    Parameters
    ----------
    space : Space
        Gives the precedence.
    inside : int
        Mask of ops every state contains; closed under predecessors.
    outside : int
        Mask of ops no state contains; closed under successors.
    rooms : iterable of Room
        A room is live if it is initial or an allocator is in the state, unless it is not kept
        and all finishers are.
    largest : bool
        Return the largest of the cheapest states instead of the smallest.
    """
    free = space.full & ~(inside | outside)
    network = _Network()
    node = {i: network.add_node() for i in bits(free)}
    constant = 0
    for room in rooms:
        starts = None if room.initial or room.allocators & inside else room.allocators & free
        ends = None if room.kept or room.finishers & outside else room.finishers & free
        if starts == 0 or ends == 0 or room.size == 0:
            continue
        if starts is None and ends is None:
            constant += room.size
            continue
        entry, leave = _SOURCE, _SINK
        if starts is not None:
            entry = network.join([node[i] for i in bits(starts)], into=True)
        if ends is not None:
            leave = network.join([node[i] for i in bits(ends)], into=False)
        network.finite[entry, leave] = network.finite.get((entry, leave), 0) + room.size
    if not network.finite:
        return Cheapest(constant, space.full & ~outside if largest else inside)
    for i, a in node.items():
        network.infinite.update((a, node[p]) for p in bits(space.need[i] & free))
    value, side = network.solve(largest=largest)
    state = inside
    for i, a in node.items():
        if a in side:
            state |= 1 << i
    return Cheapest(constant + value, state)


def cheapest_between(space: Space, low: int, high: int, *, largest: bool = True) -> Cheapest:
    """State of least memory among all states between ``low`` and ``high``, both included.

    The cost leaves out storages whose liveness no op of the window changes.
    """
    rooms = space.rooms.values()
    return cheapest_state(space, low, space.full & ~high, rooms, largest=largest)


def largest_flow(
    arcs: Sequence[tuple[str, str]], limits: Mapping[str, int]
) -> Iterator[tuple[str, str, int]]:
    """Arcs in use, and how much, in a largest flow from ``"start"`` to ``"end"``.

    Parameters
    ----------
    arcs : sequence of (str, str)
        From node to node, without limit. No two run opposite to each other.
    limits : mapping of str to int
        Most that may pass through a node. Every path passes one of these nodes.
    """
    nodes = {"start": _SOURCE, "end": _SINK}
    for node in itertools.chain.from_iterable(arcs):
        nodes.setdefault(node, len(nodes))
    gates = {node: len(nodes) + k for k, node in enumerate(limits)}
    tails = [gates.get(tail, nodes[tail]) for tail, _ in arcs] + [nodes[node] for node in gates]
    heads = [nodes[head] for _, head in arcs] + list(gates.values())
    unit = math.gcd(*limits.values())
    endless = sum(limits.values()) // unit + 1 if limits else 0
    capacities = [endless] * len(arcs) + [limit // unit for limit in limits.values()]
    amounts = _flow_along(tails, heads, capacities, len(nodes) + len(gates), endless)
    for (tail, head), amount in zip(arcs, amounts, strict=False):
        if amount:
            yield tail, head, amount * unit


def _flow_along(
    tails: Sequence[int], heads: Sequence[int], capacities: Sequence[int], nodes: int, endless: int
) -> list[int]:
    """Flow along each arc. SciPy counts in 32 bits, so high digits of capacities come first.

    Once the flow is largest in units of ``2**shift``, some cut has less than one unit of room left
    per arc (and its reverse). That bounds what the next digits add.
    """
    shape = (nodes, nodes)
    room = csr_array((np.array(capacities, dtype=np.int64), (tails, heads)), shape=shape)
    shift, most = max(0, endless.bit_length() - _DIGITS), (1 << _DIGITS) - 1
    while True:
        capacity = csr_array(room)
        capacity.data = np.minimum(room.data >> shift, most).astype(np.int32)
        flow = csr_array(maximum_flow(capacity, _SOURCE, _SINK).flow).astype(np.int64)
        flow.data <<= shift
        room = csr_array(room - flow)
        if shift == 0:
            break
        step = min(shift, _DIGITS - 2 - len(tails).bit_length())
        shift, most = shift - step, (2 * len(tails) << step) + 1
    back = room.tocoo()
    arcs = zip(back.row.tolist(), back.col.tolist(), strict=True)
    carried = dict(zip(arcs, back.data.tolist(), strict=True))
    return [carried.get((head, tail), 0) for tail, head in zip(tails, heads, strict=True)]

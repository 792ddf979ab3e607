"""From a least-peak plan to what is deployed: an order, an arena, and an offset per tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.arena.joint import JointPlan, minimize_arena, nearby_orders
from solver.memory import MemoryRules, make_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.limits import Limits
    from solver.memory import Problem
    from solver.plan import Plan


@dataclass(frozen=True, slots=True)
class Arranged:
    """An order with an offset for every tensor.

    Attributes
    ----------
    order : tuple of str
        Op names; the plan's own order unless another needs less arena.
    offsets : mapping of str to int
        Bytes from the start of the arena, by buffer name. Buffers of 0 bytes are left out; views
        have the offset of what they view, and overwriting outputs that of what they overwrite.
    sizes : mapping of str to int
        Bytes of the same buffers, not rounded up.
    joint : JointPlan
        Arena, peak, bound and layout.
    """

    order: tuple[str, ...]
    offsets: Mapping[str, int]
    sizes: Mapping[str, int]
    joint: JointPlan

    @property
    def arena(self) -> int:
        """Bytes of the arena."""
        return self.joint.arena


def arrange(
    graph: Graph,
    plan: Plan,
    limits: Limits | None = None,
    *,
    most_orders: int = 200,
    seed: int = 0,
) -> Arranged:
    """Lay out the plan's order, or one near it that needs less arena.

    Parameters
    ----------
    graph : Graph
        The network of the plan.
    plan : Plan
        Of least peak; its options say under which memory rules.
    limits : Limits, optional
        For the layouts.
    most_orders : int
        How many orders to try while the bound is not met.
    seed : int
        Of the walk from order to order.

    Raises
    ------
    ValueError
        If the plan is not one of the graph.
    """
    rules = MemoryRules(
        plan.options.get("alignment", 1),
        plan.options.get("in_place", False),
        plan.options.get("views", False),
    )
    problem = make_problem(graph, rules)
    index = {op.name: v for v, op in enumerate(graph.ops)}
    if set(plan.order) != index.keys():
        raise ValueError(f"the plan is not one of network {graph.name!r}")
    orders = nearby_orders(
        problem,
        [index[name] for name in plan.order],
        peak=plan.peak_bytes,
        most=most_orders,
        seed=seed,
    )
    joint = minimize_arena(
        problem, orders, plan.lower_bound_bytes, limits, alignment=rules.alignment
    )
    offsets = tensor_offsets(graph, problem, joint.packed.layout.by_storage())
    return Arranged(
        tuple(problem.names[v] for v in joint.order),
        offsets,
        {b.name: b.size for b in graph.buffers if b.name in offsets},
        joint,
    )


def tensor_offsets(graph: Graph, problem: Problem, by_storage: Mapping[int, int]) -> dict[str, int]:
    """Offset of every buffer that has bytes, from those of the storages.

    A storage is a buffer or, where views are free, several; it is named after one of them.
    """
    storage_of = {storage.name: b for b, storage in enumerate(problem.storages)}
    merged = len(problem.storages) < len(graph.buffers)
    group = _viewing_groups(graph) if merged else {b.name: {b.name} for b in graph.buffers}
    offsets: dict[str, int] = {}
    for buffer in graph.buffers:
        if buffer.size:
            (named,) = {name for name in group[buffer.name] if name in storage_of}
            offsets[buffer.name] = by_storage[storage_of[named]]
    return offsets


def _viewing_groups(graph: Graph) -> dict[str, set[str]]:
    """Names of the buffers that share one storage, by name of each of them."""
    group = {buffer.name: {buffer.name} for buffer in graph.buffers}
    for op in graph.ops:
        for x, y in op.views:
            if len(graph.producers[y]) == 1:
                joined = group[graph.buffers[x].name] | group[graph.buffers[y].name]
                group.update(dict.fromkeys(joined, joined))
    return group

"""Replay an order: a set of live storages, and for each the ops that are still to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.verify.errors import require
from solver.verify.storages import state_memory, stated_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.graph import Graph
    from solver.plan import Plan
    from solver.verify.storages import Memory


def check_replay(plan: Plan, graph: Graph) -> None:
    """Replay the order: it must be valid, peak as stated, and agree with verdict and status.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    require(plan.problem == "peak", f"unknown problem {plan.problem!r}")
    memory = state_memory(graph, stated_rules(plan))
    peak = replay_peak(_order(plan.order, memory), memory)
    require(peak == plan.peak_bytes, f"the order peaks at {peak} bytes, not at {plan.peak_bytes}")
    require(
        0 <= plan.lower_bound_bytes <= peak,
        f"the bound {plan.lower_bound_bytes} is not between 0 and the peak {peak}",
    )
    proven = plan.lower_bound_bytes == peak
    require(
        (plan.status == "optimal") == proven and plan.status in ("optimal", "feasible"),
        f"status {plan.status.value!r} with bound {plan.lower_bound_bytes} and peak {peak}",
    )
    fits: bool | None = None
    if plan.budget_bytes is not None:
        require(plan.budget_bytes > 0, f"a budget of {plan.budget_bytes} bytes")
        needed = peak if plan.arena_bytes is None else plan.arena_bytes
        if needed <= plan.budget_bytes:
            fits = True
        elif plan.lower_bound_bytes > plan.budget_bytes:
            fits = False
    require(fits == plan.fits, f"the verdict on the budget is {plan.fits}, it should be {fits}")


def replay_peak(order: Iterable[int], memory: Memory) -> int:
    """Peak of a valid order in bytes, straight from the definition of memory."""
    storages = memory.storages
    waiting = {b: set(storage.users) for b, storage in storages.items()}
    live = {b for b, storage in storages.items() if storage.is_input}
    used = peak = sum(storages[b].size for b in live)
    for v in order:
        born = {b for b in memory.touched[v] if v in storages[b].writers} - live
        live |= born
        used += sum(storages[b].size for b in born)
        saved: dict[int, int] = {}
        for overwrite in memory.overwrites[v]:
            if waiting[overwrite.source] == {v}:
                saved[overwrite.target] = max(saved.get(overwrite.target, 0), overwrite.size)
        peak = max(peak, used + memory.workspace[v] - sum(saved.values()))
        for b in memory.touched[v]:
            waiting[b].remove(v)
        dead = {b for b in memory.touched[v] if not waiting[b] and not storages[b].is_output}
        live -= dead
        used -= sum(storages[b].size for b in dead)
    return peak


def is_order(order: Sequence[int], memory: Memory) -> bool:
    """Whether ``order`` holds every op once, each after the ops it waits for."""
    done: set[int] = set()
    for v in order:
        if v in done or not memory.before[v] <= done:
            return False
        done.add(v)
    return len(done) == len(memory.names)


def _order(names: Sequence[str], memory: Memory) -> list[int]:
    index = {name: v for v, name in enumerate(memory.names)}
    order: list[int] = []
    done: set[int] = set()
    for name in names:
        require(name in index, f"the network has no op {name!r}")
        v = index[name]
        require(v not in done, f"op {name!r} runs twice")
        for p in memory.before[v]:
            require(p in done, f"op {name!r} runs before {memory.names[p]!r}, which it needs")
        done.add(v)
        order.append(v)
    for name in memory.names:
        require(index[name] in done, f"op {name!r} never runs")
    return order

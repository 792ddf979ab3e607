"""What a network needs under a runtime, whatever the device: solved once, compared often."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.arena.arrange import tensor_offsets
from solver.arena.blocks import blocks_of
from solver.arena.greedy import greedy_offsets
from solver.arena.joint import minimize_arena, nearby_orders
from solver.arena.layout import Instance, Layout, check_layout, instance_of
from solver.arena.pack import pack
from solver.limits import Limit, LimitReachedError, Limits, SilentObserver
from solver.memory import MemoryRules, make_problem
from solver.peak import minimize_peak
from solver.verify.arena import check_layout as check_arena

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.limits import Observer
    from solver.memory import Problem
    from solver.plan import Plan
    from solver.runtimes import Runtime

_FIRST_LOOK = 1.0  # seconds for the layout of the plan's own order
_ANY = 2**62  # bytes: more than any arena
_LEAST_FOR_LAYOUT = 1.0  # seconds that a layout gets even when the time is over


@dataclass(frozen=True, slots=True)
class Way:
    """A deployment: which order runs, who plans the offsets, and how much arena that takes.

    Attributes
    ----------
    name : str
        ``"as it is"`` (file order, offsets planned greedily by size), ``"order"`` (our order, the
        same planner) or ``"order and offsets"``.
    arena : int
        Bytes of a layout that was placed and checked.
    """

    name: str
    arena: int


@dataclass(frozen=True, slots=True)
class Need:
    """What a network needs under a runtime.

    Attributes
    ----------
    graph : Graph
        The network.
    runtime : Runtime
        Who runs it.
    rules : MemoryRules
        Under which memory rules.
    plan : Plan
        The order of least peak, with its proof; its peak is a bound on every arena.
    ways : tuple of Way
        From the least intrusive on.
    arena_order : tuple of str
        Order of the least arena.
    offsets : mapping of str to int
        Bytes from the start of the least arena, by buffer.
    is_least : bool
        Whether the arena meets the bound: no order and layout need less.
    seconds : float
        Time for order and layout.
    """

    graph: Graph
    runtime: Runtime
    rules: MemoryRules
    plan: Plan
    ways: tuple[Way, ...]
    arena_order: tuple[str, ...]
    offsets: Mapping[str, int]
    is_least: bool
    seconds: float

    @property
    def arena(self) -> int:
        """Bytes of the least arena found."""
        return min(way.arena for way in self.ways)

    @property
    def bound(self) -> int:
        """Bytes that no order and layout go below."""
        return self.plan.lower_bound_bytes

    @property
    def weights(self) -> int:
        """Bytes of the weights."""
        return self.graph.weight_bytes

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped the solver."""
        return self.plan.limit == "interrupt"

    def least_way_within(self, capacity: int) -> Way | None:
        """Return the least intrusive deployment that needs no more than ``capacity`` bytes."""
        return next((way for way in self.ways if way.arena <= capacity), None)


def assess(
    graph: Graph,
    runtime: Runtime,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    in_place: bool = False,
    workers: int = 1,
    enough: int | None = None,
    hopeless: int | None = None,
    options: Mapping[str, object] | None = None,
) -> Need:
    """Find the order and layout of a network under a runtime.

    Parameters
    ----------
    graph : Graph
        The network.
    runtime : Runtime
        Its profile gives the memory rules.
    limits : Limits, optional
        For order and layout together; a layout gets a second in any case.
    observer : Observer, optional
        Told about incumbents and bounds of the order.
    in_place : bool
        Whether ops may overwrite inputs, if the runtime can.
    workers : int
        Threads of exact search.
    enough : int, optional
        Bytes: a layout this low will do, proven least or not.
    hopeless : int, optional
        Bytes: once every order is proven to need more, nothing else matters.
    options : mapping, optional
        Reading options to record in the plan.
    """
    start = time.monotonic()
    limits = limits or Limits()
    rules = rules_of(runtime, in_place=in_place)

    def solve(observer: Observer | None) -> Plan:
        return minimize_peak(
            graph, None, limits, observer, rules=rules, workers=workers, options=options
        )

    if enough is not None or hopeless is not None:
        decided = _Decided(observer or SilentObserver(), enough, hopeless)
        plan = solve(decided)
        if decided.has_stopped and plan.limit != Limit.INTERRUPT:
            plan = replace(plan, limit=None)
            is_hopeless = hopeless is not None and plan.lower_bound_bytes > hopeless
            good = plan.peak_bytes if enough is None else enough
            good = _ANY if is_hopeless else good
            need = _laid_out(graph, runtime, rules, plan, limits, start=start, enough=good)
            if is_hopeless or (enough is not None and need.arena <= enough):
                return need
            plan = solve(observer)  # the order was good enough, but not its layout
    else:
        plan = solve(observer)
    return _laid_out(graph, runtime, rules, plan, limits, start=start, enough=enough or 0)


class _Decided:
    """Passes everything on, and stops the solver once its answer cannot change the verdict."""

    def __init__(self, observer: Observer, enough: int | None, hopeless: int | None) -> None:
        self.has_stopped = False
        self._observer = observer
        self._enough = enough
        self._hopeless = hopeless
        self._is_decided = False

    def on_incumbent(self, peak: int) -> None:
        self._is_decided |= self._enough is not None and peak <= self._enough
        self._observer.on_incumbent(peak)

    def on_bound(self, bound: int) -> None:
        self._is_decided |= self._hopeless is not None and bound > self._hopeless
        self._observer.on_bound(bound)

    def on_progress(self, states: int) -> None:
        self._observer.on_progress(states)
        if self._is_decided:  # called where the limits are looked at: this is one more of them
            self.has_stopped = True
            raise LimitReachedError(Limit.NODES)


def _laid_out(
    graph: Graph,
    runtime: Runtime,
    rules: MemoryRules,
    plan: Plan,
    limits: Limits,
    *,
    start: float,
    enough: int,
) -> Need:
    """Lay out the order of a plan in every way there is."""
    problem = make_problem(graph, rules)
    index = {name: v for v, name in enumerate(problem.names)}
    order = tuple(index[name] for name in plan.order)
    found: list[_Laid] = []
    if "file_order" in plan.baselines:
        found.append(_greedy("as it is", problem, tuple(range(len(problem))), rules.alignment))
    found.append(_greedy("order", problem, order, rules.alignment))
    lowest = min(laid.layout.height for laid in found)
    plans_offsets = runtime.takes_offsets or runtime.name == "generic"
    if plans_offsets and lowest > max(plan.lower_bound_bytes, enough):
        left = _time_left(limits, start)
        found.append(_lay_out(problem, order, plan, left, enough))
    best = min(found, key=lambda laid: laid.layout.height)
    arena_order = tuple(problem.names[v] for v in best.order)
    offsets = tensor_offsets(graph, problem, best.layout.by_storage())
    # Once more by code that shares nothing with the packers.
    height = best.layout.height
    laid_out = replace(plan, order=arena_order, arena_bytes=height, offsets=offsets)
    check_arena(laid_out, graph)
    return Need(
        graph=graph,
        runtime=runtime,
        rules=rules,
        plan=plan,
        ways=tuple(Way(laid.name, laid.layout.height) for laid in found),
        arena_order=arena_order,
        offsets=offsets,
        is_least=height == plan.lower_bound_bytes,
        seconds=time.monotonic() - start,
    )


def rules_of(runtime: Runtime, *, in_place: bool) -> MemoryRules:
    """Memory rules for a runtime; the generic one overwrites if the user says so."""
    if runtime.name == "generic" and in_place:
        return MemoryRules(runtime.alignment, in_place=True, views=runtime.views)
    return runtime.rules(in_place=in_place)


@dataclass(frozen=True, slots=True)
class _Laid:
    """An order with a checked layout."""

    name: str
    order: tuple[int, ...]
    layout: Layout


def _greedy(name: str, problem: Problem, order: tuple[int, ...], alignment: int) -> _Laid:
    """Lay an order out as a runtime does by itself."""
    blocks = tuple(blocks_of(problem, order))
    layout = Layout(Instance(blocks, alignment), tuple(greedy_offsets(blocks, alignment)))
    check_layout(layout, layout.height)
    return _Laid(name, order, layout)


def _time_left(limits: Limits, start: float) -> Limits:
    seconds = _LEAST_FOR_LAYOUT
    if limits.seconds is not None:
        seconds = max(seconds, limits.seconds - (time.monotonic() - start))
    return Limits(seconds, limits.memory_bytes)


def _lay_out(
    problem: Problem, order: tuple[int, ...], plan: Plan, limits: Limits, enough: int
) -> _Laid:
    """Lay out the plan's order, or one near it where that is too high."""
    name = "order and offsets"
    bound, alignment = plan.lower_bound_bytes, plan.options["alignment"]
    assert limits.seconds is not None
    first = Limits(min(limits.seconds, _FIRST_LOOK), limits.memory_bytes)
    instance = instance_of(problem, order, alignment=alignment)
    packed = pack(instance, first, enough=max(bound, enough))
    if packed.height <= max(bound, enough) or plan.limit == "interrupt":
        return _Laid(name, order, packed.layout)
    orders = nearby_orders(problem, order, peak=plan.peak_bytes)
    joint = minimize_arena(problem, orders, bound, limits, alignment=alignment)
    if joint.arena > packed.height:
        return _Laid(name, order, packed.layout)
    return _Laid(name, joint.order, joint.packed.layout)

"""The orders that heuristics begin with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.memory import make_problem
from solver.peak.baselines import HEURISTICS as PEAK_HEURISTICS
from solver.peak.baselines import Answer, UnsortedFileError
from solver.peak.engine import Engine
from solver.traffic.model import Mode, make_traffic_problem
from solver.traffic.nospill import peak_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from models.graph import Graph
    from solver.memory import MemoryRules
    from solver.traffic.model import TrafficProblem

_MEMORY_SHARE = 2  # SERENITY, which holds all it has seen, gets this part of the memory limit


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order, or why there is none.

    Attributes
    ----------
    order : tuple of int or None
        Ops in forward time; None if the file is not sorted or a limit came first.
    seconds : float
        Time it took.
    limit : Limit or None
        What stopped it, with or without an order.
    """

    order: tuple[int, ...] | None
    seconds: float
    limit: Limit | None = None


_KNOWN = {heuristic.name: heuristic.find for heuristic in PEAK_HEURISTICS}

#: Names of the orders there are, and of those among them that may take until a limit.
ORDERS = ("file_order", "kahn", "depth_first", "least_peak", "serenity")
SEARCHED = ("least_peak", "serenity")


def find_orders(
    graph: Graph,
    names: Iterable[str] = ORDERS,
    limits: Limits | None = None,
    *,
    mode: Mode | str = Mode.RESIDENT,
    rules: MemoryRules | None = None,
) -> dict[str, FoundOrder]:
    """Find orders by name, until the user stops it.

    ``least_peak`` is of what has to be in a TCM: inputs count from their load, outputs until their
    store. ``serenity`` counts live bytes as SERENITY does: inputs from the start, outputs to the
    end.

    Parameters
    ----------
    graph : Graph
        The network.
    names : iterable of str
        Some of :data:`ORDERS`.
    limits : Limits, optional
        For each order anew.
    mode, rules
        See :func:`solver.traffic.minimize_traffic`.
    """
    limits = limits or Limits()
    found: dict[str, FoundOrder] = {}
    for name in names:
        most = limits.memory_bytes
        if most is not None and name == "serenity":
            most = max(1, most // _MEMORY_SHARE)
        meter = Meter(Limits(limits.seconds, most))
        find = (
            partial(_KNOWN[name], make_problem(graph, rules))
            if name in _KNOWN
            else partial(_least_peak, make_traffic_problem(graph, 1, mode=mode, rules=rules))
        )
        found[name] = _found(find, meter)
        if found[name].limit is Limit.INTERRUPT:
            break
    return found


def _least_peak(problem: TrafficProblem, meter: Meter) -> Answer:
    outcome = Engine(peak_problem(problem), meter, method="dp").solve()
    matters = outcome.peak > outcome.bound or outcome.limit is Limit.INTERRUPT
    order = tuple(v for v in outcome.order if v < len(problem))  # loads and stores follow the ops
    return Answer(order, limit=outcome.limit if matters else None)


def _found(find: Callable[[Meter], Answer], meter: Meter) -> FoundOrder:
    order, limit = None, None
    try:
        answer = find(meter)
        order, limit = answer.order, answer.limit
    except LimitReachedError as stop:
        limit = stop.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    except UnsortedFileError:
        pass
    return FoundOrder(order, round(meter.seconds, 6), limit)

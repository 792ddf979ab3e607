"""Every heuristic beside the optimum, each order replayed by independent code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.arena.blocks import blocks_of
from solver.arena.greedy import arena_bytes
from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.memory import MemoryRules, make_problem
from solver.peak.baselines import HEURISTICS, UnsortedFileError
from solver.peak.baselines.arena import TFLITE_ALIGNMENT
from solver.peak.minimize import minimize_peak
from solver.verify import Memory, Rules, VerificationError, replay_peak, state_memory
from solver.verify.replay import is_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from models.graph import Graph
    from solver.arena.blocks import Block
    from solver.limits import Observer
    from solver.memory import Problem
    from solver.peak.baselines import Answer, Heuristic
    from solver.plan import Plan

_NO_TIME = 1e-3  # seconds for a plan of sorts once the user has stopped the rest
_SEARCH_SHARE = 2  # a heuristic that searches gets this part of the memory limit


@dataclass(frozen=True, slots=True)
class Row:
    """What one method needs.

    Attributes
    ----------
    name, title : str
        The method's, for machines and for people.
    needed : int or None
        Bytes: peak, or arena where ``is_arena``; None if there is no answer.
    seconds : float
        Time it took.
    limit : Limit or None
        The limit that stopped it, with or without an answer.
    is_arena : bool
        Whether ``needed`` is arena bytes.
    """

    name: str
    title: str
    needed: int | None
    seconds: float
    limit: Limit | None = None
    is_arena: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All heuristics on one network.

    Attributes
    ----------
    plan : Plan
        The best order of the exact solver, and what is proven about it.
    rows : tuple of Row
        In the order of :data:`HEURISTICS`; shorter if interrupted.
    best : int
        Peak of the best order that anyone found, in bytes: the optimum if the plan is optimal.
    """

    plan: Plan
    rows: tuple[Row, ...]
    best: int

    @property
    def exact(self) -> Row:
        """The exact solver as a row."""
        plan = self.plan
        limit = None if plan.limit is None else Limit(plan.limit)
        return Row("exact", "exact search (tightfit)", plan.peak_bytes, plan.seconds, limit)

    @property
    def bound(self) -> int:
        """No order needs less, in bytes."""
        return self.plan.lower_bound_bytes

    @property
    def is_proven(self) -> bool:
        """Whether ``best`` is the optimum."""
        return self.best == self.bound

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped it."""
        return any(row.limit is Limit.INTERRUPT for row in (*self.rows, self.exact))

    def ratio(self, row: Row) -> float | None:
        """Bytes needed, relative to the best order; None if there is no answer."""
        return _ratio(row.needed, self.best)

    def ratio_to_bound(self, row: Row) -> float | None:
        """Bytes needed, relative to the proven lower bound; None if there is no answer."""
        return _ratio(row.needed, self.bound)


@dataclass(frozen=True, slots=True)
class Mean:
    """One method over several networks.

    Attributes
    ----------
    name, title : str
        The method's.
    networks, answered, met : int
        Networks it was tried on, had an answer for, and was as good as the best order on.
    ratio, ratio_to_bound, worst : float or None
        Geometric means and maximum over the networks it had an answer for.
    seconds : float
        Time in all.
    is_arena : bool
        Whether the ratios are of arena bytes.
    """

    name: str
    title: str
    networks: int
    answered: int
    met: int
    ratio: float | None
    ratio_to_bound: float | None
    worst: float | None
    seconds: float
    is_arena: bool


def compare(
    graph: Graph,
    limits: Limits | None = None,
    observer: Observer | None = None,
    *,
    rules: MemoryRules | None = None,
    workers: int = 1,
    heuristics: Sequence[Heuristic] = HEURISTICS,
    options: Mapping[str, Any] | None = None,
) -> Comparison:
    """Run every heuristic and the exact solver.

    Parameters
    ----------
    graph : Graph
        The network.
    limits : Limits, optional
        For the exact solver and for each heuristic anew.
    observer : Observer, optional
        Told about the exact solver.
    rules : MemoryRules, optional
        What the runtime allows; conservative when omitted.
    workers : int
        Threads of exact search.
    heuristics : sequence of Heuristic
        What to compare.
    options : mapping, optional
        Reading options to record in the plan.

    Returns
    -------
    Comparison
        Also when limits or the user stopped parts of it.

    Raises
    ------
    InvalidModelError
        If the buffers add up to more than any memory.
    VerificationError
        If the independent replay contradicts a peak or an arena: a bug, never caught.
    """
    limits = limits or Limits()
    rules = rules or MemoryRules()
    problem = make_problem(graph, rules)
    memory = state_memory(graph, Rules(rules.alignment, rules.in_place, rules.views))
    found: dict[str, Row] = {}

    def was_interrupted() -> bool:
        return any(row.limit is Limit.INTERRUPT for row in found.values())

    def run(wanted: Iterable[Heuristic], limits: Limits) -> None:
        for heuristic in wanted:
            if not was_interrupted():
                found[heuristic.name] = _measured(heuristic, problem, memory, limits)

    # What takes milliseconds comes first, so that an interrupt leaves something to show.
    run((h for h in heuristics if not h.is_search), limits)
    if was_interrupted():
        limits = Limits(_NO_TIME)
    plan = minimize_peak(
        graph, None, limits, observer, rules=rules, workers=workers, options=options
    )
    if plan.limit != Limit.INTERRUPT:
        run((h for h in heuristics if h.is_search), limits)
    rows = tuple(found[h.name] for h in heuristics if h.name in found)
    peaks = [r.needed for r in rows if r.needed is not None and not r.is_arena]
    comparison = Comparison(plan, rows, min([plan.peak_bytes, *peaks]))
    _require(comparison.best >= comparison.bound, "a heuristic undercuts the proven bound")
    return comparison


def means(comparisons: Sequence[Comparison]) -> list[Mean]:
    """One mean per method, in the order of the rows; the exact solver last."""
    pairs: dict[str, list[tuple[Comparison, Row]]] = {h.name: [] for h in HEURISTICS}
    for comparison in comparisons:
        for row in (*comparison.rows, comparison.exact):
            pairs.setdefault(row.name, []).append((comparison, row))
    return [_mean(some) for some in pairs.values() if some]


def _mean(pairs: Sequence[tuple[Comparison, Row]]) -> Mean:
    ratios = [r for c, row in pairs if (r := c.ratio(row)) is not None]
    to_bounds = [r for c, row in pairs if (r := c.ratio_to_bound(row)) is not None]
    first = pairs[0][1]
    return Mean(
        name=first.name,
        title=first.title,
        networks=len(pairs),
        answered=sum(row.needed is not None for _, row in pairs),
        met=sum(row.needed == c.best for c, row in pairs),
        ratio=_geometric_mean(ratios),
        ratio_to_bound=_geometric_mean(to_bounds),
        worst=max(ratios, default=None),
        seconds=sum(row.seconds for _, row in pairs),
        is_arena=first.is_arena,
    )


def _geometric_mean(values: Sequence[float]) -> float | None:
    if not values or math.inf in values:
        return math.inf if values else None
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _ratio(needed: int | None, reference: int) -> float | None:
    if needed is None:
        return None
    if reference == 0:
        return 1.0 if needed == 0 else math.inf
    return needed / reference


def _measured(heuristic: Heuristic, problem: Problem, memory: Memory, limits: Limits) -> Row:
    most = limits.memory_bytes
    if most is not None and heuristic.is_search:
        most = max(1, most // _SEARCH_SHARE)
    answer: Answer | None = None
    limit: Limit | None = None
    meter = Meter(Limits(limits.seconds, most))
    try:
        answer = heuristic.find(problem, meter)
        limit = answer.limit
    except LimitReachedError as stop:
        limit = stop.limit
    except KeyboardInterrupt:
        limit = Limit.INTERRUPT
    except UnsortedFileError:
        pass
    seconds = round(meter.seconds, 6)
    needed = None if answer is None else _checked(answer, problem, memory, heuristic.name)
    return Row(heuristic.name, heuristic.title, needed, seconds, limit, is_arena=heuristic.is_arena)


def _checked(answer: Answer, problem: Problem, memory: Memory, name: str) -> int:
    """Bytes that an answer needs, if independent code agrees that it is one."""
    _require(is_order(answer.order, memory), f"{name}: this is no order of the ops")
    peak = replay_peak(answer.order, memory)
    if answer.offsets is None:
        return peak
    blocks = blocks_of(problem, answer.order)
    _require(_are_disjoint(blocks, answer.offsets), f"{name}: blocks overlap in the arena")
    return arena_bytes(blocks, answer.offsets, TFLITE_ALIGNMENT)


def _are_disjoint(blocks: Sequence[Block], offsets: Sequence[int]) -> bool:
    """Whether the blocks live at each step lie one after the other; looks at every step anew."""
    for step in range(max((block.end for block in blocks), default=0)):
        live = sorted(
            (offset, offset + block.size)
            for block, offset in zip(blocks, offsets, strict=True)
            if block.begin <= step < block.end and block.size
        )
        ends = [0, *(end for _, end in live)]
        if any(begin < end for (begin, _), end in zip(live, ends, strict=False)):
            return False
    return True


def _require(holds: bool, statement: str) -> None:
    if not holds:
        raise VerificationError(statement)

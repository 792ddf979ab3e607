"""Least peak memory of a problem, by bounds, heuristics and exact search together.

The network is divided into windows (:mod:`solver.peak.split`). The window with the highest peak is
improved first, one stage at a time: the cut of its bottleneck op, greedy orders, beams, all cuts
that could matter, then exact searches in both directions from the bound up and the incumbent
down, taking turns. Work ends when the highest peak meets the highest bound; at every stop both
are valid.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Meter
from solver.peak.bounds import CutBounds, OpBound
from solver.peak.heuristics import SIMPLE_ORDERS, beam_order, greedy_order, kahn_order
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.space import Space
from solver.peak.split import windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from solver.memory import Problem

_NARROW, _WIDE = 4, 32  # beam widths
_PROBE = 4  # slices of exact search before the wide beam
_SLICE = 512  # states one search expands before the next takes its turn
_HEAD_START = 16  # slices for the favourite before any other search begins
_FAVOUR = 4  # slices for the favourite in later rounds


@dataclass(frozen=True, slots=True)
class Refutation:
    """Search evidence: no order of ``window`` (problem ops) stays below ``bound`` bytes."""

    bound: int
    window: tuple[int, ...]
    backward: bool
    states: int


@dataclass(slots=True)
class Outcome:
    """Best order and bound so far, and what proves the bound.

    Attributes
    ----------
    order : list of int
        Problem ops.
    peak, bound : int
        Bytes; equal iff the order is proven optimal.
    cut : OpBound or None
        Best cut bound seen.
    refutation : Refutation or None
        The search that proved ``bound``, when it is above the cut bound.
    limit : Limit or None
        Why the solver stopped before peak and bound met.
    baselines : dict of str to int
        Peaks of the simple orders, in bytes.
    """

    order: list[int]
    peak: int
    bound: int
    cut: OpBound | None = None
    refutation: Refutation | None = None
    limit: Limit | None = None
    states: int = 0
    baselines: dict[str, int] = field(default_factory=dict)


class _Window:
    """A stretch of the problem with its own best order."""

    def __init__(self, problem: Problem, done: Sequence[int], ops: Sequence[int]) -> None:
        self.ops = tuple(ops)
        self.forward = Space(problem, done, ops)
        rest = set(range(len(problem))).difference(done, ops)
        self.backward = Space(problem, rest, ops, backward=True)
        self.order: list[int] = []
        self.peak = 1 << 200
        self.ceiling = [self.peak] * len(ops)
        self.finished = False
        self._index = {v: i for i, v in enumerate(ops)}

    def offer(self, order: Sequence[int]) -> bool:
        """Replay an order of the window; keep it if it is the best."""
        state, memory, peak = 0, self.forward.start_memory, self.forward.start_memory
        for v in order:
            i = self._index[v]
            rise, net = self.forward.effect(i, state)
            self.ceiling[i] = min(self.ceiling[i], memory + rise)
            peak = max(peak, memory + rise)
            memory += net
            state |= 1 << i
        if peak >= self.peak:
            return False
        self.order, self.peak = list(order), peak
        return True

    def bottleneck(self) -> int:
        """Window op with the highest step peak of the best order."""
        state, memory = 0, self.forward.start_memory
        worst = (-1, 0)
        for v in self.order:
            i = self._index[v]
            rise, net = self.forward.effect(i, state)
            if memory + rise > worst[0]:
                worst = (memory + rise, i)
            memory += net
            state |= 1 << i
        return worst[1]


class Engine:
    """One solve of one problem. ``outcome`` is valid at any time, also after an exception."""

    def __init__(self, problem: Problem, meter: Meter, rules: Rules | None = None) -> None:
        self._problem = problem
        self._meter = meter
        self._rules = rules or Rules()
        order = kahn_order(problem)
        floor = max(problem.live_at_start, problem.live_at_end)
        self.outcome = Outcome(order, problem.replay(order).peak, floor)
        self._windows: list[_Window] = []

    def solve(self) -> Outcome:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        try:
            self._solve()
        except LimitReachedError as stop:
            self.outcome.limit = stop.limit
        except KeyboardInterrupt:
            self.outcome.limit = Limit.INTERRUPT
        self.outcome.states = self._meter.states
        return self.outcome

    def _solve(self) -> None:
        problem, outcome = self._problem, self.outcome
        simple = {name: order(problem) for name, order in SIMPLE_ORDERS.items()}
        orders = {name: order for name, order in simple.items() if order is not None}
        outcome.baselines = {name: problem.replay(o).peak for name, o in orders.items()}
        done: list[int] = []
        for ops in windows(problem):
            self._windows.append(_Window(problem, done, ops))
            done.extend(ops)
        stages = {}
        for window in self._windows:
            inside = set(window.ops)
            for order in orders.values():
                window.offer([v for v in order if v in inside])
            stages[id(window)] = self._improve(window)
        self._publish()
        while True:
            open_windows = [w for w in self._windows if w.peak > outcome.bound]
            if not open_windows:
                return
            next(stages[id(max(open_windows, key=lambda w: w.peak))])
            self._publish()

    def _publish(self) -> None:
        """Join the windows' best orders if that improves the incumbent."""
        order = [v for window in self._windows for v in window.order]
        peak = self._problem.replay(order).peak
        if peak < self.outcome.peak or not self._meter.states:
            if peak <= self.outcome.peak:
                self.outcome.order, self.outcome.peak = order, peak
            self._meter.observer.on_incumbent(self.outcome.peak)

    def _raise_bound(self, found: OpBound) -> None:
        if self.outcome.cut is None or found.bound > self.outcome.cut.bound:
            self.outcome.cut = found
        if found.bound > self.outcome.bound:
            self.outcome.bound = found.bound
            self._meter.observer.on_bound(found.bound)

    def _improve(self, window: _Window) -> Iterator[None]:
        """Stages of work on one window; yields whenever another may be more worth while."""
        meter = self._meter
        cuts = CutBounds(window.forward)
        self._raise_bound(cuts.cut(window.bottleneck()))
        yield
        for space in (window.backward, window.forward):
            if window.offer(greedy_order(space, meter)):
                self._raise_bound(cuts.cut(window.bottleneck()))
                yield
        yield from self._beams(window, _NARROW)
        cuts.best(window.ceiling, self.outcome.bound, self._raise_bound)
        yield
        search = self._search(window)
        yield from itertools.islice(search, _PROBE)
        yield from self._beams(window, _WIDE)
        yield from search

    def _beams(self, window: _Window, width: int) -> Iterator[None]:
        for space in (window.backward, window.forward):
            order = beam_order(
                space, width, window.peak, self._meter, compiled=self._rules.compiled
            )
            if order is not None and window.offer(order):
                yield

    def _search(self, window: _Window) -> Iterator[None]:
        """Exact searches, taking turns, until the window's peak meets the bound."""
        improved = False
        low = self.outcome.bound
        # Bisect once the first guess, that the incumbent is optimal, has failed.
        while low < window.peak:
            top = window.peak - 1
            if improved:
                top = (low + top) // 2
            searches = [
                Search(space, budget, self._meter, self._rules)
                for budget in dict.fromkeys((top, low))
                for space in (window.backward, window.forward)
            ]
            for search, event in _take_turns(searches):
                if isinstance(event, Found):
                    window.offer(event.order)
                    improved = True
                    break
                if isinstance(event, Refuted):
                    low = max(low, event.bound)
                    self._refuted(window, search, event)
                yield
                if max(low, self.outcome.bound) > top or window.peak <= top:
                    break
            yield

    def _refuted(self, window: _Window, search: Search, event: Refuted) -> None:
        if event.bound > self.outcome.bound:
            self.outcome.bound = event.bound
            self.outcome.refutation = Refutation(
                event.bound, window.ops, search.space.backward, event.states
            )
            self._meter.observer.on_bound(event.bound)


def _take_turns(searches: Sequence[Search]) -> Iterator[tuple[Search, Found | Refuted | None]]:
    """Events of searches that take turns; the first one has a head start and longer turns."""
    runs = [(search, search.run(_SLICE)) for search in searches]
    favourite = runs[0]
    for turn in itertools.count():
        share = _HEAD_START if turn == 0 else _FAVOUR
        for search, run in [favourite] * share + runs[1:]:
            yield search, next(run)

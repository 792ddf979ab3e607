"""Least peak memory of a problem, by bounds, heuristics and exact search together.

The network is divided into windows (:mod:`solver.peak.split`). The window with the highest peak is
improved first, one stage at a time: the cut of its bottleneck op, greedy orders, beams, all cuts
that could matter, then exact searches (:mod:`solver.peak.portfolio`) with part-wise improvement
(:mod:`solver.peak.refine`) in between, or a formulation (:mod:`solver.peak.formulate`) in their
place. Work ends when the highest peak meets the highest bound; at every stop both are valid.
"""

from __future__ import annotations

import itertools
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Meter
from solver.peak.backend import NAMES, backend
from solver.peak.bounds import CutBounds, OpBound
from solver.peak.formulate import Assistant, formulate
from solver.peak.heuristics import SIMPLE_ORDERS, beam_order, greedy_order, kahn_order
from solver.peak.outcome import Claim, Outcome, Refutation
from solver.peak.portfolio import Portfolio
from solver.peak.refine import refine
from solver.peak.search import Found, Refuted, Rules, Search
from solver.peak.split import boundaries
from solver.peak.window import Window

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from solver.memory import Problem, Profile

_NARROW, _WIDE, _WIDEST = 4, 32, 2048  # beam widths
_QUICK, _THOROUGH = 10_000, 100_000  # their effort
_FORWARD_SHARE = 8
_BEAM_SHARE = 64  # width of later beams per round of exact search before them
_STUCK = 200_000  # states without an answer after which CP-SAT joins in
_MOST_FOR_CPSAT = 128  # ops; larger windows are beyond it
_ENDED = object()

#: Ways to prove an optimum: everything there is, exact search alone, or a formulation alone.
METHODS = ("auto", "dp", *NAMES)


class Engine:
    """One solve of one problem. ``outcome`` is valid at any time, also after an exception.

    Parameters
    ----------
    problem : Problem
        What to solve.
    meter : Meter
        Limits and observer.
    rules : Rules, optional
        Switches of the exact search.
    workers : int
        Threads of exact search; answers do not depend on it.
    method : str
        One of :data:`METHODS`.
    """

    def __init__(
        self,
        problem: Problem,
        meter: Meter,
        rules: Rules | None = None,
        workers: int = 1,
        method: str = "auto",
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
        self._problem = problem
        self._meter = meter
        self._rules = rules or Rules()
        self._workers = workers
        self._method = method
        self._helpers = ExitStack()
        self._order = kahn_order(problem)
        self._profile = problem.replay(self._order)
        floor = max(problem.live_at_start, problem.live_at_end)
        self.outcome = Outcome(self._order, self._profile.peak, floor)
        self._windows: list[Window] = []

    def solve(self) -> Outcome:
        """Improve until proven or stopped; never raises for a limit or an interrupt."""
        pool = ThreadPoolExecutor(self._workers) if self._workers > 1 else None
        try:
            with pool or nullcontext(), self._helpers:
                self._solve(pool)
        except LimitReachedError as stop:
            self.outcome.limit = stop.limit
        except KeyboardInterrupt:
            self.outcome.limit = Limit.INTERRUPT
        self._tidy()
        return self.outcome

    def _tidy(self) -> None:
        """Make the outcome consistent wherever an interrupt struck."""
        outcome = self.outcome
        outcome.states = self._meter.states
        outcome.peak = self._problem.replay(outcome.order).peak
        for evidence in (outcome.cut, outcome.refutation, outcome.claim):
            if evidence is not None:
                outcome.bound = max(outcome.bound, evidence.bound)
        if not outcome.curve or outcome.curve[-1][1:] != (outcome.peak, outcome.bound):
            self._record()

    def _solve(self, pool: Executor | None) -> None:
        problem, outcome = self._problem, self.outcome
        self._record()
        replays: list[tuple[Sequence[int], Profile]] = [(self._order, self._profile)]
        for name, find in SIMPLE_ORDERS.items():
            found = find(problem)
            if found is not None:
                replays.append((found, problem.replay(found)))
                self._offer(found, replays[-1][1].peak)
                outcome.baselines[name] = replays[-1][1].peak
        edges = boundaries(problem, self._order)
        for begin, end in itertools.pairwise(edges):
            window = Window(problem, self._order, begin, end, self._profile)
            for order, profile in replays:
                window.offer_whole(order, profile)
            self._windows.append(window)
        self._join()
        stages: dict[Window, Iterator[None]] = {}
        twins: dict[Hashable, Window] = {}
        while outcome.peak > outcome.bound:
            worst = max(self._windows, key=lambda w: w.peak)
            # Windows of one shape (repeated cells) are solved once.
            twin = twins.setdefault(worst.shape, worst)
            if twin not in stages:
                stages[twin] = self._improve(twin, pool)
            ended = next(stages[twin], _ENDED) is _ENDED
            worst.offer_twin(twin)
            self._join()
            assert not ended or worst.peak <= outcome.bound, "exhausted, yet not proven"

    def _offer(self, order: Sequence[int], peak: int) -> None:
        if peak < self.outcome.peak:
            self.outcome.order, self.outcome.peak = list(order), peak
            self._record()
            self._meter.observer.on_incumbent(peak)

    def _join(self) -> None:
        """Join the windows' best orders if that improves the incumbent."""
        if max((w.peak for w in self._windows), default=0) < self.outcome.peak:
            order = [v for window in self._windows for v in window.order]
            self._offer(order, self._problem.replay(order).peak)

    def _record(self) -> None:
        outcome = self.outcome
        outcome.curve.append((round(self._meter.seconds, 6), outcome.peak, outcome.bound))

    def _raise_bound(self, bound: int) -> None:
        if bound > self.outcome.bound:
            self.outcome.bound = bound
            self._record()
            self._meter.observer.on_bound(bound)

    def _take_cut(self, found: OpBound) -> None:
        if self.outcome.cut is None or found.bound > self.outcome.cut.bound:
            self.outcome.cut = found
        self._raise_bound(found.bound)

    def _improve(self, window: Window, pool: Executor | None) -> Iterator[None]:
        """Stages of work on one window; yields whenever another may be more worth while."""
        meter = self._meter
        cuts = CutBounds(window.forward)

        def cut_bottleneck() -> None:
            self._take_cut(cuts.cut(window.index[window.order[window.bottleneck()]]))

        cut_bottleneck()
        yield
        for space in (window.backward, window.forward):
            if window.offer(greedy_order(space, meter)):
                cut_bottleneck()
                yield
        yield from self._beams(window, _NARROW)
        ceiling = [window.ceiling[v] for v in window.ops]
        cuts.best(ceiling, self.outcome.bound, self._take_cut, meter)
        yield
        if self._method in NAMES:
            yield from self._beams(window, _WIDE, _THOROUGH)
            self._claimed(window, self._formulate(window))
            return
        self._refine(window)
        yield
        for turn, _ in enumerate(self._search(window, pool)):
            if turn == 0:
                yield from self._beams(window, _WIDE, _THOROUGH)
            if turn.bit_count() == 1:  # turns 1, 2, 4, ...: as much again as before
                self._refine(window)
                if _WIDE < _BEAM_SHARE * turn <= _WIDEST:
                    yield from self._beams(window, _BEAM_SHARE * turn, _THOROUGH)
            yield

    def _beams(self, window: Window, width: int, effort: int = _QUICK) -> Iterator[None]:
        """Beams in both directions; wide ones are worth their while backwards above all."""
        for space, share in (
            (window.backward, width),
            (window.forward, max(min(width, _WIDE), width // _FORWARD_SHARE)),
        ):
            order = beam_order(
                space,
                share,
                window.peak,
                self._meter,
                effort=effort,
                floor=self.outcome.bound,
                compiled=self._rules.compiled,
            )
            if order is not None and window.offer(order):
                yield

    def _refine(self, window: Window) -> None:
        refine(
            self._problem,
            window,
            tuple(self._order[: window.begin]),
            bound=self.outcome.bound,
            meter=self._meter,
            rules=self._rules,
        )

    def _search(self, window: Window, pool: Executor | None) -> Iterator[None]:
        portfolio = Portfolio(window, self.outcome.bound, self._meter, self._rules, pool)
        enough = self._meter.states + _STUCK
        assistant: Assistant | None = None
        for outcome in portfolio.run():
            if outcome is None:
                if assistant is None and self._meter.states > enough and self._may_assist(window):
                    assistant = self._assist(window)
                claim = assistant.report() if assistant is not None else None
                if claim is not None:
                    self._claimed(window, claim)
                    portfolio.bound = max(portfolio.bound, claim.bound)
                yield
                continue
            search, event = outcome
            if isinstance(event, Found):
                window.offer(event.order)
            else:
                self._refuted(window, search, event)

    def _formulate(self, window: Window) -> Claim:
        return formulate(
            self._problem,
            window,
            self._order[: window.begin],
            method=self._method,
            bound=self.outcome.bound,
            meter=self._meter,
            workers=self._workers,
        )

    def _may_assist(self, window: Window) -> bool:
        """Whether CP-SAT may try a window beside the searches: on a core of its own."""
        return (
            self._method == "auto"
            and self._workers > 1
            and len(window.ops) <= _MOST_FOR_CPSAT
            and backend("cpsat").is_available()
        )

    def _assist(self, window: Window) -> Assistant:
        assistant = Assistant(
            self._problem,
            window,
            self._order[: window.begin],
            method="cpsat",
            bound=self.outcome.bound,
            meter=self._meter,
        )
        self._helpers.callback(assistant.stop)
        return assistant

    def _claimed(self, window: Window, claim: Claim) -> None:
        """Take what a formulation claims; its order is replayed, its bound is its word."""
        if claim.order is not None:
            window.offer(claim.order)
        if claim.bound > self.outcome.bound:
            self.outcome.claim = claim
            self._raise_bound(claim.bound)
        if claim.limit is not None and window.peak > self.outcome.bound:
            self._join()
            raise LimitReachedError(claim.limit)

    def _refuted(self, window: Window, search: Search, event: Refuted) -> None:
        if event.bound > self.outcome.bound:
            # Evidence first: an interrupt may strike between any two lines.
            self.outcome.refutation = Refutation(
                event.bound, window.ops, search.space.backward, event.states
            )
            self._raise_bound(event.bound)

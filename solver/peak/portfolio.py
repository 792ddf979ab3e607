"""Several exact searches of one window, taking turns or side by side.

A search with a budget just under the incumbent proves it optimal when it fails. Beside it, a
ladder bisects between the bound and the incumbent with searches of limited effort: each refutation
raises the bound, each order found lowers the incumbent, and a budget that is too hard for now
gives way to a lower one, until none is left and the effort grows. Either may be fast in one
direction of time and hopeless in the other, so both run in both. The favourite, backward from the
incumbent, has a head start and longer turns. Decisions are taken in a fixed order after each
round, so that one worker and two give the same answers.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

from solver.limits import Limit, LimitReachedError
from solver.peak.search import Found, Refuted, Rules, Search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from solver.limits import Meter
    from solver.peak.space import Space
    from solver.peak.window import Window

_SLICE = 512  # states one search expands before the next takes its turn
_LARGE = 256_000  # fewer where a window has more than _LARGE / _SLICE ops: states cost more there
_HEAD_START = 16  # slices for the favourite before any other search begins
_FAVOUR = 8  # slices for the favourite in later rounds, to one for another search
_EFFORT = 2048  # states for one budget of a ladder at first
_EFFORT_GROWTH = 4
_FINEST = 64  # a ladder gives up a level of effort when the undecided part is this much smaller

Outcome = tuple[Search, Found | Refuted]


class Portfolio:
    """Searches of one window, with budgets between its bound and its best order.

    Attributes
    ----------
    bound : int
        No order of the window needs less, in bytes.
    """

    def __init__(
        self, window: Window, bound: int, meter: Meter, rules: Rules, pool: Executor | None
    ) -> None:
        self.bound = bound
        self.window = window
        self._meter = meter
        self._rules = rules
        self._pool = pool
        self._slice = max(1, min(_SLICE, _LARGE // len(window.ops)))

    def search(self, space: Space, budget: int) -> Search:
        """Make a search of one budget."""
        return Search(space, budget, self._meter, self._rules)

    def run(self) -> Iterator[Outcome | None]:
        """Yield each order found and each refutation, and None between rounds.

        The caller offers what is found to the window before it goes on. Ends when bound and best
        order of the window meet.

        Raises
        ------
        LimitReachedError
            When a limit is hit, or there is no memory for any search.
        """
        window = self.window
        ladders = [_Ladder(self, space) for space in (window.backward, window.forward)]
        while self.bound < window.peak:
            top = window.peak - 1
            favourite, other = (
                _Proof(self, space, top) for space in (window.backward, window.forward)
            )
            yield from self._rounds(top, favourite, [ladders[0], other, *ladders])

    def _rounds(
        self, top: int, favourite: _Track, others: list[_Track]
    ) -> Iterator[Outcome | None]:
        """Let the tracks take turns until the incumbent falls or is proven."""
        full: set[_Track] = set()
        for turn in itertools.count():
            lanes = [[favourite] * (_HEAD_START if turn == 0 else _FAVOUR)]
            if turn > 0:
                lanes.append([others[turn % len(others)]])
            for track, outcome in self._drive([[t for t in la if t not in full] for la in lanes]):
                if isinstance(outcome, LimitReachedError):
                    full.add(track)
                    continue
                if isinstance(outcome[1], Refuted):
                    self.bound = max(self.bound, outcome[1].bound)
                yield outcome
            if self.bound > top or self.window.peak <= top:
                return
            if len(full) == len({favourite, *others}):
                raise LimitReachedError(Limit.MEMORY)
            yield None

    def _drive(self, lanes: list[list[_Track]]) -> list[tuple[_Track, Outcome | LimitReachedError]]:
        """Results of all lanes, in order; side by side where there is a second worker."""
        run = map if self._pool is None else self._pool.map
        return [result for results in run(self._advance, lanes) for result in results]

    def _advance(self, lane: list[_Track]) -> list[tuple[_Track, Outcome | LimitReachedError]]:
        """Give each track of a lane its slices; a full table is a result, other limits are not."""
        results: list[tuple[_Track, Outcome | LimitReachedError]] = []
        for track in lane:
            if any(track is t and isinstance(r, LimitReachedError) for t, r in results):
                continue
            try:
                outcome = track.advance(self._slice)
            except LimitReachedError as stop:
                if stop.limit is not Limit.MEMORY:
                    raise
                results.append((track, stop))
                continue
            if outcome is not None:
                results.append((track, outcome))
                break  # the others wait until this is taken in
        return results


class _Track(Protocol):
    """Something that advances by slices and now and then decides a budget."""

    def advance(self, states: int) -> Outcome | None:
        """Expand up to ``states`` states."""


class _Proof:
    """One search of one budget, to its end."""

    def __init__(self, portfolio: Portfolio, space: Space, budget: int) -> None:
        self._search = portfolio.search(space, budget)
        self._run = self._search.run()

    def advance(self, states: int) -> Outcome | None:
        """Expand up to ``states`` states."""
        self._search.slice_states = states
        event = next(self._run)
        return None if event is None else (self._search, event)


class _Ladder:
    """Searches of limited effort that bisect between the bound and the incumbent."""

    def __init__(self, portfolio: Portfolio, space: Space) -> None:
        self._portfolio = portfolio
        self._space = space
        self._effort = _EFFORT
        self._hard: int | None = None  # least budget found too hard at this effort
        self._search: Search | None = None
        self._run: Iterator[Found | Refuted | None] = iter(())

    def advance(self, states: int) -> Outcome | None:
        """Expand up to ``states`` states."""
        bound, peak = self._portfolio.bound, self._portfolio.window.peak
        search = self._search
        if search is None or not bound <= search.budget < peak:
            search = self._search = self._portfolio.search(self._space, self._next_budget())
            self._run = search.run()
        search.slice_states = states
        event = next(self._run)
        if event is None:
            if search.states >= self._effort:
                self._hard, self._search = search.budget, None
            return None
        self._search = None
        return search, event

    def _next_budget(self) -> int:
        bound, top = self._portfolio.bound, self._portfolio.window.peak - 1
        high = top if self._hard is None else min(self._hard, top)
        if self._hard is not None and high - bound <= (top - bound) // _FINEST:
            self._effort *= _EFFORT_GROWTH
            self._hard, high = None, top
        return (bound + high) // 2

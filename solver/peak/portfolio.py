"""Several exact searches of one window, taking turns or side by side.

A search from the incumbent down proves it optimal when it fails; a search from the bound up raises
the bound with each budget that it refutes. Either may be fast in one direction of time and
hopeless in the other, so all four run. The favourite, backward and from the incumbent down, has a
head start and longer turns. Decisions are taken in a fixed order after each round, so that one
worker and two give the same answers.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError
from solver.peak.search import Found, Refuted, Rules, Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from solver.limits import Meter
    from solver.peak.window import Window

_SLICE = 512  # states one search expands before the next takes its turn
_LARGE = 256_000  # fewer where a window has more than _LARGE / _SLICE ops: states cost more there
_HEAD_START = 16  # slices for the favourite before any other search begins
_FAVOUR = 8  # slices for the favourite in later rounds

Outcome = tuple[Search, Found | Refuted]


class Portfolio:
    """Searches of one window, with budgets between its bound and its best order."""

    def __init__(
        self, window: Window, bound: int, meter: Meter, rules: Rules, pool: Executor | None
    ) -> None:
        self.bound = bound
        self._window = window
        self._meter = meter
        self._rules = rules
        self._pool = pool
        self._improved = False

    def run(self) -> Iterator[Outcome | None]:
        """Yield each order found and each refutation, and None between rounds.

        Ends when bound and best order of the window meet.

        Raises
        ------
        LimitReachedError
            When a limit is hit, or the tables of every search are full.
        """
        window = self._window
        while self.bound < window.peak:
            top = window.peak - 1
            if self._improved:  # the first guess was not optimal: bisect
                top = (self.bound + top) // 2
            for outcome in self._rounds(top):
                if outcome is not None and isinstance(outcome[1], Refuted):
                    self.bound = max(self.bound, outcome[1].bound)
                elif outcome is not None:
                    self._improved = True
                yield outcome
                if self.bound > top or window.peak <= top:
                    break

    def _rounds(self, top: int) -> Iterator[Outcome | None]:
        searches = [
            Search(space, budget, self._meter, self._rules)
            for budget in dict.fromkeys((top, self.bound))
            for space in (self._window.backward, self._window.forward)
        ]
        states = max(1, min(_SLICE, _LARGE // len(self._window.ops)))
        alive = {id(search): search.run(states) for search in searches}
        for turn in itertools.count():
            lanes = [searches[:1] * (_HEAD_START if turn == 0 else _FAVOUR)]
            if turn > 0:
                lanes.append(searches[1:])
            full = False
            for outcomes in self._drive(lanes, alive):
                for search, event in outcomes:
                    if isinstance(event, LimitReachedError):
                        alive.pop(id(search), None)
                        full = True
                    else:
                        yield search, event
            if full:
                searches = [s for s in searches if id(s) in alive]
                if not searches:
                    raise LimitReachedError(Limit.MEMORY)
            yield None

    def _drive(
        self,
        lanes: Sequence[Sequence[Search]],
        alive: dict[int, Iterator[Found | Refuted | None]],
    ) -> Iterator[list[tuple[Search, Found | Refuted | LimitReachedError]]]:
        """Results of each lane, in order; side by side where there is a second worker."""
        if self._pool is None:
            yield from (_advance(lane, alive) for lane in lanes)
        else:
            yield from self._pool.map(_advance, lanes, [alive] * len(lanes))


def _advance(
    lane: Sequence[Search], alive: dict[int, Iterator[Found | Refuted | None]]
) -> list[tuple[Search, Found | Refuted | LimitReachedError]]:
    """Give each search of a lane its slices; a full table is an event, other limits are not."""
    events: list[tuple[Search, Found | Refuted | LimitReachedError]] = []
    ended: set[int] = set()
    for search in lane:
        if id(search) in ended:
            continue
        try:
            event = next(alive[id(search)])
        except LimitReachedError as stop:
            if stop.limit is not Limit.MEMORY:
                raise
            events.append((search, stop))
            ended.add(id(search))
            continue
        if event is not None:
            events.append((search, event))
            ended.add(id(search))
    return events

"""Exact search: an order within a budget, or the next budget to try.

A state is the set of ops done. Three facts keep the search small; each is a switch so that tests
can prove that none changes an answer:

* *free moves*: an op that fits and does not raise memory is taken at once;
* *valley commits*: let ``W`` be reachable from ``S`` within the budget with memory no higher than
  in every state between the two. Some completion within the budget, if there is any, begins with
  the path to ``W``, because memory is submodular. Below a state found no higher than ``S``, the
  largest cheapest state of the interval is such a ``W``: a minimum cut;
* *lookahead*: the same replacement below any open state, by short chains in which each op waits for
  the one before. The states between are the prefixes of the chain, so the first prefix that is
  no higher than the start is itself the cheapest.

Commits at the root drop everything found before (this is where a network falls apart into
segments), and what is left is indexed anew once it needs fewer words. Duplicates are dropped
always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError
from solver.peak.explorer import Event, Explorer, PythonExplorer
from solver.peak.flow import cheapest_between
from solver.peak.kernel import NativeExplorer
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.limits import Meter

_SLICE = 512
_WORD = 64  # ops that one word of a state holds


@dataclass(frozen=True, slots=True)
class Rules:
    """Switches of the pruning rules.

    ``lookahead`` is the number of ops in a chain that may replace a state; 0 or 1 switches nested
    valleys off. ``compiled`` allows the compiled kernel where it is installed; it walks the same
    states as the Python one.
    """

    free_moves: bool = True
    commits: bool = True
    lookahead: int = 8
    compiled: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """An order of the window (problem ops, forward time) within the budget."""

    order: list[int]


@dataclass(frozen=True, slots=True)
class Refuted:
    """No order fits. Every order needs at least ``bound`` bytes; ``states`` were expanded."""

    bound: int
    states: int


class Search:
    """One decision: an order of ``space`` with every step peak within ``budget``."""

    def __init__(self, space: Space, budget: int, meter: Meter, rules: Rules | None = None) -> None:
        self.space = space
        self.budget = budget
        self.slice_states = _SLICE
        self._meter = meter
        self._rules = rules or Rules()
        self._left = space  # states over the ops that were left when they were last indexed
        self._path: list[int] = []  # problem ops before those, in the direction of the search
        self._states = 0  # expanded by then
        self._explorer = self._explore()

    @property
    def states(self) -> int:
        """States expanded so far."""
        return self._states + self._explorer.states

    def run(self, slice_states: int | None = None) -> Iterator[Found | Refuted | None]:
        """Search, yielding None after every ``slice_states`` states and then the outcome.

        Resumed after a refutation, it goes on with the refuting bound as its budget and keeps
        what it has: commits and closed states stay right under a larger budget.
        """
        self.slice_states = slice_states or self.slice_states
        prefix = self._index_anew(self._explorer.commit([]))
        while len(prefix) < len(self._left.ops):
            explorer = self._explorer
            event = self._advance()
            if event is Event.SLICE:
                yield None
            elif event is Event.REFUTED:
                yield Refuted(explorer.rejected, self.states)
                self.budget = explorer.rejected
                explorer.raise_budget()
            elif event is Event.FULL:
                prefix += explorer.path()
            else:
                prefix += explorer.commit(self._deepest(prefix, explorer.path()))
                prefix = self._index_anew(prefix)
        path = [*self._path, *(self._left.ops[i] for i in prefix)]
        yield Found(path[::-1] if self.space.backward else path)

    def _explore(self) -> Explorer:
        rules, space = self._rules, self._left
        # Chains of one op are the free moves.
        chain = max(rules.lookahead, 1) if rules.free_moves else 0
        make = NativeExplorer if rules.compiled and NativeExplorer.fits(space) else PythonExplorer
        return make(space, self.budget, chain=chain, commits=rules.commits)

    def _index_anew(self, prefix: list[int]) -> list[int]:
        """Give the ops after a commit new numbers if that saves words; return what is then done."""
        space = self._left
        rest = len(space.ops) - len(prefix)
        if rest == 0 or _words(rest) == _words(len(space.ops)):
            return prefix
        done = [space.ops[i] for i in prefix]
        left = set(space.ops).difference(done)
        self._path += done
        self._states += self._explorer.states
        self._left = Space(
            space.problem,
            space.done.union(done),
            [v for v in space.ops if v in left],
            backward=space.backward,
        )
        self._explorer = self._explore()
        return self._explorer.commit([])

    def _advance(self) -> Event:
        before = self._explorer.states
        allowed = self._meter.allowance(self.slice_states)
        event = self._explorer.advance(allowed, self._meter.memory_left())
        self._meter.add(self._explorer.states - before)
        if event is Event.NO_MEMORY:
            raise LimitReachedError(Limit.MEMORY)
        return event

    def _deepest(self, prefix: list[int], path: list[int]) -> list[int]:
        """Ops of ``path`` in the largest cheapest state between the root and its end."""
        low = sum(1 << op for op in prefix)
        high = low | sum(1 << op for op in path)
        target = cheapest_between(self._left, low, high).state
        return [op for op in path if target >> op & 1]


def _words(ops: int) -> int:
    return -(-ops // _WORD)

"""From exploration to plans: run an explorer under limits and read off what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError
from solver.traffic import kernel
from solver.traffic.deferred import DeferredExplorer, defers
from solver.traffic.explorer import PythonExplorer
from solver.traffic.kernel import NativeExplorer, NativeSketch
from solver.traffic.ladder import share_of
from solver.traffic.residency import Gap, Residency
from solver.traffic.rules import UNBOUNDED, Event, Explorer, Rules, Sketch
from solver.traffic.sketch import PythonSketch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from solver.limits import Meter
    from solver.traffic.space import Space

_SLICE = 1024
_STEPS = 2**14


def warm_up(space: Space, meter: Meter, rules: Rules) -> None:
    """Work out the tally bound of the whole problem, which searches begin with.

    After a share of the time it is given up.

    Raises
    ------
    LimitReachedError
        When a limit is hit.
    """
    work = kernel.warm if NativeExplorer.fits(space, rules) else _warm
    until = share_of(meter)
    while rules.tally and not work(space, _STEPS if meter.seconds < until else 0):
        meter.check()


def _warm(space: Space, steps: int) -> bool:
    return space.tally.warm(steps)


class Search:
    """Exact search of a space for a plan that spills less than ``upper`` bytes.

    Parameters
    ----------
    space : Space
        The whole problem.
    meter : Meter
        Limits and observer.
    upper : int
        Spilled bytes of the best plan known.
    rules : Rules, optional
        Pruning.
    greed : int
        0 for best-first search, whose bound is valid at any time. Above, the cost to come weighs
        that much more: plans are found sooner and prove nothing.
    width : int
        0 for a search of everything. Above, a beam of so many states for each number of ops undone:
        it proves nothing either.
    sketch : Sketch, optional
        Of the same space and made under the same rules. Of no use where the search `defers`.
    """

    def __init__(
        self,
        space: Space,
        meter: Meter,
        upper: int = UNBOUNDED,
        rules: Rules | None = None,
        *,
        greed: int = 0,
        width: int = 0,
        sketch: Sketch | None = None,
    ) -> None:
        rules = rules or Rules()
        self.space = space
        self._meter = meter
        self._explorer: Explorer
        defer = not width and defers(space, rules)
        if defer:
            sketch = None
        if NativeExplorer.fits(space, rules):
            assert sketch is None or isinstance(sketch, NativeSketch)
            self._explorer = NativeExplorer(
                space, upper, rules, greed=greed, width=width, sketch=sketch, defer=defer
            )
        elif defer:
            self._explorer = DeferredExplorer(space, upper, rules, greed=greed)
        else:
            assert sketch is None or isinstance(sketch, PythonSketch)
            self._explorer = PythonExplorer(
                space, upper, rules, greed=greed, width=width, sketch=sketch
            )
        self._is_partial = bool(greed or width)
        self.is_done = False  # whether the best plan is known

    @property
    def bound(self) -> int:
        """No plan spills less, unless it spills at least ``upper``."""
        return 0 if self._is_partial else self._explorer.bound

    @property
    def states(self) -> int:
        """States expanded so far."""
        return self._explorer.states

    def run(
        self,
        on_bound: Callable[[int], None] | None = None,
        states: int | None = None,
        until: float | None = None,
    ) -> Residency | None:
        """Search to the end, or for about so many states, or until so many seconds of the meter.

        Returns
        -------
        Residency or None
            A plan below ``upper``, the best one unless the search is partial; None if there is
            none, or if the search was not ``is_done``.

        Raises
        ------
        LimitReachedError
            When a limit is hit; ``bound`` is valid then.
        """
        explorer, meter = self._explorer, self._meter

        def check() -> bool:
            meter.check()
            return until is not None and meter.seconds >= until

        while (states is None or explorer.states < states) and (
            until is None or meter.seconds < until
        ):
            before, bound = explorer.states, explorer.bound
            allowed = meter.allowance(_SLICE)
            event = explorer.advance(allowed, meter.memory_left(), check)
            if on_bound is not None and explorer.bound > bound and not self._is_partial:
                on_bound(explorer.bound)
            if event is Event.FOUND:
                self._count(before)
                self.is_done = not self._is_partial
                return residency_of(self.space, explorer.moves())
            if event is Event.EXHAUSTED:
                self._count(before)
                self.is_done = not self._is_partial
                return None
            meter.add(explorer.states - before)
            if event is Event.NO_MEMORY:
                raise LimitReachedError(Limit.MEMORY)
        return None

    def _count(self, before: int) -> None:
        """Count the last states without looking at the clock: the answer is here."""
        self._meter.states += self._explorer.states - before


def residency_of(space: Space, moves: Sequence[int]) -> Residency:
    """Read moves in backward time as an order and the gaps of absence."""
    absent: set[Gap] = set()
    dropped: set[int] = set()
    order: list[int] = []
    for move in moves:
        if move < 0:
            dropped.add(~move)
            continue
        v = space.ops[move]
        order.append(v)
        for k in [k for k in dropped if space.touch[move] >> k & 1]:
            absent.add((space.buffers[k], v))
            dropped.discard(k)
    return Residency(tuple(reversed(order)), frozenset(absent))

"""Exact search for a layout of a given height: canonical, bottom-left, with inference per column.

Take, of all layouts that fit, one whose offsets have the least sum. In it every body rests on the
arena's floor or on another body, so it arises by placing bodies in the order of their offsets, each
on the skyline of those before it. That justifies every rule below; the first two, the fourth and
the fifth are those of Moffitt, "MiniMalloc: a lightweight memory allocator for hardware-accelerated
machine learning" (ASPLOS 2024).

- *canonical*: offsets never fall from one placement to the next, equal ones follow the preorder;
- *dominance*: no body is placed at or above the top of one that would fit below it as things are;
- *ceiling*: what is left of a column must fit above the offset of the next placement;
- *floor*: what is left of a column must fit above the lowest skyline of the bodies left in it;
- *split*: bodies left that no column joins are placed independently.

A refutation also returns the least height that any rule asked for: no layout is lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from solver.arena.bodies import Part

    Ints = npt.NDArray[np.int64]

_NEVER = 2**62
_CHECK_EVERY = 128  # nodes between looks at the limits
#: Above this the recursion could exhaust the interpreter's stack.
MOST_BODIES = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search found out.

    Attributes
    ----------
    offsets : tuple of int or None
        A layout within the height, one offset per body.
    bound : int or None
        After a complete search without a layout: no layout is lower than this many bytes, which
        is more than the height asked for.
    nodes : int
        Nodes visited.
    """

    offsets: tuple[int, ...] | None
    bound: int | None
    nodes: int


class _NodesSpentError(Exception):
    pass


def search_within(
    part: Part,
    height: int,
    preorder: Sequence[int],
    nodes: int,
    check: Callable[[], None] = lambda: None,
) -> Verdict:
    """Look for a layout of at most ``height`` bytes; both results None means undecided.

    Parameters
    ----------
    part : Part
        At most ``MOST_BODIES`` bodies, none of them pinned.
    height : int
        Bytes.
    preorder : sequence of int
        Which bodies to try first among those at one offset.
    nodes : int
        How many nodes to visit at most.
    check : callable
        Called now and then; what it raises ends the search.

    Raises
    ------
    ValueError
        If a body is pinned or there are too many.
    """
    if any(body.pin is not None for body in part.bodies):
        raise ValueError("the canonical search cannot keep a pinned body where it is")
    if len(part.bodies) > MOST_BODIES:
        raise ValueError(f"{len(part.bodies)} bodies, more than {MOST_BODIES}")
    if part.bound > height:
        return Verdict(None, part.bound, 0)
    search = _Search(part, height, preorder, nodes, check)
    try:
        found = search.run()
    except _NodesSpentError:
        return Verdict(None, None, search.nodes)
    if found:
        return Verdict(search.offsets(), None, search.nodes)
    return Verdict(None, search.rejected, search.nodes)


@dataclass(slots=True)
class _State:
    """Bodies left (preorder positions), the skyline below each, and the columns.

    ``last`` is the offset of the latest placement and ``latest`` its preorder position.
    """

    left: Ints
    resting: Ints
    skyline: Ints
    remaining: Ints
    last: int
    latest: int


class _Search:
    def __init__(
        self,
        part: Part,
        height: int,
        preorder: Sequence[int],
        nodes: int,
        check: Callable[[], None],
    ) -> None:
        self.nodes = 0
        self.rejected = _NEVER
        self._height = height
        self._limit = nodes
        self._check = check
        self._preorder = preorder
        bodies = [part.bodies[i] for i in preorder]
        self._begin = np.array([b.begin for b in bodies])
        self._end = np.array([b.end for b in bodies])
        self._size = np.array([b.size for b in bodies])
        self._profile = [np.array(b.sizes) for b in bodies]
        self._loads = np.array(part.loads)
        self._rise = self._rises()
        self._found = np.zeros(len(bodies), dtype=np.int64)

    def _rises(self) -> Ints:
        """Bytes from a body's offset to where another may rest on it; -1 if they never meet."""
        begin = np.maximum(self._begin[:, None], self._begin[None, :])
        end = np.minimum(self._end[:, None], self._end[None, :])
        rise = np.where(begin < end, self._size[:, None], -1)
        for i, profile in enumerate(self._profile):
            if profile.min() < profile.max():
                for j in np.nonzero(rise[i] >= 0)[0]:
                    first = self._begin[i]
                    rise[i, j] = profile[begin[i, j] - first : end[i, j] - first].max()
        np.fill_diagonal(rise, -1)
        return rise

    def offsets(self) -> tuple[int, ...]:
        """Offsets found, by body of the part."""
        placed = dict(zip(self._preorder, self._found.tolist(), strict=True))
        return tuple(placed[i] for i in range(len(placed)))

    def run(self) -> bool:
        n = len(self._size)
        return self._place_all(
            _State(
                left=np.arange(n),
                resting=np.zeros(n, dtype=np.int64),
                skyline=np.zeros(len(self._loads), dtype=np.int64),
                remaining=self._loads,
                last=0,
                latest=-1,
            )
        )

    def _place_all(self, state: _State) -> bool:
        """Place what is left, by independent groups, smallest first."""
        if not len(state.left):
            return True
        begin, end = self._begin[state.left], self._end[state.left]
        by_begin = np.argsort(begin, kind="stable")
        reach = np.maximum.accumulate(end[by_begin])
        cuts = np.nonzero(begin[by_begin][1:] >= reach[:-1])[0]
        if not len(cuts):
            return self._branch(state)
        for group in sorted(np.split(by_begin, cuts + 1), key=len):
            chosen = np.sort(group)
            part = _State(
                state.left[chosen],
                state.resting[chosen],
                state.skyline,
                state.remaining,
                state.last,
                state.latest,
            )
            if not self._branch(part):
                return False
        return True

    def _branch(self, state: _State) -> bool:
        self.nodes += 1
        if self.nodes > self._limit:
            raise _NodesSpentError
        if self.nodes % _CHECK_EVERY == 0:
            self._check()
        for k in self._candidates(state):
            after = self._placed(state, k)
            if after is not None and self._place_all(after):
                return True
        return False

    def _candidates(self, state: _State) -> list[int]:
        """Which of the bodies left may come next, lowest first, then by preorder."""
        resting = state.resting
        tops = resting + self._size[state.left]
        lowest = int(tops.argmin())
        least_top = int(tops[lowest])
        others = np.delete(tops, lowest)
        second_top = int(others.min()) if len(others) else _NEVER
        begin = int(self._begin[state.left].min())
        end = int(self._end[state.left].max())
        most = int(state.remaining[begin:end].max())
        below_others = resting < least_top  # dominance
        below_others[lowest] = resting[lowest] < second_top
        allowed = (resting >= state.last) & below_others
        if state.latest >= 0:
            allowed &= (resting > state.last) | (state.left > state.latest)
        fits = resting + most <= self._height  # ceiling
        too_high = resting[allowed & ~fits]
        if len(too_high):
            self._reject(int(too_high.min()) + most)
        chosen = np.nonzero(allowed & fits)[0]
        order: list[int] = chosen[np.argsort(resting[chosen], kind="stable")].tolist()
        return order

    def _placed(self, state: _State, k: int) -> _State | None:
        """State after placing the ``k``-th body left, or None if something cannot fit any more."""
        i = int(state.left[k])
        offset = int(state.resting[k])
        columns = slice(int(self._begin[i]), int(self._end[i]))
        self._found[i] = offset
        keep = np.ones(len(state.left), dtype=bool)
        keep[k] = False
        left = state.left[keep]
        rise = self._rise[i, left]
        resting = np.maximum(state.resting[keep], np.where(rise >= 0, offset + rise, 0))
        remaining = state.remaining.copy()
        remaining[columns] -= self._profile[i]
        skyline = state.skyline.copy()
        skyline[columns] = offset + self._profile[i]
        after = _State(left, resting, skyline, remaining, offset, i)
        needed = self._needed(after, columns)
        if needed > self._height:
            self._reject(needed)
            return None
        return after

    def _needed(self, state: _State, placed: slice) -> int:
        """Height that the columns ask for: the body just placed, and what is left of each."""
        highest = int(state.skyline[placed].max())
        if not len(state.left):
            return highest
        lowest = np.maximum(state.resting, state.last)
        floor = np.full(len(state.skyline), _NEVER)
        falling = np.argsort(-lowest, kind="stable")
        begins = self._begin[state.left][falling].tolist()
        ends = self._end[state.left][falling].tolist()
        for begin, end, offset in zip(begins, ends, lowest[falling].tolist(), strict=True):
            floor[begin:end] = offset
        left = floor < _NEVER
        return max(highest, int((floor[left] + state.remaining[left]).max()))

    def _reject(self, needed: int) -> None:
        self.rejected = min(self.rejected, needed)

"""The linear program of a chain of landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.traffic.landmarks.linear import ONE, ZERO, LinearProgram, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.traffic.model import TrafficBuffer, TrafficProblem


class ChainProgram(LinearProgram):
    """See :mod:`solver.traffic.landmarks`.

    Parameters
    ----------
    problem : TrafficProblem
        No op may be oversized.
    landmarks : sequence of int
        Ops, each before the next by precedence.
    unit : int
        Bytes; divides the sizes of all buffers. Costs are in units.

    Raises
    ------
    ValueError
        If precedence does not put each landmark before the next.
    """

    def __init__(self, problem: TrafficProblem, landmarks: Sequence[int], unit: int) -> None:
        super().__init__()
        self._problem = problem
        self._landmarks = landmarks
        self._unit = unit
        self._before: list[list[Term]] = []  # per landmark, per op
        self._held: list[list[tuple[int, Term]]] = [[] for _ in landmarks]
        for landmark in landmarks:
            self._place(landmark)
        for buffer in problem.buffers:
            if len(buffer.users) > 1:
                self._spill(buffer)
        for landmark, held in zip(landmarks, self._held, strict=True):
            if held:
                self.row(held, (problem.capacity - problem.footprint(landmark)) // unit)

    def _place(self, landmark: int) -> None:
        """Decide which ops run before a landmark."""
        problem = self._problem
        earlier = self._before[-1] if self._before else [ZERO] * len(problem)
        here: list[Term | None] = [None] * len(problem)
        for u in reach(landmark, problem.predecessors):
            here[u] = ONE
        for u in (landmark, *reach(landmark, problem.successors)):
            here[u] = ZERO
        if self._before and here[self._landmarks[len(self._before) - 1]] != ONE:
            raise ValueError("landmarks are not a chain")
        terms = [self._after(earlier[u]) if term is None else term for u, term in enumerate(here)]
        for u, followers in enumerate(problem.successors):
            for w in followers:
                if terms[w] != ZERO and terms[u] != ONE:
                    self.row([(1, terms[w]), (-1, terms[u])])
        self._before.append(terms)

    def _after(self, earlier: Term) -> Term:
        """Place an op that may run on either side, given its place at the landmark before."""
        if earlier == ONE:
            return ONE
        term = self.variable()
        if earlier != ZERO:
            self.row([(1, earlier), (-1, term)])
        return term

    def _spill(self, buffer: TrafficBuffer) -> None:
        """Decide where a buffer is absent, and pay for it."""
        size = buffer.size // self._unit
        stored: Term | None = None
        before: tuple[int, Term] | None = None  # the landmark before, if it was live there: absent
        for i, landmark in enumerate(self._landmarks):
            absent = None if landmark in buffer.users else self._absence(buffer, i)
            if before is not None:
                self._reload(buffer, before, i, absent)
            before = None
            if absent is None:
                continue
            before = i, absent
            if not buffer.compulsory:
                if stored is None:
                    stored = self.variable(size)
                self.row([(1, absent), (-1, stored)])
        if before is not None:
            self.cost[before[1].variable] += size

    def _absence(self, buffer: TrafficBuffer, i: int) -> Term | None:
        """Whether a buffer is absent while a landmark runs; None if it cannot be live."""
        before = self._before[i]
        born = self.at_least_any([before[u] for u in buffer.writers or buffer.readers])
        dead = self.at_most_all([before[u] for u in buffer.readers or buffer.writers])
        if born == ZERO or dead == ONE:
            return None
        kept, absent = self.variable(), self.variable()
        self._held[i].append((buffer.size // self._unit, kept))
        self.row([(1, born), (-1, dead), (-1, kept), (-1, absent)])
        return absent

    def _reload(
        self, buffer: TrafficBuffer, before: tuple[int, Term], i: int, absent: Term | None
    ) -> None:
        """Pay for the reload that ends an absence at or before a landmark."""
        size = buffer.size // self._unit
        last, was_absent = before
        if absent is None or any(
            self._before[last][u] == ZERO and self._before[i][u] == ONE for u in buffer.users
        ):
            self.cost[was_absent.variable] += size
        else:
            reload = self.variable(size)
            self.row([(1, was_absent), (-1, absent), (-1, reload)])


def reach(start: int, follow: Sequence[Sequence[int]]) -> set[int]:
    """Return all that can be reached from an op, without itself."""
    found: set[int] = set()
    stack = list(follow[start])
    while stack:
        v = stack.pop()
        if v not in found:
            found.add(v)
            stack.extend(follow[v])
    return found

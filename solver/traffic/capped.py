"""The best replacement for a fixed order where external memory is capped too.

A buffer that is absent in a gap may *linger* in the TCM after its use, and *hurry* back before the
next: that moves nothing more, and if it has not been stored before, or is not loaded again after,
external memory holds it for as much less. Inputs may so be loaded before their first use, outputs
stored after their last. Columns say, for each gap, whether the buffer is stored by then and whether
it is still needed outside, and between each two ops whether it is held there.

Between two ops the plan does four things: it drops what need not be stored, loads some buffers
(they *rush* back), stores what leaves, and loads the rest. What the TCM holds after the second, and
what external memory holds after the third, must fit too. Ways that need less are not looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from solver.traffic.intervals import Formulation, Stay, best_replacement
from solver.traffic.model import Mode
from solver.traffic.residency import Interval, Residency, fits, intervals, margins, plan_steps
from solver.traffic.simulate import InvalidStepError, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from solver.traffic.model import TrafficBuffer, TrafficProblem

_Row = dict[int, float]
_YES, _NO = -1, -2  # in place of columns


@dataclass(frozen=True, slots=True)
class _Partly:
    """A gap, or a margin, with its columns by step of an op.

    The buffer lingers then, has hurried back by then, has rushed back after the op before.
    """

    interval: Interval
    keep: int | None  # column of being kept throughout; None for a margin
    lingers: dict[int, int] = field(default_factory=dict)
    hurries: dict[int, int] = field(default_factory=dict)
    rushes: dict[int, int] = field(default_factory=dict)

    def is_back(self, step: int) -> int | None:
        """Column of being back before anything is stored for the op at ``step``."""
        return self.rushes.get(step, self.hurries.get(step - 1))


class _CappedFormulation(Formulation):
    """Adds partial stays, and what external memory holds."""

    def __init__(self, problem: TrafficProblem, order: Sequence[int]) -> None:
        self._chains: dict[int, list[_Partly]] = {}
        super().__init__(problem, order, ())
        assert problem.external is not None
        always = sum(b.size for b in problem.buffers if b.is_input and b.is_output)
        self._free = problem.external - problem.idle_bytes - always
        self._between: list[_Row] = [{} for _ in range(len(order) + 1)]
        self._held: dict[tuple[int, int], int] = {}  # by buffer and step of the op after
        self._crowd: list[_Row] = [{} for _ in range(len(order) + 1)]
        for b, chain in self._chains.items():
            if not problem.buffers[b].is_output:
                self._add_rushes(chain)
            self._add_held(problem.buffers[b], chain)
        for g, gap in enumerate(self.gaps):
            if gap.buffer not in self._chains:  # both input and output
                for entries in self._crowd[gap.begin + 1 : gap.end + 1]:
                    entries[g] = problem.buffers[gap.buffer].size
        for entries in self._between:
            self._cap(entries, self._free)
        for entries in self._crowd:
            self._cap(entries, problem.capacity)
        if problem.mode is Mode.STREAMING:
            self._count_streamed()

    def stays(self) -> Iterator[Stay]:
        """List the columns that take room, partial stays included."""
        yield from super().stays()
        gaps = [_Partly(gap, g) for g, gap in enumerate(self.gaps)]
        gaps += [_Partly(margin, None) for margin in margins(self.problem, self.order)]
        for partly in sorted(gaps, key=lambda p: (p.interval.buffer, p.interval.begin)):
            buffer = self.problem.buffers[partly.interval.buffer]
            if not (buffer.is_input and buffer.is_output):
                self._chains.setdefault(partly.interval.buffer, []).append(partly)
                yield from self._partial_stays(partly, buffer)

    def _partial_stays(self, partly: _Partly, buffer: TrafficBuffer) -> Iterator[Stay]:
        """Add columns of lingering and of having hurried back, by step.

        Where operands may be streamed, these begin and end with the use itself.
        """
        gap, n = partly.interval, len(self.order)
        streams = self.problem.mode is Mode.STREAMING
        first = gap.begin if streams and gap.begin >= 0 else gap.begin + 1
        last = gap.end if streams and gap.end < n else gap.end - 1
        if not buffer.is_input:  # external memory has a copy of an input anyway
            for step in range(first, gap.end):
                column = partly.lingers[step] = self.column()
                if step > first:
                    self.row({partly.lingers[step - 1]: 1, column: -1}, 0)
                use = (gap.begin,) if step == first and gap.begin >= 0 else ()
                yield Stay(column, gap.buffer, max(step, gap.begin + 1), step + 1, use)
        if not buffer.is_output:
            for step in range(gap.begin + 1, last + 1):
                column = partly.hurries[step] = self.column()
                if step > gap.begin + 1:
                    self.row({column: 1, partly.hurries[step - 1]: -1}, 0)
                use = (gap.end,) if step == last and gap.end < n else ()
                yield Stay(column, gap.buffer, step, min(step + 1, gap.end), use)
        for step in range(gap.begin + 1, gap.end):
            columns = _present(partly.keep, partly.lingers.get(step), partly.hurries.get(step))
            if len(columns) > 1:
                self.row(dict.fromkeys(columns, -1.0), -1)

    def _add_rushes(self, chain: list[_Partly]) -> None:
        """Add columns of rushing back: later than the op before, no later than the op after."""
        for partly in chain:
            for step in range(partly.interval.begin + 2, partly.interval.end + 1):
                column = self.column()
                others = _present(partly.keep, partly.lingers.get(step - 1))
                self.row({column: -1, **dict.fromkeys(others, -1.0)}, -1)
                if step - 1 in partly.hurries:
                    self.row({column: 1, partly.hurries[step - 1]: -1}, 0)
                if step in partly.hurries:
                    self.row({partly.hurries[step]: 1, column: -1}, 0)
                partly.rushes[step] = column

    def _add_held(self, buffer: TrafficBuffer, chain: list[_Partly]) -> None:
        """Say between which ops external memory holds a buffer."""
        gaps = [partly for partly in chain if partly.keep is not None]
        stored = [_YES if buffer.is_input else _NO, *self._absent_by(gaps)]
        needed = [*self._absent_by(gaps[::-1])[::-1], _YES if buffer.is_output else _NO]
        if buffer.is_input:
            stored = [_YES] * len(stored)
        if buffer.is_output:
            needed = [_YES] * len(needed)
        at = 0  # gaps passed
        for partly in chain:
            is_gap = partly.keep is not None
            before, now, later = stored[at], needed[at], needed[min(at + is_gap, len(gaps))]
            now = now if is_gap else _YES
            at += is_gap
            gap = partly.interval
            for boundary in range(gap.begin + 1, gap.end + 1):
                held = self.column(integral=False)
                self._between[boundary][held] = buffer.size
                self._held[gap.buffer, boundary] = held
                back = _present(partly.is_back(boundary))
                stays = _present(partly.keep, partly.lingers.get(boundary))
                self._hold(held, [_YES], unless=[*stays, *back])
                self._hold(held, [before, now], unless=back)
                self._hold(held, [before, later])
                for column in back:
                    self._hold(held, [column, later])

                self._add_crowd(partly, boundary, before, [*stays, *back])

    def _add_crowd(self, partly: _Partly, boundary: int, before: int, inside: list[int]) -> None:
        """Say what is in the TCM between two ops before anything is stored."""
        gap = partly.interval
        here = self.column(integral=False)
        self._crowd[boundary][here] = self.problem.buffers[gap.buffer].size
        for column in inside:
            self._hold(here, [column])
        # Still there if it has to be stored first: just touched, or lingering so far.
        if gap.begins_with in self.problem.buffers[gap.buffer].writers:
            before = _NO  # or stale since
        if before == _YES:
            return
        there = partly.lingers.get(boundary - 1, _NO)
        if boundary - 1 == gap.begin:
            is_resident = self.problem.mode is Mode.RESIDENT
            there = _YES if is_resident else self.present.get((gap.buffer, gap.begin), _NO)
        self._hold(here, [there], unless=_present(before))

    def _hold(self, held: int, if_all: Sequence[int], unless: Sequence[int] = ()) -> None:
        """Let ``held`` be one if all of some columns are, unless one of some others is."""
        if _NO in if_all:
            return
        columns = [column for column in if_all if column != _YES]
        row = {held: 1.0, **dict.fromkeys(columns, -1.0), **dict.fromkeys(unless, 1.0)}
        self.row(row, 1 - len(columns))

    def _absent_by(self, gaps: Sequence[_Partly]) -> list[int]:
        """Columns that tell whether some gap up to each is not kept."""
        found: list[int] = []
        for partly in gaps:
            assert partly.keep is not None
            column = self.column(integral=False)
            self.row({column: 1, partly.keep: 1}, 1)
            if found:
                self.row({column: 1, found[-1]: -1}, 0)
            found.append(column)
        return found

    def _cap(self, entries: _Row, room: int) -> None:
        if sum(entries.values()) > room:
            scaled = {column: -size // self.unit for column, size in entries.items()}
            self.row(scaled, -(room // self.unit))

    def _count_streamed(self) -> None:
        """Count both what an op reads and what it writes, as far as it streams them."""
        for step, v in enumerate(self.order):
            entries = dict(self._between[step])
            for b in self.problem.touched[v]:
                sides = [self._held[b, t] for t in (step, step + 1) if (b, t) in self._held]
                if not sides:
                    continue
                column, is_inside = self.column(integral=False), {}
                if (b, step) in self.present:
                    is_inside = {self.present[b, step]: 1.0}
                    stays = dict.fromkeys(self.next_to[b, step], 1.0)
                    self.row({self.present[b, step]: -1, **stays}, 0)
                for held in sides:
                    entries.pop(held, None)
                    self.row({column: 1, held: -1, **is_inside}, 0)
                if len(sides) > 1:
                    self.row({column: 1, **dict.fromkeys(sides, -1.0)}, -1)
                entries[column] = self.problem.buffers[b].size
            self._cap(entries, self._free)

    def read(self, is_one: Sequence[bool]) -> Residency:
        """Read a solution, by column."""
        lingers, hurries, rushes = set(), set(), set()
        for chain in self._chains.values():
            for partly in chain:
                gap = partly.interval.gap
                if partly.keep is not None and is_one[partly.keep]:
                    continue
                last = max((s for s, c in partly.lingers.items() if is_one[c]), default=None)
                first = min((s for s, c in partly.hurries.items() if is_one[c]), default=None)
                if last is not None:
                    lingers.add((gap, self.order[last]))
                rush = min((s for s, c in partly.rushes.items() if is_one[c]), default=None)
                if rush is not None and (first is None or rush <= first):
                    rushes.add((gap, self.order[rush - 1]))
                elif first is not None:
                    hurries.add((gap, self.order[first]))
        return replace(
            super().read(is_one),
            lingers=frozenset(lingers),
            hurries=frozenset(hurries),
            rushes=frozenset(rushes),
        )


def _present(*columns: int | None) -> list[int]:
    """Leave out what is no column."""
    return [column for column in columns if column is not None and column >= 0]


def best_capped_replacement(
    problem: TrafficProblem,
    order: Sequence[int],
    seconds: float | None = None,
    most_steps: int = 2**17,
) -> Residency | None:
    """Low traffic for ``order`` within both memories.

    Parameters
    ----------
    problem : TrafficProblem
        With a cap on external memory; no op may be oversized.
    order : sequence of int
        A valid order.
    seconds : float, optional
        Time for the solver; what it has by then is returned.
    most_steps : int
        The program has columns for each step of each gap. Where these are more, the best plan
        without a cap is tried instead.

    Returns
    -------
    Residency or None
        None if nothing was found.
    """
    gaps = (*intervals(problem, order), *margins(problem, order))
    if sum(gap.end - gap.begin for gap in gaps) > most_steps:
        found = best_replacement(replace(problem, external=None), order, seconds)
    else:
        found = _CappedFormulation(problem, order).solve(seconds)
    return found if found is not None and fits_both(problem, found) else None


def fits_both(problem: TrafficProblem, residency: Residency) -> bool:
    """Whether a plan stays within the TCM and within external memory."""
    if not fits(problem, residency):
        return False
    try:
        simulate(problem, plan_steps(problem, residency))
    except InvalidStepError:
        return False
    return True

"""A segment of a plan as a problem of its own."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from solver.traffic.model import TrafficBuffer, TrafficProblem
from solver.traffic.residency import Residency


class _Role(NamedTuple):
    """A buffer in a segment: its uses there, and which ends of the segment it is resident at."""

    buffer: int
    inside: tuple[int, ...]
    earlier: tuple[int, ...]  # uses before the segment, in the order of the plan
    later: tuple[int, ...]
    enters: bool
    leaves: bool


class Timetable:
    """When the ops of a plan run and its buffers are used.

    Attributes
    ----------
    plan : Residency
        The plan.
    place : dict of int to int
        Of each op, in the order.
    uses : list of list of int
        Users of each buffer, in the order.
    """

    def __init__(self, problem: TrafficProblem, plan: Residency) -> None:
        self.plan = plan
        self.place = {v: i for i, v in enumerate(plan.order)}
        self.uses = [sorted(b.users, key=self.place.__getitem__) for b in problem.buffers]
        self._spans = [(self.place[uses[0]], self.place[uses[-1]]) for uses in self.uses]

    def across(self, begin: int, end: int) -> list[int]:
        """Return buffers whose uses, or gaps between them, are in a range of places."""
        return [b for b, (first, last) in enumerate(self._spans) if first < end and last >= begin]


class Segment:
    """What runs between two places of a plan's order.

    Two ops stand for the rest: one before all others, which writes what is resident when the
    segment begins, and one after all others, which reads what has to be so when it ends. Whatever
    else is used on either side is in external memory then. A buffer that has a copy there anyway is
    an output of the segment, so that it need not be stored again.

    Parameters
    ----------
    problem : TrafficProblem
        The whole network, in resident mode and without a cap on external memory.
    timetable : Timetable
        Of a plan that fits.
    begin, end : int
        Half-open range of places in the order.

    Attributes
    ----------
    part : TrafficProblem or None
        None if the segment cannot be told from the rest: a buffer that is absent when it begins is
        yet to be added to.
    plan : Residency
        The plan, in terms of the part.
    """

    def __init__(self, problem: TrafficProblem, timetable: Timetable, begin: int, end: int) -> None:
        self._whole = problem
        self._timetable = timetable
        self._before = timetable.plan
        self._ops = self._before.order[begin:end]
        self._number = {v: i + 1 for i, v in enumerate(self._ops)}
        self._last = len(self._ops) + 1
        self._ends = begin, end
        self._roles = self._cast()
        self.part = self._state()
        self.plan = Residency(
            tuple(range(self._last + 1)),
            frozenset(
                (k, self._number.get(op, 0))
                for k, role in enumerate(self._roles)
                for op in ((*role.earlier[-1:], *role.inside) if role.enters else role.inside)
                if (role.buffer, op) in self._before.absent and not self._is_beyond(role, op)
            ),
        )

    def whole(self, found: Residency) -> Residency:
        """Put another plan of the part in the place of this one."""
        begin, end = self._ends
        order = self._before.order
        ops = tuple(self._ops[v - 1] for v in found.order if 0 < v < self._last)
        place = {v: i for i, v in enumerate(ops)}
        absent = set(self._before.absent)
        for k, role in enumerate(self._roles):
            absent.difference_update((role.buffer, v) for v in role.inside)
            if role.enters:
                absent.discard((role.buffer, role.earlier[-1]))
                if (k, 0) in found.absent:
                    absent.add((role.buffer, role.earlier[-1]))
            absent.update(
                (role.buffer, v) for v in role.inside if (k, self._number[v]) in found.absent
            )
            if role.inside and role.later and not role.leaves:
                absent.add((role.buffer, max(role.inside, key=place.__getitem__)))
        return Residency((*order[:begin], *ops, *order[end:]), frozenset(absent))

    def _cast(self) -> list[_Role]:
        """Find the buffers that a segment has to do with."""
        begin, end = self._ends
        place, absent = self._timetable.place, self._before.absent
        roles = []
        for b in self._timetable.across(begin, end):
            ordered = self._timetable.uses[b]
            earlier = tuple(v for v in ordered if place[v] < begin)
            inside = tuple(v for v in ordered if begin <= place[v] < end)
            later = ordered[len(earlier) + len(inside) :]
            left_by = (*earlier, *inside)[-1]
            enters = bool(earlier) and (b, earlier[-1]) not in absent
            leaves = bool(later) and (b, left_by) not in absent
            if inside or (enters and leaves):
                roles.append(_Role(b, inside, earlier, tuple(later), enters, leaves))
        return roles

    def _is_beyond(self, role: _Role, op: int) -> bool:
        """Whether the buffer is absent in a gap that a use begins and the segment does not end."""
        last = role.inside[-1] if role.inside else role.earlier[-1]
        return op == last and not role.leaves

    def _state(self) -> TrafficProblem | None:
        whole, last = self._whole, self._last
        buffers = []
        for role in self._roles:
            buffer = self._buffer(role)
            if buffer is None:
                return None
            buffers.append(buffer)
        inside = self._number
        before = [
            tuple(sorted({0, *(inside[u] for u in whole.predecessors[v] if u in inside)}))
            for v in self._ops
        ]
        return TrafficProblem(
            names=("before", *(whole.names[v] for v in self._ops), "after"),
            predecessors=((), *before, tuple(range(last))),
            workspace=(0, *(whole.workspace[v] for v in self._ops), 0),
            buffers=tuple(buffers),
            capacity=whole.capacity,
            mode=whole.mode,
        )

    def _buffer(self, role: _Role) -> TrafficBuffer | None:
        whole = self._whole.buffers[role.buffer]
        writers = {self._number[v] for v in role.inside if v in whole.writers}
        readers = {self._number[v] for v in role.inside} - writers
        starts_outside = whole.is_input or (bool(role.earlier) and not role.enters)
        if role.enters:
            (readers if starts_outside else writers).add(0)
        if role.leaves:
            (writers if role.later[0] in whole.writers else readers).add(self._last)
        if starts_outside and writers:
            return None
        return TrafficBuffer(
            name=whole.name,
            size=whole.size,
            writers=tuple(sorted(writers)),
            readers=tuple(sorted(readers)),
            is_input=starts_outside,
            is_output=whole.is_output or self._is_stored(role),
        )

    def _is_stored(self, role: _Role) -> bool:
        """Whether external memory gets a copy for a gap of absence outside of the segment."""
        if role.later and not role.leaves:
            return True
        ordered = (*role.earlier, *role.inside, *role.later)
        inside = {*role.inside, *(role.earlier[-1:] if role.enters else ())}
        return any(
            (role.buffer, v) in self._before.absent
            and follower not in self._whole.buffers[role.buffer].writers
            for v, follower in itertools.pairwise(ordered)
            if v not in inside
        )

"""What is in memory while an op runs, by the ops that are before it.

While ``v`` runs, a storage is *born* if it is an input, or ``v`` or some op before it produces it;
it is *dead* if it is no output and all ops that touch it are before ``v``. Where precedence alone
decides, it is decided here. The definitions are those of :mod:`solver.memory`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.memory import Problem, Storage
    from solver.peak.formulation.relation import Relation
    from solver.peak.formulation.units import Units

_Ops = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """A storage that may or may not be in memory while an op runs.

    Attributes
    ----------
    size : int
        In units.
    births : tuple of int
        It is born if one of these is before the op; empty: it is born in any case.
    deaths : tuple of int
        It is dead if all of these are before the op; empty: it stays.
    """

    size: int
    births: _Ops
    deaths: _Ops


@dataclass(frozen=True, slots=True)
class Credit:
    """Units that the op need not add, since it overwrites, if ``others`` are all before it."""

    size: int
    others: _Ops


@dataclass(frozen=True, slots=True)
class StepPeak:
    """Units in use while ``op`` runs: ``constant``, live ``rooms``, less one credit per target.

    Attributes
    ----------
    op : int
        The op that runs.
    constant : int
        Its workspace and what is live for sure, in units.
    rooms : tuple of Room
        What depends on the order.
    credits : tuple of tuple of Credit
        Per target, the choices; one at most counts.
    """

    op: int
    constant: int
    rooms: tuple[Room, ...]
    credits: tuple[tuple[Credit, ...], ...]

    @property
    def most(self) -> int:
        """No order has more in use here."""
        return self.constant + sum(room.size for room in self.rooms)

    @property
    def undecided(self) -> int:
        """Units that variables are multiplied with."""
        return sum(room.size for room in self.rooms) + sum(
            choice.size for choices in self.credits for choice in choices
        )


def step_peaks(problem: Problem, relation: Relation, units: Units) -> tuple[StepPeak, ...]:
    """State the step peak of every op."""
    return tuple(_step_peak(problem, relation, units, v) for v in range(len(problem)))


def _step_peak(problem: Problem, relation: Relation, units: Units, v: int) -> StepPeak:
    constant = units.down(problem.workspace[v])
    rooms: list[Room] = []
    for storage in problem.storages:
        room = _room(storage, relation, v, units.down(storage.size))
        if room is None or not room.size:
            continue
        if room.births or room.deaths:
            rooms.append(room)
        else:
            constant += room.size
    return StepPeak(v, constant, tuple(rooms), _credits(problem, relation, units, v))


def _room(storage: Storage, relation: Relation, v: int, size: int) -> Room | None:
    """Return the storage as ``v`` sees it; None if it is never in memory then."""
    births: _Ops = ()
    if not (
        storage.is_input
        or v in storage.producers
        or any(relation.is_before(p, v) for p in storage.producers)
    ):
        births = tuple(
            p for p in relation.earliest(storage.producers) if not relation.is_before(v, p)
        )
        if not births:
            return None
    deaths: _Ops = ()
    users = storage.users
    if (
        users
        and not storage.is_output
        and v not in users
        and not any(relation.is_before(v, u) for u in users)
    ):
        deaths = tuple(u for u in relation.latest(users) if not relation.is_before(u, v))
        if not deaths:
            return None
    return Room(size, births, deaths)


def _credits(
    problem: Problem, relation: Relation, units: Units, v: int
) -> tuple[tuple[Credit, ...], ...]:
    targets: dict[int, list[Credit]] = {}
    for reuse in problem.reuses[v]:
        others = [u for u in problem.storages[reuse.source].users if u != v]
        if reuse.size and not any(relation.is_before(v, u) for u in others):
            late = tuple(u for u in relation.latest(others) if not relation.is_before(u, v))
            targets.setdefault(reuse.target, []).append(Credit(units.up(reuse.size), late))
    return tuple(map(tuple, targets.values()))

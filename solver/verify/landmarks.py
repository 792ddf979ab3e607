"""A bound on traffic from a chain of ops, stated and solved once more.

While an op of the chain runs, the buffers that are live and that it does not touch are in the TCM
beside it or absent. An absent one has to be loaded before it is used next, and if it is neither an
input nor an output of the network it has been stored. Which ops have run before each op of the
chain is unknown, and so is what is absent: relaxed to fractions, all that an order and its plan
satisfy is a linear program. Its dual solution, rounded to whole numbers, is added up exactly: any
multipliers of its rows give a bound, whatever solver they come from.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from solver.verify.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from solver.plan import Plan
    from solver.verify.storages import Memory, Storage

_PARTS = 2**40  # of which multipliers are whole numbers

Key = tuple[str | int, ...]


def check_landmarks(plan: Plan, memory: Memory) -> int:
    """Check that the landmarks of a certificate prove the bound; return how many there are.

    Raises
    ------
    VerificationError
        Naming what does not hold.
    """
    names = plan.certificate.get("landmarks")
    require(isinstance(names, list) and bool(names), f"the landmarks are {names!r}")
    require(plan.options.get("weights") != "pin", "landmarks beside pinned weights")
    number = {name: v for v, name in enumerate(memory.names)}
    chain = []
    for name in names or ():
        require(isinstance(name, str) and name in number, f"there is no op {name!r} to pass")
        chain.append(number[name])
    for v, w in itertools.pairwise(chain):
        is_before = v in memory.ancestors(w)
        require(is_before, f"op {memory.names[v]!r} need not run before {memory.names[w]!r}")
    streams = plan.options.get("mode") == "streaming"
    proven = least_spill(memory, chain, plan.tcm_bytes or 0, streams=streams)
    claimed = plan.lower_bound_bytes - (plan.compulsory_bytes or 0)
    require(claimed <= proven, f"the landmarks prove {proven} non-compulsory bytes, not {claimed}")
    return len(chain)


def least_spill(memory: Memory, chain: list[int], capacity: int, *, streams: bool) -> int:
    """Bytes that every plan spills at least, by what is absent at the ops of a chain."""
    shared = [s for s in memory.storages.values() if s.size and len(s.users) > 1]
    unit = math.gcd(*(s.size for s in memory.storages.values() if s.size)) or 1
    program = _Program()
    for i in range(len(chain)):
        _add_state(program, memory, chain, i)
    for storage in shared:
        _add_storage(program, storage, storage.size // unit, chain)
    for i, landmark in enumerate(chain):
        used = 0 if streams else sum(memory.storages[b].size for b in memory.touched[landmark])
        room = capacity - memory.workspace[landmark] - used
        beside = [s for s in shared if landmark not in s.users]
        program.row({("in", i, s.name): s.size // unit for s in beside}, room // unit)
    return program.solve() * unit


def _add_state(program: _Program, memory: Memory, chain: list[int], i: int) -> None:
    """State which ops may have run when the ``i``-th op of the chain does."""
    early, late = memory.ancestors(chain[i]), {chain[i]} | memory.descendants(chain[i])
    for op in range(len(memory.names)):
        program.add(("ran", i, op), least=op in early, most=op not in late)
    for op, after in enumerate(memory.after):
        for follower in after:
            program.row({("ran", i, follower): 1, ("ran", i, op): -1}, 0)
        if i:
            program.row({("ran", i - 1, op): 1, ("ran", i, op): -1}, 0)


def _add_storage(program: _Program, storage: Storage, size: int, chain: list[int]) -> None:
    """State where it may be absent, and what that costs."""
    name = storage.name
    program.add(("stored", name), 0 if storage.is_input or storage.is_output else size)
    absences: list[int | None] = []
    for i, landmark in enumerate(chain):
        if landmark in storage.users:
            absences.append(None)
            continue
        absences.append(i)
        for kind in ("born", "dead", "in", "out"):
            program.add((kind, i, name))
        for op in storage.users:
            program.row({("ran", i, op): 1, ("born", i, name): -1}, 0)
            program.row({("dead", i, name): 1, ("ran", i, op): -1}, 0)
        live: dict[Key, int] = {("born", i, name): 1, ("dead", i, name): -1}
        program.row({**live, ("in", i, name): -1, ("out", i, name): -1}, 0)
        program.row({("out", i, name): 1, ("stored", name): -1}, 0)
    for here, there in itertools.pairwise((*absences, None)):
        if here is None:
            continue
        program.add(("load", here, name), size)
        owed: dict[Key, int] = {("out", here, name): 1, ("load", here, name): -1}
        if there is not None and not program.is_used(storage.users, here, there):
            owed["out", there, name] = -1
        program.row(owed, 0)


class _Program:
    """Least cost of variables from zero to one, under rows ``sum <= most``."""

    def __init__(self) -> None:
        self._number: dict[Key, int] = {}
        self._cost: list[int] = []
        self._ends: list[tuple[int, int]] = []
        self._entries: list[tuple[int, int, int]] = []
        self._most: list[int] = []

    def add(self, key: Key, cost: int = 0, *, least: bool = False, most: bool = True) -> None:
        self._number[key] = len(self._cost)
        self._cost.append(cost)
        self._ends.append((int(least), int(most)))

    def row(self, entries: Mapping[Key, int], most: int) -> None:
        row = len(self._most)
        self._entries += [(row, self._number[key], factor) for key, factor in entries.items()]
        self._most.append(most)

    def is_used(self, users: Iterable[int], here: int, there: int) -> bool:
        """Whether some user surely runs between two ops of the chain."""
        return any(
            self._ends[self._number["ran", here, op]] == (0, 0)
            and self._ends[self._number["ran", there, op]] == (1, 1)
            for op in users
        )

    def solve(self) -> int:
        """Return a whole number that nothing costs less than."""
        rows, columns, factors = (np.array(each) for each in zip(*self._entries, strict=True))
        shape = len(self._most), len(self._cost)
        found = linprog(
            np.array(self._cost, float),
            A_ub=coo_array((factors.astype(float), (rows, columns)), shape=shape).tocsr(),
            b_ub=np.array(self._most, float),
            bounds=self._ends,
        )
        require(found.status == 0, "the landmarks prove nothing: their program has no solution")
        multipliers = [max(0, round(-_PARTS * value)) for value in found.ineqlin.marginals]
        left = [_PARTS * cost for cost in self._cost]
        for row, column, factor in self._entries:
            left[column] += factor * multipliers[row]
        value: int = sum(
            min(cost * least, cost * most)
            for cost, (least, most) in zip(left, self._ends, strict=True)
        )
        value -= sum(m * most for m, most in zip(multipliers, self._most, strict=True))
        return -(-value // _PARTS)

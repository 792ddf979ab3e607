"""Ops that may trade places: one order of them is as good as any other.

Two ops ``u``, ``v`` are *interchangeable* if swapping them maps the problem to itself: precedence,
workspace, the storages (as a multiset of size, producers, consumers, input, output) and the
in-place choices. A swap then turns every order into one with the same step peaks, up to the swap.
Swaps of ``u, v`` and ``v, w`` compose to one of ``u, w``, so this is an equivalence. Within each
class the ops can be sorted by id without a change of the peak, in all classes at once, since swaps
of different classes move different ops. Hence the least peak is attained by an order in which every
class is ascending (symmetry breaking by a fundamental domain, see Margot, 50 Years of Integer
Programming, 2010).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from solver.memory import Problem, Storage

_Swap = dict[int, int]


def interchangeable(problem: Problem) -> tuple[tuple[int, ...], ...]:
    """Return the classes of two or more interchangeable ops, each ascending."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for v in range(len(problem)):
        groups[_signature(problem, v)].append(v)
    classes: list[list[int]] = []
    for group in groups.values():
        found: list[list[int]] = []
        for v in group:
            home = next((c for c in found if _is_swap(problem, c[0], v)), None)
            if home is None:
                found.append([v])
            else:
                home.append(v)
        classes += [c for c in found if len(c) > 1]
    return tuple(map(tuple, classes))


def symmetry_edges(problem: Problem) -> tuple[tuple[int, int], ...]:
    """Precedence ``(before, after)`` that may be added without a change of the least peak."""
    return tuple(edge for ops in interchangeable(problem) for edge in pairwise(ops))


def _signature(problem: Problem, v: int) -> Hashable:
    """Something that interchangeable ops have in common."""
    return (
        frozenset(problem.predecessors[v]),
        frozenset(problem.successors[v]),
        problem.workspace[v],
        tuple(sorted(problem.storages[b].size for b in problem.produced[v])),
        tuple(sorted(problem.storages[b].size for b in problem.consumed[v])),
        tuple(sorted(reuse.size for reuse in problem.reuses[v])),
    )


def _is_swap(problem: Problem, u: int, v: int) -> bool:
    """Whether swapping two ops of one signature maps the problem to itself."""
    swap = {u: v, v: u}
    touched = dict.fromkeys(b for w in (u, v) for b in (*problem.produced[w], *problem.consumed[w]))
    place = _image(problem, touched, swap)
    if place is None:
        return False
    return all(
        _reuses(problem, w, place) == _reuses(problem, swap.get(w, w), {})
        for w in range(len(problem))
        if problem.reuses[w]
    )


def _image(problem: Problem, touched: Iterable[int], swap: _Swap) -> dict[int, int] | None:
    """Where the swap takes each touched storage; None if it has nowhere to go.

    A storage that the swap leaves as it is stays where it is.
    """
    place: dict[int, int] = {}
    moving: dict[Hashable, list[int]] = defaultdict(list)
    for b in touched:
        storage = problem.storages[b]
        if _facts(storage, swap) == _facts(storage, {}):
            place[b] = b
        else:
            moving[_facts(storage, {})].append(b)
    for storages in moving.values():
        # Storages of the same facts are taken to their images in the order of their ids.
        images = moving.get(_facts(problem.storages[storages[0]], swap), [])
        if len(images) != len(storages):
            return None
        place.update(zip(storages, images, strict=True))
    return place


def _facts(storage: Storage, swap: _Swap) -> Hashable:
    return (
        storage.size,
        frozenset(swap.get(p, p) for p in storage.producers),
        frozenset(swap.get(c, c) for c in storage.consumers),
        storage.is_input,
        storage.is_output,
    )


def _reuses(problem: Problem, v: int, place: dict[int, int]) -> Counter[tuple[int, int, int]]:
    return Counter(
        (place.get(r.source, r.source), place.get(r.target, r.target), r.size)
        for r in problem.reuses[v]
    )

"""A stretch of a problem as a problem of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.memory import Problem, Reuse, Storage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def part_of(problem: Problem, done: Collection[int], ops: Sequence[int]) -> Problem:
    """Schedule ``ops`` alone, between two fixed states.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    done : collection of int
        Ops that have run before; closed under predecessors.
    ops : sequence of int
        Ops to schedule; closed under predecessors together with ``done``.

    Returns
    -------
    Problem
        Op ``i`` is ``ops[i]``. An order of it has the step peaks that it has in the whole problem
        between ``done`` and the rest. What no op touches is one storage, live throughout.
    """
    before = set(done)
    index = {v: i for i, v in enumerate(ops)}
    storages: list[Storage] = []
    number: dict[int, int] = {}
    rest = 0
    for b, storage in enumerate(problem.storages):
        born = storage.is_input or not before.isdisjoint(storage.producers)
        outside = [u for u in storage.users if u not in index]
        kept = storage.is_output or not before.issuperset(outside)
        if len(outside) == len(storage.users):
            rest += storage.size * (born and kept)
            continue
        number[b] = len(storages)
        storages.append(
            Storage(
                name=storage.name,
                size=storage.size,
                producers=_inside(storage.producers, index),
                consumers=_inside(storage.consumers, index),
                is_input=born,
                is_output=kept,
            )
        )
    if rest:
        storages.append(Storage("all else", rest, (), (), is_input=True, is_output=True))
    return Problem(
        names=tuple(problem.names[v] for v in ops),
        predecessors=tuple(_inside(problem.predecessors[v], index) for v in ops),
        storages=tuple(storages),
        workspace=tuple(problem.workspace[v] for v in ops),
        reuses=tuple(
            tuple(
                Reuse(number[r.source], number[r.target], r.size)
                for r in problem.reuses[v]
                if not storages[number[r.source]].is_output
            )
            for v in ops
        ),
    )


def _inside(ops: Sequence[int], index: dict[int, int]) -> tuple[int, ...]:
    return tuple(sorted(index[v] for v in ops if v in index))

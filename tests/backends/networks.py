"""Problems by hand, ops and storages and nothing else, and traffic problems drawn at random."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from solver.memory import MemoryRules, Problem, Reuse, Storage
from solver.traffic.model import Mode, TrafficBuffer, TrafficProblem, make_traffic_problem
from tests.property.graphs import cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def storage(
    size: int,
    producers: tuple[int, ...] = (),
    consumers: tuple[int, ...] = (),
    *,
    is_input: bool = False,
    is_output: bool = False,
) -> Storage:
    return Storage("s", size, producers, consumers, is_input, is_output)


def problem(
    count: int,
    *storages: Storage,
    edges: tuple[tuple[int, int], ...] = (),
    workspace: Mapping[int, int] | None = None,
    reuses: Mapping[int, tuple[Reuse, ...]] | None = None,
) -> Problem:
    """State a problem of ``count`` ops with edges ``(before, after)``."""
    return Problem(
        names=tuple(f"op{v}" for v in range(count)),
        predecessors=tuple(tuple(u for u, w in edges if w == v) for v in range(count)),
        storages=storages,
        workspace=tuple((workspace or {}).get(v, 0) for v in range(count)),
        reuses=tuple((reuses or {}).get(v, ()) for v in range(count)),
    )


def shared(
    size: int,
    writers: tuple[int, ...] = (),
    readers: tuple[int, ...] = (),
    *,
    is_output: bool = False,
) -> TrafficBuffer:
    """State a buffer; one without writers is an input."""
    return TrafficBuffer("b", size, writers, readers, not writers, is_output)


def traffic_problem(
    count: int,
    tcm: int,
    *buffers: TrafficBuffer,
    edges: tuple[tuple[int, int], ...] = (),
    workspace: Mapping[int, int] | None = None,
    mode: Mode = Mode.RESIDENT,
) -> TrafficProblem:
    """State a traffic problem of ``count`` ops; readers come after writers."""
    edges += tuple((u, v) for b in buffers for u in b.writers for v in b.readers)
    return TrafficProblem(
        names=tuple(f"op{v}" for v in range(count)),
        predecessors=tuple(tuple({u for u, w in edges if w == v}) for v in range(count)),
        workspace=tuple((workspace or {}).get(v, 0) for v in range(count)),
        buffers=tuple(replace(b, name=f"{b.name}{i}") for i, b in enumerate(buffers)),
        capacity=tcm,
        mode=mode,
    )


def random_traffic_problems(
    count: int, seed: int, most_ops: int = 6, least_ops: int = 3, most_buffers: int = 8
) -> Iterator[tuple[str, TrafficProblem]]:
    """Draw problems in both modes, in a TCM that is as small as can be or hardly larger."""
    for graph, drawn in cases(count, seed, most_ops=most_ops, least_ops=least_ops):
        rules = MemoryRules(drawn.alignment, views=drawn.views)
        rng = random.Random(graph.name)
        for mode in Mode:
            least = make_traffic_problem(graph, 1, mode=mode, rules=rules).least_capacity
            tcm = least + rng.choice((0, 0, 0, 1, 2, 5))
            stated = make_traffic_problem(graph, tcm, mode=mode, rules=rules)
            if len(stated.buffers) <= most_buffers:
                yield graph.name, stated

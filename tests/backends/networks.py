"""Problems by hand: ops and storages, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.memory import Problem, Reuse, Storage

if TYPE_CHECKING:
    from collections.abc import Mapping


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

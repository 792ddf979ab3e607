"""Lanes for tensors: which line of a drawing each has while it is live.

A lane is free again once the last op that needs its tensor runs, and that op's output takes it
over: a chain is a straight line.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.report.page.content import Content


@dataclass(slots=True)
class Tensor:
    """A storage, or an order between two ops that no storage carries.

    Attributes
    ----------
    name : str
        Of the storage.
    size : int
        Bytes.
    begin : int
        Step of the op that writes it first; -1 for a network input.
    last : int
        Last step at which the lane is drawn.
    touches : tuple of int
        Steps of the ops that read or write it.
    is_hot : bool
        Whether it is live at the bottleneck.
    lane : int
        Set by :func:`assign`.
    """

    name: str
    size: int
    begin: int
    last: int
    touches: tuple[int, ...]
    is_hot: bool = False
    lane: int = -1


def tensors_of(content: Content) -> list[Tensor]:
    """List all storages, and what else keeps ops in order."""
    step = {v: i for i, v in enumerate(content.order)}
    found: list[Tensor] = []
    carried: set[tuple[int, int]] = set()
    for life, storage in zip(content.lives, content.problem.storages, strict=True):
        touches = tuple(sorted(step[v] for v in storage.users))
        begin = -1 if storage.is_input else life.begin
        found.append(Tensor(life.name, life.size, begin, life.end - 1, touches, life.is_hot))
        carried.update((p, c) for p in storage.producers for c in storage.users)
    for v, predecessors in enumerate(content.problem.predecessors):
        for p in predecessors:
            if (p, v) not in carried:
                names = content.problem.names
                title = f"{names[v]} waits for {names[p]}"
                found.append(Tensor(title, 0, step[p], step[v], (step[p], step[v])))
    return found


def assign(tensors: Sequence[Tensor], steps: int) -> list[int]:
    """Give every tensor a lane; return the lane in which each op sits."""
    born: list[list[Tensor]] = [[] for _ in range(steps)]
    dying: list[list[Tensor]] = [[] for _ in range(steps)]
    touching: list[list[Tensor]] = [[] for _ in range(steps)]
    free: list[int] = []
    used = 0

    def lowest() -> int:
        nonlocal used
        if free:
            return heapq.heappop(free)
        used += 1
        return used - 1

    for tensor in tensors:
        for step in tensor.touches:
            touching[step].append(tensor)
        dying[tensor.last].append(tensor)
        if tensor.begin < 0:
            tensor.lane = lowest()
        else:
            born[tensor.begin].append(tensor)
    lanes: list[int] = []
    for step in range(steps):
        # An output takes over the lane of the largest input that ends here.
        ending = sorted((t for t in dying[step] if t.lane >= 0), key=lambda t: (t.size, -t.lane))
        for tensor in sorted(born[step], key=lambda t: -t.size):
            tensor.lane = ending.pop().lane if ending else lowest()
        first = max(born[step] or touching[step], key=lambda t: t.size, default=None)
        lane = first.lane if first is not None else lowest()
        if first is None:
            heapq.heappush(free, lane)
        lanes.append(lane)
        for tensor in ending:
            heapq.heappush(free, tensor.lane)
        for tensor in born[step]:
            if tensor.last == step:  # nobody waits for it
                heapq.heappush(free, tensor.lane)
    return lanes

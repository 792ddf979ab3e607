"""The rectangles of an order: each storage as live range times bytes.

Step ``i`` is the ``i``-th op of the order. A live range ``[begin, end)`` is half-open: the storage
is in memory during steps ``begin`` to ``end - 1``. Inputs live from step 0, outputs to the end, and
what an op reads and writes is in memory together while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.memory import Problem


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle to place.

    Attributes
    ----------
    name : str
        Storage name, or for scratch the op's.
    size : int
        Bytes.
    begin, end : int
        Half-open live range in steps.
    storage : int or None
        Storage id; None for the workspace of an op.
    """

    name: str
    size: int
    begin: int
    end: int
    storage: int | None

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"block {self.name!r} has {self.size} bytes")
        if not 0 <= self.begin < self.end:
            raise ValueError(f"block {self.name!r} lives from {self.begin} to {self.end}")

    def meets(self, other: Block) -> bool:
        """Whether both are in memory at some step."""
        return self.begin < other.end and other.begin < self.end


def blocks_of(problem: Problem, order: Sequence[int]) -> list[Block]:
    """Blocks of an order, storages first (in id order), then workspaces; empty ones included.

    In-place reuse is not applied: a source and a target of an overwriting op both live while the
    op runs. A network without ops has one step, in which inputs and outputs live.

    Raises
    ------
    ValueError
        If ``order`` is not an order of the problem.
    """
    if not problem.is_order(order):
        raise ValueError("not an order: ops are missing, repeated or before their inputs")
    step = {v: i for i, v in enumerate(order)}
    last = max(1, len(order))
    blocks = []
    for b, storage in enumerate(problem.storages):
        steps = [step[v] for v in storage.users]
        begin = 0 if storage.is_input else min(step[v] for v in storage.producers)
        end = last if storage.is_output else max(steps, default=0) + 1
        blocks.append(Block(storage.name, storage.size, begin, end, b))
    blocks += [
        Block(f"workspace of {problem.names[v]}", size, step[v], step[v] + 1, None)
        for v, size in enumerate(problem.workspace)
        if size
    ]
    return blocks

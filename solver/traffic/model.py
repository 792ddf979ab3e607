"""The traffic problem: ops, buffers, a tightly coupled memory, and what must move in any case.

A *tightly coupled memory* (TCM) of ``capacity`` bytes sits beside a large external memory. Network
inputs start in external memory and network outputs must end there. Every byte moved between the
two counts once. The model is that of COSMA (Zhang et al., 2023, section 3), stated exactly:

* *Resident* mode: while an op runs, all its operands and its workspace are in the TCM.
* *Streaming* mode: an op may also read or write an operand straight in external memory, at the
  operand's size per access; such an operand takes no room. The workspace is always in the TCM.
* *Compulsory* traffic: each network input that some op reads is brought in once, each network
  output that some op writes is taken out once. All else is non-compulsory.
* The *uses* of a buffer are the ops that touch it. Between two consecutive uses lies a *gap*; a
  buffer either stays in the TCM for the whole gap (it is *kept*) or is absent for all of it, which
  costs a reload, and a write-back where external memory has no valid copy. Dropping a buffer that
  has one is free. A finished buffer is written back at most once.
* Several producers accumulate into one buffer: each reads what the one before left. An external
  copy made between two of them is stale once the next has run, so such a gap always costs a
  write-back and a reload. No consumer runs before the last producer.
* An op that only makes a view of a buffer (under rules that allow views) reads it.
* A network input that is also an output is never written: its external copy stays valid, so it
  costs one load if some op reads it and nothing otherwise.
* A buffer nobody reads is an output. It leaves the TCM as soon as it is stored.
* A buffer of size zero takes no room and never moves; only the precedence it implies counts.
* Sizes of buffers are rounded up to the alignment, for room and for traffic alike.
* *Weights* are left out, or each passes through once per op that reads it, taking no room, or
  some are *pinned*: a pinned weight is put into the TCM once, before the first inference, and stays
  there. It moves nothing and takes its size, rounded up, off the TCM all the time; the others are
  streamed. Which to pin is part of the problem (:mod:`solver.traffic.pinning`). A weight that does
  not fit beside the largest op is streamed in any plan: its traffic is compulsory.
* A *budget* may cap the TCM and the external memory in use together. A buffer holds room in
  external memory from its first store (or first streamed write; a network input from the start)
  until its last load or streamed access (an output to the end), once and in one piece. Weights
  hold none: they lie in flash.
* In-place reuse is not modelled: :func:`make_traffic_problem` refuses rules that allow it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from solver.memory import MemoryRules, Problem, make_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.graph import Graph, Weight


class Mode(StrEnum):
    """Where the operands of a running op may be."""

    RESIDENT = "resident"
    STREAMING = "streaming"


class Weights(StrEnum):
    """What the traffic of constants counts as.

    ``IGNORE``: nothing. ``STREAM``: each op's weights pass through once per op that reads them, a
    constant that takes no room. ``PIN``: so do those that are not kept in the TCM for good.
    """

    IGNORE = "ignore"
    STREAM = "stream"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class TrafficBuffer:
    """A buffer that takes room and is touched by some op.

    Attributes
    ----------
    name : str
        The storage's name.
    size : int
        Bytes, positive.
    writers, readers : tuple of int
        Ops, ascending and disjoint; every writer runs before every reader.
    is_input, is_output : bool
        Starts, ends in external memory.
    """

    name: str
    size: int
    writers: tuple[int, ...]
    readers: tuple[int, ...]
    is_input: bool
    is_output: bool

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise ValueError(f"buffer {self.name!r} takes no room: {self.size} bytes")
        if not self.writers and not self.readers:
            raise ValueError(f"no op touches buffer {self.name!r}")
        if bool(self.writers) == self.is_input:
            raise ValueError(f"buffer {self.name!r} must be an input or have a producer, not both")

    @property
    def users(self) -> tuple[int, ...]:
        """Every op that touches the buffer, ascending."""
        return tuple(sorted((*self.writers, *self.readers)))

    @property
    def compulsory(self) -> int:
        """Bytes that move whatever the plan: in once for an input, out once for an output."""
        return self.size if self.is_input or self.is_output else 0


@dataclass(frozen=True, slots=True)
class TrafficProblem:
    """All that the traffic solvers need to know.

    Attributes
    ----------
    names : tuple of str
        Op names in file order.
    predecessors, successors : tuple of tuple of int
        Direct precedence between ops.
    workspace : tuple of int
        Scratch bytes per op, always in the TCM.
    buffers : tuple of TrafficBuffer
        Those with a size and a user.
    capacity : int
        Bytes of TCM.
    mode : Mode
        Resident or streaming.
    weight_bytes : int
        Traffic of weights that every plan has.
    external : int or None
        Bytes of external memory there are; None for any number.
    idle_bytes : int
        Buffers that no op touches: in external memory all the time.
    touched : tuple of tuple of int
        Buffers each op touches, ascending.
    """

    names: tuple[str, ...]
    predecessors: tuple[tuple[int, ...], ...]
    workspace: tuple[int, ...]
    buffers: tuple[TrafficBuffer, ...]
    capacity: int
    mode: Mode = Mode.RESIDENT
    weight_bytes: int = 0
    external: int | None = None
    idle_bytes: int = 0
    successors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    touched: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.capacity <= 0:
            raise ValueError(f"the TCM must have a positive size, not {self.capacity} bytes")
        successors: list[list[int]] = [[] for _ in self.names]
        for v, before in enumerate(self.predecessors):
            for p in before:
                successors[p].append(v)
        touched: list[list[int]] = [[] for _ in self.names]
        for b, buffer in enumerate(self.buffers):
            for v in buffer.users:
                touched[v].append(b)
        object.__setattr__(self, "successors", tuple(map(tuple, successors)))
        object.__setattr__(self, "touched", tuple(map(tuple, touched)))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def live_capacity(self) -> int | None:
        """Bytes that may be live at any time, wherever they are; None for any number."""
        return None if self.external is None else self.capacity + self.external

    @property
    def compulsory_bytes(self) -> int:
        """Traffic that no plan avoids."""
        return sum(b.compulsory for b in self.buffers) + self.weight_bytes

    def footprint(self, op: int) -> int:
        """Bytes of TCM ``op`` needs by itself."""
        operands = 0
        if self.mode is Mode.RESIDENT:
            operands = sum(self.buffers[b].size for b in self.touched[op])
        return operands + self.workspace[op]

    @property
    def largest_footprint(self) -> int:
        """Bytes of TCM that some op needs by itself, and no op more."""
        return max((self.footprint(v) for v in range(len(self))), default=0)

    @property
    def least_capacity(self) -> int:
        """The smallest TCM for which there is a plan."""
        return max(1, self.largest_footprint)

    def oversized(self) -> tuple[int, ...]:
        """Ops that cannot run in this TCM, largest footprint first."""
        over = [v for v in range(len(self)) if self.footprint(v) > self.capacity]
        return tuple(sorted(over, key=lambda v: (-self.footprint(v), v)))

    def is_order(self, order: Sequence[int]) -> bool:
        """Whether ``order`` is a permutation of the ops that respects all precedence."""
        if len(order) != len(self) or set(order) != set(range(len(self))):
            return False
        step = {v: i for i, v in enumerate(order)}
        return all(step[p] < step[v] for v in step for p in self.predecessors[v])


def make_traffic_problem(
    graph: Graph,
    capacity: int,
    *,
    mode: Mode | str = Mode.RESIDENT,
    weights: Weights | str = Weights.IGNORE,
    rules: MemoryRules | None = None,
    budget: int | None = None,
) -> TrafficProblem:
    """State ``graph`` as a traffic problem.

    Parameters
    ----------
    graph : Graph
        A validated network.
    capacity : int
        Bytes of TCM.
    mode : Mode or str
        ``"resident"`` or ``"streaming"``.
    weights : Weights or str
        ``"ignore"``, ``"stream"`` or ``"pin"``. The problem of pinning has the whole TCM, and the
        traffic of those weights only that do not fit beside the largest op.
    rules : MemoryRules, optional
        Alignment and views; conservative when omitted.
    budget : int, optional
        Bytes of TCM and external memory together.

    Raises
    ------
    ValueError
        If the capacity is not positive or beyond the budget, the mode or the treatment of weights
        is unknown, or the rules allow in-place reuse.
    """
    rules = rules or MemoryRules()
    if rules.in_place:
        raise ValueError("in-place reuse is not modelled under a TCM")
    weights = Weights(weights)
    problem = from_problem(make_problem(graph, rules), capacity, mode=Mode(mode))
    if budget is not None:
        if budget < capacity:
            raise ValueError(f"a TCM of {capacity} bytes is beyond the budget of {budget}")
        problem = replace(problem, external=budget - capacity)
    if weights is Weights.IGNORE:
        return problem
    room = capacity - problem.largest_footprint if weights is Weights.PIN else -1
    streamed = [w for w in graph.weights if rules.aligned(w.size) > room]
    return replace(problem, weight_bytes=sum(map(streamed_bytes, streamed)))


def streamed_bytes(weight: Weight) -> int:
    """Traffic of a weight that is not pinned: its size, once per op that reads it."""
    return weight.size * len(set(weight.consumers))


def from_problem(problem: Problem, capacity: int, *, mode: Mode = Mode.RESIDENT) -> TrafficProblem:
    """State a least-peak problem as a traffic problem, without its in-place choices."""
    return TrafficProblem(
        names=problem.names,
        predecessors=problem.predecessors,
        workspace=problem.workspace,
        buffers=tuple(_buffers(problem)),
        capacity=capacity,
        mode=mode,
        idle_bytes=sum(s.size for s in problem.storages if not s.users),
    )


def _buffers(problem: Problem) -> Iterable[TrafficBuffer]:
    for storage in problem.storages:
        if not storage.size or not storage.users:
            continue
        # An op on both lists makes a view of the storage: it writes nothing.
        writers = tuple(v for v in storage.producers if v not in storage.consumers)
        yield TrafficBuffer(
            name=storage.name,
            size=storage.size,
            writers=() if storage.is_input else writers,
            readers=tuple(v for v in storage.users if storage.is_input or v not in writers),
            is_input=storage.is_input,
            is_output=storage.is_output,
        )

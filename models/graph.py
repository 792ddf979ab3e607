"""The network as the solver sees it: ops, the buffers they touch, and what must stay true.

A *buffer* is storage; most hold one tensor. Sizes are integer bytes. Weights are listed apart: they
live in flash or external memory, never among the activations. Nothing here knows about schedules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NewType

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

OpId = NewType("OpId", int)
BufferId = NewType("BufferId", int)

#: Bits per element. Sub-byte types are packed, as the runtimes store them.
DTYPE_BITS: Mapping[str, int] = {
    "bool": 8, "int2": 2, "uint2": 2, "int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "int16": 16,
    "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64, "float4": 4, "float8": 8,
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64, "complex64": 64,
    "complex128": 128,
}  # fmt: skip

_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})


def tensor_bytes(shape: Sequence[int], dtype: str) -> int:
    """Bytes of a dense tensor; sub-byte elements are packed and the last byte is rounded up.

    Raises
    ------
    InvalidModelError
        If a dimension is negative or the dtype has no fixed size.
    """
    if dtype not in DTYPE_BITS:
        raise InvalidModelError(f"elements of type {dtype!r} have no fixed size")
    elements = 1
    for dim in shape:
        if dim < 0:
            raise InvalidModelError(f"negative dimension {dim} in shape {tuple(shape)}")
        elements *= dim
    return (elements * DTYPE_BITS[dtype] + 7) // 8


@dataclass(frozen=True, slots=True)
class Buffer:
    """Storage for one tensor (or several, when ops write slices of it or accumulate into it).

    Attributes
    ----------
    name : str
        Unique within the graph.
    size : int
        Bytes.
    is_input, is_output : bool
        An input is live from the start, an output is kept to the end. State that survives the
        run (a TFLite variable tensor) is both, and listed only among the inputs of its ops.
    dtype : str
        Element type, empty when unknown.
    shape : tuple of int or None
        None when only the size is known.
    """

    name: str
    size: int
    is_input: bool = False
    is_output: bool = False
    dtype: str = ""
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidModelError("a buffer needs a name")
        if self.size < 0:
            raise InvalidModelError(f"buffer {self.name!r} has a negative size: {self.size}")


@dataclass(frozen=True, slots=True)
class Op:
    """One operator.

    Attributes
    ----------
    name : str
        Unique within the graph; the model's own name where it has one.
    kind : str
        Operator type, for example ``"Conv"``.
    inputs, outputs : tuple of BufferId
        Buffers read and written, without weights. An op that accumulates into a buffer lists it
        among its outputs only.
    workspace : int
        Scratch bytes that live while the op runs.
    in_place : tuple of (BufferId, BufferId)
        Declared facts: the op may overwrite this input with that output. Memory models use them
        only when asked to.
    views : tuple of (BufferId, BufferId)
        Declared facts: that output may share this input's storage without any copy.
    after : tuple of OpId
        Ops that must come first although no buffer says so (side effects, state).
    position : int or None
        Index of the op in the file it was read from.
    """

    name: str
    kind: str
    inputs: tuple[BufferId, ...]
    outputs: tuple[BufferId, ...]
    workspace: int = 0
    in_place: tuple[tuple[BufferId, BufferId], ...] = ()
    views: tuple[tuple[BufferId, BufferId], ...] = ()
    after: tuple[OpId, ...] = ()
    position: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidModelError("an op needs a name")
        if self.workspace < 0:
            raise InvalidModelError(f"op {self.name!r} has a negative workspace: {self.workspace}")


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant that lives outside the activations: its bytes and the ops that read it."""

    name: str
    size: int
    consumers: tuple[OpId, ...] = ()
    dtype: str = ""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise InvalidModelError(f"weight {self.name!r} has a negative size: {self.size}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a graph was read from, enough to write an order back.

    ``folded`` holds the file positions of nodes that are no ops of the graph (constants and what
    is computed from constants alone).
    """

    format: str
    path: Path | None = None
    subgraph: int = 0
    folded: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A validated network. Build one with :class:`models.builder.GraphBuilder` or a reader.

    ``ops`` are in file order. A buffer that nobody reads is an output: the constructor marks it.

    Raises
    ------
    InvalidModelError
        On dangling ids, duplicate names, an op that both reads and writes one buffer, an in-place
        or view pair that does not join an input to an output of its op, an output that is a view
        of two inputs, or a cycle.
    """

    name: str
    ops: tuple[Op, ...]
    buffers: tuple[Buffer, ...]
    weights: tuple[Weight, ...] = ()
    warnings: tuple[str, ...] = ()
    source: Source | None = None
    producers: tuple[tuple[OpId, ...], ...] = field(init=False, repr=False, compare=False)
    consumers: tuple[tuple[OpId, ...], ...] = field(init=False, repr=False, compare=False)
    predecessors: tuple[tuple[OpId, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _refuse_duplicates("op", (op.name for op in self.ops))
        _refuse_duplicates("buffer", (b.name for b in self.buffers))
        _refuse_duplicates("weight", (w.name for w in self.weights))
        for weight in self.weights:
            for v in weight.consumers:
                if not 0 <= v < len(self.ops):
                    raise InvalidModelError(
                        f"weight {weight.name!r} names op {v}, which does not exist"
                    )
        producers: list[list[OpId]] = [[] for _ in self.buffers]
        consumers: list[list[OpId]] = [[] for _ in self.buffers]
        for index, op in enumerate(self.ops):
            self._check_op(op)
            for b in op.outputs:
                producers[b].append(OpId(index))
            for b in dict.fromkeys(op.inputs):
                consumers[b].append(OpId(index))
        for i, buffer in enumerate(self.buffers):
            b = BufferId(i)
            if buffer.is_input and producers[b]:
                raise InvalidModelError(
                    f"op {self.ops[producers[b][0]].name!r} writes network input {buffer.name!r}"
                )
            if not buffer.is_input and not producers[b]:
                raise InvalidModelError(f"nobody produces buffer {buffer.name!r}")
        set_field = object.__setattr__
        set_field(
            self,
            "buffers",
            tuple(
                buffer if consumers[b] or buffer.is_output else replace(buffer, is_output=True)
                for b, buffer in enumerate(self.buffers)
            ),
        )
        set_field(self, "producers", tuple(map(tuple, producers)))
        set_field(self, "consumers", tuple(map(tuple, consumers)))
        set_field(
            self,
            "predecessors",
            tuple(
                tuple(sorted({p for b in op.inputs for p in producers[b]} | set(op.after)))
                for op in self.ops
            ),
        )
        self._check_acyclic()

    def _check_op(self, op: Op) -> None:
        for b in (*op.inputs, *op.outputs):
            if not 0 <= b < len(self.buffers):
                raise InvalidModelError(f"op {op.name!r} names buffer {b}, which does not exist")
        for p in op.after:
            if not 0 <= p < len(self.ops):
                raise InvalidModelError(f"op {op.name!r} waits for op {p}, which does not exist")
        if len(set(op.outputs)) != len(op.outputs):
            raise InvalidModelError(f"op {op.name!r} lists an output twice")
        both = set(op.inputs) & set(op.outputs)
        if both:
            raise InvalidModelError(
                f"op {op.name!r} reads and writes buffer {self.buffers[min(both)].name!r}: "
                "list it as an output only (accumulation) or declare an in-place pair"
            )
        viewing = [y for _, y in op.views]
        if len(set(viewing)) != len(viewing):
            raise InvalidModelError(f"op {op.name!r}: an output is a view of two inputs")
        for pair in (*op.in_place, *op.views):
            if pair[0] not in op.inputs or pair[1] not in op.outputs:
                raise InvalidModelError(
                    f"op {op.name!r}: pair {pair} does not join one of its inputs to an output"
                )

    def _check_acyclic(self) -> None:
        waiting = [len(preds) for preds in self.predecessors]
        successors: list[list[int]] = [[] for _ in self.ops]
        for v, preds in enumerate(self.predecessors):
            for p in preds:
                successors[p].append(v)
        ready = [v for v, count in enumerate(waiting) if count == 0]
        done = 0
        while ready:
            done += 1
            for v in successors[ready.pop()]:
                waiting[v] -= 1
                if waiting[v] == 0:
                    ready.append(v)
        if done < len(self.ops):
            raise InvalidModelError("the graph has a cycle: " + self._describe_cycle(waiting))

    def _describe_cycle(self, waiting: Sequence[int]) -> str:
        """Walk backwards among the ops that never became ready until one repeats."""
        v = next(i for i, count in enumerate(waiting) if count > 0)
        path: list[int] = []
        while v not in path:
            path.append(v)
            v = next(p for p in self.predecessors[v] if waiting[p] > 0)
        cycle = [*path[path.index(v) :], v]
        return " -> ".join(self.ops[i].name for i in reversed(cycle))

    @property
    def weight_bytes(self) -> int:
        """Total bytes of all weights."""
        return sum(w.size for w in self.weights)

    def with_precision(self, dtype: str) -> Graph:
        """Return the graph with every floating-point activation and weight stored as ``dtype``.

        Integer tensors (indices, shapes, already quantized activations) keep their size.

        Raises
        ------
        InvalidModelError
            If ``dtype`` is unknown.
        """
        if dtype not in DTYPE_BITS:
            raise InvalidModelError(f"unknown element type {dtype!r}")

        def resized_buffer(buffer: Buffer) -> Buffer:
            if buffer.dtype not in _FLOATS or buffer.shape is None:
                return buffer
            return replace(buffer, dtype=dtype, size=tensor_bytes(buffer.shape, dtype))

        def resized_weight(weight: Weight) -> Weight:
            if weight.dtype not in _FLOATS:
                return weight
            bits = weight.size * 8 // DTYPE_BITS[weight.dtype] * DTYPE_BITS[dtype]
            return replace(weight, dtype=dtype, size=(bits + 7) // 8)

        return replace(
            self,
            buffers=tuple(map(resized_buffer, self.buffers)),
            weights=tuple(map(resized_weight, self.weights)),
        )


def _refuse_duplicates(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidModelError(f"two {what}s are called {name!r}")
        seen.add(name)

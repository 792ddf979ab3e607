"""Build a :class:`~models.graph.Graph` by names, in any order of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.errors import InvalidModelError
from models.graph import Buffer, BufferId, Graph, Op, OpId, Source, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _PendingOp:
    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    workspace: int
    in_place: tuple[tuple[str, str], ...]
    views: tuple[tuple[str, str], ...]
    after: tuple[str, ...]
    position: int | None


@dataclass(slots=True)
class GraphBuilder:
    """Collects buffers, ops and weights by name; :meth:`build` resolves and validates them.

    Examples
    --------
    >>> builder = GraphBuilder("tiny")
    >>> builder.buffer("x", 4, is_input=True)
    >>> builder.buffer("y", 2)
    >>> builder.op("f", ["x"], ["y"])
    >>> builder.build().buffers[1].is_output
    True
    """

    name: str
    _buffers: dict[str, Buffer] = field(default_factory=dict)
    _shared: set[str] = field(default_factory=set)
    _ops: dict[str, _PendingOp] = field(default_factory=dict)
    _weights: dict[str, tuple[Weight, tuple[str, ...]]] = field(default_factory=dict)

    def buffer(
        self,
        name: str,
        size: int,
        *,
        is_input: bool = False,
        is_output: bool = False,
        dtype: str = "",
        shape: tuple[int, ...] | None = None,
        shared: bool = False,
    ) -> None:
        """Declare a buffer of ``size`` bytes; ``shared`` allows it several producers.

        Raises
        ------
        InvalidModelError
            If the name is taken or the size is negative.
        """
        if name in self._buffers:
            raise InvalidModelError(f"two buffers are called {name!r}")
        self._buffers[name] = Buffer(name, size, is_input, is_output, dtype, shape)
        if shared:
            self._shared.add(name)

    def op(
        self,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        kind: str = "",
        workspace: int = 0,
        in_place: Pairs = (),
        views: Pairs = (),
        after: Sequence[str] = (),
        position: int | None = None,
    ) -> None:
        """Declare an op over named buffers; ``after`` names ops that must run first.

        Raises
        ------
        InvalidModelError
            If the name is taken.
        """
        if name in self._ops:
            raise InvalidModelError(f"two ops are called {name!r}")
        self._ops[name] = _PendingOp(
            name, kind, tuple(inputs), tuple(outputs), workspace, tuple(in_place), tuple(views),
            tuple(after), position,
        )  # fmt: skip

    def weight(self, name: str, size: int, consumers: Sequence[str] = (), dtype: str = "") -> None:
        """Declare a constant of ``size`` bytes read by the named ops.

        Raises
        ------
        InvalidModelError
            If the name is taken or the size is negative.
        """
        if name in self._weights:
            raise InvalidModelError(f"two weights are called {name!r}")
        self._weights[name] = (Weight(name, size, dtype=dtype), tuple(consumers))

    def build(self, *, source: Source | None = None, warnings: Sequence[str] = ()) -> Graph:
        """Resolve names and validate.

        Raises
        ------
        InvalidModelError
            On a name that nothing declares, a second producer of a buffer that is not shared, and
            whatever :class:`~models.graph.Graph` refuses.
        """
        buffer_ids = {name: BufferId(i) for i, name in enumerate(self._buffers)}
        op_ids = {name: OpId(i) for i, name in enumerate(self._ops)}

        def buffer_id(name: str, op: _PendingOp) -> BufferId:
            if name not in buffer_ids:
                raise InvalidModelError(f"op {op.name!r} names unknown buffer {name!r}")
            return buffer_ids[name]

        def op_id(name: str, owner: str) -> OpId:
            if name not in op_ids:
                raise InvalidModelError(f"{owner} names unknown op {name!r}")
            return op_ids[name]

        producer: dict[str, str] = {}
        for op in self._ops.values():
            for name in op.outputs:
                if name in producer and name not in self._shared:
                    raise InvalidModelError(
                        f"buffer {name!r} has two producers: {producer[name]!r} and {op.name!r}"
                    )
                producer[name] = op.name

        def pairs(op: _PendingOp, named: Pairs) -> tuple[tuple[BufferId, BufferId], ...]:
            return tuple((buffer_id(x, op), buffer_id(y, op)) for x, y in named)

        return Graph(
            name=self.name,
            ops=tuple(
                Op(
                    name=op.name,
                    kind=op.kind,
                    inputs=tuple(buffer_id(b, op) for b in op.inputs),
                    outputs=tuple(buffer_id(b, op) for b in op.outputs),
                    workspace=op.workspace,
                    in_place=pairs(op, op.in_place),
                    views=pairs(op, op.views),
                    after=tuple(op_id(p, f"op {op.name!r}") for p in op.after),
                    position=op.position,
                )
                for op in self._ops.values()
            ),
            buffers=tuple(self._buffers.values()),
            weights=tuple(
                Weight(
                    w.name, w.size, tuple(op_id(c, f"weight {w.name!r}") for c in users), w.dtype
                )
                for w, users in self._weights.values()
            ),
            warnings=tuple(warnings),
            source=source,
        )

"""Small graphs that use every feature of the model, from one seeded generator.

:func:`random_graph` draws from any :class:`random.Random`; hypothesis drives the same code
through :data:`GRAPHS`, so a failing example shrinks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from models.builder import GraphBuilder
from models.graph import Buffer, BufferId, Graph, Op, OpId, Weight
from solver.memory import MemoryRules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Sizes in bytes that one graph draws from: all tied, few ties, zeros, odd, wide.
PALETTES = ((1,), (1, 2), (0, 1, 2), (0, 3, 5, 17), (1, 2, 4, 8), tuple(range(30)))

ALL_RULES = tuple(
    MemoryRules(alignment=alignment, in_place=in_place, views=views)
    for alignment in (1, 4, 16)
    for in_place in (False, True)
    for views in (False, True)
)


@dataclass(eq=False)
class _Storage:
    """A buffer while its graph is being drawn."""

    name: str
    size: int
    is_input: bool
    is_output: bool
    is_read: bool = False


@dataclass(frozen=True)
class _Step:
    """An op while its graph is being drawn."""

    name: str
    inputs: list[_Storage]
    outputs: list[_Storage]
    workspace: int
    in_place: list[tuple[str, str]]
    views: list[tuple[str, str]]
    after: list[str]


@dataclass
class _Drawing:
    """A graph while it is being drawn; its ops come in a valid order."""

    rng: random.Random
    palette: Sequence[int]
    reach: int  # how far back an op reads
    kept: int  # chances in a hundred: a buffer is an output though it may be read,
    parting: int  # a parallel component begins,
    tidy: int  # an op reads what nobody has read so far
    buffers: list[_Storage] = field(default_factory=list)
    readable: list[_Storage] = field(default_factory=list)
    ops: list[_Step] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) >= 100 - percent

    def new_buffer(self, *, is_input: bool = False) -> _Storage:
        size = self.rng.choice(self.palette)
        buffer = _Storage(f"b{len(self.buffers)}", size, is_input, is_output=self.chance(self.kept))
        self.buffers.append(buffer)
        self.readable.append(buffer)
        return buffer

    def new_op(self) -> None:
        """Read up to three buffers near the end; write new ones and sometimes a shared one."""
        if self.chance(self.parting):
            self.readable.clear()
        near = self.readable[-self.reach :]
        if self.chance(self.tidy):
            near = [b for b in near if not b.is_read]
        inputs = self.rng.sample(near, min(len(near), self.rng.choice((0, 1, 1, 2, 2, 3))))
        for buffer in inputs:
            buffer.is_read = True
        outputs = [b for b in near if not b.is_read and not b.is_input and self.chance(12)]
        outputs += [self.new_buffer() for _ in range(self.rng.choice((0, 1, 1, 1, 1, 2, 3)))]
        pairs = [(x.name, y.name) for x in inputs for y in outputs]
        # An output is a view of one input at most: two inputs hold different bytes.
        views = {y: x for x, y in pairs if self.chance(25)}
        self.ops.append(
            _Step(
                name=f"op{len(self.ops)}",
                inputs=inputs,
                outputs=outputs,
                workspace=self.rng.choice(self.palette) if self.chance(20) else 0,
                in_place=[pair for pair in pairs if self.chance(35)],
                views=[(x, y) for y, x in views.items()],
                after=[op.name for op in self.ops if self.chance(3)],
            )
        )

    def build(self, name: str) -> Graph:
        """Shuffle what the file lists."""
        builder = GraphBuilder(name)
        for b in self.rng.sample(self.buffers, len(self.buffers)):
            builder.buffer(b.name, b.size, is_input=b.is_input, is_output=b.is_output, shared=True)
        for op in self.rng.sample(self.ops, len(self.ops)):
            builder.op(
                op.name,
                [b.name for b in op.inputs],
                [b.name for b in op.outputs],
                workspace=op.workspace,
                in_place=op.in_place,
                views=op.views,
                after=op.after,
            )
        return builder.build()


def random_graph(
    rng: random.Random, most_ops: int = 8, least_ops: int = 0, name: str = "drawn"
) -> Graph:
    """Draw a graph: several outputs, fan-out, shared buffers, pairs, state, components."""
    drawing = _Drawing(
        rng,
        palette=rng.choice(PALETTES),
        reach=rng.choice((2, 4, 8, 100)),
        kept=rng.choice((0, 0, 5, 20)),
        parting=rng.choice((0, 0, 10)),
        tidy=rng.choice((0, 50, 90)),
    )
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        drawing.new_buffer(is_input=True)
    for _ in range(max(rng.randint(least_ops, most_ops), rng.randint(least_ops, most_ops))):
        drawing.new_op()
    return drawing.build(name)


def cases(
    count: int, seed: int, most_ops: int = 8, least_ops: int = 0
) -> Iterator[tuple[Graph, MemoryRules]]:
    """Graphs and rules, the same every time; the graph's name is the seed that draws it."""
    for k in range(count):
        label = f"{seed}/{k}"
        yield (
            random_graph(random.Random(label), most_ops, least_ops, label),
            ALL_RULES[k % len(ALL_RULES)],
        )


#: The generator, driven by hypothesis.
GRAPHS = st.builds(random_graph, st.randoms(use_true_random=False))
RULES = st.sampled_from(ALL_RULES)


def random_order(graph: Graph, rng: random.Random) -> list[int]:
    """Draw a valid order."""
    order: list[int] = []
    left = set(range(len(graph.ops)))
    while left:
        ready = sorted(v for v in left if left.isdisjoint(graph.predecessors[v]))
        order.append(rng.choice(ready))
        left.remove(order[-1])
    return order


def relabelled(graph: Graph, rng: random.Random) -> Graph:
    """Shuffle the file order of ops and buffers and rename everything."""
    op_order = rng.sample(range(len(graph.ops)), len(graph.ops))
    buffer_order = rng.sample(range(len(graph.buffers)), len(graph.buffers))
    op_id = {old: OpId(new) for new, old in enumerate(op_order)}
    buffer_id = {old: BufferId(new) for new, old in enumerate(buffer_order)}

    def moved(op: Op, k: int) -> Op:
        return replace(
            op,
            name=f"renamed {k}",
            inputs=tuple(buffer_id[b] for b in op.inputs),
            outputs=tuple(buffer_id[b] for b in op.outputs),
            in_place=tuple((buffer_id[x], buffer_id[y]) for x, y in op.in_place),
            views=tuple((buffer_id[x], buffer_id[y]) for x, y in op.views),
            after=tuple(op_id[v] for v in op.after),
        )

    return Graph(
        "relabelled",
        tuple(moved(graph.ops[old], new) for new, old in enumerate(op_order)),
        tuple(replace(graph.buffers[old], name=f"r{old}") for old in buffer_order),
    )


def with_weights(graph: Graph, rng: random.Random, most: int = 5) -> Graph:
    """Give a graph some weights: read by several ops, by none, twice by one, of size zero."""
    palette = rng.choice(PALETTES)
    weights = []
    for k in range(rng.randint(0, most)):
        readers = rng.choices(range(len(graph.ops)), k=rng.choice((0, 1, 1, 1, 2, 3)))
        weights.append(Weight(f"w{k}", rng.choice(palette), tuple(map(OpId, readers))))
    return replace(graph, weights=tuple(weights))


def scaled(graph: Graph, factor: int) -> Graph:
    """Multiply every size."""
    return replace(
        graph,
        ops=tuple(replace(op, workspace=op.workspace * factor) for op in graph.ops),
        buffers=tuple(replace(b, size=b.size * factor) for b in graph.buffers),
    )


def enlarged(graph: Graph, rng: random.Random) -> Graph:
    """Give sizes near 2**40 bytes to whatever has a size; hardly any two share a divisor."""

    def large(size: int) -> int:
        return (size << 38) + rng.randrange(2**38) if size else 0

    return replace(
        graph,
        ops=tuple(replace(op, workspace=large(op.workspace)) for op in graph.ops),
        buffers=tuple(replace(b, size=large(b.size)) for b in graph.buffers),
    )


def union(a: Graph, b: Graph) -> Graph:
    """Put two graphs side by side."""

    shift = len(a.buffers)

    def moved(op: Op) -> Op:
        return replace(
            op,
            name=f"{len(a.ops)} {op.name}",
            inputs=tuple(BufferId(x + shift) for x in op.inputs),
            outputs=tuple(BufferId(y + shift) for y in op.outputs),
            in_place=tuple((BufferId(x + shift), BufferId(y + shift)) for x, y in op.in_place),
            views=tuple((BufferId(x + shift), BufferId(y + shift)) for x, y in op.views),
            after=tuple(OpId(v + len(a.ops)) for v in op.after),
        )

    return Graph(
        "union",
        (*a.ops, *map(moved, b.ops)),
        (*a.buffers, *(replace(buffer, name=f"{shift} {buffer.name}") for buffer in b.buffers)),
    )


def closed(graph: Graph) -> Graph:
    """Let a first op make all inputs and a last op use up all outputs."""
    first, _last = OpId(len(graph.ops)), OpId(len(graph.ops) + 1)
    inputs = tuple(BufferId(i) for i, b in enumerate(graph.buffers) if b.is_input)
    outputs = tuple(BufferId(i) for i, b in enumerate(graph.buffers) if b.is_output)
    every = tuple(OpId(v) for v in range(len(graph.ops)))
    return Graph(
        graph.name,
        (
            *(replace(op, after=(*op.after, first)) for op in graph.ops),
            Op("first", "", (), inputs),
            Op("last", "", outputs, (), after=(*every, first)),
        ),
        tuple(replace(b, is_input=False, is_output=False) for b in graph.buffers),
    )


def in_series(graphs: Sequence[Graph]) -> Graph:
    """Close graphs and run each after the one before."""
    whole = closed(graphs[0])
    for graph in graphs[1:]:
        last = OpId(len(whole.ops) - 1)
        whole = union(whole, closed(graph))
        first = len(whole.ops) - 2
        ops = list(whole.ops)
        ops[first] = replace(ops[first], after=(last,))
        whole = replace(whole, ops=tuple(ops))
    return whole


def padded(graph: Graph, count: int, rng: random.Random) -> Graph:
    """Scatter ``count`` ops that need no memory, one after the other, among the ops of a graph."""
    return relabelled(union(graph, chain([0] * (count + 1))), rng)


def reversed_time(graph: Graph) -> Graph:
    """Run the film backwards: every order keeps its memory, in reverse.

    Outputs become inputs, producers and consumers change roles. An output that is read becomes an
    input that its producers and consumers read. Pairs are dropped: they point forwards only.
    """
    reads: list[list[BufferId]] = [[] for _ in graph.ops]
    writes: list[list[BufferId]] = [[] for _ in graph.ops]
    for i, buffer in enumerate(graph.buffers):
        users = {*graph.producers[i], *graph.consumers[i]}
        readers = users if buffer.is_output else set(graph.producers[i])
        for v in readers:
            reads[v].append(BufferId(i))
        for v in users - readers:
            writes[v].append(BufferId(i))
    return Graph(
        "reversed",
        tuple(
            replace(
                op,
                inputs=tuple(reads[v]),
                outputs=tuple(writes[v]),
                in_place=(),
                views=(),
                after=tuple(OpId(w) for w, ps in enumerate(graph.predecessors) if v in ps),
            )
            for v, op in enumerate(graph.ops)
        ),
        tuple(replace(b, is_input=b.is_output, is_output=b.is_input) for b in graph.buffers),
    )


def diamond() -> Graph:
    """Draw a network small enough to do in one's head.

    The left branch is wide and then narrow: run it first, whole. ``x`` 1 -> stem -> ``s`` 4;
    left: ``s`` -> widen -> ``wide`` 9 -> narrow -> ``thin`` 2; right: ``s`` -> ``r`` 6; join -> 1.
    """
    builder = GraphBuilder("diamond")
    builder.buffer("x", 1, is_input=True)
    for name, size in (("s", 4), ("wide", 9), ("thin", 2), ("r", 6), ("out", 1)):
        builder.buffer(name, size)
    builder.op("stem", ["x"], ["s"], kind="Conv")
    builder.op("right", ["s"], ["r"], kind="Conv")
    builder.op("widen", ["s"], ["wide"], kind="Conv")
    builder.op("narrow", ["wide"], ["thin"], in_place=[("wide", "thin")], views=[("wide", "thin")])
    builder.op("join", ["thin", "r"], ["out"])
    return builder.build()


def chain(sizes: Sequence[int]) -> Graph:
    """Ops in a row, each reading the buffer before it; the first size is the input's."""
    buffers = tuple(Buffer(f"b{i}", size, is_input=i == 0) for i, size in enumerate(sizes))
    ops = tuple(Op(f"op{i}", "", (BufferId(i),), (BufferId(i + 1),)) for i in range(len(sizes) - 1))
    return Graph("chain", ops, buffers)

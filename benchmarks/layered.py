"""Random layered graphs whose every tensor is read: one small tensor is left at the end.

``random_layered`` of the zoo keeps what nobody reads as outputs, so the last state often needs as
much as any other and proves the optimum. Here tensors that stay unread go into the next layer,
layers taper off, and one op joins the last of them: the peak lies in the middle.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from models import Graph, GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    Below = Callable[[int], int]

_LEAST, _MOST = 100, 1000  # bytes of a tensor
_MOST_READS = 3
_REACH = 3  # layers back


def layered_closed(ops: int, width: int, seed: int) -> Graph:
    """Build a closed layered graph.

    Parameters
    ----------
    ops : int
        Number of ops, the joining one included; at least 2.
    width : int
        Ops of a layer on average, before the graph tapers off. The largest antichain is about
        1.7 times as large.
    seed : int
        Seed of all choices; they are the same in every version of Python.

    Returns
    -------
    Graph
        An op reads one tensor of the layer before, up to two from three layers back, and what
        nobody else has read of the layer before. Sizes are uniform in 100 to 1000 bytes.

    Raises
    ------
    ValueError
        If there are fewer than two ops, or no width.
    """
    if ops < 2 or width < 1:
        raise ValueError(f"a closed graph needs two ops and a width, not {ops} and {width}")
    draws = Random(seed)

    def below(bound: int) -> int:
        return int(draws.random() * bound)

    def size() -> int:
        return _LEAST + below(_MOST - _LEAST + 1)

    builder = GraphBuilder(f"closed{ops}_w{width}_s{seed}")
    builder.buffer("in", size(), is_input=True)
    layers = [["in"]]
    left = ops - 1
    while left:
        count = min(1 + below(2 * width - 1), max(1, left // 2))
        left -= count
        reads = _reads(below, layers, count)
        number = len(layers)
        layers.append([f"t{number}.{i}" for i in range(count)])
        for i, (made, inputs) in enumerate(zip(layers[-1], reads, strict=True)):
            builder.buffer(made, size())
            builder.op(f"op{number}.{i}", inputs, [made])
    builder.buffer("out", size())
    builder.op("join", layers[-1], ["out"])
    return builder.build()


def _reads(below: Below, layers: list[list[str]], count: int) -> list[list[str]]:
    """Draw the inputs of the ``count`` ops of the next layer."""
    before = layers[-1]
    near = [tensor for layer in layers[-_REACH:] for tensor in layer]
    reads: list[list[str]] = []
    for _ in range(count):
        chosen = [before[below(len(before))]]
        chosen += [near[below(len(near))] for _ in range(below(_MOST_READS))]
        reads.append(list(dict.fromkeys(chosen)))
    read = {tensor for inputs in reads for tensor in inputs}
    for tensor in before:
        if tensor not in read:
            reads[below(count)].append(tensor)
    return reads

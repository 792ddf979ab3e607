"""RandWire: networks wired by random graph models.

Sources
-------
S. Xie, A. Kirillov, R. Girshick, K. He, "Exploring Randomly Wired Neural Networks for Image
Recognition", ICCV 2019, arXiv:1904.01569; the random graphs are those of Erdos-Renyi,
Barabasi-Albert and Watts-Strogatz. The small regime, WS(4, 0.75) with 78 channels, has 5.6 M
parameters and 583 M multiply-adds on average.
"""

from typing import Annotated, Literal

import networkx as nx

from models.errors import InvalidModelError
from models.zoo._net import Net, Tensor
from models.zoo._params import Between

_ATTEMPTS = 1000

Model = Literal["ws", "er", "ba"]
Nodes = Annotated[int, Between(1, 4096)]
Neighbours = Annotated[int, Between(2, 1024)]
Probability = Annotated[float, Between(0, 1)]
Attached = Annotated[int, Between(1, 1024)]
Channels = Annotated[int, Between(1, 4096)]
Seed = Annotated[int, Between(0, 2**32 - 1)]


def _predecessors(
    model: Model, *, nodes: int, k: int, p: float, m: int, seed: int
) -> tuple[tuple[int, ...], ...]:
    """Draw a connected graph; return, for each node, its neighbours of smaller index."""
    if model == "ws" and k >= nodes:
        raise InvalidModelError(f"randwire: ws needs k < nodes, not k = {k}, nodes = {nodes}")
    if model == "ba" and m >= nodes:
        raise InvalidModelError(f"randwire: ba needs m < nodes, not m = {m}, nodes = {nodes}")
    for attempt in range(_ATTEMPTS):
        # Seeds far apart, so that a redrawn graph is not the first draw of the next seed.
        draw = seed + attempt * 2**32
        match model:
            case "ws":
                drawn = nx.watts_strogatz_graph(nodes, k, p, seed=draw)
            case "er":
                drawn = nx.gnp_random_graph(nodes, p, seed=draw)
            case _:
                drawn = nx.barabasi_albert_graph(nodes, m, seed=draw)
        if nx.is_connected(drawn):
            return tuple(tuple(sorted(u for u in drawn[v] if u < v)) for v in range(nodes))
    raise InvalidModelError(
        f"randwire: no connected {model} graph of {nodes} nodes in {_ATTEMPTS} draws; raise p"
    )


def _wired(
    net: Net, x: Tensor, channels: int, predecessors: tuple[tuple[int, ...], ...], stride: int
) -> Tensor:
    """Write a random stage: sources read ``x`` and stride, sinks are averaged."""
    made: list[Tensor] = []
    for index, sources in enumerate(predecessors):
        with net.scope(f"node{index}"):
            y = net.sum([made[s] for s in sources]) if sources else x
            y = net.relu(y)
            made.append(net.separable(y, channels, 3, stride=1 if sources else stride))
    used = {s for sources in predecessors for s in sources}
    return net.mean([y for v, y in enumerate(made) if v not in used], name="output")


def cell(
    net: Net,
    *,
    graph: Model = "ws",
    nodes: Nodes = 32,
    k: Neighbours = 4,
    p: Probability = 0.75,
    m: Attached = 5,
    channels: Channels = 32,
    image: Annotated[int, Between(2, 1024)] = 16,
    stride: Annotated[int, Between(1, 2)] = 1,
    graph_seed: Seed = 0,
) -> tuple[Tensor, ...]:
    """Build one random stage: WS(k, p), ER(p) or BA(m), directed from smaller to larger index.

    A node is the sum of its inputs (one n-ary op, where it has several), ReLU, 3x3 depthwise and
    1x1 convolution. With stride 1 all activations have one size.

    Notes
    -----
    The learned weights of the sums, which the paper squashes by a sigmoid, are all one here: they
    change neither the wiring nor a size.
    """
    predecessors = _predecessors(graph, nodes=nodes, k=k, p=p, m=m, seed=graph_seed)
    return (_wired(net, net.input(1, channels, image, image), channels, predecessors, stride),)


def small(
    net: Net,
    *,
    graph: Model = "ws",
    nodes: Nodes = 32,
    k: Neighbours = 4,
    p: Probability = 0.75,
    m: Attached = 5,
    channels: Annotated[int, Between(2, 1024)] = 78,
    image: Annotated[int, Between(16, 1024)] = 224,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
    graph_seed: Seed = 0,
) -> tuple[Tensor, ...]:
    """Build the whole network of the small regime: two convolutions, three random stages.

    Stage ``i`` (from 0) is drawn with seed ``3 * graph_seed + i``.
    """
    x = net.conv(net.input(1, 3, image, image), channels // 2, 3, stride=2, name="conv1")
    x = net.conv(net.relu(x), channels, 3, stride=2, name="conv2")
    for stage in range(3):
        predecessors = _predecessors(graph, nodes=nodes, k=k, p=p, m=m, seed=3 * graph_seed + stage)
        with net.scope(f"conv{stage + 3}"):
            x = _wired(net, x, channels << stage, predecessors, 2)
    x = net.conv(net.relu(x), 1280, name="conv6")
    return (net.classifier(x, classes),)

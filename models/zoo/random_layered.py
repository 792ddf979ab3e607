"""Random layered graphs with tensors of many sizes: hard instances without structure to exploit.

Sources
-------
In the manner of the synthetic graphs of M. Gagrani et al., "Neural Topological Ordering for
Computation Graphs", NeurIPS 2022, arXiv:2207.05899, on which B. Bartan et al., "MOCCASIN: Efficient
Tensor Rematerialization for Neural Networks", ICML 2023, arXiv:2304.14463 measured n = 100 to 1000.
The generator is our own; figures on its graphs compare only with each other.
"""

from typing import Annotated

import numpy as np
from onnx import helper

from models.zoo._net import DOMAIN, Net, Tensor
from models.zoo._params import Between

_MOST_INPUTS = 3
_REACH = 3


def random_layered(
    net: Net,
    *,
    ops: Annotated[int, Between(1, 10_000)] = 100,
    width: Annotated[int, Between(1, 1000)] = 20,
    channels: Annotated[int, Between(1, 512)] = 64,
    image: Annotated[int, Between(1, 64)] = 4,
    graph_seed: Annotated[int, Between(0, 2**32 - 1)] = 0,
) -> tuple[Tensor, ...]:
    """Build ``ops`` ops in layers of 1 to ``2 * width - 1``, so of ``width`` on average.

    An op reads one to three tensors, the first from the layer before, the others from up to three
    layers back, and gives a tensor of 1 to ``channels`` channels. Whatever a layer makes, the next
    ones read if they have room; the rest, and the last layer, are outputs.
    """
    random = np.random.Generator(np.random.PCG64(graph_seed))
    layers = [[net.input(1, max(1, channels // 2), image, image)]]
    unread: dict[str, Tensor] = {}
    left = ops
    while left:
        count = min(left, int(random.integers(1, 2 * width)))
        left -= count
        choices = [_choose(random, layers, unread) for _ in range(count)]
        with net.scope(f"layer{len(layers)}"):
            made = [_op(net, random, inputs, channels) for inputs in choices]
        layers.append(made)
        unread |= {t.name: t for t in made}
    return tuple(unread.values())


def _choose(
    random: np.random.Generator, layers: list[list[Tensor]], unread: dict[str, Tensor]
) -> list[Tensor]:
    """Draw an op's inputs, unread tensors of the last layer first."""
    waiting = [t for t in layers[-1] if t.name in unread] or layers[-1]
    chosen = {t.name: t for t in [_any(random, waiting)]}
    near = [t for layer in layers[-_REACH:] for t in layer]
    for _ in range(int(random.integers(_MOST_INPUTS))):
        extra = _any(random, near)
        chosen[extra.name] = extra
    for name in chosen:
        unread.pop(name, None)
    return list(chosen.values())


def _any(random: np.random.Generator, tensors: list[Tensor]) -> Tensor:
    return tensors[int(random.integers(len(tensors)))]


def _op(net: Net, random: np.random.Generator, inputs: list[Tensor], most: int) -> Tensor:
    channels = int(random.integers(1, most + 1))
    if len(inputs) == 1:
        return net.conv(inputs[0], channels) if random.integers(2) else net.relu(inputs[0])
    if len({x.shape for x in inputs}) == 1:
        return net.sum(inputs)
    return _mix(net, inputs, channels)


def _mix(net: Net, inputs: list[Tensor], channels: int) -> Tensor:
    """Write one op that adds up 1x1 convolutions of all inputs."""
    kind = f"Mix{len(inputs)}"
    data = [f"x{i}" for i in range(len(inputs))]
    weights = [f"w{i}" for i in range(len(inputs))]
    parts = [f"y{i}" for i in range(len(inputs))]
    convs = [
        helper.make_node("Conv", [x, w], [y], kernel_shape=[1, 1])
        for x, w, y in zip(data, weights, parts, strict=True)
    ]
    net.function(kind, [*data, *weights], ["y"], [*convs, helper.make_node("Sum", parts, ["y"])])
    name = net.fresh("mix")
    constants = [
        net.weight(f"{name}.weight{i}", (channels, x.channels, 1, 1), x.channels)
        for i, x in enumerate(inputs)
    ]
    shape = (1, channels, *inputs[0].image)
    (made,) = net.node(kind, [*inputs, *constants], {name: shape}, domain=DOMAIN)
    return made

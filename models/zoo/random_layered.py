"""Random layered graphs with tensors of many sizes: hard instances without structure to exploit.

Sources
-------
In the manner of the synthetic graphs of M. Gagrani et al., "Neural Topological Ordering for
Computation Graphs", NeurIPS 2022, arXiv:2207.05899, on which B. Bartan et al., "MOCCASIN: Efficient
Tensor Rematerialization for Neural Networks", ICML 2023, arXiv:2304.14463 measured n = 100 to 1000.
The generator is our own; figures on its graphs compare only with each other.
"""

from random import Random
from typing import Annotated

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
    layers back, and gives a tensor of 1 to ``channels`` channels. Tensors that nobody reads yet go
    first; what stays unread, such as the last layer, is an output.
    """
    draws = _Draws(graph_seed)
    layers = [[net.input(1, max(1, channels // 2), image, image)]]
    unread: dict[str, Tensor] = {}
    left = ops
    while left:
        count = min(left, 1 + draws.below(2 * width - 1))
        left -= count
        choices = [_choose(draws, layers, unread) for _ in range(count)]
        with net.scope(f"layer{len(layers)}"):
            made = [_op(net, draws, inputs, channels) for inputs in choices]
        layers.append(made)
        unread |= {t.name: t for t in made}
    return tuple(unread.values())


class _Draws:
    """Random choices that are the same in every version of Python."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, bound: int) -> int:
        """Draw from ``range(bound)``."""
        return int(self._random.random() * bound)

    def one_of(self, tensors: list[Tensor]) -> Tensor:
        """Draw a tensor."""
        return tensors[self.below(len(tensors))]


def _choose(draws: _Draws, layers: list[list[Tensor]], unread: dict[str, Tensor]) -> list[Tensor]:
    """Draw an op's inputs."""
    chosen: dict[str, Tensor] = {}

    def draw(tensors: list[Tensor]) -> None:
        drawn = draws.one_of([t for t in tensors if t.name in unread] or tensors)
        chosen[drawn.name] = drawn
        unread.pop(drawn.name, None)

    draw(layers[-1])
    near = [t for layer in layers[-_REACH:] for t in layer]
    for _ in range(draws.below(_MOST_INPUTS)):
        draw(near)
    return list(chosen.values())


def _op(net: Net, draws: _Draws, inputs: list[Tensor], most: int) -> Tensor:
    channels = 1 + draws.below(most)
    if len(inputs) == 1:
        return net.conv(inputs[0], channels) if draws.below(2) else net.relu(inputs[0])
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

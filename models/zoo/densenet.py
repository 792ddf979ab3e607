"""DenseNet-121: every layer reads all earlier outputs of its block.

Sources
-------
G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, "Densely Connected Convolutional Networks",
CVPR 2017, arXiv:1608.06993: growth rate 32, 8.0 M parameters.

Notes
-----
A layer normalises the concatenation it reads, which no convolution before it can take in, so those
BatchNormalization ops stay. Each layer appends to one growing tensor.
"""

from typing import Annotated

from models.zoo._net import Net, Tensor
from models.zoo._params import Between

_BLOCKS = (6, 12, 24, 16)


def _layer(net: Net, x: Tensor, growth: int) -> Tensor:
    y = net.conv(net.relu(net.batch_norm(x)), 4 * growth)
    y = net.conv(net.relu(y), growth, 3, bias=False)
    return net.concat([x, y])


def _transition(net: Net, x: Tensor) -> Tensor:
    x = net.conv(net.relu(net.batch_norm(x)), x.channels // 2, bias=False)
    return net.avg_pool(x, 2, stride=2, pad=0)


def densenet121(
    net: Net,
    *,
    growth: Annotated[int, Between(1, 128)] = 32,
    image: Annotated[int, Between(32, 1024)] = 224,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
) -> tuple[Tensor, ...]:
    """Build the network; the stem has twice ``growth`` channels."""
    x = net.conv(net.input(1, 3, image, image), 2 * growth, 7, stride=2, name="stem")
    x = net.max_pool(net.relu(x), 3, stride=2)
    for block, layers in enumerate(_BLOCKS, 1):
        if block > 1:
            with net.scope(f"transition{block - 1}"):
                x = _transition(net, x)
        for layer in range(1, layers + 1):
            with net.scope(f"block{block}.layer{layer}"):
                x = _layer(net, x, growth)
    return (net.classifier(net.relu(net.batch_norm(x)), classes),)

"""ResNet-50: bottleneck residual blocks.

Sources
-------
K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
arXiv:1512.03385: 3.8 G multiply-adds; 25.6 M parameters. Strides sit in the first 1x1 convolution
of a block, as in the paper.
"""

from typing import Annotated

from models.zoo._net import Net, Tensor
from models.zoo._params import Between

_BLOCKS = (3, 4, 6, 3)


def _bottleneck(net: Net, x: Tensor, channels: int, stride: int) -> Tensor:
    y = net.relu(net.conv(x, channels, stride=stride))
    y = net.relu(net.conv(y, channels, 3))
    y = net.conv(y, 4 * channels)
    if x.shape != y.shape:
        x = net.conv(x, y.channels, stride=stride, name="shortcut")
    return net.relu(net.add(y, x))


def resnet50(
    net: Net,
    *,
    channels: Annotated[int, Between(1, 512)] = 64,
    image: Annotated[int, Between(8, 1024)] = 224,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
) -> tuple[Tensor, ...]:
    """Build the network; ``channels`` is the width of the stem."""
    x = net.conv(net.input(1, 3, image, image), channels, 7, stride=2, name="stem")
    x = net.max_pool(net.relu(x), 3, stride=2)
    for stage, blocks in enumerate(_BLOCKS):
        for block in range(blocks):
            with net.scope(f"stage{stage + 2}.block{block + 1}"):
                x = _bottleneck(net, x, channels << stage, 2 if stage and not block else 1)
    return (net.classifier(x, classes),)

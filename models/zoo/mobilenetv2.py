"""MobileNetV2: inverted residuals with linear bottlenecks.

Sources
-------
M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", CVPR 2018, arXiv:1801.04381. Width 1.0 at 224 pixels: 3.4 M parameters, 300 M
multiply-adds.
"""

from typing import Annotated

from models.zoo._net import Net, Tensor
from models.zoo._params import Between

#: Expansion, output channels, repeats and first stride of each group (the paper's table 2).
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of ``divisor``, never down by more than a tenth."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def _inverted_residual(net: Net, x: Tensor, channels: int, stride: int, expansion: int) -> Tensor:
    y = x
    if expansion > 1:
        y = net.relu6(net.conv(y, expansion * x.channels, name="expand"))
    y = net.relu6(net.depthwise(y, 3, stride=stride, name="depthwise"))
    y = net.conv(y, channels, name="project")
    return net.add(x, y) if x.shape == y.shape else y


def mobilenetv2(
    net: Net,
    *,
    width: Annotated[float, Between(0.05, 4)] = 1.0,
    image: Annotated[int, Between(8, 1024)] = 224,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
) -> tuple[Tensor, ...]:
    """Build the network; ``width`` scales all channels, the last 1280 only upwards."""
    x = net.conv(
        net.input(1, 3, image, image), round_channels(32 * width), 3, stride=2, name="stem"
    )
    x = net.relu6(x)
    for group, (expansion, channels, repeats, stride) in enumerate(_GROUPS, 1):
        for index in range(repeats):
            with net.scope(f"block{group}_{index + 1}"):
                x = _inverted_residual(
                    net, x, round_channels(channels * width), 1 if index else stride, expansion
                )
    x = net.relu6(net.conv(x, round_channels(1280 * max(1.0, width)), name="last"))
    return (net.classifier(x, classes),)

"""MobileNetV3-Large: inverted residuals with squeeze-and-excite.

Sources
-------
A. Howard et al., "Searching for MobileNetV3", ICCV 2019, arXiv:1905.02244: 5.4 M parameters,
219 M multiply-adds.
"""

from typing import Annotated

from models.zoo._net import Net, Tensor
from models.zoo._params import Between
from models.zoo.mobilenetv2 import round_channels

#: Kernel, expanded channels, output channels, squeeze-and-excite, hard swish, stride (table 1).
_BLOCKS = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


def _squeeze_excite(net: Net, x: Tensor) -> Tensor:
    squeezed = net.relu(
        net.conv(net.global_pool(x), round_channels(x.channels / 4), name="squeeze")
    )
    excited = net.conv(squeezed, x.channels, name="excite")
    return net.scale(x, net.unary("HardSigmoid", excited, alpha=1 / 6, beta=0.5))


def mobilenetv3_large(
    net: Net,
    *,
    width: Annotated[float, Between(0.05, 4)] = 1.0,
    image: Annotated[int, Between(8, 1024)] = 224,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
) -> tuple[Tensor, ...]:
    """Build the network; ``width`` scales all channels."""

    def scaled(channels: int) -> int:
        return round_channels(channels * width)

    def activated(x: Tensor, *, hard_swish: bool) -> Tensor:
        return net.unary("HardSwish", x) if hard_swish else net.relu(x)

    x = net.conv(net.input(1, 3, image, image), scaled(16), 3, stride=2, name="stem")
    x = activated(x, hard_swish=True)
    for index, (kernel, expanded, channels, excited, hard_swish, stride) in enumerate(_BLOCKS, 1):
        with net.scope(f"block{index}"):
            y = x
            if scaled(expanded) != x.channels:
                y = net.conv(y, scaled(expanded), name="expand")
                y = activated(y, hard_swish=hard_swish)
            y = net.depthwise(y, kernel, stride=stride, name="depthwise")
            y = activated(y, hard_swish=hard_swish)
            if excited:
                y = _squeeze_excite(net, y)
            y = net.conv(y, scaled(channels), name="project")
            x = net.add(x, y) if x.shape == y.shape else y
    x = activated(net.conv(x, scaled(960), name="last"), hard_swish=True)
    x = net.flatten(net.global_pool(x))
    x = activated(
        net.gemm(x, round_channels(1280 * max(1.0, width)), name="hidden"), hard_swish=True
    )
    return (net.gemm(x, classes, name="logits"),)

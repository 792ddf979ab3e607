"""U-Net: a contracting path, an expanding path, and long skip connections.

Sources
-------
O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, arXiv:1505.04597: 23 convolutional layers, 572 x 572 in, 388 x 388 out.
"""

from typing import Annotated, Literal

from models.errors import InvalidModelError
from models.zoo._net import Net, Tensor
from models.zoo._params import Between


def _double_conv(net: Net, x: Tensor, channels: int, pad: int | None) -> Tensor:
    for _ in range(2):
        x = net.relu(net.conv(x, channels, 3, pad=pad))
    return x


def _cropped(net: Net, x: Tensor, image: tuple[int, int]) -> Tensor:
    """Cut the middle out, unless it is everything."""
    if x.image == image:
        return x
    top = (x.image[0] - image[0]) // 2
    return net.crop(x, top, top, top + image[0], top + image[1])


def unet(
    net: Net,
    *,
    depth: Annotated[int, Between(1, 6)] = 4,
    channels: Annotated[int, Between(1, 512)] = 64,
    image: Annotated[int, Between(8, 2048)] = 572,
    classes: Annotated[int, Between(1, 1000)] = 2,
    padding: Literal["valid", "same"] = "valid",
) -> tuple[Tensor, ...]:
    """Build the network; with ``padding="valid"``, as published, every 3x3 takes a border off.

    Raises
    ------
    InvalidModelError
        If a pool would meet an image of odd size, which no upsampling gives back.
    """
    pad = 0 if padding == "valid" else None
    x = net.input(1, 1, image, image)
    skips: list[Tensor] = []
    for level in range(depth):
        with net.scope(f"down{level + 1}"):
            x = _double_conv(net, x, channels << level, pad)
            if x.image[0] % 2:
                raise InvalidModelError(
                    f"unet: image {image} becomes {x.image[0]} at level {level + 1}, "
                    "which cannot be halved"
                )
            skips.append(x)
            x = net.max_pool(x, 2, stride=2, pad=0)
    with net.scope("bottom"):
        x = _double_conv(net, x, channels << depth, pad)
    for level in reversed(range(depth)):
        with net.scope(f"up{level + 1}"):
            x = net.up_conv(x, channels << level)
            x = net.concat([_cropped(net, skips.pop(), x.image), x])
            x = _double_conv(net, x, channels << level, pad)
    return (net.conv(x, classes, name="segmentation"),)

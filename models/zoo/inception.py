"""Inception v3: parallel branches of factorised convolutions.

Sources
-------
C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for
Computer Vision", CVPR 2016, arXiv:1512.00567. 23.8 M parameters without the auxiliary head, which
inference does not need; module widths are those of the authors' code.
"""

from typing import Annotated

from models.zoo._net import Net, Pair, Tensor
from models.zoo._params import Between

_TALL = (7, 1)
_FLAT = (1, 7)


def _conv(
    net: Net, x: Tensor, channels: int, kernel: Pair = 1, *, stride: int = 1, pad: int | None = None
) -> Tensor:
    return net.relu(net.conv(x, channels, kernel, stride=stride, pad=pad))


def _chain(net: Net, x: Tensor, *layers: tuple[int, Pair]) -> Tensor:
    for channels, kernel in layers:
        x = _conv(net, x, channels, kernel)
    return x


def _halve(net: Net, x: Tensor, channels: int) -> Tensor:
    return _conv(net, x, channels, 3, stride=2, pad=0)


def _pooled(net: Net, x: Tensor, channels: int) -> Tensor:
    return _conv(net, net.avg_pool(x, 3), channels)


def _module_35(net: Net, x: Tensor, pooled: int) -> Tensor:
    return net.concat(
        [
            _conv(net, x, 64),
            _chain(net, x, (48, 1), (64, 5)),
            _chain(net, x, (64, 1), (96, 3), (96, 3)),
            _pooled(net, x, pooled),
        ]
    )


def _module_17(net: Net, x: Tensor, inner: int) -> Tensor:
    return net.concat(
        [
            _conv(net, x, 192),
            _chain(net, x, (inner, 1), (inner, _FLAT), (192, _TALL)),
            _chain(
                net, x, (inner, 1), (inner, _TALL), (inner, _FLAT), (inner, _TALL), (192, _FLAT)
            ),
            _pooled(net, x, 192),
        ]
    )


def _module_8(net: Net, x: Tensor) -> Tensor:
    def forked(y: Tensor) -> Tensor:
        return net.concat([_conv(net, y, 384, (1, 3)), _conv(net, y, 384, (3, 1))])

    return net.concat(
        [
            _conv(net, x, 320),
            forked(_conv(net, x, 384)),
            forked(_chain(net, x, (448, 1), (384, 3))),
            _pooled(net, x, 192),
        ]
    )


def inception_v3(
    net: Net,
    *,
    image: Annotated[int, Between(75, 1024)] = 299,
    classes: Annotated[int, Between(1, 100_000)] = 1000,
) -> tuple[Tensor, ...]:
    """Build the network without auxiliary head."""
    x = net.input(1, 3, image, image)
    with net.scope("stem"):
        x = _conv(net, _halve(net, x, 32), 32, 3, pad=0)
        x = net.max_pool(_conv(net, x, 64, 3), 3, stride=2, pad=0)
        x = _conv(net, _conv(net, x, 80), 192, 3, pad=0)
        x = net.max_pool(x, 3, stride=2, pad=0)
    for index, pooled in enumerate((32, 64, 64), 1):
        with net.scope(f"a{index}"):
            x = _module_35(net, x, pooled)
    with net.scope("reduce1"):
        double = _halve(net, _chain(net, x, (64, 1), (96, 3)), 96)
        x = net.concat([_halve(net, x, 384), double, net.max_pool(x, 3, stride=2, pad=0)])
    for index, inner in enumerate((128, 160, 160, 192), 1):
        with net.scope(f"b{index}"):
            x = _module_17(net, x, inner)
    with net.scope("reduce2"):
        single = _halve(net, _conv(net, x, 192), 320)
        double = _halve(net, _chain(net, x, (192, 1), (192, _FLAT), (192, _TALL)), 192)
        x = net.concat([single, double, net.max_pool(x, 3, stride=2, pad=0)])
    for index in (1, 2):
        with net.scope(f"c{index}"):
            x = _module_8(net, x)
    return (net.classifier(x, classes),)

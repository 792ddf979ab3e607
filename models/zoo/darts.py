"""DARTS: cells found by differentiable architecture search.

Sources
-------
H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
arXiv:1806.09055. The genotype is the second-order one (DARTS_V2): 3.3 M parameters with 36
channels on CIFAR-10, 4.7 M and 574 M multiply-adds with 48 channels on ImageNet.
"""

from models.zoo import _cells
from models.zoo._cells import (
    DARTS_STYLE,
    HMCOS_STYLE,
    Cell,
    CellCount,
    CellWriter,
    Classes,
    Filters,
    Genotype,
    ImageSize,
    Kind,
    Layout,
)
from models.zoo._net import Net, Tensor

DARTS_V2 = Genotype(
    normal=Cell(
        blocks=(
            (("sep 3", 0), ("sep 3", 1)),
            (("sep 3", 0), ("sep 3", 1)),
            (("sep 3", 1), ("identity", 0)),
            (("identity", 0), ("dil 3", 2)),
        ),
        outputs=(2, 3, 4, 5),
    ),
    reduction=Cell(
        blocks=(
            (("max 3", 0), ("max 3", 1)),
            (("identity", 2), ("max 3", 1)),
            (("max 3", 0), ("identity", 2)),
            (("identity", 2), ("max 3", 1)),
        ),
        outputs=(2, 3, 4, 5),
    ),
)


def cifar(
    net: Net,
    *,
    cells: CellCount = 6,
    channels: Filters = 36,
    image: ImageSize = 32,
    classes: Classes = 10,
    layout: Layout = "paper",
) -> tuple[Tensor, ...]:
    """Build the CIFAR-10 network; 6 normal cells a stage are the published 20 layers.

    With ``layout="hmcos"`` (798 ops instead of 794) a factorized reduction takes 8 ops instead of
    5, the first cell squeezes the stem once instead of twice, and the head has a ReLU but no
    Flatten.
    """
    hmcos = layout == "hmcos"
    writer = CellWriter(net, DARTS_V2, HMCOS_STYLE if hmcos else DARTS_STYLE)
    stem = 32 if hmcos else 3 * channels
    plan = _cells.stages(cells, channels)
    return _cells.cifar(writer, plan, image=image, stem=stem, classes=classes)


def imagenet(
    net: Net,
    *,
    cells: CellCount = 4,
    channels: Filters = 48,
    image: ImageSize = 224,
    classes: Classes = 1000,
) -> tuple[Tensor, ...]:
    """Build the ImageNet network; 4 normal cells a stage are the published 14 layers."""
    x = net.input(1, 3, image, image)
    with net.scope("stem"):
        x = net.relu(net.conv(x, channels // 2, 3, stride=2))
        prev = net.conv(x, channels, 3, stride=2)
        cur = net.conv(net.relu(prev), channels, 3, stride=2)
    writer = CellWriter(net, DARTS_V2, DARTS_STYLE)
    return writer.head(writer.stack(prev, cur, _cells.stages(cells, channels)), classes)


def cell(
    net: Net, *, channels: Filters = 36, image: ImageSize = 32, kind: Kind = "normal"
) -> tuple[Tensor, ...]:
    """Build one cell with the outputs of the two cells before it as inputs."""
    writer = CellWriter(net, DARTS_V2, DARTS_STYLE)
    return _cells.single(writer, filters=channels, image=image, kind=kind)

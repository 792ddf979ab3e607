"""AmoebaNet-A: cells found by regularized evolution.

Sources
-------
E. Real, A. Aggarwal, Y. Huang, Q. V. Le, "Regularized Evolution for Image Classifier Architecture
Search", AAAI 2019, arXiv:1802.01548. Six cells a stage and 36 filters have 3.2 M parameters on
CIFAR-10; "4 x 50" has 5.1 M on ImageNet.

Notes
-----
Transcriptions of the figure differ in which input some branches read, not in their ops. This is
the one that HMCOS (Wang et al., DAC 2022) measured. The 1x7, 7x1 pair is two full convolutions; the
authors' code narrows it to a quarter of the filters.
"""

from models.zoo import _cells
from models.zoo._cells import (
    HMCOS_STYLE,
    NASNET_STYLE,
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

AMOEBANET_A = Genotype(
    normal=Cell(
        blocks=(
            (("avg 3", 0), ("max 3", 0)),
            (("identity", 0), ("avg 3", 1)),
            (("sep 5", 2), ("sep 3", 1)),
            (("sep 3", 2), ("identity", 1)),
            (("avg 3", 4), ("sep 3", 0)),
        ),
        outputs=(3, 5, 6),
    ),
    reduction=Cell(
        blocks=(
            (("avg 3", 0), ("sep 3", 1)),
            (("max 3", 1), ("max 3", 0)),
            (("max 3", 0), ("sep 7", 2)),
            (("sep 7", 0), ("avg 3", 1)),
            (("sep 3", 3), ("factors 7", 0)),
        ),
        outputs=(4, 5, 6),
    ),
)


def cifar(
    net: Net,
    *,
    cells: CellCount = 6,
    filters: Filters = 36,
    image: ImageSize = 32,
    classes: Classes = 10,
    layout: Layout = "paper",
) -> tuple[Tensor, ...]:
    """Build the CIFAR-10 network.

    With ``layout="hmcos"`` it has the 780 ops of the HMCOS measurements.
    """
    hmcos = layout == "hmcos"
    writer = CellWriter(net, AMOEBANET_A, HMCOS_STYLE if hmcos else NASNET_STYLE)
    stem = 32 if hmcos else 3 * filters
    plan = _cells.stages(cells, filters)
    return _cells.cifar(writer, plan, image=image, stem=stem, classes=classes)


def imagenet(
    net: Net,
    *,
    cells: CellCount = 4,
    filters: Filters = 50,
    image: ImageSize = 224,
    classes: Classes = 1000,
) -> tuple[Tensor, ...]:
    """Build the ImageNet network: a strided convolution, two reductions, then three stages."""
    writer = CellWriter(net, AMOEBANET_A, NASNET_STYLE)
    plan = _cells.stages(cells, filters)
    return _cells.imagenet(writer, plan, image=image, filters=filters, classes=classes)


def cell(
    net: Net, *, filters: Filters = 36, image: ImageSize = 32, kind: Kind = "normal"
) -> tuple[Tensor, ...]:
    """Build one cell with the outputs of the two cells before it as inputs."""
    writer = CellWriter(net, AMOEBANET_A, NASNET_STYLE)
    return _cells.single(writer, filters=filters, image=image, kind=kind)

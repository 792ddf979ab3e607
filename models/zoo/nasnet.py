"""NASNet-A: cells found by reinforcement learning on CIFAR-10.

Sources
-------
B. Zoph, V. Vasudevan, J. Shlens, Q. V. Le, "Learning Transferable Architectures for Scalable Image
Recognition", CVPR 2018, arXiv:1707.07012. "6 @ 768" (6 cells a stage, 32 filters) has 3.3 M
parameters on CIFAR-10; "4 @ 1056" (4 cells, 44 filters) has 5.3 M parameters and 564 M
multiply-adds on ImageNet.

Notes
-----
The first cell squeezes the stem for both of its inputs; the authors' code passes it on unsqueezed
as the older one.
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

NASNET_A = Genotype(
    normal=Cell(
        blocks=(
            (("sep 5", 1), ("sep 3", 0)),
            (("sep 5", 0), ("sep 3", 0)),
            (("avg 3", 1), ("identity", 0)),
            (("avg 3", 0), ("avg 3", 0)),
            (("sep 3", 1), ("identity", 1)),
        ),
        outputs=(0, 2, 3, 4, 5, 6),
    ),
    reduction=Cell(
        blocks=(
            (("sep 5", 1), ("sep 7", 0)),
            (("max 3", 1), ("sep 7", 0)),
            (("avg 3", 1), ("sep 5", 0)),
            (("identity", 3), ("avg 3", 2)),
            (("sep 3", 2), ("max 3", 1)),
        ),
        outputs=(3, 4, 5, 6),
    ),
)


def cifar(
    net: Net,
    *,
    cells: CellCount = 6,
    filters: Filters = 32,
    image: ImageSize = 32,
    classes: Classes = 10,
    layout: Layout = "paper",
) -> tuple[Tensor, ...]:
    """Build the CIFAR-10 network of "6 @ 768".

    With ``layout="hmcos"`` it has the 876 ops of the HMCOS measurements.
    """
    hmcos = layout == "hmcos"
    writer = CellWriter(net, NASNET_A, HMCOS_STYLE if hmcos else NASNET_STYLE)
    stem = 32 if hmcos else 3 * filters
    plan = _cells.stages(cells, filters)
    return _cells.cifar(writer, plan, image=image, stem=stem, classes=classes)


def imagenet(
    net: Net,
    *,
    cells: CellCount = 4,
    filters: Filters = 44,
    image: ImageSize = 224,
    classes: Classes = 1000,
) -> tuple[Tensor, ...]:
    """Build the ImageNet network: a strided convolution, two reductions, then three stages."""
    writer = CellWriter(net, NASNET_A, NASNET_STYLE)
    plan = _cells.stages(cells, filters)
    return _cells.imagenet(writer, plan, image=image, filters=filters, classes=classes)


def cell(
    net: Net, *, filters: Filters = 32, image: ImageSize = 32, kind: Kind = "normal"
) -> tuple[Tensor, ...]:
    """Build one cell with the outputs of the two cells before it as inputs."""
    writer = CellWriter(net, NASNET_A, NASNET_STYLE)
    return _cells.single(writer, filters=filters, image=image, kind=kind)

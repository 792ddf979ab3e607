"""PNASNet-5: one cell, found by progressive search, for both purposes.

Sources
-------
C. Liu, B. Zoph, M. Neumann, J. Shlens, W. Hua, L.-J. Li, L. Fei-Fei, A. Yuille, J. Huang,
K. Murphy, "Progressive Neural Architecture Search", ECCV 2018, arXiv:1712.00559. Three cells a
stage and 48 filters have 3.2 M parameters on CIFAR-10; "Mobile" (3 cells, 54 filters) has 5.1 M
parameters and 588 M multiply-adds on ImageNet. Reduction cells are the same cell with strides, and
each is the first of its stage.
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

_CELL = Cell(
    blocks=(
        (("sep 5", 0), ("max 3", 0)),
        (("sep 7", 1), ("max 3", 1)),
        (("sep 5", 1), ("sep 3", 1)),
        (("sep 3", 4), ("max 3", 1)),
        (("sep 3", 0), ("skip", 1)),
    ),
    outputs=(2, 3, 4, 5, 6),
)
PNASNET_5 = Genotype(normal=_CELL, reduction=_CELL)


def cifar(
    net: Net,
    *,
    cells: CellCount = 3,
    filters: Filters = 48,
    image: ImageSize = 32,
    classes: Classes = 10,
    layout: Layout = "paper",
) -> tuple[Tensor, ...]:
    """Build the CIFAR-10 network.

    With ``layout="hmcos"`` and 32 filters it has the 564 ops of the HMCOS measurements, where
    reductions come on top of the cells of a stage.
    """
    hmcos = layout == "hmcos"
    writer = CellWriter(net, PNASNET_5, HMCOS_STYLE if hmcos else NASNET_STYLE)
    plan = _cells.stages(cells, filters, reductions_count=not hmcos)
    stem = 32 if hmcos else 3 * filters
    return _cells.cifar(writer, plan, image=image, stem=stem, classes=classes)


def imagenet(
    net: Net,
    *,
    cells: CellCount = 3,
    filters: Filters = 54,
    image: ImageSize = 224,
    classes: Classes = 1000,
) -> tuple[Tensor, ...]:
    """Build the ImageNet network: a strided convolution, two reductions, then three stages."""
    writer = CellWriter(net, PNASNET_5, NASNET_STYLE)
    plan = _cells.stages(cells, filters, reductions_count=True)
    return _cells.imagenet(writer, plan, image=image, filters=filters, classes=classes)


def cell(
    net: Net, *, filters: Filters = 48, image: ImageSize = 32, kind: Kind = "normal"
) -> tuple[Tensor, ...]:
    """Build one cell with the outputs of the two cells before it as inputs."""
    writer = CellWriter(net, PNASNET_5, NASNET_STYLE)
    return _cells.single(writer, filters=filters, image=image, kind=kind)

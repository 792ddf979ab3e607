"""Networks stacked from searched cells (NASNet, AmoebaNet, PNASNet, DARTS).

A cell reads the outputs ``prev`` and ``cur`` of the two cells before it. Each of its blocks adds up
two ops on earlier states (state 0 is ``prev``, 1 is ``cur``, 2 the first block), and the cell's
output joins some states along the channels. A stack repeats normal cells, with a reduction cell,
which halves the image and doubles the filters, between stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from models.zoo._params import Between

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.zoo._net import Net, Tensor

#: How a block's op is named in the genotypes: kind and kernel, and the state it reads.
Branch = tuple[str, int]

#: ``"paper"`` follows the authors' code. ``"hmcos"`` is the simplified stack on which Wang et al.
#: (HMCOS, DAC 2022) measured all four families: a 3x3 stem of 32 filters, cells that start from it
#: alone, a ReLU before the classifier; here to compare with their figures.
Layout = Literal["paper", "hmcos"]

#: Parameters that the families share.
CellCount = Annotated[int, Between(1, 20)]
Filters = Annotated[int, Between(2, 1024)]
ImageSize = Annotated[int, Between(8, 1024)]
Classes = Annotated[int, Between(1, 100_000)]
Kind = Literal["normal", "reduction"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Blocks of two branches each, and the states whose concatenation is the output."""

    blocks: tuple[tuple[Branch, Branch], ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Genotype:
    """The two cells a search found."""

    normal: Cell
    reduction: Cell


@dataclass(frozen=True, slots=True)
class Style:
    """How a code base spells the parts that genotypes leave open.

    Attributes
    ----------
    sampler : {"conv", "pool"}
        How a too large ``prev`` is halved: by strided convolutions, or by strided 1x1 pools with
        convolutions after them.
    pooled_skip : bool
        Whether a skip is a 1x1 pool. Otherwise it is no op at all, or a strided 1x1 convolution.
    rectified_factors : bool
        Whether each half of a 1x7, 7x1 pair has a ReLU before it.
    first_from_stem : bool
        Whether the first cell takes the squeezed stem for both its inputs.
    final_relu : bool
        Whether a ReLU precedes the classifier.
    flat_pool : bool
        Whether the last pool drops the image's dimensions itself, with no Flatten after it.
    """

    sampler: Literal["conv", "pool"] = "pool"
    pooled_skip: bool = False
    rectified_factors: bool = True
    first_from_stem: bool = False
    final_relu: bool = True
    flat_pool: bool = False


NASNET_STYLE = Style()
DARTS_STYLE = Style(sampler="conv", final_relu=False)
HMCOS_STYLE = Style(pooled_skip=True, rectified_factors=False, first_from_stem=True, flat_pool=True)


def stages(
    cells: int, filters: int, *, reductions_count: bool = False
) -> Iterator[tuple[Kind, int]]:
    """Yield kind and filters of each cell: three stages of ``cells`` normal ones.

    Each later stage has a reduction cell before it, or instead of its first cell if
    ``reductions_count``.
    """
    for stage in range(3):
        width = filters << stage
        if stage:
            yield "reduction", width
        for _ in range(cells - 1 if stage and reductions_count else cells):
            yield "normal", width


@dataclass(frozen=True, slots=True)
class CellWriter:
    """Writes cells of one genotype, spelled in one style, into a net."""

    net: Net
    genotype: Genotype
    style: Style

    def stack(self, prev: Tensor | None, cur: Tensor, cells: Iterable[tuple[Kind, int]]) -> Tensor:
        """Write cells one after another."""
        for index, (kind, filters) in enumerate(cells, 1):
            with self.net.scope(f"cell{index}"):
                prev, cur = cur, self.cell(prev, cur, filters, kind)
        return cur

    def cell(self, prev: Tensor | None, cur: Tensor, filters: int, kind: Kind) -> Tensor:
        """Write one cell; without ``prev`` the squeezed ``cur`` stands for both inputs."""
        net = self.net
        plan = self.genotype.reduction if kind == "reduction" else self.genotype.normal
        with net.scope("fit"):
            if prev is None:
                states = [self._squeeze(cur, filters)] * 2
            else:
                states = [self._fitted(prev, cur, filters), self._squeeze(cur, filters)]
        for index, branches in enumerate(plan.blocks, 1):
            with net.scope(f"block{index}"):
                ends = []
                for op, source in branches:
                    stride = 2 if kind == "reduction" and source < 2 else 1
                    ends.append(self._branch(op, states[source], filters, stride))
                states.append(net.add(*ends))
        return net.concat([states[i] for i in plan.outputs], name="output")

    def head(self, x: Tensor, classes: int) -> tuple[Tensor, ...]:
        """Write the classifier."""
        net = self.net
        if self.style.final_relu:
            x = net.relu(x)
        if not self.style.flat_pool:
            return (net.classifier(x, classes),)
        flat = net.op("ReduceMean", [x, net.integers(2, 3)], (1, x.channels), keepdims=0)
        return (net.gemm(flat, classes, name="logits"),)

    def _fitted(self, prev: Tensor, cur: Tensor, filters: int) -> Tensor:
        """Bring ``prev`` to the image of ``cur`` and to ``filters`` channels."""
        if prev.image == cur.image:
            return self._squeeze(prev, filters)
        return self._factorized_reduction(prev, filters)

    def _squeeze(self, x: Tensor, filters: int, stride: int = 1) -> Tensor:
        return self.net.conv(self.net.relu(x), filters, stride=stride)

    def _factorized_reduction(self, x: Tensor, filters: int) -> Tensor:
        """Halve the image on two grids, one shifted by a pixel, and join the halves."""
        net = self.net
        pools = self.style.sampler == "pool"
        x = net.relu(x)

        def half(y: Tensor, channels: int) -> Tensor:
            if pools:
                return net.conv(net.avg_pool(y, 1, stride=2), channels)
            return net.conv(y, channels, stride=2)

        even = half(x, filters // 2)
        # Only odd images need their last row and column back; some code bases always pad.
        shifted = net.pad(x, 1, 1) if pools or any(n % 2 for n in x.image) else x
        shifted = net.crop(shifted, 1, 1, *shifted.image)
        return net.concat([even, half(shifted, filters - filters // 2)])

    def _branch(self, op: str, x: Tensor, filters: int, stride: int) -> Tensor:
        net = self.net
        kind, _, size = op.partition(" ")
        kernel = int(size or 0)
        match kind:
            case "identity":
                return x
            case "skip":
                return self._skip(x, filters, stride)
            case "sep":
                x = net.separable(net.relu(x), filters, kernel, stride=stride)
                return net.separable(net.relu(x), filters, kernel)
            case "dil":
                return net.separable(net.relu(x), filters, kernel, stride=stride, dilation=2)
            case "avg":
                return net.avg_pool(x, kernel, stride=stride)
            case "max":
                return net.max_pool(x, kernel, stride=stride)
            case _:
                return self._factors(x, filters, kernel, stride)

    def _skip(self, x: Tensor, filters: int, stride: int) -> Tensor:
        if self.style.pooled_skip:
            return self.net.avg_pool(x, 1, stride=stride)
        return x if stride == 1 else self._squeeze(x, filters, stride)

    def _factors(self, x: Tensor, filters: int, kernel: int, stride: int) -> Tensor:
        """Convolve 1 x n, then n x 1; only the first strides."""
        for size in ((1, kernel), (kernel, 1)):
            if self.style.rectified_factors:
                x = self.net.relu(x)
            x = self.net.conv(x, filters, size, stride=stride)
            stride = 1
        return x


def cifar(
    writer: CellWriter, cells: Iterable[tuple[Kind, int]], *, image: int, stem: int, classes: int
) -> tuple[Tensor, ...]:
    """Write a network for small images: one 3x3 convolution, then the cells."""
    net = writer.net
    x = net.conv(net.input(1, 3, image, image), stem, 3, name="stem")
    prev = None if writer.style.first_from_stem else x
    return writer.head(writer.stack(prev, x, cells), classes)


def imagenet(
    writer: CellWriter,
    cells: Iterable[tuple[Kind, int]],
    *,
    image: int,
    filters: int,
    classes: int,
) -> tuple[Tensor, ...]:
    """Write a network for large images: a convolution, two reductions, then the cells.

    The reductions have a quarter and half of the ``filters``.
    """
    net = writer.net
    x = net.conv(net.input(1, 3, image, image), 32, 3, stride=2, pad=0, name="stem")
    stem: list[tuple[Kind, int]] = [
        ("reduction", max(2, filters // 4)),
        ("reduction", max(2, filters // 2)),
    ]
    return writer.head(writer.stack(x, x, [*stem, *cells]), classes)


def single(writer: CellWriter, *, filters: int, image: int, kind: Kind) -> tuple[Tensor, ...]:
    """Write one cell whose inputs are the outputs of two normal cells of the same filters."""
    width = len(writer.genotype.normal.outputs) * filters
    prev = writer.net.input(1, width, image, image, name="prev")
    cur = writer.net.input(1, width, image, image, name="cur")
    return (writer.cell(prev, cur, filters, kind),)

"""Published networks as runnable ONNX models, built on demand.

Nothing is downloaded or stored: builders write real ops with seeded weights (or none), and
:func:`graph` reads the result through the same importer as a user's file.

Examples
--------
>>> from models import zoo
>>> len(zoo.graph("swiftnet").ops)
85
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from models.graph import Graph
    from models.zoo._params import Builder

__all__ = ["BUNDLED", "Entry", "build", "defaults", "entry", "graph", "names"]

#: The network that commands use when they are given no model.
BUNDLED = "swiftnet"


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the zoo.

    Attributes
    ----------
    name : str
        What :func:`build` calls it.
    summary : str
        One line.
    source : str
        Citation.
    build : str
        The builder as ``"module:function"``; imported when needed.
    ops, activations : int
        Ops, and tensors they exchange (network inputs included), with default parameters.
    """

    name: str
    summary: str
    source: str
    build: str
    ops: int
    activations: int

    def builder(self) -> Builder:
        """Import the builder."""
        module, function = self.build.split(":")
        found: Builder = getattr(import_module(module), function)
        return found


def _entries(*entries: Entry) -> Mapping[str, Entry]:
    return {e.name: e for e in entries}


_SWIFTNET = "Cheng et al., arXiv:1906.08305; Ahn et al. (SERENITY), MLSys 2020"
_RANDWIRE = "Xie, Kirillov, Girshick, He (RandWire), ICCV 2019"
_NASNET = "Zoph et al. (NASNet), CVPR 2018"
_AMOEBANET = "Real et al. (AmoebaNet), AAAI 2019"
_PNASNET = "Liu et al. (PNASNet), ECCV 2018"
_DARTS = "Liu, Simonyan, Yang (DARTS), ICLR 2019"

_ZOO: Mapping[str, Entry] = _entries(
    Entry(
        "swiftnet", "Visual Wake Words winner, three irregular cells",
        _SWIFTNET, "models.zoo.swiftnet:swiftnet", 85, 86,
    ),
    Entry(
        "darts", "DARTS_V2 on CIFAR-10, 20 cells",
        _DARTS, "models.zoo.darts:cifar", 794, 795,
    ),
    Entry(
        "darts_imagenet", "DARTS_V2 on ImageNet, 14 cells",
        _DARTS, "models.zoo.darts:imagenet", 549, 550,
    ),
    Entry(
        "darts_cell", "one cell of DARTS_V2",
        _DARTS, "models.zoo.darts:cell", 42, 44,
    ),
    Entry(
        "randwire", "randomly wired network, small regime, WS(4, 0.75)",
        _RANDWIRE, "models.zoo.randwire:small", 355, 356,
    ),
    Entry(
        "randwire_cell", "one random stage of 32 nodes, all tensors of one size",
        _RANDWIRE, "models.zoo.randwire:cell", 116, 117,
    ),
    Entry(
        "mobilenetv2", "inverted residuals, width 1.0",
        "Sandler et al., CVPR 2018", "models.zoo.mobilenetv2:mobilenetv2", 100, 101,
    ),
    Entry(
        "nasnet_a", "NASNet-A on CIFAR-10, 6 @ 768",
        _NASNET, "models.zoo.nasnet:cifar", 879, 880,
    ),
    Entry(
        "nasnet_a_imagenet", "NASNet-A on ImageNet, 4 @ 1056",
        _NASNET, "models.zoo.nasnet:imagenet", 721, 722,
    ),
    Entry(
        "nasnet_a_cell", "one cell of NASNet-A",
        _NASNET, "models.zoo.nasnet:cell", 43, 45,
    ),
    Entry(
        "amoebanet_a", "AmoebaNet-A on CIFAR-10, 6 cells a stage, 36 filters",
        _AMOEBANET, "models.zoo.amoebanet:cifar", 787, 788,
    ),
    Entry(
        "amoebanet_a_imagenet", "AmoebaNet-A on ImageNet, 4 x 50",
        _AMOEBANET, "models.zoo.amoebanet:imagenet", 657, 658,
    ),
    Entry(
        "amoebanet_a_cell", "one cell of AmoebaNet-A",
        _AMOEBANET, "models.zoo.amoebanet:cell", 38, 40,
    ),
    Entry(
        "pnasnet", "PNASNet-5 on CIFAR-10, 3 cells a stage, 48 filters",
        _PNASNET, "models.zoo.pnasnet:cifar", 462, 463,
    ),
    Entry(
        "pnasnet_imagenet", 'PNASNet-5 on ImageNet, 3 x 54, "Mobile"',
        _PNASNET, "models.zoo.pnasnet:imagenet", 576, 577,
    ),
    Entry(
        "pnasnet_cell", "one cell of PNASNet-5",
        _PNASNET, "models.zoo.pnasnet:cell", 49, 51,
    ),
    Entry(
        "mobilenetv3_large", "inverted residuals with squeeze-and-excite",
        "Howard et al., ICCV 2019", "models.zoo.mobilenetv3:mobilenetv3_large", 140, 141,
    ),
    Entry(
        "resnet50", "bottleneck residual blocks",
        "He, Zhang, Ren, Sun, CVPR 2016", "models.zoo.resnet:resnet50", 122, 123,
    ),
    Entry(
        "densenet121", "dense blocks, growth rate 32",
        "Huang et al., CVPR 2017", "models.zoo.densenet:densenet121", 368, 369,
    ),
    Entry(
        "inception_v3", "inception modules, 299 x 299, without auxiliary head",
        "Szegedy et al., CVPR 2016", "models.zoo.inception:inception_v3", 219, 220,
    ),
    Entry(
        "unet", "segmentation with long skip connections, 572 x 572",
        "Ronneberger, Fischer, Brox, MICCAI 2015", "models.zoo.unet:unet", 53, 54,
    ),
    Entry(
        "random_layered", "random layered graph of 100 ops, mixed sizes",
        "ours, after Gagrani et al., NeurIPS 2022", "models.zoo.random_layered:random_layered",
        100, 101,
    ),
    Entry(
        "training", "one training step of a residual network, exact gradients",
        "ours, after Jain et al. (Checkmate), MLSys 2020", "models.zoo.training:training", 201, 203,
    ),
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of all networks."""
    return tuple(_ZOO)


def entry(name: str) -> Entry:
    """Look a network up.

    Raises
    ------
    InvalidModelError
        If there is none of that name.
    """
    if name not in _ZOO:
        from models.zoo._params import suggestion  # noqa: PLC0415

        raise InvalidModelError(f"the zoo has no network {name!r}: {suggestion(name, _ZOO)}")
    return _ZOO[name]


def defaults(name: str) -> dict[str, object]:
    """Return the parameters of a network with their default values."""
    from models.zoo._params import parameters  # noqa: PLC0415

    return {key: p.default for key, p in parameters(entry(name).builder()).items()}


def build(
    name: str,
    *,
    weights: Literal["random", "none"] = "random",
    seed: int = 0,
    **params: float | str,
) -> onnx.ModelProto:
    """Build a network as an ONNX model: batch 1, float32, NCHW.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    weights : {"random", "none"}
        Random weights, or constants that take no room in the file. Both run.
    seed : int
        Seed of the random weights; the same arguments give the same bytes.
    **params
        Parameters of the network, see :func:`defaults`.

    Raises
    ------
    InvalidModelError
        If the name is unknown, or a parameter is unknown or out of range.
    """
    return _build(name, weights, seed, params)


def graph(name: str, **params: float | str) -> Graph:
    """Build a network and read it as a file would be read.

    Raises
    ------
    InvalidModelError
        If the name is unknown, or a parameter is unknown or out of range.
    """
    from models.formats.onnx import graph_from_onnx  # noqa: PLC0415

    return graph_from_onnx(_build(name, "none", 0, params), name=name)


def _build(
    name: str, weights: Literal["random", "none"], seed: int, params: Mapping[str, float | str]
) -> onnx.ModelProto:
    # Parsers and numpy load on demand: importing the zoo costs nothing.
    from models.zoo._net import Net  # noqa: PLC0415
    from models.zoo._params import checked  # noqa: PLC0415

    builder = entry(name).builder()
    net = Net(name, weights=weights, seed=seed)
    return net.build(builder(net, **checked(name, builder, params)))

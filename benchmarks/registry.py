"""The frozen registry of instances: names, builders, seeds, limits and targets.

A name always means the same graph. To change one, give it a new name and keep the old: rows of
earlier releases stay comparable. Every row holds a fingerprint of its graph besides.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import models
from benchmarks.layered import layered_closed
from models import zoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models import Graph

_DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Instance:
    """A graph to solve.

    Attributes
    ----------
    name : str
        Unique, and never used for another graph.
    group : str
        One of :data:`GROUPS`.
    build : callable
        Makes the graph.
    time_limit : float
        Seconds the solver gets.
    target : float or None
        Seconds in which the goal is to be reached.
    target_gap : float
        The goal: per cent between bound and peak; 0 is a proof.
    file : str or None
        Model file it needs, below the data directory.
    """

    name: str
    group: str
    build: Callable[[], Graph]
    time_limit: float = 60
    target: float | None = None
    target_gap: float = 0
    file: str | None = None

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ValueError(f"{self.name}: unknown group {self.group!r}")
        if not self.time_limit > 0:
            raise ValueError(f"{self.name}: the time limit must be positive: {self.time_limit}")

    @property
    def is_available(self) -> bool:
        """Whether the file it needs, if any, is there."""
        return self.file is None or data_file(self.file).is_file()


#: Groups in the order of the tables.
GROUPS = ("zoo", "data", "randwire", "ws", "layered", "closed", "training")

#: Small instances that together take seconds, one of each kind that needs no file.
SMOKE = (
    "swiftnet_int8", "darts_cell", "nasnet_a_cell", "amoebanet_a_cell", "pnasnet_cell",
    "mobilenetv2", "ws32_s0", "layered100_s0",
)  # fmt: skip

_ZOO = (
    "swiftnet", "darts", "darts_imagenet", "darts_cell", "randwire", "randwire_cell", "mobilenetv2",
    "nasnet_a", "nasnet_a_imagenet", "nasnet_a_cell", "amoebanet_a", "amoebanet_a_imagenet",
    "amoebanet_a_cell", "pnasnet", "pnasnet_imagenet", "pnasnet_cell", "mobilenetv3_large",
    "resnet50", "densenet121", "inception_v3", "unet", "random_layered", "training",
)  # fmt: skip
_WHOLE_TARGET = 0.5
_WHOLE = (
    "darts", "darts_imagenet", "nasnet_a", "nasnet_a_imagenet", "amoebanet_a",
    "amoebanet_a_imagenet", "pnasnet", "pnasnet_imagenet", "randwire",
)  # fmt: skip


def data_file(relative: str) -> Path:
    """Return a file below ``$TIGHTFIT_DATA`` (default ``../shared/data``)."""
    return Path(os.environ.get("TIGHTFIT_DATA") or _DATA) / relative


def fingerprint(graph: Graph) -> str:
    """Hash what matters of a graph: ops, edges, sizes, workspace, inputs and outputs; no names."""
    facts = (
        [(op.inputs, op.outputs, op.workspace, op.after) for op in graph.ops],
        [(b.size, b.is_input, b.is_output) for b in graph.buffers],
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def select(groups: Sequence[str] = (), patterns: Sequence[str] = ()) -> tuple[Instance, ...]:
    """Return the instances of some groups or with names like ``ws64_*``; all if neither is given.

    Raises
    ------
    ValueError
        If a group is unknown or a pattern matches nothing.
    """
    for group in groups:
        if group not in GROUPS:
            raise ValueError(f"no group {group!r}; there are {', '.join(GROUPS)}")
    for pattern in patterns:
        if not any(fnmatchcase(i.name, pattern) for i in INSTANCES):
            raise ValueError(f"no instance matches {pattern!r}; --list names them all")
    if not groups and not patterns:
        return INSTANCES
    return tuple(
        i
        for i in INSTANCES
        if i.group in groups or any(fnmatchcase(i.name, pattern) for pattern in patterns)
    )


def named(name: str) -> Instance:
    """Return the instance of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    for instance in INSTANCES:
        if instance.name == name:
            return instance
    raise ValueError(f"no instance {name!r}")


def _load(file: str) -> Graph:
    return models.load(data_file(file))


def _int8(name: str) -> Graph:
    return zoo.graph(name).with_precision("int8")


def _zoo() -> Iterable[Instance]:
    yield Instance("swiftnet_int8", "zoo", partial(_int8, "swiftnet"))
    for name in _ZOO:
        target = _WHOLE_TARGET if name in _WHOLE else None
        yield Instance(name, "zoo", partial(zoo.graph, name), target=target)
    for name, filters in (("nasnet_a", 32), ("amoebanet_a", 36), ("pnasnet", 32)):
        build = partial(zoo.graph, name, layout="hmcos", filters=filters)
        yield Instance(f"{name}_hmcos", "zoo", build, target=_WHOLE_TARGET)
    build = partial(zoo.graph, "darts", layout="hmcos")
    yield Instance("darts_hmcos", "zoo", build, target=_WHOLE_TARGET)


def _data() -> Iterable[Instance]:
    for name, file in (
        ("swiftnet_uint8", "swiftnet/submission-uint8.lite"),
        ("person_detect", "tflm/person_detect.tflite"),
    ):
        yield Instance(name, "data", partial(_load, file), file=file)


def _randwire() -> Iterable[Instance]:
    wirings: dict[str, dict[str, float | str]] = {
        "ws": {"graph": "ws", "k": 4, "p": 0.75},
        "er": {"graph": "er", "p": 0.2},
        "ba": {"graph": "ba", "m": 5},
    }
    for kind, wiring in wirings.items():
        for seed in range(5):
            build = partial(zoo.graph, "randwire", graph_seed=seed, **wiring)
            yield Instance(f"randwire_{kind}_s{seed}", "randwire", build, target=_WHOLE_TARGET)


def _ws() -> Iterable[Instance]:
    for nodes, seeds, limit, target in (
        (32, 10, 60, 0.2),
        (48, 10, 60, 0.2),
        (64, 10, 60, 1),
        (96, 10, 60, 10),
        (128, 10, 120, 60),
        (192, 2, 120, None),
    ):
        for seed in range(seeds):
            build = partial(
                zoo.graph, "randwire_cell", graph="ws", nodes=nodes, k=4, p=0.75, graph_seed=seed
            )
            yield Instance(f"ws{nodes}_s{seed}", "ws", build, limit, target)


def _layered() -> Iterable[Instance]:
    sizes = ((100, 20, 5, 1, 0), (250, 50, 5, 2, 0), (500, 100, 3, 10, 0), (1000, 200, 3, 60, 1))
    for ops, width, seeds, target, gap in sizes:
        for seed in range(seeds):
            build = partial(zoo.graph, "random_layered", ops=ops, width=width, graph_seed=seed)
            name = f"layered{ops}_s{seed}"
            yield Instance(name, "layered", build, target=target, target_gap=gap)
    for ops, width, seeds, target, gap in sizes:
        for seed in range(seeds):
            closed = partial(layered_closed, ops, width, seed)
            name = f"closed{ops}_s{seed}"
            yield Instance(name, "closed", closed, target=target, target_gap=gap)


def _training() -> Iterable[Instance]:
    for model, depths in (
        ("residual", {500: 24, 1000: 49, 2000: 99, 5000: 249, 10_000: 499}),
        ("darts", {500: 4, 2000: 16, 10_000: 82}),
        ("nasnet", {1000: 8, 5000: 42}),
    ):
        for ops, depth in depths.items():
            build = partial(zoo.graph, "training", model=model, depth=depth)
            yield Instance(f"training_{model}_{ops}", "training", build, target=60)


#: Every instance, in the order of the tables.
INSTANCES: tuple[Instance, ...] = (
    *_zoo(), *_data(), *_randwire(), *_ws(), *_layered(), *_training()
)  # fmt: skip

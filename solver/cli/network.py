"""From MODEL, ``--as`` and ``--dim`` to a graph, and what to tell the user about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models import InvalidModelError, UnsupportedModelError, load, zoo
from solver.cli.errors import InputError
from solver.cli.parser import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models import Graph

_ZOO = "zoo:"
_BUNDLED_PRECISION = "int8"
_TYPES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Network:
    """A graph and where it comes from.

    Attributes
    ----------
    graph : Graph
        As it is to be scheduled.
    model : str
        What MODEL has to be to get it again.
    title, precision : str
        What a report says about it.
    options : mapping
        Reading options, for the plan.
    is_resized : bool
        Whether sizes are not those of the file.
    """

    graph: Graph
    model: str
    title: str
    precision: str
    options: Mapping[str, object]
    is_resized: bool = False


def model_file(model: str | None) -> Path | None:
    """File that MODEL names; None for a network of the zoo."""
    return None if model is None or model.startswith(_ZOO) else Path(model)


def read_network(
    model: str | None, precision: str | None, dims: Sequence[tuple[str, int]]
) -> Network:
    """Read MODEL, or the bundled network.

    Raises
    ------
    InputError
        If it cannot be read; the message names the file and the cure.
    """
    sizes = _checked_dims(dims)
    path = model_file(model)
    try:
        if path is not None:
            stored = load(path, dims=sizes)
            name = title = str(model)
        else:
            if sizes:
                raise InputError("--dim: networks of the zoo have fixed sizes; leave it out")
            name = zoo.BUNDLED if model is None else model.removeprefix(_ZOO)
            stored = zoo.graph(name)
            title = f"{name}, the bundled network (no MODEL given)" if model is None else model
            name = _ZOO + name
    except InvalidModelError as error:
        raise InputError(_with_cure(str(error), model)) from None
    except UnsupportedModelError as error:
        raise InputError(str(error)) from None
    is_default = model is None and precision is None
    wanted = _BUNDLED_PRECISION if is_default else precision
    graph = stored.with_precision(wanted) if wanted else stored
    return Network(
        graph=graph,
        model=name,
        title=title,
        precision=_describe_precision(stored, graph, wanted, is_default=is_default),
        options={"as": wanted, "dims": sizes},
        is_resized=graph.buffers != stored.buffers,
    )


def _checked_dims(dims: Sequence[tuple[str, int]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, size in dims:
        if sizes.setdefault(name, size) != size:
            raise InputError(f"--dim: {name!r} is given twice, as {sizes[name]} and as {size}")
    return sizes


def _with_cure(message: str, model: str | None) -> str:
    """Readers that know a cure give it after a semicolon; the others need another file."""
    if ";" in message or model_file(model) is None:
        return message
    if model in zoo.names():
        return f"{message}; the network of that name is {_ZOO}{model}"
    hint = nearest(model or "", [_ZOO + name for name in zoo.names()])
    return f"{message}; give a valid .tflite or .onnx file" if not hint else message + hint


def _describe_precision(
    stored: Graph, graph: Graph, wanted: str | None, *, is_default: bool
) -> str:
    types = _types(stored)
    if wanted is None:
        return f"activations as stored: {types}"
    resized = sum(a.dtype != b.dtype for a, b in zip(stored.buffers, graph.buffers, strict=True))
    if not resized:
        return f"activations as stored: {types}; --as {wanted} changes nothing here"
    if is_default:
        return f"activations sized as {wanted}, as it is deployed (--as {types}: as it is built)"
    if resized == len(graph.buffers):
        return f"activations sized as {wanted}, stored as {types}"
    return (
        f"{resized} of {len(graph.buffers)} activations sized as {wanted}, the rest as stored; "
        f"stored: {types}"
    )


def _types(graph: Graph) -> str:
    """Element types of the activations, the one with the most bytes first."""
    sizes: dict[str, int] = {}
    for buffer in graph.buffers:
        dtype = buffer.dtype or "unknown type"
        sizes[dtype] = sizes.get(dtype, 0) + buffer.size
    names = sorted(sizes, key=lambda dtype: -sizes[dtype])
    more = len(names) - _TYPES_SHOWN
    return ", ".join(names[:_TYPES_SHOWN]) + (f" and {more} more" if more > 0 else "")

"""Write an order back into a model file, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.graph import Graph


def write(
    graph: Graph,
    order: Sequence[str],
    path: Path,
    *,
    offsets: Mapping[str, int] | None = None,
    dims: Mapping[str, int] | None = None,
) -> None:
    """Write the file that ``graph`` was read from with its ops in another order.

    See :func:`models.formats.tflite_write.write_tflite` and
    :func:`models.formats.onnx_write.write_onnx`.

    Raises
    ------
    ValueError
        If the order is none of the graph, or the format has no place for offsets.
    UnsupportedModelError
        If the graph was not read from a file.
    """
    form = graph.source.format if graph.source is not None else ""
    # Each writer costs a tenth of a second to load.
    if form == "tflite":
        from models.formats.tflite_write import write_tflite  # noqa: PLC0415

        write_tflite(graph, order, path, offsets=offsets)
    elif form == "onnx":
        from models.formats.onnx_write import write_onnx  # noqa: PLC0415

        if offsets is not None:
            raise ValueError("an ONNX file has no place for offsets")
        write_onnx(graph, order, path, dims=dims)
    else:
        raise UnsupportedModelError(
            f"network {graph.name!r} was not read from a file: there is nothing to write into"
        )

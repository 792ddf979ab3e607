"""TensorFlow Lite Micro: which activations are in the head of its arena.

Source: ``AllocationInfoBuilder`` in tensorflow/tflite-micro,
``micro/micro_allocation_info.cc``: a tensor is planned into the head unless it holds constant data
or is a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.formats.tflite_state import without_variables as head_graph

if TYPE_CHECKING:
    from models.graph import Graph

__all__ = ["head_graph", "obstacles"]

#: Ops whose kernels take int8, int16 or float32, never uint8 (``micro/kernels/conv.cc`` and its
#: neighbours: "Type %s not supported"). Measured for convolutions.
_NO_UINT8 = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


def obstacles(graph: Graph) -> list[str]:
    """Reasons why TensorFlow Lite Micro cannot run a network, as far as they are known here."""
    for op in graph.ops:
        if op.kind in _NO_UINT8 and any(graph.buffers[b].dtype == "uint8" for b in op.inputs):
            needs = "its kernel takes int8, int16 or float32 only; quantize the model to int8"
            return [f"op {op.name!r} works on uint8, {needs}"]
    return []

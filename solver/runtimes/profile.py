"""Runtimes as memory rules, with the source of each fact.

*Measured* means: by the tests in ``tests/runtimes``, on x86-64, with the versions that the extra
``runtimes`` pins. What is only read in a runtime's source says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.memory import MemoryRules
from solver.runtimes.tflm import obstacles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.graph import Graph

_OBSTACLES: Mapping[str, Callable[[Graph], list[str]]] = {"tflm": obstacles}


@dataclass(frozen=True, slots=True)
class Runtime:
    """How one runtime uses memory for activations.

    Attributes
    ----------
    name : str
        Key of ``RUNTIMES``.
    title : str
        For people.
    alignment : int
        Bytes to which every activation is rounded up.
    in_place : bool
        Whether an output may lie on a dying input of its op, given that the plan says so.
    views : bool
        Whether a reshape may leave its data where they are.
    follows_order : bool
        Whether ops run in the order of the file.
    takes_offsets : bool
        Whether the file can say where each activation lies.
    notes : tuple of str
        What else a user should know, a sentence each.
    """

    name: str
    title: str
    alignment: int = 1
    in_place: bool = False
    views: bool = False
    follows_order: bool = True
    takes_offsets: bool = False
    notes: tuple[str, ...] = ()

    def obstacles(self, graph: Graph) -> list[str]:
        """Reasons why the runtime cannot run a network, as far as they are known; a phrase each."""
        return _OBSTACLES[self.name](graph) if self.name in _OBSTACLES else []

    def rules(self, *, in_place: bool | None = None) -> MemoryRules:
        """Memory rules of the runtime; ``in_place=False`` renounces overwriting."""
        allowed = self.in_place if in_place is None else in_place and self.in_place
        return MemoryRules(self.alignment, allowed, self.views)


#: No runtime in particular: nothing is assumed that some runtime does not do.
_GENERIC = Runtime("generic", "any runtime")

#: TensorFlow Lite Micro. ``micro/micro_allocator.cc`` and ``greedy_memory_planner.cc``: sizes are
#: rounded up to 16; inputs live from the start to their last use, outputs to the end; inputs and
#: outputs of an op coexist; offsets come from the metadata ``OfflineMemoryAllocation``. Measured:
#: the head of the arena is the highest end to the byte; equal offsets make elementwise ops work in
#: place with the same bits; nothing checks that offsets do not overlap;
#: the tail depends on the order by a few bytes of padding only.
_TFLM = Runtime(
    "tflm",
    "TensorFlow Lite Micro",
    alignment=16,
    in_place=True,
    takes_offsets=True,
    notes=(
        "the figures are those of the arena's head: persistent structures come on top",
        "variable tensors lie in the tail",
        "scratch buffers come on top: reference kernels of convolution and pooling have none",
    ),
)

#: LiteRT, formerly TensorFlow Lite. ``tflite/arena_planner.cc``: tensors are aligned to 64 bytes
#: (``kDefaultArenaAlignment``) and planned greedily by size at load time; planned offsets in the
#: file are ignored; delegates such as XNNPACK take subgraphs out of the order. Measured: outputs
#: do not change with the order.
_LITERT = Runtime(
    "litert",
    "LiteRT",
    alignment=64,
    notes=(
        "it plans offsets itself, greedily by size: its arena may be larger than the peak",
        "delegates, XNNPACK among them, run their part of the network in their own memory",
    ),
)

#: ONNX Runtime. ``core/framework/execution_order`` and ``allocation_planner.cc``. Measured with
#: ``ExecutionOrder.PRIORITY_BASED`` and all graph optimizations off: nodes run in file order, and
#: with arena, memory pattern and memory reuse off the bytes in use peak where the replay says.
_ONNXRUNTIME = Runtime(
    "onnxruntime",
    "ONNX Runtime",
    notes=(
        "it follows the file's order only with ExecutionOrder.PRIORITY_BASED, unoptimized",
        "to optimize, save the optimized model first and reorder that",
        "its arena rounds sizes up and keeps what it once took",
    ),
)

RUNTIMES: Mapping[str, Runtime] = {
    runtime.name: runtime for runtime in (_GENERIC, _TFLM, _LITERT, _ONNXRUNTIME)
}

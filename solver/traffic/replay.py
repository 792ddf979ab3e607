"""What a replay of a plan counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Stay(NamedTuple):
    """How long a buffer is in the TCM at a stretch, in positions of steps.

    It has its room from step ``begin``, a load or the run that first writes it, up to but not
    including step ``end``, at which it is evicted. What is never evicted stays to the end. Two
    buffers share the TCM iff their stays overlap: what an eviction frees, the next step may take.
    """

    buffer: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay counted, in bytes.

    Attributes
    ----------
    loaded, stored, streamed : int
        Bytes moved by load steps, store steps and accesses straight in external memory.
    compulsory : int
        The part no plan avoids, constant traffic of weights included.
    traffic : int
        All bytes moved, constant traffic of weights included.
    peak, external : int
        The most bytes of TCM, and of external memory, in use at any time.
    order : tuple of int
        Ops as they ran.
    runs : tuple of int
        Positions of the steps that ran them.
    stays : tuple of Stay
        When each buffer is in the TCM, by begin.
    """

    loaded: int
    stored: int
    streamed: int
    compulsory: int
    traffic: int
    peak: int
    external: int
    order: tuple[int, ...]
    runs: tuple[int, ...]
    stays: tuple[Stay, ...]

    @property
    def spilled(self) -> int:
        """Non-compulsory bytes."""
        return self.traffic - self.compulsory

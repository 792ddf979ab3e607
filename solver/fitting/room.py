"""How much memory of a device could serve, and how much certainly does.

Two figures decide. What lies within :attr:`Room.usable` fits: one arena of so many bytes can be
placed. What exceeds :attr:`Room.most` does not: no program on the chip has more. Between the two
nothing is said, since data sheets leave open what a program may do with code memory, aliases and
configurable banks.

A description in one word (``sram=320KB,flash=1MB``) is taken at its word: there is nothing else,
and its banks are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.devices import BankKind

if TYPE_CHECKING:
    from solver.devices import Bank, Device

_DATA = (BankKind.SRAM, BankKind.TCM)


@dataclass(frozen=True, slots=True)
class Arena:
    """Contiguous memory that can be one arena.

    Attributes
    ----------
    banks : tuple of str
        Names of the banks it spans.
    size : int
        Bytes.
    """

    banks: tuple[str, ...]
    size: int

    @property
    def name(self) -> str:
        """All its banks."""
        return "+".join(self.banks)


@dataclass(frozen=True, slots=True)
class Room:
    """Memory of a device as the question is put.

    Attributes
    ----------
    device : Device
        Whose memory it is.
    arenas : tuple of Arena
        Memory for activations, largest first.
    most : int
        Bytes that activations cannot exceed on this device.
    is_complete : bool
        Whether ``most`` counts everything; :attr:`omitted` says what it may leave out.
    is_exact : bool
        Whether the description is taken at its word.
    reserve : int
        Bytes of the memory that are kept for other things.
    has_external : bool
        Whether external memory counts.
    """

    device: Device
    arenas: tuple[Arena, ...]
    most: int
    is_complete: bool
    is_exact: bool
    reserve: int = 0
    has_external: bool = False

    def __post_init__(self) -> None:
        if self.reserve < 0:
            raise ValueError(f"reserve must be at least 0 bytes, not {self.reserve}")

    @property
    def arena(self) -> Arena:
        """The largest arena; of 0 bytes if there is none."""
        return self.arenas[0] if self.arenas else Arena((), 0)

    @property
    def usable(self) -> int:
        """Bytes of the largest arena, less the reserve; never below 0."""
        return max(0, self.arena.size - self.reserve)

    @property
    def limit(self) -> int:
        """Bytes above which a bound proves that the network does not fit; may be below 0."""
        return self.most - self.reserve

    @property
    def omitted(self) -> str:
        """What ``most`` may leave out, in words; empty if nothing."""
        if self.is_complete:
            return ""
        return self.device.unlisted or "memory that the description does not list"


def room_of(
    device: Device,
    *,
    exact: bool = False,
    several: bool = False,
    reserve: int = 0,
    external: bool = False,
) -> Room:
    """Say what memory of a device counts.

    Parameters
    ----------
    device : Device
        Of the catalogue, a file or a description.
    exact : bool
        Whether to take the description at its word.
    several : bool
        Whether the runtime can use several arenas.
    reserve : int
        Bytes to keep for other things.
    external : bool
        Whether external memory counts.
    """
    kinds: tuple[BankKind, ...] = _DATA
    if not device.banks_of(*kinds):
        kinds = (BankKind.ACCELERATOR,)
    arenas = [_arena(run) for run in device.runs(*kinds)]
    if external:
        arenas += [_arena(run) for run in device.runs(BankKind.EXTERNAL)]
    arenas = sorted((a for a in arenas if a.size), key=lambda a: (-a.size, a.banks))
    if exact:
        most = sum(a.size for a in arenas) if several else max((a.size for a in arenas), default=0)
    else:
        most = device.on_chip + (device.external if external else 0)
    return Room(device, tuple(arenas), most, exact or device.is_complete, exact, reserve, external)


def _arena(run: tuple[Bank, ...]) -> Arena:
    return Arena(tuple(bank.name for bank in run), sum(bank.free for bank in run))

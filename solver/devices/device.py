"""A device and its memory banks, checked on construction.

What "memory for the arena" means is a property each, because one number does not answer it:

- :attr:`Device.arena` is the largest run of SRAM banks at consecutive addresses. One arena of this
  many bytes can be placed, so a network that needs no more fits.
- :attr:`Device.sram` is the sum of all SRAM banks. More than :attr:`arena` can be used only by a
  runtime that places buffers in several arenas.
- :attr:`Device.tcm` is the largest run of tightly coupled banks; it is in neither of the two above.
- :attr:`Device.on_chip` is all writable memory of the chip, usable or not. A bound above this
  proves that a network does not fit without external memory; :attr:`Device.unlisted` names what
  the statement leaves out, if anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from solver.devices.checks import DeviceError, check_number, check_text, check_unique

_LARGEST_SIZE = 2**48  # bytes, and the end of every address range
_FASTEST = 10**15  # hertz, and bytes per second
ACCESS = ("cpu", "dma", "accelerator")


class BankKind(StrEnum):
    """What a bank is used for.

    ``SRAM`` holds data for the processor. ``TCM`` is tightly coupled data memory: DTCM, VTCM, the
    L1 of a cluster. ``CODE`` is meant for instructions or works as a cache. ``ACCELERATOR`` is
    where an accelerator keeps its activations. ``EXTERNAL`` is off the chip.
    """

    SRAM = "sram"
    TCM = "tcm"
    CODE = "code"
    ACCELERATOR = "accelerator"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Bank:
    """One memory.

    Attributes
    ----------
    name : str
        Unique within the device.
    size : int
        Bytes.
    kind : BankKind
        What it is used for.
    base : int or None
        Address of the first byte as the main processor sees it. Banks at consecutive addresses are
        contiguous; a bank without an address is contiguous with none.
    usable : int or None
        Bytes that a program gets, where a cache or the boot code keeps the rest; None for all.
    access : tuple of str
        Who can use it, of ``cpu``, ``dma`` and ``accelerator``; empty if not known.
    note : str
        What else to know.
    """

    name: str
    size: int
    kind: BankKind
    base: int | None = None
    usable: int | None = None
    access: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        check_text("name", self.name)
        check_number(f"size of bank {self.name!r}", self.size, least=1, most=_LARGEST_SIZE)
        if self.base is not None:
            most = _LARGEST_SIZE - self.size
            check_number(f"base of bank {self.name!r}", self.base, least=0, most=most)
        if self.usable is not None:
            what = f"usable of bank {self.name!r}"
            check_number(what, self.usable, least=0, most=self.size)
        if set(self.access) - set(ACCESS) or len(set(self.access)) < len(self.access):
            known = ", ".join(ACCESS)
            raise DeviceError(
                f"access of bank {self.name!r} must be some of {known}: {self.access!r}"
            )

    @property
    def free(self) -> int:
        """Bytes that a program gets."""
        return self.size if self.usable is None else self.usable

    def adjoins(self, other: Bank) -> bool:
        """Whether ``other`` starts where this bank ends, with all of both usable."""
        return (
            self.base is not None
            and other.base == self.base + self.size
            and self.free == self.size
            and other.free == other.size
        )


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Published peak rate of a memory, in bytes per second."""

    memory: str
    bytes_per_second: int

    def __post_init__(self) -> None:
        check_text("memory of bandwidth", self.memory)
        what = f"bytes_per_second of bandwidth {self.memory!r}"
        check_number(what, self.bytes_per_second, least=1, most=_FASTEST)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a figure was read. ``figure`` is ``core``, ``flash``, ``bank NAME`` or the like."""

    figure: str
    source: str


@dataclass(frozen=True, slots=True)
class Device:
    """A chip, module or board.

    Attributes
    ----------
    name, vendor, title : str
        Order number or usual name, maker, one line for people.
    banks : tuple of Bank
        At least one.
    aliases : tuple of str
        Other names; case, spaces and punctuation do not count.
    core : str or None
        Processor that runs the network.
    clock_hz, flash, ram : int or None
        Highest clock of that core; bytes of flash or other non-volatile memory for the program;
        published total of the memory on the chip, in bytes.
    bandwidths : tuple of Bandwidth
        Of banks, or of ``flash`` and ``external``.
    unlisted : str
        On-chip memory that is neither among the banks nor in ``ram``; empty if there is none.
    note : str
        What else to know.
    citations : tuple of Citation
        Source of every figure; may be incomplete for a device that a user describes.
    """

    name: str
    vendor: str
    title: str
    banks: tuple[Bank, ...]
    aliases: tuple[str, ...] = ()
    core: str | None = None
    clock_hz: int | None = None
    flash: int | None = None
    ram: int | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    unlisted: str = ""
    note: str = ""
    citations: tuple[Citation, ...] = ()

    def __post_init__(self) -> None:
        for key, text in (("name", self.name), ("vendor", self.vendor), ("title", self.title)):
            check_text(key, text)
        check_unique("aliases", [self.name, *self.aliases])
        for key, value, most in (
            ("clock_mhz", self.clock_hz, _FASTEST),
            ("flash", self.flash, _LARGEST_SIZE),
            ("ram", self.ram, _LARGEST_SIZE),
        ):
            if value is not None:
                check_number(key, value, least=1, most=most)
        self._check_banks()
        self._check_total()
        self._check_bandwidths()
        self._check_citations()

    def _check_banks(self) -> None:
        if not self.banks:
            raise DeviceError("banks is empty; a device has at least one")
        check_unique("banks", [bank.name for bank in self.banks])
        placed = sorted(
            (bank.base, bank.base + bank.size, bank.name)
            for bank in self.banks
            if bank.base is not None
        )
        for (_, end, lower), (base, _, upper) in pairwise(placed):
            if base < end:
                raise DeviceError(
                    f"base of bank {upper!r} is {base:#x}, but bank {lower!r} ends at {end:#x}"
                )

    def _check_total(self) -> None:
        if self.ram is None:
            return
        inside = [bank for bank in self.banks if bank.kind is not BankKind.EXTERNAL]
        for bank in inside:
            if bank.size > self.ram:
                what = f"size of bank {bank.name!r}"
                raise DeviceError(f"{what} is {bank.size}, more than the whole ram of {self.ram}")
        total = sum(bank.size for bank in inside)
        if total > self.ram:
            raise DeviceError(f"banks add up to {total}, more than the whole ram of {self.ram}")

    def _check_bandwidths(self) -> None:
        names = [bandwidth.memory for bandwidth in self.bandwidths]
        check_unique("bandwidths", names)
        known = {*(bank.name for bank in self.banks), "flash", "external"}
        for name in names:
            if name not in known:
                raise DeviceError(f"memory of bandwidth {name!r} is no bank, flash or external")

    def _check_citations(self) -> None:
        figures = set(self.figures)
        seen = set()
        for citation in self.citations:
            check_text(f"source of {citation.figure}", citation.source)
            if citation.figure not in figures:
                raise DeviceError(f"source for {citation.figure!r}, which is no figure given")
            if citation.figure in seen:
                raise DeviceError(f"two sources for {citation.figure!r}")
            seen.add(citation.figure)

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures given, each of which should have a source."""
        scalars = {
            "core": self.core,
            "clock_mhz": self.clock_hz,
            "flash": self.flash,
            "ram": self.ram,
        }
        return (
            *(name for name, value in scalars.items() if value is not None),
            *(f"bank {bank.name}" for bank in self.banks),
            *(f"bandwidth {bandwidth.memory}" for bandwidth in self.bandwidths),
        )

    def source_of(self, figure: str) -> str | None:
        """Where a figure of :attr:`figures` was read."""
        return next((c.source for c in self.citations if c.figure == figure), None)

    def banks_of(self, *kinds: BankKind) -> tuple[Bank, ...]:
        """Banks of these kinds, in the order of the description."""
        return tuple(bank for bank in self.banks if bank.kind in kinds)

    def largest_run(self, *kinds: BankKind) -> int:
        """Usable bytes of the largest run of contiguous banks of these kinds; 0 without any."""
        return max((sum(bank.free for bank in run) for run in self.runs(*kinds)), default=0)

    def runs(self, *kinds: BankKind) -> tuple[tuple[Bank, ...], ...]:
        """Maximal runs of contiguous banks of these kinds, by address."""
        runs: list[list[Bank]] = []
        for bank in sorted(self.banks_of(*kinds), key=_by_address):
            if runs and runs[-1][-1].adjoins(bank):
                runs[-1].append(bank)
            else:
                runs.append([bank])
        return tuple(tuple(run) for run in runs)

    @property
    def arena(self) -> int:
        """Bytes that one arena in SRAM can have: the largest contiguous run, TCM apart.

        0 for an accelerator that has memory of its own only.
        """
        return self.largest_run(BankKind.SRAM)

    @property
    def arena_with_tcm(self) -> int:
        """The same, where TCM may be part of the run or the whole of it."""
        return self.largest_run(BankKind.SRAM, BankKind.TCM)

    @property
    def sram(self) -> int:
        """Usable bytes of all SRAM banks together, contiguous or not, TCM apart."""
        return sum(bank.free for bank in self.banks_of(BankKind.SRAM))

    @property
    def tcm(self) -> int:
        """Bytes of the largest contiguous run of tightly coupled data memory; 0 without any."""
        return self.largest_run(BankKind.TCM)

    @property
    def external(self) -> int:
        """Usable bytes of all external memory on the module or board."""
        return sum(bank.free for bank in self.banks_of(BankKind.EXTERNAL))

    @property
    def on_chip(self) -> int:
        """All writable bytes of the chip that the description knows of, in full.

        An upper bound on what any program can use, if :attr:`is_complete`.
        """
        inside = self.banks_of(*(kind for kind in BankKind if kind is not BankKind.EXTERNAL))
        return max(self.ram or 0, sum(bank.size for bank in inside))

    @property
    def is_complete(self) -> bool:
        """Whether :attr:`on_chip` is all there is: a total is published and nothing is missing."""
        return self.ram is not None and not self.unlisted


def _by_address(bank: Bank) -> tuple[int, str]:
    return (-1 if bank.base is None else bank.base, bank.name)

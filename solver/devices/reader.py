"""Device descriptions in TOML.

A file holds tables ``[[device]]``. A figure is a plain value, or ``{ value = ..., source = ... }``
where its source is not the one that the device's own ``source`` names. If the file has a table
``[sources]``, every source is a key of it; otherwise a source is free text. ``extends`` takes over
banks and figures of another device: a board adds external memory to its chip.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from solver.cli.sizes import QuantityError, parse_size
from solver.devices.checks import DeviceError, check_number, check_text, shown
from solver.devices.device import Bandwidth, Bank, BankKind, Citation, Device
from solver.devices.names import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Table = Mapping[str, object]

_T = TypeVar("_T")

_TEXTS = ("name", "vendor", "title", "unlisted", "note", "source", "extends")
_SCALARS = ("core", "clock_mhz", "flash", "ram")
_FILE_KEYS = ("sources", "device")
_DEVICE_KEYS = (*_TEXTS, *_SCALARS, "aliases", "banks", "bandwidths")
_BANK_KEYS = ("name", "kind", "size", "base", "usable", "access", "note", "source")
_BANDWIDTH_KEYS = ("memory", "bytes_per_second", "source")
_FIGURE_KEYS = ("value", "source")
_LONGEST_NAME = 80
_FASTEST_CLOCK = 1_000_000  # MHz


def read_devices(
    text: str, origin: str, known: Callable[[str], Device] | None = None
) -> tuple[Device, ...]:
    """Read all devices of a file.

    Parameters
    ----------
    text : str
        TOML.
    origin : str
        File name, for messages.
    known : callable, optional
        Finds a device that ``extends`` names and that is not further up in the file.

    Raises
    ------
    DeviceError
        One line that names file, part, key and value.
    """
    try:
        document: Table = tomllib.loads(text)
    except ValueError as error:  # also a number with more digits than Python reads
        raise DeviceError(f"{origin}: no valid TOML: {error}") from error
    except RecursionError:
        raise DeviceError(f"{origin}: no valid TOML: nested too deeply") from None
    try:
        return _File(document, known).read()
    except DeviceError as error:
        raise DeviceError(f"{origin}: {error}") from error


@dataclass(slots=True)
class _File:
    document: Table
    known: Callable[[str], Device] | None
    sources: dict[str, str] | None = None
    devices: dict[str, Device] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def read(self) -> tuple[Device, ...]:
        _refuse_unknown(self.document, _FILE_KEYS, "the file")
        if "sources" in self.document:
            self._read_sources()
        tables = _tables(self.document, "device")
        if not tables:
            raise DeviceError("device is missing: describe at least one [[device]]")
        for number, table in enumerate(tables, 1):
            name = table.get("name")
            named = isinstance(name, str) and name.isprintable() and len(name) <= _LONGEST_NAME
            part = name if named else f"device {number}"
            try:
                device = _Entry(self, table).read()
                if key_of(device.name) in self.devices:
                    raise DeviceError(f"name {device.name!r} is given to two devices")
            except DeviceError as error:
                raise DeviceError(f"{part}: {error}") from error
            self.devices[key_of(device.name)] = device
        for key in self.sources or ():
            if key not in self.used:
                raise DeviceError(f"sources: {key!r} is cited nowhere")
        return tuple(self.devices.values())

    def _read_sources(self) -> None:
        table = _table(self.document["sources"], "sources")
        self.sources = {key: _text(f"sources: {key}", value) for key, value in table.items()}

    def find(self, name: str) -> Device:
        """Device that an entry extends."""
        above = self.devices.get(key_of(name))
        if above is not None:
            return above
        if self.known is None:
            raise DeviceError(f"extends is {shown(name)}, which is no device further up")
        try:
            return self.known(name)
        except ValueError as error:
            raise DeviceError(f"extends is {shown(name)}: {error}") from error

    def cite(self, figure: str, source: object) -> Citation:
        text = _text(f"source of {figure}", source)
        if self.sources is None:
            return Citation(figure, text)
        if text not in self.sources:
            raise DeviceError(f"source of {figure} is {shown(text)}, which is no key of sources")
        self.used.add(text)
        return Citation(figure, self.sources[text])


@dataclass(slots=True)
class _Entry:
    """One table ``[[device]]``."""

    file: _File
    table: Table
    base: Device | None = None
    citations: list[Citation] = field(default_factory=list)

    def read(self) -> Device:
        table = self.table
        _refuse_unknown(table, _DEVICE_KEYS, "a device")
        for key in _TEXTS:
            if key in table:
                _text(key, table[key])
        base = self.base = (
            self.file.find(cast("str", table["extends"])) if "extends" in table else None
        )
        banks = tuple(self._bank(bank) for bank in _tables(table, "banks"))
        rates = tuple(self._bandwidth(rate) for rate in _tables(table, "bandwidths"))
        clock = self._figure("clock_mhz", _hertz, base.clock_hz if base else None)
        return Device(
            name=self._text("name", None),
            vendor=self._text("vendor", base.vendor if base else None),
            title=self._text("title", None),
            banks=(*(base.banks if base else ()), *banks),
            aliases=_texts(table, "aliases"),
            core=self._figure("core", _text, base.core if base else None),
            clock_hz=clock,
            flash=self._figure("flash", _size, base.flash if base else None),
            ram=self._figure("ram", _size, base.ram if base else None),
            bandwidths=(*(base.bandwidths if base else ()), *rates),
            unlisted=self._text("unlisted", base.unlisted if base else ""),
            note=self._text("note", base.note if base else ""),
            citations=(*self._inherited(), *self.citations),
        )

    def _inherited(self) -> tuple[Citation, ...]:
        """Keep the sources of what the base gives and the entry does not replace."""
        if self.base is None:
            return ()
        return tuple(c for c in self.base.citations if c.figure not in self.table)

    def _text(self, key: str, default: str | None) -> str:
        if key not in self.table:
            if default is None:
                raise DeviceError(f"{key} is missing")
            return default
        return cast("str", self.table[key])

    def _figure(self, key: str, read: Callable[[str, object], _T], default: _T | None) -> _T | None:
        if key not in self.table:
            return default
        value = self.table[key]
        source = self.table.get("source")
        if isinstance(value, dict):
            _refuse_unknown(value, _FIGURE_KEYS, key)
            if "value" not in value:
                raise DeviceError(f"{key}: value is missing")
            source = value.get("source", source)
            value = value["value"]
        self._cite(key, source)
        return read(key, value)

    def _bank(self, table: Table) -> Bank:
        name = _text("name of a bank", table.get("name", ""))
        what = f"bank {name!r}"
        _refuse_unknown(table, _BANK_KEYS, what)
        if "size" not in table:
            raise DeviceError(f"size of {what} is missing")
        kind = table.get("kind", BankKind.SRAM.value)
        if kind not in tuple(BankKind):
            raise DeviceError(
                f"kind of {what} must be one of {', '.join(BankKind)}, not {shown(kind)}"
            )
        self._cite(f"bank {name}", table.get("source", self.table.get("source")))
        base, usable = table.get("base"), table.get("usable")
        if base is not None:
            check_number(f"base of {what}", base, least=0, most=2**63)
        return Bank(
            name=name,
            size=_size(f"size of {what}", table["size"]),
            kind=BankKind(cast("str", kind)),
            base=cast("int | None", base),
            usable=None if usable is None else _size(f"usable of {what}", usable, zero=True),
            access=_texts(table, "access", f"access of {what}"),
            note=_text(f"note of {what}", table["note"]) if "note" in table else "",
        )

    def _bandwidth(self, table: Table) -> Bandwidth:
        memory = _text("memory of a bandwidth", table.get("memory", ""))
        what = f"bandwidth {memory!r}"
        _refuse_unknown(table, _BANDWIDTH_KEYS, what)
        rate = table.get("bytes_per_second")
        check_number(f"bytes_per_second of {what}", rate, least=1, most=2**63)
        self._cite(f"bandwidth {memory}", table.get("source", self.table.get("source")))
        return Bandwidth(memory, cast("int", rate))

    def _cite(self, figure: str, source: object) -> None:
        if source is not None:
            self.citations.append(self.file.cite(figure, source))


def _refuse_unknown(table: Table, known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise DeviceError(f"{where} has an unknown key {shown(key)}; known: {', '.join(known)}")


def _table(value: object, key: str) -> Table:
    if not isinstance(value, dict):
        raise DeviceError(f"{key} must be a table, not {shown(value)}")
    return value


def _tables(table: Table, key: str) -> tuple[Table, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise DeviceError(f"{key} must be a list of tables, not {shown(value)}")
    return tuple(_table(item, f"an item of {key}") for item in value)


def _texts(table: Table, key: str, what: str | None = None) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise DeviceError(f"{what or key} must be a list of texts, not {shown(value)}")
    return tuple(_text(f"an item of {what or key}", item) for item in value)


def _text(key: str, value: object) -> str:
    check_text(key, value)
    return cast("str", value)


def _size(key: str, value: object, *, zero: bool = False) -> int:
    """Bytes, as a number or as text like 512KB."""
    if isinstance(value, str):
        try:
            return parse_size(value)
        except QuantityError as error:
            raise DeviceError(f"{key}: {error}") from error
    check_number(key, value, least=0 if zero else 1, most=2**63)
    return cast("int", value)


def _hertz(key: str, value: object) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DeviceError(f"{key} must be a number of MHz, not {shown(value)}")
    if not 0 < value <= _FASTEST_CLOCK:
        raise DeviceError(f"{key} must be above 0 and at most {_FASTEST_CLOCK}, not {shown(value)}")
    return round(value * 1_000_000)

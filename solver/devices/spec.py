"""Devices described in one word: ``sram=320KB,flash=1MB,tcm=64KB``."""

from __future__ import annotations

from solver.cli.sizes import QuantityError, parse_size
from solver.devices.checks import DeviceError
from solver.devices.device import Bank, BankKind, Device

_BANKS = {
    "sram": BankKind.SRAM,
    "tcm": BankKind.TCM,
    "accelerator": BankKind.ACCELERATOR,
    "external": BankKind.EXTERNAL,
}
_KEYS = (*_BANKS, "flash")
_LONGEST = 200
_EXAMPLE = "for example sram=320KB,flash=1MB,tcm=64KB"


def is_spec(text: str) -> bool:
    """Whether a text describes a device rather than naming one."""
    return "=" in text


def parse_spec(text: str) -> Device:
    """Read a description of sizes.

    Parameters
    ----------
    text : str
        ``key=size`` separated by commas; keys are sram, tcm, accelerator, external and flash, each
        at most once, and one of the memories of the chip must be there. Sizes as on the command
        line: 512KB is 524288 bytes.

    Raises
    ------
    DeviceError
        One line that names key and value.

    Examples
    --------
    >>> parse_spec("sram=320KB,flash=1MB").arena
    327680
    """
    if len(text) > _LONGEST:
        raise DeviceError(f"device {text[:40]!r}... is too long; give sizes, {_EXAMPLE}")
    sizes: dict[str, int] = {}
    for item in text.split(","):
        key, equals, value = (part.strip() for part in item.partition("="))
        key = key.lower()
        if not equals or key not in _KEYS:
            raise DeviceError(
                f"device {text!r}: {item.strip()!r} is no size of {', '.join(_KEYS)}; {_EXAMPLE}"
            )
        if key in sizes:
            raise DeviceError(f"device {text!r}: {key} is given twice")
        try:
            sizes[key] = parse_size(value)
        except QuantityError as error:
            raise DeviceError(f"device {text!r}: {key}: {error}") from error
    banks = tuple(Bank(key, sizes[key], kind) for key, kind in _BANKS.items() if key in sizes)
    if not any(bank.kind is not BankKind.EXTERNAL for bank in banks):
        raise DeviceError(f"device {text!r} has no sram, tcm or accelerator memory; {_EXAMPLE}")
    title = ", ".join(f"{key} {size}" for key, size in sizes.items())
    inside = sum(bank.size for bank in banks if bank.kind is not BankKind.EXTERNAL)
    flash = sizes.get("flash")
    return Device(text.strip(), "custom", f"{title} bytes", banks, flash=flash, ram=inside)

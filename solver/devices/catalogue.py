"""The catalogue: every device of the TOML files beside this module, found by name."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from solver.devices.checks import DeviceError, shown
from solver.devices.names import UnknownDeviceError, key_of, nearest_names
from solver.devices.reader import read_devices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from solver.devices.device import Device

_LARGEST_FILE = 1 << 20  # bytes of TOML


@cache
def catalogue() -> tuple[Device, ...]:
    """All devices of the catalogue, by file and in the order of each file."""
    files = sorted(
        (entry for entry in resources.files(__package__).iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    devices = tuple(
        device
        for entry in files
        for device in read_devices(entry.read_text(encoding="utf-8"), entry.name)
    )
    index(devices)
    return devices


@cache
def _index() -> dict[str, Device]:
    return index(catalogue())


def index(devices: Iterable[Device]) -> dict[str, Device]:
    """Every device by the key of its name and of each alias.

    Raises
    ------
    DeviceError
        If a name or alias stands for two devices.
    """
    by_key: dict[str, Device] = {}
    for device in devices:
        for name in (device.name, *device.aliases):
            other = by_key.setdefault(key_of(name), device)
            if other is not device:
                raise DeviceError(f"{device.name}: {name!r} also names {other.name}")
    return by_key


def find(name: str) -> Device:
    """Find a device of the catalogue by name or alias.

    Parameters
    ----------
    name : str
        Case, spaces and punctuation do not count.

    Raises
    ------
    UnknownDeviceError
        With the nearest names.

    Examples
    --------
    >>> find("pico").arena
    270336
    """
    return _find_in(_index(), name)


def _find_in(by_key: dict[str, Device], name: str) -> Device:
    device = by_key.get(key_of(name))
    if device is None:
        names = {key: device.name for key, device in by_key.items()}
        raise UnknownDeviceError(name, nearest_names(name, names))
    return device


def load_file(path: str | Path, name: str | None = None) -> Device:
    """Read a device from a file of the user.

    Parameters
    ----------
    path : str or Path
        TOML, as in the catalogue. A device may extend one of the catalogue.
    name : str, optional
        Which device of the file; needed if it describes several.

    Raises
    ------
    DeviceError
        If the file cannot be read or contradicts itself. One line that says where.
    UnknownDeviceError
        If the file has no device of that name.
    """
    text = _read_text(Path(path))
    devices = read_devices(text, str(path), known=find)
    try:
        by_key = index(devices)
    except DeviceError as error:
        raise DeviceError(f"{path}: {error}") from error
    if name is not None:
        return _find_in(by_key, name)
    if len(devices) > 1:
        names = ", ".join(device.name for device in devices)
        raise DeviceError(f"{path}: device is not unique, name one of {names}")
    return devices[0]


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DeviceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DeviceError(f"{path}: no UTF-8 text (byte {error.start})") from error
    except ValueError as error:  # a path that no system call takes
        raise DeviceError(f"{shown(str(path))}: cannot be read: {error}") from error
    if len(data) > _LARGEST_FILE:
        raise DeviceError(f"{path}: more than {_LARGEST_FILE} bytes is no device description")
    return text

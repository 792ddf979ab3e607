"""Checks of single values; every refusal is one line that names the key and the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.devices.names import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_SHOWN = 80


class DeviceError(ValueError):
    """A device description contradicts itself. The message names file, part, key and value."""


def shown(value: object) -> str:
    """Give a value as it appears in a message: on one line, not too long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def check_text(key: str, value: object) -> None:
    """Refuse what is not one line of text."""
    if not isinstance(value, str):
        raise DeviceError(f"{key} must be text, not {shown(value)}")
    if not value.strip() or not value.isprintable():
        raise DeviceError(f"{key} must be one line of text, not {shown(value)}")


def check_number(key: str, value: object, *, least: int, most: int) -> None:
    """Refuse what is not a whole number in the range."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise DeviceError(f"{key} must be a whole number, not {shown(value)}")
    if not least <= value <= most:
        raise DeviceError(f"{key} must be from {least} to {most}, not {value}")


def check_unique(key: str, names: Iterable[str]) -> None:
    """Refuse names that are the same but for case and punctuation."""
    seen: dict[str, str] = {}
    for name in names:
        check_text(key, name)
        same = key_of(name)
        if same in seen:
            raise DeviceError(f"{key} has {name!r} twice (case and punctuation do not count)")
        seen[same] = name

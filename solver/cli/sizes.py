"""Sizes and durations as people type them.

``512KB``, ``512K`` and ``512KiB`` all mean 512 * 1024 bytes: memory chips come in powers of two,
whatever their data sheets call them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_KB, _MB, _GB = 1 << 10, 1 << 20, 1 << 30
_SIZE_UNITS: Mapping[str, int] = {
    "": 1, "b": 1,
    "k": _KB, "kb": _KB, "kib": _KB,
    "m": _MB, "mb": _MB, "mib": _MB,
    "g": _GB, "gb": _GB, "gib": _GB,
}  # fmt: skip
_MILLISECONDS: Mapping[str, int] = {"ms": 1, "": 1000, "s": 1000, "m": 60_000, "h": 3_600_000}

_LARGEST_SIZE = 2**63 - 1
_LARGEST_DURATION = 10**9  # seconds: thirty years
_LONGEST_TEXT = 40

_NUMBER_AND_UNIT = re.compile(r"([0-9]*)(?:\.([0-9]+))?\s*([A-Za-z]*)")
_LOOKS_LIKE_A_RANGE = re.compile(r"[0-9.]+\s*[A-Za-z]*\s*[-:,;…]+\s*[0-9.]+\s*[A-Za-z]*")


class QuantityError(ValueError):
    """Text that is no usable size or duration. The message says what would be one."""


def parse_size(text: str) -> int:
    """Read a size in bytes.

    Parameters
    ----------
    text : str
        A number with or without one of the suffixes B, K, KB, KiB, M, MB, MiB, G, GB, GiB in any
        case. Decimals are fine when they come out as whole bytes.

    Raises
    ------
    QuantityError
        If it is not a positive, whole, addressable number of bytes.

    Examples
    --------
    >>> parse_size("512KB")
    524288
    >>> parse_size("1.5MB")
    1572864
    """
    cure = "give bytes or a number with KB, MB or GB, for example 512KB"
    digits, decimals, unit = _split(text, "size", _SIZE_UNITS, cure)
    scale: int = 10 ** len(decimals)
    size, rest = divmod(int(digits + decimals) * _SIZE_UNITS[unit], scale)
    if rest:
        raise QuantityError(f"{text!r} is not a whole number of bytes; {cure}")
    if size == 0:
        raise QuantityError(f"{text!r} is not above zero; {cure}")
    if size > _LARGEST_SIZE:
        raise QuantityError(f"{text!r} is more than any memory holds; {cure}")
    return size


def parse_sizes(text: str) -> tuple[int, int]:
    """Read a size, or a range of sizes such as ``64KB..1MB``; both ends in bytes.

    Raises
    ------
    QuantityError
        If an end is no size, or the range runs downwards.

    Examples
    --------
    >>> parse_sizes("64KB..1MB")
    (65536, 1048576)
    """
    low, dots, high = text.partition("..")
    if not dots and not _LOOKS_LIKE_A_RANGE.fullmatch(text.strip()):
        size = parse_size(text)
        return size, size
    if not dots or high.startswith("."):
        raise QuantityError(f"{text!r} is no size; a range has two dots, for example 64KB..1MB")
    if not low.strip() or not high.strip():
        raise QuantityError(f"{text!r} is no range of sizes; give both ends, for example 64KB..1MB")
    ends = parse_size(low), parse_size(high)
    if ends[0] > ends[1]:
        raise QuantityError(f"{text!r} runs downwards; give the smaller size first")
    return ends


def parse_duration(text: str) -> float:
    """Read a duration in seconds.

    Parameters
    ----------
    text : str
        A number with or without one of the suffixes ms, s, m, h; seconds without.

    Raises
    ------
    QuantityError
        If it is not positive and finite.

    Examples
    --------
    >>> parse_duration("2m")
    120.0
    """
    cure = "give seconds or a number with ms, s, m or h, for example 60s"
    digits, decimals, unit = _split(text, "duration", _MILLISECONDS, cure)
    scale: int = 10 ** len(decimals)
    seconds = int(digits + decimals) * _MILLISECONDS[unit] / (1000 * scale)
    if seconds == 0:
        raise QuantityError(f"{text!r} is not above zero; {cure}")
    if seconds > _LARGEST_DURATION:
        raise QuantityError(f"{text!r} is too long; {cure}")
    return seconds


def _split(text: str, what: str, units: Mapping[str, int], cure: str) -> tuple[str, str, str]:
    """Take a quantity apart into digits, decimals and a known unit."""
    stripped = text.strip()
    if len(stripped) > _LONGEST_TEXT:
        raise QuantityError(f"{stripped[:_LONGEST_TEXT]!r}... is no {what}; {cure}")
    if not stripped:
        raise QuantityError(f"an empty text is no {what}; {cure}")
    match = _NUMBER_AND_UNIT.fullmatch(stripped.removeprefix("-").removeprefix("+"))
    if match is None or not (match[1] or match[2]):
        raise QuantityError(f"{text!r} is no {what}; {cure}")
    if stripped.startswith("-"):
        raise QuantityError(f"{text!r} is not above zero; {cure}")
    unit = match[3].lower()
    if unit not in units:
        raise QuantityError(f"{text!r} has an unknown unit {match[3]!r}; {cure}")
    return match[1], match[2] or "", unit

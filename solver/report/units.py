"""Numbers in words. KB, MB and GB are powers of 1024."""

from __future__ import annotations

_UNITS = (("GB", 1 << 30, 2), ("MB", 1 << 20, 2), ("KB", 1 << 10, 1))


def short_size(size: int) -> str:
    """Give a size in its natural unit, rounded.

    Examples
    --------
    >>> short_size(301056)
    '294 KB'
    """
    return _in_unit(size)[0]


def full_size(size: int) -> str:
    """Give a size in its natural unit, with the exact bytes beside it where that is rounded.

    Examples
    --------
    >>> full_size(48320)
    '47.2 KB (48320 bytes)'
    """
    text, is_exact = _in_unit(size)
    return text if is_exact else f"{text} ({size} bytes)"


def percent(share: float) -> str:
    """Give a share as a percentage; a small one never reads as none."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %"


def seconds(duration: float) -> str:
    """Give a duration with as many decimals as matter."""
    if duration < 0.1:
        return f"{max(duration, 0.001):.3f} s"
    return f"{duration:.2f} s" if duration < 10 else f"{duration:.0f} s"


def count(number: int, what: str) -> str:
    """Join number and noun.

    Examples
    --------
    >>> count(1, "op"), count(2, "op")
    ('1 op', '2 ops')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def printable(name: str) -> str:
    """Quote a name, with control characters escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return f"'{shown}'"


def _in_unit(size: int) -> tuple[str, bool]:
    for unit, factor, decimals in _UNITS:
        if size >= factor:
            scale = 10**decimals
            scaled = (2 * size * scale + factor) // (2 * factor)
            digits, is_exact = f"{scaled / scale:.{decimals}f}", scaled * factor == size * scale
            if is_exact:
                digits = digits.rstrip("0").rstrip(".")
            return f"{digits} {unit}", is_exact
    return count(size, "byte"), True

"""Names of devices as people type them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEAREST = 5


class UnknownDeviceError(ValueError):
    """No device of that name. The message has the nearest names."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        near = f"; nearest: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no device is called {name[:80]!r}{near}")
        self.name = name
        self.nearest = nearest


def key_of(name: str) -> str:
    """Name without case, spaces and punctuation: what decides whether two names are the same.

    Examples
    --------
    >>> key_of("STM32H743-ZI")
    'stm32h743zi'
    """
    return "".join(c for c in name.casefold() if c.isalnum()) or name.casefold()


def nearest_names(name: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Device names that ``name`` may have meant, best first.

    Parameters
    ----------
    name : str
        What was typed.
    names : mapping from str to str
        Device name by key, of all names and aliases.
    """
    key = key_of(name[:80])
    if not key:
        return ()
    related = [known for known in names if known.startswith(key) or key.startswith(known)]
    close = difflib.get_close_matches(key, names, n=_NEAREST, cutoff=0.5)
    related.sort(key=lambda known: (abs(len(known) - len(key)), known))
    return tuple(dict.fromkeys(names[known] for known in (*related, *close)))[:_NEAREST]

"""A clock that tests can put forward: no wall time decides how they end."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from solver import limits

if TYPE_CHECKING:
    import pytest

_DAY = 86_400.0


class Clock:
    """What the limits on time are measured by, from :meth:`installed` on."""

    def __init__(self, most: float = math.inf) -> None:
        self.looks = 0
        self._most = most
        self._ahead = 0.0

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch, looks: float = math.inf) -> Clock:
        """Put a clock that is right, until so many looks at it, in place of that of the limits."""
        clock = cls(looks)
        monkeypatch.setattr(limits, "time", clock)
        return clock

    def put_forward(self) -> None:
        """By a day, which every limit in hours is over then."""
        self._ahead = _DAY

    def monotonic(self) -> float:
        """Seconds."""
        self.looks += 1
        if self.looks >= self._most:
            self.put_forward()
        return time.monotonic() + self._ahead

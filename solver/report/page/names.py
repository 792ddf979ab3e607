"""Text from model files made fit for a page, and sizes for an axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from solver.report.units import count

#: A budget further above the highest figure than this factor is not drawn to scale.
FARTHEST_BUDGET = 1.6

_LONGEST = 100  # characters of a name
_UNITS = (("GB", 1 << 30, 1 << 30), ("MB", 1 << 20, 1 << 20), ("KB", 1 << 10, 2 << 10))
_TICKS = 5


def clean(text: str) -> str:
    """Escape what does not print: control characters, bidi marks, lone surrogates.

    Markup is left alone; the template engine escapes it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(name: str, longest: int = _LONGEST) -> str:
    """Clean a name and shorten it in the middle: both ends of a name tell it apart.

    Examples
    --------
    >>> shown("cell7.fit.conv_2", 9)
    'cell…nv_2'
    """
    name = clean(name)
    if len(name) <= longest:
        return name
    tail = (longest - 1) // 2
    return f"{name[: longest - 1 - tail]}…{name[len(name) - tail :]}"


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where (0 to 100) and what it says."""

    at: float
    text: str
    is_minor: bool = False


def size_ticks(top: int) -> tuple[Tick, ...]:
    """Round sizes from 0 up to ``top`` bytes; positions count from the bottom."""
    if top <= 0:
        return (Tick(0, "0"),)
    unit, factor = next(((u, f) for u, f, least in _UNITS if top >= least), ("bytes", 1))
    step = round_step(top / factor / _TICKS, whole=factor == 1)
    ticks = [Tick(0, "0")]
    while (value := step * len(ticks)) * factor <= top:
        text = f"{value:.10g} {unit}" if unit != "bytes" else count(int(value), "byte")
        ticks.append(Tick(round(100 * value * factor / top, 3), text))
    return tuple(ticks)


def step_ticks(steps: int) -> tuple[Tick, ...]:
    """Round step numbers, counted from 1; every other one is minor and may be left out."""
    every = int(round_step(max(1.0, steps / 10), whole=True))
    numbers = [1, *range(every, steps + 1, every)] if every > 1 else list(range(1, steps + 1))
    return tuple(
        Tick(round(100 * (number - 0.5) / steps, 3), str(number), is_minor=bool(i % 2))
        for i, number in enumerate(numbers)
    )


def round_step(least: float, *, whole: bool) -> float:
    """Smallest 1, 2 or 5 times a power of ten from ``least`` up."""
    power = 10.0 ** floor(log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))
    return max(1.0, round(step)) if whole else step

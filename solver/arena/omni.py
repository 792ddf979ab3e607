"""The packers of the omnimalloc package, if it is installed.

Its branch and bound places rectangles within a bound; told of a preorder and of two threads, one of
them asks for the load bound itself, which is where most instances are decided at once.
https://github.com/fpedd/omnimalloc
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solver.arena.bodies import Part

#: Preorders in omnimalloc's letters: total load, width, area. It breaks ties by
#: position, so the bodies come in the caller's order.
PREORDERS = ("TWA", "TAW", "WAT")
_THREADS = 2


def is_available() -> bool:
    """Whether omnimalloc is installed."""
    return find_spec("omnimalloc") is not None


def place(part: Part, goal: int, preorder: str, seconds: float) -> list[int]:
    """Offsets of the part's bodies; one with steps on top is placed as its bounding rectangle.

    Parameters
    ----------
    part : Part
        No body may be pinned.
    goal : int
        Bytes: a layout this low will do.
    preorder : str
        One of ``PREORDERS``.
    seconds : float
        Wall time; the first heuristic runs to its end in any case.

    Raises
    ------
    ValueError
        If a body is pinned.
    """
    from omnimalloc import Allocation  # noqa: PLC0415  # an optional package
    from omnimalloc.allocators.supermalloc import SortKey, SupermallocAllocator  # noqa: PLC0415

    if any(body.pin is not None for body in part.bodies):
        raise ValueError("omnimalloc's branch and bound cannot keep a pinned body where it is")
    allocator = SupermallocAllocator(
        timeout=seconds,
        heuristics=(tuple(SortKey(letter) for letter in preorder),),
        num_threads=_THREADS,
    )
    rectangles = [
        Allocation(id=i, size=body.size, start=body.born, end=body.dead)
        for i, body in enumerate(part.bodies)
    ]
    # The search aims at the load bound, so one more rectangle, after all others, sets it.
    end = max(body.dead for body in part.bodies)
    rectangles.append(Allocation(id=len(rectangles), size=goal, start=end, end=end + 1))
    offsets = {a.id: a.offset for a in allocator.allocate(tuple(rectangles))}
    return [offsets[i] or 0 for i in range(len(part.bodies))]

"""What a heuristic is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from solver.limits import Limit, Meter
    from solver.memory import Problem


class UnsortedFileError(Exception):
    """The file lists an op before one of its inputs, so there is no file order."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An order, and what else the method decides.

    Attributes
    ----------
    order : tuple of int
        Problem ops in forward time.
    offsets : tuple of int or None
        Where the method places the blocks of the order (:func:`solver.arena.blocks.blocks_of`).
    limit : Limit or None
        The limit that stopped the method while it was still improving this order.
    """

    order: tuple[int, ...]
    offsets: tuple[int, ...] | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Heuristic:
    """A way to an order.

    Attributes
    ----------
    name : str
        For JSON and CSV.
    title : str
        For people.
    summary : str
        One line.
    find : callable
        From a problem and a meter to an answer.
    is_arena : bool
        Its figure is the bytes of an arena with offsets, not the peak of live bytes.
    is_search : bool
        May run until a limit stops it; the others take milliseconds.
    """

    name: str
    title: str
    summary: str
    find: Callable[[Problem, Meter], Answer]
    is_arena: bool = False
    is_search: bool = False

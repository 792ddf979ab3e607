"""What would make a network fit: each change is tried, and only what is proven to help is named."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from models.graph import DTYPE_BITS
from solver.devices import catalogue
from solver.fitting.answer import Verdict, judge
from solver.fitting.question import answer
from solver.fitting.room import room_of
from solver.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.graph import Graph
    from solver.devices import Device
    from solver.fitting.answer import Answer
    from solver.fitting.need import Need
    from solver.fitting.question import Question

_INT8 = "int8"
_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Lever:
    """A change to the question and what it was found to lead to.

    Attributes
    ----------
    options : tuple of str
        Options of the command line.
    answer : Answer
        With the change.
    """

    options: tuple[str, ...]
    answer: Answer

    @property
    def helps(self) -> bool:
        """Whether the network is proven to fit with the change."""
        return self.answer.verdict is Verdict.FITS


def levers(stored: Graph, question: Question) -> tuple[Lever, ...]:
    """Try every change that the question leaves open, singly and then in pairs.

    Parameters
    ----------
    stored : Graph
        The network as it was read, without the precision of the question.
    question : Question
        One whose answer is not yes. Its time limit holds for all changes together; those that
        there is no time for are left out.

    Returns
    -------
    tuple of Lever
        Every change tried, helpful or not. Pairs only if no single change helps.
    """
    deadline = _Deadline(question.limits)
    singles = list(_singles(stored, question))
    tried = [lever for change in singles for lever in deadline.tried(stored, question, change)]
    if not any(lever.helps for lever in tried):
        for (a, more), (b, changes) in combinations(singles, 2):
            tried += deadline.tried(stored, question, ((*a, *b), {**more, **changes}))
    return tuple(tried)


_Change = tuple[tuple[str, ...], dict[str, object]]


def _singles(stored: Graph, question: Question) -> Iterator[_Change]:
    runtime = question.profile
    can_overwrite = runtime.in_place or runtime.name == "generic"
    if can_overwrite and not question.in_place and any(op.in_place for op in stored.ops):
        yield ("--in-place",), {"in_place": True}
    bits = DTYPE_BITS[question.precision] if question.precision else 32
    types = {b.dtype for b in stored.buffers} | {w.dtype for w in stored.weights}
    if bits > 8 and not types.isdisjoint(_FLOATS):
        yield (f"--as {_INT8}",), {"precision": _INT8}
    if not question.banks and runtime.name == "generic" and len(question.room.arenas) > 1:
        yield ("--banks",), {"banks": True}
    if not question.external and question.device.external:
        yield ("--external",), {"external": True}


class _Deadline:
    """Shares out the time limit of a question."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._start = time.monotonic()

    def tried(self, stored: Graph, question: Question, change: _Change) -> list[Lever]:
        seconds = None
        if self._limits.seconds is not None:
            seconds = self._limits.seconds - (time.monotonic() - self._start)
            if seconds <= 0:
                return []
        options, changes = change
        limits = Limits(seconds, self._limits.memory_bytes, self._limits.nodes)
        changed = replace(question, limits=limits, **changes)  # type: ignore[arg-type]
        graph = stored.with_precision(changed.precision) if changed.precision else stored
        return [Lever(options, answer(graph, changed, hurry=True))]


def smallest_device(
    need: Need, question: Question, devices: Iterable[Device] | None = None
) -> Device | None:
    """Device of least memory that the network is proven to fit, without external memory.

    Parameters
    ----------
    need : Need
        Of the network.
    question : Question
        Its reserve counts.
    devices : iterable of Device, optional
        The catalogue by default. Devices without flash are left out if there are weights.
    """
    found = []
    for device in catalogue() if devices is None else devices:
        room = room_of(device, reserve=question.reserve)
        judged = judge(need, room)
        if judged.verdict is Verdict.FITS and (judged.weights or not need.weights):
            found.append((room.arena.size, device.flash or 0, device.external, device.name, device))
    return min(found, key=lambda entry: entry[:4])[-1] if found else None

"""A whole question: everything that the answer depends on but the network.

Frozen and picklable, so that the same question can be put to many networks in many processes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.errors import InvalidModelError
from solver.arena.joint import nearby_orders
from solver.fitting.answer import Answer, judge
from solver.fitting.banks import Spread, spread_over_banks
from solver.fitting.need import Need, assess
from solver.fitting.room import Arena, room_of
from solver.limits import Limits
from solver.memory import Problem, make_problem
from solver.runtimes import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.graph import Graph
    from solver.devices import Device
    from solver.fitting.room import Room
    from solver.limits import Observer
    from solver.runtimes import Runtime

_ORDERS = 8  # tried over several banks


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a network.

    Attributes
    ----------
    device : Device
        Where it is to run.
    exact : bool
        Whether the description of the device is taken at its word.
    runtime : str
        Key of ``RUNTIMES``.
    precision : str or None
        Element type of float tensors as deployed; None: as stored.
    dims : tuple of (str, int)
        Sizes of symbolic dimensions.
    in_place : bool
        Whether ops may overwrite inputs.
    reserve : int
        Bytes of the memory kept for other things.
    external : bool
        Whether external memory counts.
    banks : bool
        Whether buffers may be spread over several banks.
    pins : tuple of (str, str)
        Tensors and the banks they must lie in.
    limits : Limits
        Of the solver, for each network.
    workers : int
        Threads of exact search.
    """

    device: Device
    exact: bool = False
    runtime: str = "generic"
    precision: str | None = None
    dims: tuple[tuple[str, int], ...] = ()
    in_place: bool = False
    reserve: int = 0
    external: bool = False
    banks: bool = False
    pins: tuple[tuple[str, str], ...] = ()
    limits: Limits = field(default_factory=Limits)
    workers: int = 1

    @property
    def profile(self) -> Runtime:
        """Profile of the runtime."""
        return RUNTIMES[self.runtime]

    @property
    def room(self) -> Room:
        """Memory that counts."""
        return room_of(
            self.device,
            exact=self.exact,
            several=self.runtime == "generic",
            reserve=self.reserve,
            external=self.external,
        )

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits: equal if an answer can be used again.

        The number of threads does not change answers.
        """
        parts = (
            self.device.name, self.device.banks, self.device.flash, self.device.ram, self.exact,
            self.runtime, self.precision, self.dims, self.in_place, self.reserve, self.external,
            self.banks, self.pins, self.limits,
        )  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def answer(
    graph: Graph,
    question: Question,
    observer: Observer | None = None,
    *,
    hurry: bool = False,
    options: Mapping[str, object] | None = None,
) -> Answer:
    """Answer the question for a network that was read as the question says.

    Parameters
    ----------
    graph : Graph
        The network, already sized at the precision of the question.
    question : Question
        What is asked.
    observer : Observer, optional
        Told about incumbents and bounds.
    hurry : bool
        Whether any layout within the room and any bound beyond it will do, instead of the best.
    options : mapping, optional
        Reading options to record in the plan.

    Raises
    ------
    InvalidModelError
        If a pin names no tensor of the network, or no bank of the device.
    """
    room = question.room
    pins, arenas = _pins(graph, question)
    need = assess(
        graph,
        question.profile,
        question.limits,
        observer,
        in_place=question.in_place,
        workers=question.workers,
        enough=room.usable if hurry and not pins else None,
        hopeless=room.limit if hurry else None,
        options=options,
    )
    found = judge(need, room)
    is_open = found.way is None or bool(pins)
    if not question.banks or not is_open or need.is_interrupted:
        return found
    if len(arenas) < 2 and not pins:
        return found
    return judge(need, room, spread(need, room, arenas, pins, question.limits))


def spread(
    need: Need,
    room: Room,
    arenas: tuple[Arena, ...],
    pins: Mapping[str, int],
    limits: Limits,
) -> Spread:
    """Search for a placement over several banks, for a few orders of least peak.

    Parameters
    ----------
    need : Need
        Its plan gives the first order.
    room : Room
        Its reserve is kept free.
    arenas : tuple of Arena
        The banks.
    pins : mapping of str to int
        Buffer names and indices of banks.
    limits : Limits
        Of the search.
    """
    problem = make_problem(need.graph, need.rules)
    index = {name: v for v, name in enumerate(problem.names)}
    order = tuple(index[name] for name in need.plan.order)
    return spread_over_banks(
        problem,
        nearby_orders(problem, order, peak=need.plan.peak_bytes, most=_ORDERS),
        arenas,
        alignment=need.rules.alignment,
        pins={_storage(problem, name): k for name, k in pins.items()},
        reserve=room.reserve,
        bound=need.bound,
        limits=limits,
    )


def _storage(problem: Problem, name: str) -> int:
    return next(b for b, storage in enumerate(problem.storages) if storage.name == name)


def _pins(graph: Graph, question: Question) -> tuple[dict[str, int], tuple[Arena, ...]]:
    """Banks as the search sees them, and which of them each pinned tensor must lie in.

    A bank that a pin names is taken out of the run of contiguous banks it belongs to.
    """
    named = {bank for _, bank in question.pins}
    arenas: list[Arena] = []
    sizes = {bank.name: bank.free for bank in question.device.banks}
    for arena in question.room.arenas:
        run: list[str] = []
        for bank in arena.banks:
            if bank in named:
                arenas += _joined(run, sizes)
                arenas += _joined([bank], sizes)
                run = []
            else:
                run.append(bank)
        arenas += _joined(run, sizes)
    index = {arena.name: k for k, arena in enumerate(arenas)}
    known = {buffer.name for buffer in graph.buffers}
    pins: dict[str, int] = {}
    for tensor, bank in question.pins:
        if tensor not in known:
            raise InvalidModelError(f"--pin: the network has no activation {tensor!r}")
        if bank not in index:
            names = ", ".join(name for a in question.room.arenas for name in a.banks)
            raise InvalidModelError(
                f"--pin: {question.device.name} has no bank {bank!r} for activations, only {names}"
            )
        pins[tensor] = index[bank]
    return pins, tuple(arenas)


def _joined(banks: list[str], sizes: Mapping[str, int]) -> list[Arena]:
    size = sum(sizes[name] for name in banks)
    return [Arena(tuple(banks), size)] if size else []

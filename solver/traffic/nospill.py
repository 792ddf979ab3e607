"""Is there a plan without any non-compulsory byte? A least-peak question.

There is one iff some order of a slightly different network stays within the TCM: one in which each
network input is brought in by a load of its own and each output leaves once it is stored. In
streaming mode a buffer with a single user never takes room, so it is left out.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from solver.limits import Limit, LimitReachedError, Limits, Meter
from solver.memory import Problem, Storage
from solver.peak.engine import Engine
from solver.traffic.live import live_problem
from solver.traffic.model import Mode

if TYPE_CHECKING:
    from solver.limits import Observer
    from solver.peak.outcome import Outcome
    from solver.traffic.model import TrafficProblem

_MOST_STATES = 2**23  # of a question that may stay open
_LEAST_SECONDS = 0.01


def peak_problem(problem: TrafficProblem, *, loads: bool = True) -> Problem:
    """State the question as a least-peak problem.

    Parameters
    ----------
    problem : TrafficProblem
        Ops keep their ids; loads and stores follow them.
    loads : bool
        Without loads and stores the problem has just the ops: good for making orders only.
    """
    names = list(problem.names)
    predecessors = [list(before) for before in problem.predecessors]
    workspace = list(problem.workspace)
    storages: list[Storage] = []

    def add_op(name: str, before: tuple[int, ...]) -> int:
        names.append(name)
        predecessors.append(list(before))
        workspace.append(0)
        return len(names) - 1

    for buffer in problem.buffers:
        if problem.mode is Mode.STREAMING and len(buffer.users) == 1:
            continue
        producers, consumers = buffer.writers, buffer.readers
        if not producers and loads:
            producers = (add_op(f"load {buffer.name}", ()),)
            for v in consumers:
                predecessors[v].append(producers[0])
        if not consumers and loads:
            consumers = (add_op(f"store {buffer.name}", producers),)
        storages.append(
            Storage(
                buffer.name,
                buffer.size,
                producers,
                consumers,
                is_input=not producers,
                is_output=not consumers,
            )
        )
    return Problem(
        names=tuple(names),
        predecessors=tuple(tuple(sorted(before)) for before in predecessors),
        storages=tuple(storages),
        workspace=tuple(workspace),
        reuses=tuple(() for _ in names),
    )


class _Verdict:
    """Ends the engine once the answer is known."""

    def __init__(self, capacity: int, observer: Observer) -> None:
        self._capacity = capacity
        self._observer = observer

    def on_incumbent(self, peak: int) -> None:
        if peak <= self._capacity:
            raise LimitReachedError(Limit.NODES)

    def on_bound(self, bound: int) -> None:
        if bound > self._capacity:
            raise LimitReachedError(Limit.NODES)

    def on_progress(self, states: int) -> None:
        self._observer.on_progress(states)


def least_peak(problem: TrafficProblem, meter: Meter, share: float = 1.0) -> Outcome:
    """Ask whether nothing need be spilled: whether the least peak is within the TCM.

    The outcome's order holds loads and stores too. With a ``share`` of what is left of the limits,
    and none of the limits reached, there may be no answer.
    """
    return _ask(peak_problem(problem), problem.capacity, meter, share)


def least_live(problem: TrafficProblem, meter: Meter) -> Outcome:
    """Ask whether some order keeps what is live anywhere within the cap on all memory."""
    assert problem.live_capacity is not None
    return _ask(live_problem(problem), problem.live_capacity, meter)


def _ask(problem: Problem, capacity: int, meter: Meter, share: float = 1.0) -> Outcome:
    """Ask the least-peak engine, until it knows on which side of ``capacity`` the peak lies.

    ``peak`` and ``bound`` tell the answer. A limit or an interrupt that struck before is in
    ``limit``.
    """
    inner = Meter(_share_of(meter, share), _Verdict(capacity, meter.observer))
    inner.states = meter.states
    inner._start = meter._start  # noqa: SLF001  one clock for both
    outcome = Engine(problem, inner).solve()
    meter.states = inner.states
    is_known = outcome.peak <= capacity or outcome.bound > capacity
    if is_known and outcome.limit is not Limit.INTERRUPT:
        outcome.limit = None
    if share < 1 and outcome.limit in (Limit.TIME, Limit.NODES):
        outcome.limit = None
        meter.allowance(1)
        meter.check()
    return outcome


def _share_of(meter: Meter, share: float) -> Limits:
    """Return limits that leave the rest of those of the meter."""
    limits = meter.limits
    if share == 1:
        return limits
    seconds, nodes = limits.seconds, meter.states + _MOST_STATES
    if seconds is not None:
        seconds = meter.seconds + max(_LEAST_SECONDS, share * (seconds - meter.seconds))
    if limits.nodes is not None:
        nodes = min(nodes, meter.states + math.ceil(share * (limits.nodes - meter.states)))
    return replace(limits, seconds=seconds, nodes=nodes)

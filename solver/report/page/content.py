"""What a page is made of: its input, and the figures that a replay of the plan gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from solver.report.explain import bottleneck, problem_of
from solver.report.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models import Graph
    from solver.memory import Problem, Profile
    from solver.plan import Plan

Answer = Literal["fits", "does not fit", "undecided"]


@dataclass(frozen=True, slots=True)
class ReportInput:
    """One network, one plan, and what is known around them.

    Attributes
    ----------
    plan : Plan
        Of least peak memory.
    graph : Graph
        The network it was made for.
    title, command : str
        Where the network comes from; what to type to get this page again.
    precision : str
        How activations are sized, in words.
    blocks : sequence of (str, int, int, int, int)
        A layout of the plan's order, if there is one: name, bytes, half-open live range in steps
        (begin, end), offset in bytes.
    arena_bytes : int or None
        Bytes of the arena; the top of the highest block when omitted.
    alignment : int
        Bytes that sizes and offsets are multiples of.
    layout_note : str
        Where the layout comes from and how good it is.
    verdict : tuple of str
        Sentences that replace the plan's own verdict.
    answer : str or None
        ``"fits"``, ``"does not fit"`` or ``"undecided"``, where ``verdict`` says something else
        than the plan does.
    device : str
        What the budget belongs to.

    Raises
    ------
    ValueError
        If the plan is no least-peak plan, or a block lies outside the order or the arena.
    """

    plan: Plan
    graph: Graph
    title: str
    command: str
    precision: str = ""
    blocks: Sequence[tuple[str, int, int, int, int]] = ()
    arena_bytes: int | None = None
    alignment: int = 1
    layout_note: str = ""
    verdict: tuple[str, ...] = ()
    answer: Answer | None = None
    device: str = ""

    def __post_init__(self) -> None:
        if self.plan.problem != "peak":
            raise ValueError(f"a page shows least-peak plans, not one of {self.plan.problem!r}")
        if self.alignment < 1:
            raise ValueError(f"alignment must be at least 1 byte, not {self.alignment}")
        steps = max(1, len(self.graph.ops))
        for name, size, begin, end, offset in self.blocks:
            if size < 0 or offset < 0:
                raise ValueError(f"block {name!r} has {size} bytes at offset {offset}")
            if not 0 <= begin < end <= steps:
                raise ValueError(f"block {name!r} lives from {begin} to {end} of {steps} steps")
            top = offset + self.aligned(size)
            if self.arena_bytes is not None and size and top > self.arena_bytes:
                raise ValueError(f"block {name!r} ends at {top}, the arena at {self.arena_bytes}")

    def aligned(self, size: int) -> int:
        """Round ``size`` bytes up to the alignment."""
        return -(-size // self.alignment) * self.alignment

    @property
    def arena(self) -> int | None:
        """Bytes of the arena; None without a layout."""
        if not self.blocks:
            return self.arena_bytes
        if self.arena_bytes is not None:
            return self.arena_bytes
        return max(offset + self.aligned(size) for _, size, _, _, offset in self.blocks)


@dataclass(frozen=True, slots=True)
class Life:
    """A storage of the plan's order: who it is and when it lives.

    ``begin`` and ``end`` are half-open steps; ``is_hot`` says that it is live at the bottleneck.
    """

    name: str
    size: int
    begin: int
    end: int
    is_hot: bool


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the page shows, in bytes and steps.

    Attributes
    ----------
    problem : Problem
        The network under the plan's memory rules.
    order : tuple of int
        Op ids in the plan's order.
    profile : Profile
        Replay of that order.
    file_profile : Profile or None
        Replay of the file's own order; None if that is no order.
    bottleneck : int or None
        Step at which the peak is reached; None if it is reached before the first op.
    bottleneck_text : str
        The same in words.
    lives : tuple of Life
        Storages in id order.
    summary : Summary
        What the report on the terminal says.
    """

    problem: Problem
    order: tuple[int, ...]
    profile: Profile
    file_profile: Profile | None
    bottleneck: int | None
    bottleneck_text: str
    lives: tuple[Life, ...]
    summary: Summary

    @property
    def peak(self) -> int:
        """Bytes that the plan's order needs."""
        return self.profile.peak

    @property
    def file_peak(self) -> int | None:
        """Bytes that file order needs."""
        return None if self.file_profile is None else self.file_profile.peak


def derive(page: ReportInput) -> Content:
    """Replay the plan and gather what the page says.

    Raises
    ------
    ValueError
        If the plan is not one of the graph: other ops, no order, or another peak.
    """
    plan = page.plan
    problem = problem_of(plan, page.graph)
    index = {name: v for v, name in enumerate(problem.names)}
    if index.keys() != set(plan.order):
        raise ValueError(f"the plan is not one of network {page.graph.name!r}")
    order = tuple(index[name] for name in plan.order)
    profile = problem.replay(order)
    if profile.peak != plan.peak_bytes:
        raise ValueError(f"the order needs {profile.peak} bytes, the plan says {plan.peak_bytes}")
    in_file = range(len(problem))
    step = None if profile.live_before == profile.peak else profile.bottleneck
    return Content(
        problem=problem,
        order=order,
        profile=profile,
        file_profile=problem.replay(in_file) if problem.is_order(in_file) else None,
        bottleneck=step,
        bottleneck_text=bottleneck(plan, problem),
        lives=_lives(problem, order, step),
        summary=summarize(plan, page.graph, title=page.title, precision=page.precision),
    )


def _lives(problem: Problem, order: Sequence[int], bottleneck_step: int | None) -> tuple[Life, ...]:
    step = {v: i for i, v in enumerate(order)}
    hot = 0 if bottleneck_step is None else bottleneck_step
    found: list[Life] = []
    for storage in problem.storages:
        begin = 0 if storage.is_input else min(step[v] for v in storage.producers)
        last = max((step[v] for v in storage.users), default=0)
        end = max(1, len(order)) if storage.is_output else last + 1
        is_hot = begin <= hot < end and bool(storage.size)
        found.append(Life(storage.name, storage.size, begin, end, is_hot))
    return tuple(found)

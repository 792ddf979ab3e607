"""What the page on a plan of least traffic is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solver.report.tcm_trace import footprints, trace, traffic_problem_of
from solver.report.traffic import summarize_traffic
from solver.report.units import count, full_size, percent, printable, short_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models import Graph
    from solver.plan import Plan
    from solver.report.summary import Row, Summary
    from solver.report.tcm_trace import Trace

#: Rows of the report on the terminal that are about room, not about traffic.
_NOT_TRAFFIC = ("TCM in use", "weights pinned")


@dataclass(frozen=True, slots=True)
class TrafficReport:
    """One network, one plan of least traffic, and what is known around them.

    Attributes
    ----------
    plan : Plan
        Of least traffic, or infeasible.
    graph : Graph
        The network it was made for.
    title, command : str
        Where the network comes from; what to type to get this page again.
    precision : str
        How activations are sized, in words.
    bandwidth, energy : int or None, float or None
        See :func:`solver.report.traffic.summarize_traffic`.

    Raises
    ------
    ValueError
        If the plan is none of least traffic.
    """

    plan: Plan
    graph: Graph
    title: str
    command: str
    precision: str = ""
    bandwidth: int | None = None
    energy: float | None = None

    def __post_init__(self) -> None:
        if self.plan.problem != "traffic":
            raise ValueError(f"this page shows traffic plans, not one of {self.plan.problem!r}")


@dataclass(frozen=True, slots=True)
class Need:
    """An op that is larger than the TCM: bytes in all, of workspace, and of each operand."""

    op: str
    size: int
    workspace: int
    operands: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class TrafficContent:
    """Everything the page shows, in bytes and steps.

    Attributes
    ----------
    summary : Summary
        What the report on the terminal says.
    trace : Trace
        Replay of the plan; without steps if it is infeasible.
    tcm : int
        Bytes of TCM.
    fullest : int or None
        Step with the most bytes in the TCM; None if there is never anything.
    used : tuple of int
        Bytes to draw: of TCM in use at each step or, where no plan runs, needed by each op in file
        order.
    needs : tuple of Need
        Ops that are larger than the TCM, largest first.
    """

    summary: Summary
    trace: Trace
    tcm: int
    fullest: int | None
    used: tuple[int, ...]
    needs: tuple[Need, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """What moves under this plan and others."""
        first, *rest = (row for row in self.summary.rows if row.label not in _NOT_TRAFFIC)
        return (replace(first, label="this plan"), *rest)

    @property
    def fullest_text(self) -> str:
        """Where the TCM is fullest, in words."""
        if self.fullest is None:
            return "Nothing is ever in the TCM."
        step = self.trace.steps[self.fullest]
        how = f"fullest, with {full_size(step.used)} of {full_size(self.tcm)}"
        if step.used == self.tcm:
            how = f"full, all of its {full_size(self.tcm)}"
        return f"The TCM is {how}, while op {printable(step.name)} runs."

    @property
    def has_weights(self) -> bool:
        """Whether weights pass through."""
        return any(step.weights for step in self.trace.steps)

    @property
    def spilled_text(self) -> str:
        """What leaves and comes back, in one sentence."""
        spilled = self.trace.spilled
        written, reloaded = (sum(sizes) for sizes in (
            [item.written for item in spilled], [item.reloaded for item in spilled],
        ))  # fmt: skip
        verb = "leaves" if len(spilled) == 1 else "leave"
        return (
            f"{count(len(spilled), 'buffer')} {verb} the TCM before the last use: "
            f"{full_size(written)} are written out, {full_size(reloaded)} come back."
        )


def derive_traffic(page: TrafficReport) -> TrafficContent:
    """Replay the plan and gather what the page says.

    Raises
    ------
    ValueError
        If the plan is not one of the graph.
    """
    replay = trace(page.plan, page.graph)
    is_feasible = page.plan.traffic_bytes is not None
    used = tuple(step.used for step in replay.steps)
    return TrafficContent(
        summary=summarize_traffic(
            page.plan,
            page.graph,
            title=page.title,
            precision=page.precision,
            bandwidth=page.bandwidth,
            energy=page.energy,
        ),
        trace=replay,
        tcm=page.plan.tcm_bytes or 0,
        fullest=used.index(max(used)) if any(used) else None,
        used=used if is_feasible else footprints(page.plan, page.graph),
        needs=() if is_feasible else tuple(_needs(page)),
    )


def _needs(page: TrafficReport) -> Iterator[Need]:
    problem = traffic_problem_of(page.plan, page.graph)
    for v in problem.oversized():
        touched = [problem.buffers[b] for b in problem.touched[v]]
        operands = sorted(((b.name, b.size) for b in touched), key=lambda item: -item[1])
        if problem.mode == "streaming":
            operands = []
        yield Need(problem.names[v], problem.footprint(v), problem.workspace[v], tuple(operands))


def figures(page: TrafficReport, content: TrafficContent) -> Iterator[tuple[str, int, str]]:
    """Label, bytes and a remark."""
    plan = page.plan
    tcm = plan.tcm_bytes or 0
    if plan.traffic_bytes is None:
        least = plan.certificate["least_tcm_bytes"]
        yield "TCM", tcm, f"{short_size(least - tcm)} too small"
        yield "Smallest that works", least, "the largest op needs it"
        return
    traffic, compulsory = plan.traffic_bytes, plan.compulsory_bytes or 0
    spilled = sum(step.reloads + step.spills for step in content.trace.steps)
    yield "Traffic", traffic, "proven least" if plan.is_proven else "best plan found"
    bound = "met: no plan moves less" if plan.is_proven else f"gap {percent(plan.gap)}"
    yield "Lower bound", plan.lower_bound_bytes, bound
    yield "Compulsory", compulsory, "moves in any case"
    share = percent(spilled / traffic) if traffic else ""
    yield "Spilled", spilled, f"{share} of the traffic" if spilled else "nothing"
    if "file_order" in plan.baselines:
        moved = plan.baselines["file_order"] - compulsory
        note = "just as good"
        if moved > traffic - compulsory:
            note = f"{percent(1 - (traffic - compulsory) / moved)} of its spills saved"
        yield "File order", plan.baselines["file_order"], note
    yield "TCM", tcm, f"at most {short_size(plan.peak_bytes)} in use"

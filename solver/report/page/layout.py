"""A layout for a page whose caller has none: the plan's order in one arena."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from solver.arena.blocks import blocks_of
from solver.arena.layout import instance_of
from solver.arena.pack import Packers, pack
from solver.limits import Limit, Limits
from solver.report.explain import problem_of
from solver.report.units import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.arena.blocks import Block
    from solver.report.page.content import ReportInput

_SECONDS = 2.0
_AT_ONCE = 0.001  # first fit alone


def with_layout(page: ReportInput, seconds: float = _SECONDS) -> ReportInput:
    """Return ``page`` with a layout of the plan's order; one that is there stays.

    That of the plan if it has offsets, else one made for the page.

    Parameters
    ----------
    page : ReportInput
        What is to be shown.
    seconds : float
        Wall time that packing may take; after an interrupt it takes next to none.
    """
    if page.blocks or page.arena_bytes is not None:
        return page
    problem = problem_of(page.plan, page.graph)
    index = {name: v for v, name in enumerate(problem.names)}
    order = [index[name] for name in page.plan.order]
    alignment = page.plan.options.get("alignment", 1)
    if page.plan.offsets is not None:
        return _planned(page, blocks_of(problem, order), alignment)
    instance = instance_of(problem, order, alignment=alignment)
    seconds = _AT_ONCE if page.plan.limit == Limit.INTERRUPT else seconds
    packed = pack(instance, Limits(seconds=seconds), packers=Packers(cpsat=False))
    is_least = packed.height == packed.lower_bound
    return dataclasses.replace(
        page,
        blocks=tuple(
            (block.name, block.size, block.begin, block.end, offset)
            for block, offset in zip(instance.blocks, packed.offsets, strict=True)
        ),
        arena_bytes=packed.height,
        alignment=alignment,
        layout_note="A layout of this order, made for this page; "
        + ("no layout of it is lower." if is_least else "a lower one may exist."),
    )


def _planned(page: ReportInput, blocks: Sequence[Block], alignment: int) -> ReportInput:
    offsets = page.plan.offsets or {}
    scratch = sum(block.storage is None for block in blocks)
    left_out = f" The workspace of {count(scratch, 'op')} is not shown." if scratch else ""
    return dataclasses.replace(
        page,
        blocks=tuple(
            (block.name, block.size, block.begin, block.end, offsets[block.name])
            for block in blocks
            if block.storage is not None and block.name in offsets
        ),
        arena_bytes=page.plan.arena_bytes,
        alignment=alignment,
        layout_note="The layout of the plan." + left_out,
    )

"""Check where a plan of least traffic puts what it keeps in the TCM, step by step.

A buffer has its place from the step with which it comes into the TCM until that with which it goes;
when it comes again it may have another. Pinned weights are listed first and have theirs all the
time. Scratch bytes go wherever there is room while their op runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from solver.verify.arena import check_apart
from solver.verify.errors import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from solver.plan import Plan

_FIELDS = 4


class Stay(NamedTuple):
    """What the replay saw: bytes in the TCM from step ``begin`` to before step ``end``."""

    name: str
    size: int
    begin: int
    end: int


def check_tcm_offsets(
    plan: Plan,
    weights: Sequence[Stay],
    buffers: Sequence[Stay],
    scratch: Mapping[int, int],
    alignment: int,
) -> None:
    """Check the offsets of a plan whose steps have been replayed.

    Parameters
    ----------
    plan : Plan
        Of least traffic.
    weights, buffers : sequence of Stay
        What is in the TCM; weights in the order in which the plan pins them.
    scratch : mapping of int to int
        Scratch bytes by step, for those that run an op; 0 if it needs none.
    alignment : int
        Bytes.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    stated, arena = plan.tcm_offsets, plan.arena_bytes
    _check_price(plan)
    require((stated is None) == (arena is None), "an arena without offsets, or offsets without one")
    if stated is None or arena is None or plan.tcm_bytes is None:
        require(plan.offsets is None, "offsets, but not of every stay in the TCM")
        return
    require(
        type(arena) is int and arena <= plan.tcm_bytes, f"an arena of {arena!r} bytes in the TCM"
    )
    for entry in stated:
        require(len(entry) == _FIELDS, f"{entry!r} is no stay with an offset")
        require(
            type(entry[3]) is int and entry[3] >= 0 and entry[3] % alignment == 0,
            f"{entry[0]!r} lies at {entry[3]!r}, no multiple of {alignment}",
        )
    places = _matched(plan, weights, buffers)
    highest = _check_steps(places, scratch, arena)
    require(
        highest == arena or any(scratch.values()),
        f"the offsets take {highest} bytes of TCM, not {arena}",
    )
    fixed = {name: offset for name, _, _, offset in stated}
    moves = any(fixed[name] != offset for name, _, _, offset in stated)
    require(
        plan.offsets == (None if moves else fixed),
        "the offsets by name are not those of the stays",
    )


def _check_price(plan: Plan) -> None:
    """Check what the plan says it would move without offsets."""
    if "without_offsets_bytes" not in plan.certificate:
        return
    without = plan.certificate["without_offsets_bytes"]
    require(plan.tcm_offsets is not None, "offsets are paid for, but there are none")
    require(
        type(without) is int and plan.lower_bound_bytes <= without < (plan.traffic_bytes or 0),
        f"without offsets, {without!r} bytes would move",
    )


def _matched(
    plan: Plan, weights: Sequence[Stay], buffers: Sequence[Stay]
) -> list[tuple[Stay, int]]:
    """Offsets of the stays, each of which must be stated once, and nothing else."""
    stated = list(plan.tcm_offsets or ())
    places: list[tuple[Stay, int]] = []
    for weight, entry in zip(weights, stated, strict=False):
        name, begin, end, offset = entry
        require(
            (name, begin, end) == (weight.name, weight.begin, weight.end),
            f"the place of pinned weight {weight.name!r} is not stated, but {entry!r}",
        )
        places.append((weight, offset))
    require(len(places) == len(weights), "pinned weights have no offsets")
    rest = stated[len(weights) :]
    offsets = {(name, begin, end): offset for name, begin, end, offset in rest}
    require(len(offsets) == len(rest), "a stay in the TCM has two offsets")
    for stay in buffers:
        key = (stay.name, stay.begin, stay.end)
        require(
            key in offsets,
            f"buffer {stay.name!r} has no offset from step {stay.begin} to step {stay.end}",
        )
        places.append((stay, offsets.pop(key)))
    require(not offsets, f"no stay in the TCM is {min(offsets, default=())!r}")
    return places


def _check_steps(places: Sequence[tuple[Stay, int]], scratch: Mapping[int, int], arena: int) -> int:
    """Check every step with which something comes or runs; return the highest end."""
    comes: dict[int, list[tuple[Stay, int]]] = {}
    for stay, offset in places:
        comes.setdefault(stay.begin, []).append((stay, offset))
    here: list[tuple[Stay, int]] = []
    highest = 0
    for step in sorted(comes.keys() | scratch.keys()):
        here = [(stay, offset) for stay, offset in here if step < stay.end]
        here += comes.get(step, ())
        inside = sorted((offset, offset + stay.size, stay.name) for stay, offset in here)
        end = check_apart(inside, arena, scratch.get(step, 0), f"at step {step}")
        highest = max(highest, end)
    return highest

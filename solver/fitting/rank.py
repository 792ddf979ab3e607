"""One network against many devices: solved once, compared with each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from solver.fitting.answer import Answer, Verdict, judge
from solver.fitting.room import room_of
from solver.report.units import short_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from solver.devices import Device
    from solver.fitting.need import Need

_RANK = {Verdict.FITS: 0, Verdict.UNDECIDED: 1, Verdict.NO: 2}

CSV_COLUMNS = (
    "device", "verdict", "activations", "weights", "way", "usable_bytes", "on_chip_bytes",
    "arena_bytes", "lower_bound_bytes", "left_bytes", "weight_bytes", "flash_bytes",
    "external_bytes",
)  # fmt: skip


def rank(
    need: Need, devices: Iterable[Device], *, reserve: int = 0, external: bool = False
) -> tuple[Answer, ...]:
    """Answers for all devices: those that fit by size, then undecided ones, then the others.

    Parameters
    ----------
    need : Need
        Of the network.
    devices : iterable of Device
        To compare with.
    reserve : int
        Bytes kept for other things on each.
    external : bool
        Whether external memory counts.
    """
    answers = (
        judge(need, room_of(device, reserve=reserve, external=external)) for device in devices
    )
    return tuple(sorted(answers, key=_key))


def _key(answer: Answer) -> tuple[int, int, int, str]:
    size, room = answer.room.arena.size, answer.room
    flash = room.device.flash or 0
    rank = _RANK[answer.verdict]
    # The smallest that fits first; of the others first what comes nearest.
    return rank, size if rank == 0 else -size, flash if rank == 0 else -flash, room.device.name


def overall(answers: Sequence[Answer]) -> Verdict:
    """Whether any device does."""
    verdicts = {answer.verdict for answer in answers}
    for verdict in (Verdict.FITS, Verdict.UNDECIDED):
        if verdict in verdicts:
            return verdict
    return Verdict.NO


def to_csv(answers: Sequence[Answer]) -> str:
    """Write a line for each device; a figure that the description lacks stays empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for answer in answers:
        need, room = answer.need, answer.room
        writer.writerow((
            room.device.name, answer.verdict.value, answer.activations.value,
            answer.weights.value if answer.weights else "", answer.way or "", room.usable,
            room.device.on_chip, need.arena, need.bound, answer.left, need.weights,
            "" if room.device.flash is None else room.device.flash, room.device.external,
        ))  # fmt: skip
    return text.getvalue()


def table(answers: Sequence[Answer]) -> list[str]:
    """Lines of a table for people."""
    cells = [("device", "arena", "flash", "verdict", "left", "remark")]
    cells += [_cells(answer) for answer in answers]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    return [
        (
            f"  {row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
            f"{row[3]:{widths[3]}}  {row[4]:>{widths[4]}}  {row[5]}"
        ).rstrip()
        for row in cells
    ]


def _cells(answer: Answer) -> tuple[str, str, str, str, str, str]:
    room, flash = answer.room, answer.room.device.flash
    left = short_size(answer.left) if answer.left >= 0 else f"-{short_size(-answer.left)}"
    return (
        room.device.name,
        short_size(room.arena.size),
        "-" if flash is None else short_size(flash),
        answer.verdict.value,
        left,
        _remark(answer),
    )


def _remark(answer: Answer) -> str:
    parts = []
    if answer.weights in (Verdict.NO, Verdict.UNDECIDED):
        over = answer.need.weights - (answer.room.device.flash or 0)
        parts.append(f"weights {short_size(over)} over")
    if answer.activations is Verdict.UNDECIDED:
        parts.append("no single arena" if answer.exceeds_one_arena else "not proven")
    if answer.activations is not Verdict.FITS and answer.room.device.external:
        parts.append(f"{short_size(answer.room.device.external)} external")
    if answer.way not in (None, "as it is"):
        parts.append(f"with {answer.way}")
    return ", ".join(parts)

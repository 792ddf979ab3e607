"""The verdict in words: does it fit, what is missing, while which op."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solver.fitting.answer import Verdict, bottleneck_op
from solver.report.units import count, full_size, printable, short_size

if TYPE_CHECKING:
    from solver.fitting.answer import Answer
    from solver.fitting.need import Need

_WAYS = {
    "as it is": "as it is, file order",
    "order": "with a better order",
    "order and offsets": "with a better order and planned offsets",
    "several banks": "over several banks, with planned offsets",
}


def verdict_sentence(answer: Answer) -> str:
    """One sentence: does it fit, what is missing, while which op."""
    sentence = _reasons(answer)
    name = answer.room.device.name
    if answer.verdict is Verdict.FITS:
        sentence = f"Fits {name}: {sentence}"
    elif answer.verdict is Verdict.NO:
        sentence = f"Does not fit {name} (proven): {sentence}"
    else:
        sentence = f"Undecided on {name}: {sentence}"
    if answer.need.plan.limit is not None and answer.verdict is Verdict.UNDECIDED:
        sentence += f"; stopped by the limit on {answer.need.plan.limit}"
    if answer.need.graph.warnings:
        noun = "warning" if len(answer.need.graph.warnings) == 1 else "warnings"
        return f"{sentence}. This holds for what was counted: see the {noun}."
    return sentence + "."


def _reasons(answer: Answer) -> str:
    parts = []
    decided_by_weights = answer.activations is not answer.verdict
    if answer.verdict is Verdict.FITS or not decided_by_weights:
        parts.append(_activations(answer))
    if answer.weights is not None and answer.weights is not Verdict.FITS:
        parts.append(_weights(answer))
    return "; ".join(parts)


def _weights(answer: Answer) -> str:
    flash = answer.room.device.flash or 0
    missing = full_size(answer.need.weights - flash)
    sentence = (
        f"the weights take {full_size(answer.need.weights)}, the flash has {full_size(flash)}; "
        f"{missing} missing"
    )
    if answer.weights is Verdict.UNDECIDED:
        sentence += " there, external memory might hold them"
    return sentence


def _activations(answer: Answer) -> str:
    need, room = answer.need, answer.room
    kept = f" besides {full_size(room.reserve)} kept free" if room.reserve else ""
    arena = f"{full_size(room.arena.size)}{_of_bank(answer)}{kept}"
    if answer.way == "several banks":
        names = ", ".join(a.name for a in room.arenas)
        return f"every buffer has a place in one of {names} ({short_size(answer.left)} left)"
    if answer.way is not None:
        way = next(way for way in need.ways if way.name == answer.way)
        least = ", proven least" if way.arena == need.bound else ""
        over = room.usable - way.arena
        return (
            f"needs {full_size(way.arena)} of {arena}{least}, {_WAYS[answer.way]}; "
            f"{short_size(over)} left"
        )
    if answer.activations is Verdict.NO:
        return _proven_no(answer)
    if answer.spread is not None:
        return _open_spread(answer)
    if answer.exceeds_one_arena:
        missing = full_size(answer.missing)
        return (
            f"every order needs at least {full_size(need.bound)}, the largest single arena has "
            f"{arena}: {missing} missing there (proven){_during(need)}, but "
            f"{_other_memory(answer)}"
        )
    return (
        f"the best layout found needs {full_size(need.arena)}, every order needs at least "
        f"{full_size(need.bound)}, the largest arena has {arena}"
    )


def _proven_no(answer: Answer) -> str:
    need, room = answer.need, answer.room
    if answer.spread is not None and answer.spread.refutation and need.bound <= room.limit:
        pinned = " with the pins given" if answer.spread.is_pinned else ""
        return f"{answer.spread.refutation}{pinned}"
    kept = f", {full_size(room.reserve)} of them kept free" if room.reserve else ""
    what = "in all banks together" if len(room.arenas) > 1 and room.most > room.arena.size else ""
    place = what or ("on the chip" if not room.is_exact else "for activations")
    sentence = (
        f"every order needs at least {full_size(need.bound)}, there are {full_size(room.most)} "
        f"{place}{kept}; {full_size(answer.missing)} missing{_during(need)}"
    )
    if room.omitted:
        sentence += f" (not counting {room.omitted})"
    return sentence


def _open_spread(answer: Answer) -> str:
    spread = answer.spread
    assert spread is not None
    if spread.refutation:
        return (
            f"over the separate banks no order fits (proven): {spread.refutation}; "
            f"but {_other_memory(answer)}"
        )
    tried = count(spread.tried, "order")
    if spread.refuted == spread.tried == 1:
        return (
            "the order of least peak that was tried cannot be placed over the banks (proven for "
            "it); other orders are open"
        )
    if spread.refuted == spread.tried:
        return (
            f"none of the {tried} that were tried can be placed over the banks "
            "(proven for these); other orders are open"
        )
    return (
        f"no placement over the banks was found for {tried} ({spread.refuted} proven to have none)"
    )


def _other_memory(answer: Answer) -> str:
    room = answer.room
    if room.is_exact:
        return f"all banks together have {full_size(room.most)}"
    rest = f"the chip has {full_size(room.device.on_chip)} in all"
    return f"{rest}, not counting {room.omitted}" if room.omitted else rest


def _of_bank(answer: Answer) -> str:
    banks = answer.room.arena.banks
    return f" in {answer.room.arena.name}" if 0 < len(banks) <= 3 else ""


def _during(need: Need) -> str:
    op = bottleneck_op(need)
    if op is not None:
        return f" while op {printable(op)} runs"
    problem_ends = need.plan.certificate.get("kind") == "ends"
    return " for network inputs or outputs alone" if problem_ends else ""

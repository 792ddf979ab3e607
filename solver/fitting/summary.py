"""Reports on answers: figures in rows, remarks, the verdict."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from solver.fitting.answer import Verdict
from solver.fitting.words import verdict_sentence
from solver.report.explain import evidence
from solver.report.summary import Row, Summary
from solver.report.units import count, full_size, percent, short_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.devices import Device
    from solver.fitting.answer import Answer
    from solver.fitting.levers import Lever
    from solver.fitting.need import Need


def summarize(
    answer: Answer,
    *,
    title: str,
    precision: str,
    tried: Sequence[Lever] = (),
    smallest: Device | None = None,
) -> Summary:
    """Put an answer into a report.

    Parameters
    ----------
    answer : Answer
        What was found.
    title, precision : str
        Where the network comes from, and how it is sized.
    tried : sequence of Lever
        Changes that were tried.
    smallest : Device or None
        The smallest device of the catalogue that the network fits.
    """
    need, room = answer.need, answer.room
    device = room.device
    graph = need.graph
    budget = room.limit if answer.activations is Verdict.NO else room.usable
    plan = need.plan if budget < 1 else dataclasses.replace(need.plan, budget_bytes=budget)
    remarks = [
        *evidence(plan, graph),
        *_suggestions(answer, tried, smallest),
        *(f"{need.runtime.title}: {note}." for note in need.runtime.notes),
        *_not_included(answer),
    ]
    described = f"{device.name} ({device.title})" if device.title != device.name else device.name
    return Summary(
        facts=(
            f"{title}: {_contents(need)}",
            precision,
            f"device: {described}",
            f"runtime: {need.runtime.title}, {_rules(need)}",
        ),
        rows=tuple(_rows(answer)),
        remarks=tuple(remarks),
        warnings=graph.warnings,
        verdict=verdict_sentence(answer),
        answer=answer.verdict.fits,
    )


def _contents(need: Need) -> str:
    return f"{count(len(need.graph.ops), 'op')}, {count(len(need.graph.buffers), 'buffer')}"


def _rules(need: Need) -> str:
    rules = need.rules
    return ", ".join((
        "no alignment" if rules.alignment == 1 else f"sizes rounded up to {rules.alignment} bytes",
        "in place where the op allows it" if rules.in_place else "nothing in place",
        "views share storage" if rules.views else "views are copies",
    ))  # fmt: skip


def _rows(answer: Answer) -> list[Row]:
    need, room = answer.need, answer.room
    proven = "no order and layout need less"
    rows = [Row("activations, lower bound", need.bound, proven)]
    labels = {
        "as it is": "file order, greedy offsets",
        "order": "best order, greedy offsets",
        "order and offsets": "best order and offsets",
    }
    for way in need.ways[::-1]:
        note = "proven least" if way.arena == need.bound else _gap(way.arena, need.bound)
        if way.arena > room.usable:
            note += ", too large"
        rows.append(Row(labels[way.name], way.arena, note))
    arena = room.arena
    rows.append(Row("largest arena", arena.size, arena.name))
    if room.reserve:
        rows.append(Row("kept free", room.reserve, "--reserve"))
    if answer.spread is not None and answer.spread.placement is not None:
        placement = answer.spread.placement
        rows += [
            Row(f"used of {bank.name}", used, f"of {short_size(bank.size)}")
            for bank, used in zip(placement.arenas, placement.used(), strict=True)
        ]
    if not room.is_exact:
        rows.append(Row("on the chip in all", room.device.on_chip, _omission(answer)))
    rows.append(Row("weights", need.weights, _weights_note(answer)))
    if room.device.flash is not None:
        rows.append(Row("flash", room.device.flash))
    if room.device.external:
        rows.append(Row("external memory", room.device.external, _external_note(answer)))
    return rows


def _gap(arena: int, bound: int) -> str:
    return f"{percent((arena - bound) / arena)} above the bound" if arena else ""


def _omission(answer: Answer) -> str:
    return f"not counting {answer.room.omitted}" if answer.room.omitted else "all there is"


def _weights_note(answer: Answer) -> str:
    limit = answer.room.device.flash
    if limit is None:
        return "not judged: the device is described without flash"
    left = limit - answer.need.weights
    return f"{short_size(left)} left" if left >= 0 else f"{short_size(-left)} missing"


def _external_note(answer: Answer) -> str:
    if answer.room.has_external:
        return "counted"
    return "not counted; --external counts it"


def _not_included(answer: Answer) -> list[str]:
    left_out = ["program code, stack and heap"]
    if answer.need.runtime.name != "generic":
        left_out.insert(0, "the runtime's own structures")
    found = []
    if not answer.room.reserve:
        found.append(f"Not included: {' and '.join(left_out)}; --reserve keeps room for them.")
    precision = answer.need.plan.options.get("as")
    if precision is not None and answer.need.weights:
        found.append(
            f"Weights all count as {precision}: wider biases, scales and the model file itself "
            "come on top."
        )
    return found


def _suggestions(answer: Answer, tried: Sequence[Lever], smallest: Device | None) -> list[str]:
    if answer.verdict is Verdict.FITS:
        return []
    found = [
        f"It fits with {' '.join(lever.options)} (proven): {_short(lever.answer)}."
        for lever in tried
        if lever.helps
    ]
    useless = [" ".join(lever.options) for lever in tried if not lever.helps]
    if useless and not found:
        found.append(f"Tried without making it fit: {'; '.join(useless)}.")
    if smallest is not None:
        flash = "" if smallest.flash is None else f", {short_size(smallest.flash)} of flash"
        found.append(
            "The smallest device of the catalogue that it fits as asked (proven): "
            f"{smallest.name}, {short_size(smallest.arena_with_tcm)} in one arena{flash}."
        )
    else:
        found.append("It is proven to fit no device of the catalogue as asked.")
    return found


def _short(answer: Answer) -> str:
    if answer.way == "several banks":
        return f"{short_size(answer.left)} left in all banks together"
    return f"needs {full_size(answer.need.arena)}, {short_size(answer.left)} left"


def summarize_ranking(answers: Sequence[Answer], *, title: str, precision: str) -> Summary:
    """Put the answers for many devices, best first, into a report without their table.

    Parameters
    ----------
    answers : sequence of Answer
        Of one network; at least one.
    title, precision : str
        Where the network comes from, and how it is sized.
    """
    need = answers[0].need
    fitting = [answer for answer in answers if answer.verdict is Verdict.FITS]
    undecided = sum(answer.verdict is Verdict.UNDECIDED for answer in answers)
    refuted = len(answers) - len(fitting) - undecided
    sentence = f"Fits {len(fitting)} of {count(len(answers), 'device')} of the catalogue"
    sentence += f", is undecided on {undecided}, does not fit {refuted} (proven)"
    if fitting:
        sentence += f"; the smallest is {fitting[0].room.device.name}"
    if need.graph.warnings:
        sentence += ". This holds for what was counted: see the warnings"
    return Summary(
        facts=(
            f"{title}: {_contents(need)}",
            precision,
            f"runtime: {need.runtime.title}, {_rules(need)}",
        ),
        rows=(
            Row("activations, lower bound", need.bound, "no order and layout need less"),
            Row("arena", need.arena, "proven least" if need.is_least else ""),
            Row("weights", need.weights),
        ),
        remarks=(
            *evidence(need.plan, need.graph),
            *(f"{need.runtime.title}: {note}." for note in need.runtime.notes),
        ),
        warnings=need.graph.warnings,
        verdict=sentence + ".",
        answer=True if fitting else None if undecided else False,
    )

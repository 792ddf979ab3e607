"""Answers for machines: JSON objects."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from solver._version import __version__
from solver.fitting.answer import Answer, Verdict, bottleneck_op
from solver.fitting.rank import overall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.devices import Device
    from solver.fitting.levers import Lever
    from solver.fitting.need import Need

SCHEMA = 1


def to_json(
    answer: Answer,
    *,
    model: str,
    tried: Sequence[Lever] = (),
    smallest: Device | None = None,
) -> str:
    """One JSON object on one network and one device.

    Parameters
    ----------
    answer : Answer
        What was found.
    model : str
        What MODEL has to be to get the network again.
    tried : sequence of Lever
        Changes that were tried.
    smallest : Device or None
        The smallest device of the catalogue that the network fits.
    """
    values = {
        **_head(model),
        **_device(answer),
        **_need(answer.need),
        "placement": _placement(answer),
        "levers": [
            {
                "options": list(lever.options),
                "fits": lever.answer.verdict.fits,
                "arena_bytes": lever.answer.need.arena,
                "lower_bound_bytes": lever.answer.need.bound,
                "weight_bytes": lever.answer.need.weights,
            }
            for lever in tried
        ],
        "smallest_device": None if smallest is None else smallest.name,
        "plan": _plan(answer.need, model),
    }
    return json.dumps(values, indent=2, ensure_ascii=False)


def ranking_to_json(answers: Sequence[Answer], *, model: str) -> str:
    """One JSON object on one network and many devices; ``fits`` says whether any does."""
    need = answers[0].need
    values = {
        **_head(model),
        "fits": overall(answers).fits,
        **_need(need),
        "devices": [_device(answer) for answer in answers],
        "plan": _plan(need, model),
    }
    return json.dumps(values, indent=2, ensure_ascii=False)


def _head(model: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "model": model, "versions": {"tightfit": __version__}}


def _device(answer: Answer) -> dict[str, Any]:
    room = answer.room
    return {
        "device": room.device.name,
        "verdict": answer.verdict.value,
        "fits": answer.verdict.fits,
        "activations_fit": answer.activations.fits,
        "weights_fit": None if answer.weights is None else answer.weights.fits,
        "way": answer.way,
        "usable_bytes": room.usable,
        "reserve_bytes": room.reserve,
        "arena_banks": list(room.arena.banks),
        "on_chip_bytes": room.device.on_chip,
        "is_complete": room.is_complete,
        "omitted": room.omitted,
        "left_bytes": answer.left,
        "missing_bytes": answer.missing,
        "missing_while_op": (
            bottleneck_op(answer.need) if answer.activations is not Verdict.FITS else None
        ),
        "flash_bytes": room.device.flash,
        "external_bytes": room.device.external,
        "external_counts": room.has_external,
    }


def _need(need: Need) -> dict[str, Any]:
    return {
        "runtime": need.runtime.name,
        "arena_bytes": need.arena,
        "lower_bound_bytes": need.bound,
        "is_least": need.is_least,
        "weight_bytes": need.weights,
        "ways": [{"way": way.name, "arena_bytes": way.arena} for way in need.ways],
        "order": list(need.arena_order),
        "offsets": dict(need.offsets),
        "seconds": round(need.seconds, 6),
        "warnings": list(need.graph.warnings),
    }


def _placement(answer: Answer) -> dict[str, Any] | None:
    """Banks and offsets, with the order they hold for."""
    spread = answer.spread
    if spread is None or spread.placement is None or spread.order is None:
        return None
    names = [op.name for op in answer.need.graph.ops]
    return {
        "order": [names[v] for v in spread.order],
        "places": {
            answer.need.graph.buffers[b].name: {"bank": bank, "offset": offset}
            for b, (bank, offset) in spread.placement.by_storage().items()
        },
    }


def _plan(need: Need, model: str) -> dict[str, Any]:
    """Plan of least peak as ``solver.verify`` reads it; with offsets if they are for its order."""
    plan = dataclasses.replace(need.plan, model=model)
    if need.arena_order == plan.order:
        plan = dataclasses.replace(plan, arena_bytes=need.arena, offsets=need.offsets)
    values: dict[str, Any] = json.loads(plan.to_json())
    return values

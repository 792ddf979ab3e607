"""Bytes in use while an op runs: ``P >= constant + born - dead - credits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.variables import all_before, any_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.peak.formulation.liveness import StepPeak
    from solver.peak.formulation.task import Task
    from solver.peak.ilp.variables import Variables

    Terms = Iterator[tuple[pulp.LpAffineExpression, int]]


def add_step_peaks(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """Let the peak be at least what each op needs.

    Ops that can never need more than the floor have no row.
    """
    for step in task.steps:
        if step.most > task.floor:
            terms = (
                *_born(model, variables, step),
                *_dead(model, variables, step),
                *_overwritten(model, variables, step),
            )
            used = pulp.lpSum(size * literal for literal, size in terms)
            model += variables.peak >= step.constant + used


def _born(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> Terms:
    """Units of storages that an op up to this one has allocated."""
    for i, room in enumerate(step.rooms):
        if room.births:
            name = f"born_{i}_{step.op}"
            yield any_before(model, variables, room.births, step.op, name), room.size
        else:
            yield pulp.LpAffineExpression(constant=1), room.size


def _dead(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> Terms:
    """Less the units of storages that nobody needs any more."""
    for i, room in enumerate(step.rooms):
        if room.deaths:
            name = f"dead_{i}_{step.op}"
            yield all_before(model, variables, room.deaths, step.op, name), -room.size


def _overwritten(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> Terms:
    """Less the units written in place: one source per target, if nobody else needs it later."""
    for k, choices in enumerate(step.credits):
        chosen = [pulp.LpVariable(f"over_{k}_{i}_{step.op}", 0, 1) for i in range(len(choices))]
        model += pulp.lpSum(chosen) <= 1
        for variable, choice in zip(chosen, choices, strict=True):
            for u in choice.others:
                model += variable <= variables.before(u, step.op)
            yield pulp.LpAffineExpression({variable: 1}), -choice.size

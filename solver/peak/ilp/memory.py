"""Bytes in use while an op runs: ``P >= constant + born - dead - credits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulp

from solver.peak.ilp.variables import all_before, any_before

if TYPE_CHECKING:
    from solver.peak.formulation.liveness import StepPeak
    from solver.peak.formulation.task import Task
    from solver.peak.ilp.variables import Variables


def add_step_peaks(model: pulp.LpProblem, variables: Variables, task: Task) -> None:
    """The peak is at least what each op needs; ops that can never need the floor have no row."""
    for step in task.steps:
        if step.most > task.floor:
            used = step.constant + _born(model, variables, step) - _dead(model, variables, step)
            model += used - _credit(model, variables, step) <= variables.peak


def _born(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> pulp.LpAffineExpression:
    """Units of storages that an op up to this one has allocated."""
    return pulp.lpSum(
        room.size
        * (
            any_before(model, variables, room.births, step.op, f"born_{i}_{step.op}")
            if room.births
            else 1
        )
        for i, room in enumerate(step.rooms)
    )


def _dead(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> pulp.LpAffineExpression:
    """Units of storages that nobody needs any more."""
    return pulp.lpSum(
        room.size * all_before(model, variables, room.deaths, step.op, f"dead_{i}_{step.op}")
        for i, room in enumerate(step.rooms)
        if room.deaths
    )


def _credit(model: pulp.LpProblem, variables: Variables, step: StepPeak) -> pulp.LpAffineExpression:
    """Units overwritten in place: one source per target, only if nobody else needs it later."""
    taken = pulp.LpAffineExpression()
    for k, choices in enumerate(step.credits):
        chosen = [pulp.LpVariable(f"over_{k}_{i}_{step.op}", 0, 1) for i in range(len(choices))]
        model += pulp.lpSum(chosen) <= 1
        for variable, choice in zip(chosen, choices, strict=True):
            for u in choice.others:
                model += variable <= variables.before(u, step.op)
            taken += choice.size * variable
    return taken

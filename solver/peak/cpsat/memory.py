"""Bytes in use while an op runs: ``P >= constant + born - dead - credits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from solver.peak.cpsat.variables import all_before, any_before

if TYPE_CHECKING:
    from solver.peak.cpsat.variables import Variables
    from solver.peak.formulation.liveness import StepPeak
    from solver.peak.formulation.task import Task


def add_step_peaks(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """The peak is at least what each op needs; ops that can never need the floor have no row."""
    for step in task.steps:
        if step.most > task.floor:
            used = step.constant + _born(model, variables, step) - _dead(model, variables, step)
            model.add(variables.peak >= used - _credit(model, variables, step))


def _born(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> cp_model.LinearExprT:
    """Units of storages that an op up to this one has allocated."""
    return cp_model.LinearExpr.weighted_sum(
        [
            any_before(model, variables, room.births, step.op, f"born {i} at {step.op}")
            if room.births
            else 1
            for i, room in enumerate(step.rooms)
        ],
        [room.size for room in step.rooms],
    )


def _dead(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> cp_model.LinearExprT:
    """Units of storages that nobody needs any more."""
    mortal = [(i, room) for i, room in enumerate(step.rooms) if room.deaths]
    return cp_model.LinearExpr.weighted_sum(
        [
            all_before(model, variables, room.deaths, step.op, f"dead {i} at {step.op}")
            for i, room in mortal
        ],
        [room.size for _, room in mortal],
    )


def _credit(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> cp_model.LinearExprT:
    """Units overwritten in place: one source per target, only if nobody else needs it later."""
    taken: list[cp_model.IntVar] = []
    sizes: list[int] = []
    for k, choices in enumerate(step.credits):
        chosen = [
            model.new_bool_var(f"target {k} over {i} at {step.op}") for i in range(len(choices))
        ]
        model.add_at_most_one(chosen)
        for variable, choice in zip(chosen, choices, strict=True):
            for u in choice.others:
                model.add_implication(variable, variables.before(u, step.op))
        taken += chosen
        sizes += [choice.size for choice in choices]
    return cp_model.LinearExpr.weighted_sum(taken, sizes)

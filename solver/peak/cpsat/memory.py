"""Bytes in use while an op runs: ``P >= constant + born - dead - credits``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from solver.peak.cpsat.variables import all_before, any_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solver.peak.cpsat.variables import Literal, Variables
    from solver.peak.formulation.liveness import StepPeak
    from solver.peak.formulation.task import Task

    Terms = Iterator[tuple[Literal, int]]


def add_step_peaks(model: cp_model.CpModel, variables: Variables, task: Task) -> None:
    """Let the peak be at least what each op needs.

    Ops that can never need more than the floor have no row.
    """
    for step in task.steps:
        if step.most > task.floor:
            literals: list[cp_model.LinearExprT] = [variables.peak]
            sizes = [1]
            for literal, size in (
                *_born(model, variables, step),
                *_dead(model, variables, step),
                *_overwritten(model, variables, step),
            ):
                literals.append(literal)
                sizes.append(-size)
            used = cp_model.LinearExpr.weighted_sum(literals, sizes)
            model.add_linear_constraint(used, step.constant, cp_model.INT_MAX)


def _born(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> Terms:
    """Units of storages that an op up to this one has allocated."""
    for i, room in enumerate(step.rooms):
        if room.births:
            name = f"born {i} at {step.op}"
            yield any_before(model, variables, room.births, step.op, name), room.size
        else:
            yield True, room.size


def _dead(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> Terms:
    """Less the units of storages that nobody needs any more."""
    for i, room in enumerate(step.rooms):
        if room.deaths:
            name = f"dead {i} at {step.op}"
            yield all_before(model, variables, room.deaths, step.op, name), -room.size


def _overwritten(model: cp_model.CpModel, variables: Variables, step: StepPeak) -> Terms:
    """Less the units written in place: one source per target, if nobody else needs it later."""
    for k, choices in enumerate(step.credits):
        chosen = [
            model.new_bool_var(f"target {k} over {i} at {step.op}") for i in range(len(choices))
        ]
        model.add_at_most_one(chosen)
        for variable, choice in zip(chosen, choices, strict=True):
            for u in choice.others:
                model.add_implication(variable, variables.before(u, step.op))
            yield variable, -choice.size

"""Pruning rules on and off: states that one search expands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import ablation
from benchmarks.table.cells import distinct, made_by, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines


def lines_of(trials: Sequence[ablation.Trial]) -> Lines:
    """One table on refuting one byte below the optimum, one on finding it."""
    if not trials:
        return
    yield (
        "States that one exact search over the whole graph expands, without bounds, heuristics or "
        "division, with a limit on states (`>`). Refuting one byte below the optimum is the "
        "decisive part of a proof."
    )
    yield ""
    kernels = f"{distinct(trial.kernel for trial in trials)} kernel"
    yield made_by("python -m benchmarks.ablation --csv FILE", trials, kernels)
    for question, title in (("refute", "To refute"), ("find", "To find")):
        head, *body = ablation.table(trials, question)
        yield f"\n{title}:\n"
        yield from table(head, body)

"""The engine beside CP-SAT and ILP, each to its proof on the same small graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table import contest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

_WORDS = contest.Words(
    first="engine",
    module="benchmarks.formulations",
    question=(
        "Time from the graph alone to a proven least peak, one worker each. Formulations are given "
        "the best of the simple orders and the cut bound of every op; their time includes that, "
        "loading a solver's library is left out for all. *Ratio* is time over the engine's; `>` "
        "where time ran out before the proof."
    ),
    instance="graph",
    least="least peak",
    value="peak",
    given="order that formulations are given",
)


@dataclass(frozen=True, slots=True)
class Trial(contest.Trial):
    """The columns of ``benchmarks.formulations.Trial`` that are shown."""

    peak_bytes: int | None
    hint_peak_bytes: int | None

    @property
    def value(self) -> int | None:
        """The peak of its order."""
        return self.peak_bytes

    @property
    def hint_value(self) -> int | None:
        """The peak of the order that it was given."""
        return self.hint_peak_bytes


def lines_of(trials: Sequence[Trial]) -> Lines:
    """Show a line per method, then a line per graph."""
    yield from contest.contest_lines(trials, _WORDS)

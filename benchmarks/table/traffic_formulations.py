"""The search for least traffic beside CP-SAT and ILP, each to its proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table import contest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

_WORDS = contest.Words(
    first="search",
    module="benchmarks.traffic_formulations",
    question=(
        "Time from the graph alone to a plan proven to spill least, one worker each; sizes of TCM "
        "as above, operands resident unless the name says otherwise. Formulations are given the "
        "best replacement for the best of the simple orders; their time includes that, loading a "
        "solver's library is left out for all. *Ratio* is time over that of the search; `>` where "
        "time ran out before the proof."
    ),
    instance="network and TCM",
    least="least spilled",
    value="spilled",
    given="plan that formulations are given",
)


@dataclass(frozen=True, slots=True)
class Trial(contest.Trial):
    """The columns of ``benchmarks.traffic_formulations.Trial`` that are shown."""

    spilled_bytes: int | None
    hint_spilled_bytes: int | None

    @property
    def value(self) -> int | None:
        """What its plan spills."""
        return self.spilled_bytes

    @property
    def hint_value(self) -> int | None:
        """What the plan that it was given spills."""
        return self.hint_spilled_bytes


def lines_of(trials: Sequence[Trial]) -> Lines:
    """Show a line per method, then a line per network and size of TCM."""
    yield from contest.contest_lines(trials, _WORDS)

"""What ``solver.compare`` does for one kind of problem, and that for least peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from models import InvalidModelError
from solver.cli.errors import InputError
from solver.cli.exits import Exit
from solver.cli.parser import refuse_without_tcm
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.peak.baselines.comparison import compare
from solver.report import comparison as peak
from solver.report import comparison_data as peak_data
from solver.report.plots import ratio_plot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from solver.cli.network import Network
    from solver.limits import Observer

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Done]):
    """One kind of comparison, from options to files.

    Attributes
    ----------
    check : callable
        Refuse options that do not apply.
    compare : callable
        Compare on one network.
    render, verdict, means : callable
        The report on a network, its last sentence alone, and the report on all of them.
    json, csv, plot : callable
        Contents of files.
    code : callable
        What one network adds to the exit code.
    """

    check: Callable[[argparse.Namespace], None]
    compare: Callable[[Network, argparse.Namespace, Observer], Done]
    render: Callable[[Done, TextIO | None], str]
    verdict: Callable[[Done, TextIO | None], str]
    means: Callable[[Sequence[Done], TextIO | None], str]
    json: Callable[[Sequence[Done], Mapping[str, str]], str]
    csv: Callable[[Sequence[Done]], str]
    plot: Callable[[Sequence[Done], Path], bytes]
    code: Callable[[Done], Exit]


def limits_of(options: argparse.Namespace) -> Limits:
    """Limits that the user gave."""
    return Limits(seconds=options.time_limit, memory_bytes=options.memory_limit)


def _compare_peaks(
    network: Network, options: argparse.Namespace, observer: Observer
) -> peak.Compared:
    try:
        comparison = compare(
            network.graph,
            limits_of(options),
            observer,
            rules=MemoryRules(options.alignment, options.in_place, options.views),
            workers=options.workers,
            options=network.options,
        )
    except InvalidModelError as error:
        raise InputError(f"{network.model}: {error}") from None
    return peak.Compared(comparison, network.graph, network.model, network.title, network.precision)


def _peak_code(compared: peak.Compared) -> Exit:
    if compared.comparison.is_interrupted:
        return Exit.INTERRUPTED
    return Exit.YES if compared.comparison.is_proven else Exit.UNDECIDED


PEAK = Kind(
    check=refuse_without_tcm,
    compare=_compare_peaks,
    render=peak.render_comparison,
    verdict=peak.render_verdict,
    means=lambda done, stream: peak.render_means([c.comparison for c in done], stream),
    json=peak_data.to_json,
    csv=peak_data.to_csv,
    plot=ratio_plot,
    code=_peak_code,
)

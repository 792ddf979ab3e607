"""What ``solver.compare`` does for least peak and, with ``--tcm``, for least traffic."""

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
from solver.report import traffic_comparison as traffic
from solver.report import traffic_comparison_data as traffic_data
from solver.report.plots import ratio_plot
from solver.report.traffic_plots import traffic_ratio_plot
from solver.traffic.baselines.comparison import compare_traffic
from solver.traffic.model import Mode, Weights

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


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(seconds=options.time_limit, memory_bytes=options.memory_limit)


def _compare_peaks(
    network: Network, options: argparse.Namespace, observer: Observer
) -> peak.Compared:
    try:
        comparison = compare(
            network.graph,
            _limits(options),
            observer,
            rules=MemoryRules(options.alignment, options.in_place, options.views),
            workers=options.workers,
            options=network.options,
        )
    except InvalidModelError as error:
        raise InputError(f"{network.model}: {error}") from None
    return peak.Compared(comparison, network.graph, network.model, network.title, network.precision)


def _compare_traffic(
    network: Network, options: argparse.Namespace, observer: Observer
) -> traffic.ComparedTraffic:
    try:
        comparison = compare_traffic(
            network.graph,
            options.tcm[0],
            _limits(options),
            observer,
            mode=options.tcm_mode or Mode.RESIDENT,
            weights=options.weights or Weights.IGNORE,
            rules=MemoryRules(options.alignment, views=options.views),
            options=network.options,
        )
    except InvalidModelError as error:
        raise InputError(f"{network.model}: {error}") from None
    return traffic.ComparedTraffic(
        comparison, network.graph, network.model, network.title, network.precision
    )


def _check_tcm(options: argparse.Namespace) -> None:
    low, high = options.tcm
    if low != high:
        raise InputError("--tcm: a comparison is for one size, for example 128KB")
    if options.in_place:
        raise InputError("--in-place: overwriting in place is not modelled under a TCM")


def _peak_code(compared: peak.Compared) -> Exit:
    if compared.comparison.is_interrupted:
        return Exit.INTERRUPTED
    return Exit.YES if compared.comparison.is_proven else Exit.UNDECIDED


def _traffic_code(compared: traffic.ComparedTraffic) -> Exit:
    comparison = compared.comparison
    if comparison.is_interrupted:
        return Exit.INTERRUPTED
    if not comparison.is_feasible:
        return Exit.NO
    return Exit.YES if comparison.is_proven else Exit.UNDECIDED


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

TRAFFIC = Kind(
    check=_check_tcm,
    compare=_compare_traffic,
    render=traffic.render_traffic,
    verdict=traffic.render_traffic_verdict,
    means=traffic.render_traffic_means,
    json=traffic_data.to_json,
    csv=traffic_data.to_csv,
    plot=traffic_ratio_plot,
    code=_traffic_code,
)

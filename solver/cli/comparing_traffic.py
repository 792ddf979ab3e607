"""What ``solver.compare --tcm`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import InvalidModelError
from solver.cli.comparing import Kind, limits_of
from solver.cli.errors import InputError
from solver.cli.exits import Exit
from solver.memory import MemoryRules
from solver.report import traffic_comparison as traffic
from solver.report import traffic_comparison_data as traffic_data
from solver.report.traffic_plots import traffic_ratio_plot
from solver.traffic.baselines.comparison import compare_traffic
from solver.traffic.model import Mode, Weights

if TYPE_CHECKING:
    import argparse

    from solver.cli.network import Network
    from solver.limits import Observer


def _compare_traffic(
    network: Network, options: argparse.Namespace, observer: Observer
) -> traffic.ComparedTraffic:
    try:
        comparison = compare_traffic(
            network.graph,
            options.tcm[0],
            limits_of(options),
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


def _traffic_code(compared: traffic.ComparedTraffic) -> Exit:
    comparison = compared.comparison
    if comparison.is_interrupted:
        return Exit.INTERRUPTED
    if not comparison.is_feasible:
        return Exit.NO
    return Exit.YES if comparison.is_proven else Exit.UNDECIDED


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

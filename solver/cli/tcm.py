"""``--tcm``: the plan of least traffic, or a curve over sizes of TCM."""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from solver.cli.errors import InputError
from solver.cli.exits import Exit, exit_code
from solver.cli.network import model_file, read_network
from solver.cli.output import claim
from solver.cli.reports import claim_reports
from solver.cli.streams import emit, emit_json
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.report import render_summary, render_verdict
from solver.report.progress import live_progress
from solver.report.traffic import render_curve, summarize_traffic
from solver.traffic.model import Mode, Weights
from solver.traffic.plan import plan_traffic
from solver.traffic.sweep import sweep

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from solver.cli.network import Network
    from solver.cli.output import OutputFile
    from solver.cli.reports import Reports
    from solver.limits import Observer
    from solver.plan import Plan

_NOT_WITH_TCM = ("output", "emit_header", "objective", "runtime")


def schedule_traffic(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Run ``solver.schedule --tcm``, typed as ``words``; return its exit code."""
    _refuse_what_does_not_apply(options)
    inputs = (model_file(options.model),)
    json_file = csv_file = None
    if options.json not in (None, "-"):
        json_file = claim(Path(options.json), force=options.force, inputs=inputs)
    if options.csv == "-":
        raise InputError("stdout ('-') is for --json alone; give a file")
    if options.csv is not None:
        csv_file = claim(Path(options.csv), force=options.force, inputs=inputs)
    low, high = options.tcm
    if low != high:
        if options.json is not None:
            raise InputError("--json takes one plan; a curve goes to --csv")
        if options.report is not None:
            raise InputError("--report shows one plan; a curve goes to --csv and --plot")
        for name in ("bandwidth", "energy_per_byte"):
            if getattr(options, name) is not None:
                raise InputError(f"--{name.replace('_', '-')} is for one plan; leave it out")
        if options.budget is not None:
            raise InputError("--budget with --tcm is for one size of TCM, not for a range")
        return _curve(options, low, high, csv_file, claim_reports(options, words, (csv_file,)))
    if csv_file is not None:
        raise InputError("--csv takes a curve: give --tcm a range, for example 64KB..1MB")
    reports = claim_reports(options, words, (json_file,))
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(options.model, options.precision, options.dims)
        plan = _plan(options, network, low, observer)
    people = sys.stderr if options.json == "-" else sys.stdout
    summary = summarize_traffic(
        plan,
        network.graph,
        title=network.title,
        precision=network.precision,
        bandwidth=options.bandwidth,
        energy=options.energy_per_byte,
    )
    emit((render_verdict if options.quiet else render_summary)(summary, people), people)
    if options.json == "-":
        emit_json(plan.to_json() + "\n", sys.stdout)
    elif json_file is not None:
        json_file.write(plan.to_json() + "\n")
    reports.write_traffic(
        plan, network, bandwidth=options.bandwidth, energy=options.energy_per_byte
    )
    return exit_code(plan)


def _refuse_what_does_not_apply(options: argparse.Namespace) -> None:
    for name in _NOT_WITH_TCM:
        if getattr(options, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} does not go with --tcm; leave it out")
    if options.in_place:
        raise InputError("--in-place: overwriting in place is not modelled under a TCM")
    if options.budget is not None:
        if options.tcm[1] > options.budget:
            raise InputError(
                f"--tcm {options.tcm[1]} is beyond --budget {options.budget}, which counts the "
                "TCM too"
            )
        if options.method not in ("auto", "dp"):
            raise InputError(f"--method {options.method} knows no --budget under a TCM")


def _rules(options: argparse.Namespace) -> MemoryRules:
    return MemoryRules(alignment=options.alignment or 1, views=options.views)


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(seconds=options.time_limit, memory_bytes=options.memory_limit)


def _plan(options: argparse.Namespace, network: Network, tcm: int, observer: Observer) -> Plan:
    plan = plan_traffic(
        network.graph,
        tcm,
        _limits(options),
        observer,
        mode=options.tcm_mode or Mode.RESIDENT,
        weights=options.weights or Weights.IGNORE,
        rules=_rules(options),
        method=options.method,
        workers=options.workers,
        options=network.options,
        budget=options.budget,
    )
    return dataclasses.replace(plan, model=network.model)


def _curve(
    options: argparse.Namespace, low: int, high: int, file: OutputFile | None, reports: Reports
) -> int:
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(options.model, options.precision, options.dims)
        curve = sweep(
            network.graph,
            low,
            high,
            _limits(options),
            observer,
            mode=options.tcm_mode or Mode.RESIDENT,
            weights=options.weights or Weights.IGNORE,
            rules=_rules(options),
            method=options.method,
            workers=options.workers,
        )
    emit(render_curve(curve, network.title, quiet=options.quiet), sys.stdout)
    if file is not None:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("tcm_bytes", "traffic_bytes", "lower_bound_bytes", "compulsory_bytes"))
        for p in curve.points:
            traffic = "" if p.traffic is None else p.traffic
            rows.writerow((p.tcm, traffic, p.bound, curve.compulsory))
        file.write(text.getvalue())
    reports.write_curve(curve, network)
    if any(point.limit == "interrupt" for point in curve.points):
        return Exit.INTERRUPTED
    if all(point.traffic is None for point in curve.points):
        return Exit.NO
    return Exit.YES if all(point.is_proven for point in curve.points) else Exit.UNDECIDED

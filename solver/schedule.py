"""``python -m solver.schedule``: the order of least peak memory, with its proof."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from solver.arena.minimize import lay_out
from solver.cli.errors import InputError
from solver.cli.exits import EXIT_CODES, exit_code
from solver.cli.network import model_file, read_network
from solver.cli.output import claim
from solver.cli.parser import (
    Parser,
    add_budget_argument,
    add_limit_arguments,
    add_memory_arguments,
    add_method_argument,
    add_model_arguments,
    add_output_arguments,
    add_report_arguments,
    add_runtime_arguments,
    add_tcm_arguments,
    refuse_without_tcm,
)
from solver.cli.reports import claim_reports
from solver.cli.run import run
from solver.cli.runtime import (
    as_deployed,
    chosen_runtime,
    claim_exports,
    memory_rules,
    wants_layout,
)
from solver.cli.streams import emit, emit_json
from solver.limits import Limits
from solver.peak import minimize_peak
from solver.peak.backend import BackendUnavailableError
from solver.report import render_summary, render_verdict, summarize
from solver.report.progress import live_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from solver.runtimes import Runtime

_EXAMPLES = """\
examples:
  python -m solver.schedule --budget 512KB
      the bundled network against 512 * 1024 = 524288 bytes
  python -m solver.schedule model.tflite --budget 96KB --alignment 16
      a model file, with sizes rounded up as TensorFlow Lite Micro does
  python -m solver.schedule model.tflite --output smaller.tflite
      the model with its operators reordered and its offsets planned, for TensorFlow Lite Micro
  python -m solver.schedule model.onnx --dim batch=1 --as int8
      a float model with a symbolic batch, sized as it will be quantized
  python -m solver.schedule zoo:darts_cell --method cpsat
      the same optimum, claimed by another solver
  python -m solver.schedule zoo:darts_cell --tcm 1500KB
      the least bytes moved between a memory of that size and external memory
  python -m solver.schedule zoo:darts_cell --tcm 1MB..2MB --plot curve.pdf
      traffic over the size of that memory, for a paper
  python -m solver.schedule zoo:darts_cell --json - --quiet
      a published network; the plan as JSON on stdout

"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    words = tuple(sys.argv[1:] if argv is None else argv)
    return run(_parser(), partial(_schedule, words=words), argv)


def _parser() -> Parser:
    parser = Parser(
        "schedule",
        description="Find the order of operators that needs the least memory for activations, "
        "and prove that no order needs less.",
        epilog=_EXAMPLES + EXIT_CODES,
    )
    add_budget_argument(parser)
    add_model_arguments(parser)
    add_memory_arguments(parser, alignment=None)
    add_runtime_arguments(parser)
    add_tcm_arguments(parser)
    add_method_argument(parser)
    add_limit_arguments(parser)
    add_output_arguments(parser)
    add_report_arguments(parser)
    return parser


def _schedule(options: argparse.Namespace, words: Sequence[str]) -> int:
    if options.tcm is not None:
        from solver.cli.tcm import schedule_traffic  # noqa: PLC0415  not needed otherwise

        try:
            return schedule_traffic(options, words)
        except BackendUnavailableError as error:
            raise InputError(f"--method {error}") from None
    refuse_without_tcm(options)
    if options.csv is not None:
        raise InputError("--csv takes a curve over sizes of TCM: give --tcm 64KB..1MB, for example")
    json_file = None
    if options.json not in (None, "-"):
        inputs = (model_file(options.model),)
        json_file = claim(Path(options.json), force=options.force, inputs=inputs)
    runtime = chosen_runtime(options)
    rules = memory_rules(options, runtime)
    limits = Limits(seconds=options.time_limit, memory_bytes=options.memory_limit)
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(options.model, options.precision, options.dims)
        network = as_deployed(network, runtime)
        exports = claim_exports(options, network, runtime)
        taken = (json_file, exports.model, exports.header)
        reports = claim_reports(options, words, taken)
        try:
            plan = minimize_peak(
                network.graph,
                options.budget,
                limits,
                observer,
                rules=rules,
                workers=options.workers,
                method=options.method,
                options=network.options,
            )
        except BackendUnavailableError as error:
            raise InputError(f"--method {error}") from None
        if wants_layout(options, runtime):
            plan = lay_out(plan, network.graph, limits)
    plan = dataclasses.replace(plan, model=network.model)
    written = [] if plan.limit == "interrupt" else exports.write(plan, network)
    people = sys.stderr if options.json == "-" else sys.stdout
    render = render_verdict if options.quiet else render_summary
    summary = summarize(
        plan,
        network.graph,
        title=network.title,
        precision=network.precision,
        hints=(*_notes(runtime), *written, *_hints(options)),
    )
    emit(render(summary, people), people)
    if options.json == "-":
        emit_json(plan.to_json() + "\n", sys.stdout)
    elif json_file is not None:
        json_file.write(plan.to_json() + "\n")
    reports.write(plan, network)
    return exit_code(plan)


def _notes(runtime: Runtime) -> Iterator[str]:
    """Say what else a user of the runtime should know."""
    for note in runtime.notes:
        yield f"{runtime.title}: {note}."


def _hints(options: argparse.Namespace) -> tuple[str, ...]:
    if options.json or options.output or options.emit_header:
        return ()
    return ("The order itself: --json FILE writes it.",)


if __name__ == "__main__":
    sys.exit(main())

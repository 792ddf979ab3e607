"""``python -m solver.compare``: every known heuristic beside the optimum."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models import InvalidModelError
from solver.cli.errors import InputError
from solver.cli.exits import Exit
from solver.cli.network import model_file, read_network
from solver.cli.output import claim
from solver.cli.parser import (
    Parser,
    add_limit_arguments,
    add_memory_arguments,
    add_model_arguments,
    add_output_arguments,
)
from solver.cli.run import fail, run
from solver.cli.streams import emit, emit_json
from solver.limits import Limits
from solver.memory import MemoryRules
from solver.peak.baselines import HEURISTICS
from solver.peak.baselines.comparison import compare
from solver.report.comparison import Compared, render_comparison, render_means, render_verdict
from solver.report.comparison_data import to_csv, to_json
from solver.report.plots import PlotError, check_plot, ratio_plot
from solver.report.progress import live_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from solver.cli.output import OutputFile

_EXAMPLES = """\
examples:
  python -m solver.compare model.onnx
      one table: every order's peak beside the optimum
  python -m solver.compare a.tflite b.onnx zoo:nasnet_a --csv all.csv --plot all.png
      a table per network, then geometric means over all of them
  python -m solver.compare zoo:darts_cell --json - --quiet
      the figures as JSON on stdout

"""

_EXIT_CODES = """\
exit codes:
  0    every optimum is proven
  2    bad input or usage; models that could be read are reported
  3    some optimum is undecided within the limits
  130  interrupted; what was there has been reported"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(_parser(), _compare, argv)


def _parser() -> Parser:
    width = max(len(heuristic.title) for heuristic in HEURISTICS)
    listed = "".join(f"  {h.title:{width}}  {h.summary}\n" for h in HEURISTICS)
    parser = Parser(
        "compare",
        description="Put every known heuristic order beside the proven optimum. Each order is "
        "replayed by independent code before its figure is shown. --time-limit holds for the "
        "exact search and for each heuristic anew; one that runs out of time gets no figure. "
        "Seconds of heuristics are those of the Python versions here, not of the systems that "
        "they come from.",
        epilog=f"heuristics:\n{listed}\n{_EXAMPLES}{_EXIT_CODES}",
    )
    add_model_arguments(parser, several=True)
    add_memory_arguments(parser)
    add_limit_arguments(parser)
    add_output_arguments(parser, "the figures")
    group = parser.add_argument_group("tables and plots")
    group.add_argument(
        "--csv", metavar="FILE", help="write a line for each network and method as CSV"
    )
    group.add_argument(
        "--plot", metavar="FILE",
        help="draw the ratios to the optimum as bars; .png, .svg or .pdf (needs tightfit[plot])",
    )  # fmt: skip
    return parser


@dataclass(frozen=True, slots=True)
class _Files:
    """Files to write, checked before the work."""

    json: OutputFile | None
    csv: OutputFile | None
    plot: OutputFile | None


def _compare(options: argparse.Namespace) -> int:
    models: list[str | None] = options.models or [None]
    files = _claimed(options, models)
    people = sys.stderr if options.json == "-" else sys.stdout
    render = render_verdict if options.quiet else render_comparison
    done: list[Compared] = []
    errors: dict[str, str] = {}
    interrupted = False
    for model in dict.fromkeys(models):
        try:
            compared = _compared(model, options)
        except InputError as error:
            errors[str(model)] = str(error)
            fail(str(error))
            continue
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
            break
        done.append(compared)
        emit(render(compared, people) + "\n" * (not options.quiet), people)
        interrupted = compared.comparison.is_interrupted
        if interrupted:
            break
    if done:
        _write(done, errors, options, files)
    if interrupted:
        return Exit.INTERRUPTED
    if errors:
        return Exit.USAGE
    is_proven = all(compared.comparison.is_proven for compared in done)
    return Exit.YES if is_proven else Exit.UNDECIDED


def _claimed(options: argparse.Namespace, models: Sequence[str | None]) -> _Files:
    inputs = [model_file(model) for model in models]
    plot = None if options.plot is None else Path(options.plot)
    if plot is not None:
        try:
            check_plot(plot)
        except PlotError as error:
            raise InputError(f"--plot: {error}") from None

    def claimed(name: str | None) -> OutputFile | None:
        if name is None:
            return None
        if name == "-":
            raise InputError("stdout ('-') is for --json alone; give a file")
        return claim(Path(name), force=options.force, inputs=inputs)

    files = _Files(
        json=None if options.json == "-" else claimed(options.json),
        csv=claimed(options.csv),
        plot=claimed(options.plot),
    )
    targets = [file.target for file in (files.json, files.csv, files.plot) if file is not None]
    for target in targets:
        if targets.count(target) > 1 and not target.is_char_device():
            raise InputError(f"{target}: named for two outputs; give each its own file")
    return files


def _compared(model: str | None, options: argparse.Namespace) -> Compared:
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(model, options.precision, options.dims)
        try:
            comparison = compare(
                network.graph,
                Limits(seconds=options.time_limit, memory_bytes=options.memory_limit),
                observer,
                rules=MemoryRules(options.alignment, options.in_place, options.views),
                workers=options.workers,
                options=network.options,
            )
        except InvalidModelError as error:
            raise InputError(f"{network.model}: {error}") from None
    return Compared(comparison, network.graph, network.model, network.title, network.precision)


def _write(
    done: Sequence[Compared],
    errors: dict[str, str],
    options: argparse.Namespace,
    files: _Files,
) -> None:
    people = sys.stderr if options.json == "-" else sys.stdout
    if len(done) > 1 and not options.quiet:
        emit(render_means([compared.comparison for compared in done], people), people)
    if options.json == "-":
        emit_json(to_json(done, errors) + "\n", sys.stdout)
    elif files.json is not None:
        files.json.write(to_json(done, errors) + "\n")
    if files.csv is not None:
        files.csv.write(to_csv(done))
    if files.plot is not None:
        files.plot.write(ratio_plot(done, files.plot.path))


if __name__ == "__main__":
    sys.exit(main())

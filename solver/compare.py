"""``python -m solver.compare``: every known heuristic beside the optimum."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from solver.cli.comparing import PEAK
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
    add_tcm_arguments,
)
from solver.cli.run import fail, run
from solver.cli.streams import emit, emit_json
from solver.peak.baselines import HEURISTICS
from solver.report.plots import PlotError, check_plot
from solver.report.progress import live_progress
from solver.traffic.baselines import HEURISTICS as TRAFFIC_HEURISTICS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from solver.cli.comparing import Kind
    from solver.cli.output import OutputFile

    Done = TypeVar("Done")

_EXAMPLES = """\
examples:
  python -m solver.compare model.onnx
      one table: every order's peak beside the optimum
  python -m solver.compare a.tflite b.onnx zoo:nasnet_a --csv all.csv --plot all.png
      a table per network, then geometric means over all of them
  python -m solver.compare zoo:darts_cell --tcm 1500KB
      bytes moved between a memory of that size and external memory, beside the least
  python -m solver.compare zoo:darts_cell --json - --quiet
      the figures as JSON on stdout

"""

_EXIT_CODES = """\
exit codes:
  0    every optimum is proven
  1    with --tcm: some network is proven not to run in a TCM of that size
  2    bad input or usage; models that could be read are reported
  3    some optimum is undecided within the limits
  130  interrupted; what was there has been reported"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(_parser(), _compare, argv)


def _parser() -> Parser:
    orders = _listed([(h.title, h.summary) for h in HEURISTICS])
    plans = _listed([(h.title, h.summary) for h in TRAFFIC_HEURISTICS])
    parser = Parser(
        "compare",
        description="Put every known heuristic beside the proven optimum: orders by their peak "
        "or, with --tcm, orders with replacement by the bytes they move. Each is replayed before "
        "its figure is shown. --time-limit holds for the exact search and for each heuristic "
        "anew; one that runs out of time gets no figure. Seconds of heuristics are those of the "
        "Python versions here, not of the systems that they come from.",
        epilog=f"heuristics:\n{orders}\nheuristics with --tcm:\n{plans}\n{_EXAMPLES}{_EXIT_CODES}",
    )
    add_model_arguments(parser, several=True)
    add_memory_arguments(parser)
    add_tcm_arguments(parser, several=True)
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


def _listed(heuristics: Sequence[tuple[str, str]]) -> str:
    width = max(len(title) for title, _ in heuristics)
    return "".join(f"  {title:{width}}  {summary}\n" for title, summary in heuristics)


@dataclass(frozen=True, slots=True)
class _Files:
    """Files to write, checked before the work."""

    json: OutputFile | None
    csv: OutputFile | None
    plot: OutputFile | None


def _compare(options: argparse.Namespace) -> int:
    if options.tcm is None:
        return _run(PEAK, options)
    from solver.cli.comparing_traffic import TRAFFIC  # noqa: PLC0415  not needed otherwise

    return _run(TRAFFIC, options)


def _run(kind: Kind[Done], options: argparse.Namespace) -> int:
    kind.check(options)
    models: list[str | None] = options.models or [None]
    files = _claimed(options, models)
    people = sys.stderr if options.json == "-" else sys.stdout
    done: list[Done] = []
    errors: dict[str, str] = {}
    interrupted = False
    for model in dict.fromkeys(models):
        try:
            compared = _compared(kind, model, options)
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
        if options.quiet:
            emit(kind.verdict(compared, people), people)
        else:
            emit(kind.render(compared, people) + "\n", people)
        interrupted = kind.code(compared) is Exit.INTERRUPTED
        if interrupted:
            break
    if done:
        _write(kind, done, errors, options, files)
    if interrupted:
        return Exit.INTERRUPTED
    if errors:
        return Exit.USAGE
    codes = {kind.code(compared) for compared in done}
    return next(code for code in (Exit.NO, Exit.UNDECIDED, Exit.YES) if code in codes)


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


def _compared(kind: Kind[Done], model: str | None, options: argparse.Namespace) -> Done:
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(model, options.precision, options.dims)
        return kind.compare(network, options, observer)


def _write(
    kind: Kind[Done],
    done: Sequence[Done],
    errors: dict[str, str],
    options: argparse.Namespace,
    files: _Files,
) -> None:
    people = sys.stderr if options.json == "-" else sys.stdout
    shown = [compared for compared in done if kind.code(compared) is not Exit.NO]
    if len(done) > 1 and shown and not options.quiet:
        emit(kind.means(done, people), people)
    if options.json == "-":
        emit_json(kind.json(done, errors) + "\n", sys.stdout)
    elif files.json is not None:
        files.json.write(kind.json(done, errors) + "\n")
    if files.csv is not None:
        files.csv.write(kind.csv(done))
    if files.plot is not None and shown:
        files.plot.write(kind.plot(shown, files.plot.path))
    elif files.plot is not None:
        emit(f"{files.plot.path}: not written; there is no figure to draw.\n", people)


if __name__ == "__main__":
    sys.exit(main())

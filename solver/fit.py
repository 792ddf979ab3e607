"""``python -m solver.fit``: does a network fit a device, and if not, what would make it fit."""

from __future__ import annotations

import sys
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
    add_model_arguments,
    add_output_arguments,
)
from solver.cli.run import run
from solver.cli.streams import emit, emit_json
from solver.devices import catalogue
from solver.fitting import ci, data, rank
from solver.fitting.answer import Verdict
from solver.fitting.levers import levers, smallest_device
from solver.fitting.options import (
    add_batch_arguments,
    add_device_arguments,
    jobs_of,
    question_of,
)
from solver.fitting.question import answer
from solver.fitting.rows import RowWriter
from solver.fitting.summary import summarize, summarize_ranking
from solver.fitting.task import answered_row, failed_row
from solver.report import render_summary, render_verdict
from solver.report.progress import live_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import TextIO

    from solver.cli.output import OutputFile
    from solver.fitting.answer import Answer
    from solver.fitting.levers import Lever
    from solver.fitting.question import Question
    from solver.fitting.rows import Row

_EXAMPLES = """\
examples:
  python -m solver.fit model.onnx --device stm32h743 --as int8
      a float model as it will be quantized, on a device of the catalogue
  python -m solver.fit model.tflite --device sram=96KB,flash=512KB --runtime tflm --reserve 16KB
      a device in one word; 16 KB stay free for the runtime's own structures
  python -m solver.fit zoo:darts_cell --all-devices --as int8
      all devices of the catalogue, the smallest that fits first
  python -m solver.fit model.onnx --device sram=4KB,tcm=4KB --banks --pin x=tcm
      buffers over two separate banks, the input in the second
  python -m solver.fit nets --device pico --jobs 2 --csv out.csv
      every .tflite and .onnx file below a folder, a line each

"""

_EXIT_CODES = """\
exit codes:
  0    it fits; with --all-devices: some device; of a folder: every file
  1    proven not to fit; with --all-devices: any device; of a folder: some file
  2    bad input or usage; of a folder: some file cannot be read, whatever the others do
  3    undecided: of a folder, some file, and no file is proven not to fit
  130  interrupted; what was there has been reported"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(_parser(), _fit, argv)


def _parser() -> Parser:
    parser = Parser(
        "fit",
        description="Say whether a network fits a device: activations against the memory on the "
        "chip, weights against flash. 'Fits' means that a layout was placed and checked. 'Does "
        "not fit' means that a proven lower bound exceeds all the memory that could serve. MODEL "
        "may also be a folder, or several files.",
        epilog=_EXAMPLES + _EXIT_CODES,
    )
    add_model_arguments(parser, several=True)
    add_device_arguments(parser)
    add_limit_arguments(parser)
    add_output_arguments(parser, "the answer (verdict, order, offsets, plan)")
    add_batch_arguments(parser)
    return parser


def _fit(options: argparse.Namespace) -> int:
    question = question_of(options)
    models: list[str | None] = options.models or [None]
    folders = [m for m in models if m is not None and (f := model_file(m)) and f.is_dir()]
    if options.all_devices:
        if len(models) > 1 or folders:
            raise InputError("--all-devices: takes one model; name one device for a folder")
        return _rank(models[0], question, options)
    if len(models) > 1 or folders:
        from solver.fitting.batch import fit_files  # noqa: PLC0415  pools and rows on demand

        return fit_files([str(m) for m in models], question, options, jobs_of(options))
    return _single(models[0], question, options)


def _single(model: str | None, question: Question, options: argparse.Namespace) -> int:
    json_file, junit_file = _claimed(options, "json", model), _claimed(options, "junit", model)
    rows = _row_writer(options, model)
    people = sys.stderr if options.json == "-" else sys.stdout
    empty = failed_row(str(model), question, "")
    try:
        with live_progress(quiet=options.quiet) as observer:
            network = read_network(model, question.precision, question.dims)
            found = answer(network.graph, question, observer, options=network.options)
            tried: tuple[Lever, ...] = ()
            smallest = None
            if found.verdict is not Verdict.FITS and not found.need.is_interrupted:
                stored = read_network(model, None, question.dims).graph if model else network.graph
                tried = levers(stored, question)
                smallest = smallest_device(found.need, question)
    except (InputError, InvalidModelError) as error:
        _report_row(failed_row(str(model), question, str(error)), options, people, junit_file, rows)
        raise InputError(str(error)) from None
    summary = summarize(
        found, title=network.title, precision=network.precision, tried=tried, smallest=smallest
    )
    emit((render_verdict if options.quiet else render_summary)(summary, people), people)
    text = data.to_json(found, model=network.model, tried=tried, smallest=smallest)
    _write_json(text, options, json_file)
    _report_row(answered_row(empty, found), options, people, junit_file, rows)
    return _code(found)


def _rank(model: str | None, question: Question, options: argparse.Namespace) -> int:
    json_file, csv_file = _claimed(options, "json", model), _claimed(options, "csv", model)
    people = sys.stderr if options.json == "-" else sys.stdout
    with live_progress(quiet=options.quiet) as observer:
        network = read_network(model, question.precision, question.dims)
        try:
            need = answer(network.graph, question, observer, options=network.options).need
        except InvalidModelError as error:
            raise InputError(f"{network.model}: {error}") from None
    answers = rank.rank(need, catalogue(), reserve=question.reserve, external=question.external)
    summary = summarize_ranking(answers, title=network.title, precision=network.precision)
    if options.quiet:
        emit(render_verdict(summary, people), people)
    else:
        emit("\n".join(rank.table(answers)) + "\n\n", people)
        emit(render_summary(summary, people), people)
    _write_json(data.ranking_to_json(answers, model=network.model), options, json_file)
    if csv_file is not None:
        csv_file.write(rank.to_csv(answers))
    if need.is_interrupted:
        return Exit.INTERRUPTED
    return _EXITS[rank.overall(answers)]


_EXITS = {Verdict.FITS: Exit.YES, Verdict.NO: Exit.NO, Verdict.UNDECIDED: Exit.UNDECIDED}


def _code(found: Answer) -> Exit:
    return Exit.INTERRUPTED if found.need.is_interrupted else _EXITS[found.verdict]


def _claimed(options: argparse.Namespace, name: str, model: str | None) -> OutputFile | None:
    path = getattr(options, name)
    if path is None or (name == "json" and path == "-"):
        return None
    if path == "-":
        raise InputError("stdout ('-') is for --json alone; give a file")
    return claim(Path(path), force=options.force, inputs=(model_file(model),))


def _row_writer(options: argparse.Namespace, model: str | None) -> RowWriter | None:
    if options.csv is None:
        return None
    inputs = [file for file in (model_file(model),) if file is not None]
    return RowWriter(Path(options.csv), force=options.force, resume=options.resume, inputs=inputs)


def _write_json(text: str, options: argparse.Namespace, file: OutputFile | None) -> None:
    if options.json == "-":
        emit_json(text + "\n", sys.stdout)
    elif file is not None:
        file.write(text + "\n")


def _report_row(
    row: Row,
    options: argparse.Namespace,
    people: TextIO | None,
    junit_file: OutputFile | None,
    rows: RowWriter | None,
) -> None:
    """Tell machines other than those that read JSON."""
    if options.github:
        emit(ci.annotation(row), people)
    if junit_file is not None:
        junit_file.write(ci.junit([row], row.device))
    if rows is not None:
        with rows:
            rows.start([known for known in rows.known if known.file != row.file])
            rows.write(row)


if __name__ == "__main__":
    sys.exit(main())

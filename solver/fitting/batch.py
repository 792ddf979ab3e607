"""Folders from the command line: from arguments to rows, files and a summary."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from solver._version import __version__
from solver.cli.errors import InputError
from solver.cli.exits import Exit
from solver.cli.network import model_file
from solver.cli.output import claim
from solver.cli.streams import emit, emit_json
from solver.fitting import ci
from solver.fitting.answer import Verdict
from solver.fitting.data import SCHEMA
from solver.fitting.folder import SUFFIXES, answer_files, find_models, split_known
from solver.fitting.progress import live_bar
from solver.fitting.rows import UNREADABLE, Row, RowWriter
from solver.report import render_summary, render_verdict
from solver.report.summary import Row as SizeRow
from solver.report.summary import Summary
from solver.report.units import count, printable, seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from solver.cli.output import OutputFile
    from solver.fitting.question import Question

_SHOWN = 20  # files named in the report
_CODES = (
    (UNREADABLE, Exit.USAGE),
    (Verdict.NO.value, Exit.NO),
    (Verdict.UNDECIDED.value, Exit.UNDECIDED),
)


def fit_files(
    models: Sequence[str],
    question: Question,
    options: argparse.Namespace,
    jobs: int,
    executor: Executor | None = None,
) -> Exit:
    """Answer a question for files and folders, and report.

    Parameters
    ----------
    models : sequence of str
        Files, folders, networks of the zoo.
    question : Question
        What is asked of each.
    options : argparse.Namespace
        Where to report.
    jobs : int
        Processes.
    executor : Executor, optional
        Used instead of processes of our own.

    Raises
    ------
    InputError
        If there are no models, or an output cannot be written.
    """
    files = _files(models)
    question = replace(question, workers=1)  # the cores are taken by the files
    paths = [Path(file) for file in files if model_file(file) is not None]
    json_file = _claimed(options.json, options, paths)
    junit_file = _claimed(options.junit, options, paths)
    people = sys.stderr if options.json == "-" else sys.stdout
    rows: list[Row] = []
    kept: list[Row] = []
    start = time.monotonic()
    interrupted = False
    with ExitStack() as stack:
        writer = None
        if options.csv is not None:
            writer = stack.enter_context(
                RowWriter(
                    Path(options.csv), force=options.force, resume=options.resume, inputs=paths
                )
            )
            kept, left = split_known(files, question, writer.known)
            writer.start(kept)
        else:
            left = list(files)
        advance = stack.enter_context(live_bar(len(left), quiet=options.quiet))

        def take(row: Row) -> None:
            if row.is_interrupted:
                return
            rows.append(row)
            if writer is not None:
                writer.write(row)
            advance()

        try:
            answer_files(left, question, take, jobs=jobs, executor=executor)
        except KeyboardInterrupt:
            interrupted = True
    done = sorted([*kept, *rows], key=lambda row: row.file)
    summary = _summary(
        models, question, done, kept=len(kept), total=len(files), duration=time.monotonic() - start
    )
    if options.github:
        emit("".join(map(ci.annotation, done)), people)
    emit((render_verdict if options.quiet else render_summary)(summary, people), people)
    _write(done, question, options, json_file, junit_file)
    return Exit.INTERRUPTED if interrupted else exit_code(done)


def exit_code(rows: Sequence[Row]) -> Exit:
    """2 if any file could not be read, else 1 if any does not fit, else 3 if any is undecided."""
    verdicts = {row.verdict for row in rows}
    return next((code for verdict, code in _CODES if verdict in verdicts), Exit.YES)


def _files(models: Sequence[str]) -> list[str]:
    found: list[str] = []
    for model in models:
        path = model_file(model)
        if path is None or not path.is_dir():
            found.append(model)
            continue
        inside = find_models(path)
        if not inside:
            raise InputError(
                f"{model}: a folder without models; those end in {', '.join(SUFFIXES)}"
            )
        found += inside
    return list(dict.fromkeys(found))


def _claimed(
    name: str | None, options: argparse.Namespace, inputs: Sequence[Path]
) -> OutputFile | None:
    if name is None or (name == "-" and name == options.json):
        return None
    if name == "-":
        raise InputError("stdout ('-') is for --json alone; give a file")
    return claim(Path(name), force=options.force, inputs=inputs)


def _write(
    rows: Sequence[Row],
    question: Question,
    options: argparse.Namespace,
    json_file: OutputFile | None,
    junit_file: OutputFile | None,
) -> None:
    if junit_file is not None:
        junit_file.write(ci.junit(rows, question.device.name))
    values = {
        "schema": SCHEMA,
        "device": question.device.name,
        "runtime": question.runtime,
        "fits": {Exit.YES: True, Exit.NO: False}.get(exit_code(rows)),
        "counts": _counts(rows),
        "files": [asdict(row) for row in rows],
        "versions": {"tightfit": __version__},
    }
    if options.json == "-":
        emit_json(json.dumps(values, indent=2, ensure_ascii=False) + "\n", sys.stdout)
    elif json_file is not None:
        json_file.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    verdicts = [*(verdict.value for verdict in Verdict), UNREADABLE]
    return {v: sum(row.verdict == v for row in rows) for v in verdicts}


def _sizes(question: Question) -> tuple[SizeRow, ...]:
    room = question.room
    rows = [SizeRow("largest arena", room.arena.size, room.arena.name)]
    if room.reserve:
        rows.append(SizeRow("kept free", room.reserve, "--reserve"))
    if room.device.flash is not None:
        rows.append(SizeRow("room for weights", room.device.flash))
    return tuple(rows)


def _summary(
    models: Sequence[str],
    question: Question,
    rows: Sequence[Row],
    *,
    kept: int,
    total: int,
    duration: float,
) -> Summary:
    counts = _counts(rows)
    bad = [row for row in rows if row.verdict != Verdict.FITS.value]
    listed = [f"{printable(row.file)}: {ci.sentence(row)}." for row in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        listed.append(f"And {len(bad) - _SHOWN} more; --csv FILE lists all.")
    done = len(rows) - kept
    rate = f", {60 * done / duration:.0f} files a minute" if done else ""
    remarks = [*listed, f"{count(done, 'file')} in {seconds(duration)}{rate}."]
    if kept:
        remarks.append(f"{count(kept, 'line')} of the CSV still held and were kept.")
    fit = counts[Verdict.FITS.value]
    verb = "fits" if fit == 1 else "fit"
    sentence = f"{fit} of {count(total, 'model')} {verb} {question.device.name}"
    for value, words in (
        (Verdict.NO.value, "proven not to"),
        (Verdict.UNDECIDED.value, "undecided"),
        (UNREADABLE, "could not be read"),
    ):
        if counts[value]:
            sentence += f", {counts[value]} {words}"
    if len(rows) < total:
        sentence += f", {total - len(rows)} not done (interrupted)"
    is_yes = fit == total
    return Summary(
        facts=(
            f"{', '.join(models)}: {count(total, 'model')}",
            f"device: {question.device.name} ({question.device.title})",
            f"runtime: {question.profile.title}",
        ),
        rows=_sizes(question),
        remarks=tuple(remarks),
        warnings=(),
        verdict=sentence + ".",
        answer=True if is_yes else None if not counts[Verdict.NO.value] else False,
    )

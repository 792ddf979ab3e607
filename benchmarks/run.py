"""Run instances of the registry, one process each, and write a row for every one of them.

Timeouts and crashes are rows too. ``--smoke`` runs a few small instances in seconds and fails
unless all of them are proven optimal and verified.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environment import ROOT, environment
from benchmarks.measure import Settings
from benchmarks.registry import GROUPS, SMOKE, Instance, named, select
from benchmarks.rows import Row, Writer, read_rows
from solver.cli.sizes import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Seconds a process gets beside the solver's time, for building and verifying.
PATIENCE = 180

_SMOKE_LIMIT = 10.0
_LAST_LINE = 160  # characters of an error message kept


def run_instance(
    instance: Instance, settings: Settings, where: dict[str, str], patience: float = PATIENCE
) -> Row:
    """Measure an instance in a process of its own; whatever happens, return a row."""
    command = (
        sys.executable, "-m", "benchmarks.measure", instance.name,
        "--time-limit", str(settings.time_limit),
        "--memory-limit", str(settings.memory_limit),
        "--workers", str(settings.workers),
    )  # fmt: skip
    note = None
    status: dict[str, Any] = {}
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=settings.time_limit + patience,
        )  # fmt: skip
        output, code = done.stdout, done.returncode
        if code:
            note = _last_words(code, done.stderr)
    except subprocess.TimeoutExpired as late:
        output = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        note = f"killed after {settings.time_limit + patience:g} s"
        status = {"status": "killed"}
    for line in output.splitlines():
        # The line that a kill cut short is dropped.
        if line.endswith("}"):
            status |= json.loads(line)
    return make_row(instance, settings, where, **{**status, "note": note})


def make_row(
    instance: Instance,
    settings: Settings,
    where: dict[str, str],
    **known: Any,  # noqa: ANN401  fields of every type
) -> Row:
    """Join what is known of an instance to a row."""
    return Row(
        name=instance.name,
        group=instance.group,
        time_limit=settings.time_limit,
        workers=settings.workers,
        **where,  # type: ignore[arg-type]
        **known,
    )


def _last_words(code: int, errors: str) -> str:
    """Describe a failure in a line that names no file of this machine."""
    lines = errors.strip().splitlines()
    if code < 0:
        return f"ended by signal {-code}"
    last = lines[-1] if lines else "no message"
    return f"exit code {code}: {last}".replace(str(ROOT), ".").replace(str(Path.home()), "~")[
        :_LAST_LINE
    ]


def run_all(
    instances: Iterable[Instance],
    settings: Callable[[Instance], Settings],
    report: Callable[[Row], None],
) -> list[Row]:
    """Run instances one after the other, reporting each row as it comes."""
    where = environment()
    rows = []
    for instance in instances:
        if not instance.is_available:
            _say(f"{instance.name:28} skipped: no {instance.file} in $TIGHTFIT_DATA")
            continue
        row = run_instance(instance, settings(instance), where)
        rows.append(row)
        report(row)
    return rows


def describe(row: Row) -> str:
    """Put a row in a line for people."""
    if row.peak_bytes is None or row.lower_bound_bytes is None or row.solve_seconds is None:
        return f"{row.name:28} {row.status}: {row.note}"
    text = (
        f"{row.name:28} {row.ops:6} ops {row.peak_bytes:12} B  {row.status:8} "
        f"gap {row.gap_percent or 0:6.2f} % {row.states:9} states {row.solve_seconds:8.3f} s "
        f"{row.peak_rss_mb or 0:7.1f} MB"
    )
    if row.verified not in {"full", "order"}:
        text += f"  VERIFICATION: {row.verified}"
    return text + (f"  ({row.note})" if row.note else "")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return the exit code."""
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except ValueError as error:
        _say(f"error: {error}")
        return 2
    except OSError as error:
        _say(f"error: {error.filename}: {error.strerror}")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "--group", action="append", default=[], metavar="G", help=f"one of {', '.join(GROUPS)}"
    )
    parser.add_argument(
        "--instance", action="append", default=[], metavar="NAME", help="a name or a pattern"
    )
    parser.add_argument("--list", action="store_true", help="print the instances and stop")
    parser.add_argument("--smoke", action="store_true", help="a few small ones; fail if unproven")
    parser.add_argument("--time-limit", metavar="TIME", help="for each; its own if not given")
    parser.add_argument("--memory-limit", metavar="SIZE", default="4GB")
    parser.add_argument("--workers", type=int, default=1, help="threads of exact search (1)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write rows to a new file")
    parser.add_argument(
        "--append", action="store_true", help="to FILE if it exists; the last row of a name counts"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    instances = select(options.group, options.instance)
    if options.smoke and not (options.group or options.instance):
        instances = tuple(named(name) for name in SMOKE)
    if options.list:
        for instance in instances:
            sys.stdout.write(f"{instance.group:10} {instance.name}\n")
        return 0
    if options.workers < 1:
        raise ValueError(f"there must be at least one worker, not {options.workers}")
    limit = parse_duration(options.time_limit) if options.time_limit else None
    if limit is None and options.smoke:
        limit = _SMOKE_LIMIT
    memory = parse_size(options.memory_limit)

    def settings(instance: Instance) -> Settings:
        return Settings(limit or instance.time_limit, memory, options.workers)

    start = time.monotonic()
    with ExitStack() as stack:
        writer = _writer(stack, options.csv, append=options.append)

        def report(row: Row) -> None:
            if writer is not None:
                writer.write(row)
            _say(describe(row))

        rows = run_all(instances, settings, report)
    return _summary(rows, time.monotonic() - start, strict=options.smoke)


def _writer(stack: ExitStack, path: Path | None, *, append: bool) -> Writer | None:
    if path is None:
        return None
    exists = path.exists()
    if exists and not append:
        raise ValueError(f"{path} exists: --append adds to it")
    if exists:
        read_rows(path)  # refuses what is no table of ours
    file = stack.enter_context(path.open("a", newline="", encoding="utf-8"))
    return Writer(file, header=not exists)


def _summary(rows: Sequence[Row], seconds: float, *, strict: bool) -> int:
    """Say how it went; with ``strict``, 1 unless everything is proven and verified."""
    proven = sum(row.is_optimal for row in rows)
    wrong = [row for row in rows if not row.is_verified]
    _say(f"{proven} of {len(rows)} proven optimal, {len(wrong)} not verified, {seconds:.1f} s")
    return 1 if strict and (proven < len(rows) or wrong) else 0


if __name__ == "__main__":
    sys.exit(main())

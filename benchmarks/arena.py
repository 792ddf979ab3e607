"""Arenas: published hard layouts, and what TensorFlow Lite Micro needs before and after.

Hard layouts are MiniMalloc's, read from ``$TIGHTFIT_DATA`` (default ``../shared/data``). Networks
of the zoo are planned only. Other networks are generated ones and real files found there; each
runs in the runtime as it is, in the best order with the runtime's own planner, and in the best
order with offsets.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import models
from benchmarks.environment import ROOT, environment
from benchmarks.registry import INSTANCES
from models.formats.tflite_write import write_tflite
from solver import minimize_peak
from solver.arena.blocks import Block, blocks_of
from solver.arena.greedy import arena_bytes, greedy_offsets
from solver.arena.layout import Instance
from solver.arena.minimize import lay_out
from solver.arena.pack import pack
from solver.limits import Limits
from solver.memory import MemoryRules, make_problem
from solver.peak.heuristics import file_order, kahn_order
from solver.runtimes import RUNTIMES
from tests.runtimes.networks import random_tflite
from tests.runtimes.run import deploy, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DATA = Path(os.environ.get("TIGHTFIT_DATA") or ROOT.parent / "shared" / "data")
_SECONDS = 60.0
_MOST_OPS = 40


@dataclass(frozen=True)
class Row:
    """One instance; bytes that do not apply stay empty.

    ``file_order`` and ``order_only`` are heads planned by the runtime, ``arena`` is ours: measured
    in the runtime for networks, and packed for layouts and networks of the zoo.
    """

    kind: str
    instance: str
    arena: int
    lower_bound: int
    proven_by: str | None
    seconds: float
    file_order: int | None = None
    order_only: int | None = None
    same_outputs: bool | None = None


def layouts(names: Sequence[str]) -> Iterator[Row]:
    """Pack MiniMalloc's instances."""
    for path in sorted((_DATA / "minimalloc").glob("*.csv")):
        if path.name[0] not in names:
            continue
        with path.open() as file:
            blocks = tuple(
                Block(row["id"], int(row["size"]), int(row["lower"]), int(row["upper"]), None)
                for row in csv.DictReader(file)
            )
        start = time.perf_counter()
        packed = pack(Instance(blocks), Limits(seconds=_SECONDS))
        yield Row(
            "layout",
            path.name.split(".")[0],
            packed.height,
            packed.lower_bound,
            packed.proven_by,
            round(time.perf_counter() - start, 3),
        )


def networks(count: int, where: Path) -> Iterator[Row]:
    """Run networks in TensorFlow Lite Micro."""
    files = [_DATA / "tflm" / "person_detect.tflite"]
    for seed in range(count):
        files.append(where / f"cell-{seed}.tflite")
        files[-1].write_bytes(random_tflite(seed, _MOST_OPS))
    for path in files:
        if not path.is_file():
            continue
        graph = models.load(path)
        ordered, planned = where / "ordered.tflite", where / "planned.tflite"
        start = time.perf_counter()
        arranged = deploy(graph, planned)
        seconds = time.perf_counter() - start
        write_tflite(graph, arranged.order, ordered)
        before, order_only, after = run("tflm", [path, ordered, planned])
        yield Row(
            "network",
            path.stem,
            after["head"],
            arranged.joint.lower_bound,
            arranged.joint.packed.proven_by,
            round(seconds, 3),
            before["head"],
            order_only["head"],
            before["outputs"] == order_only["outputs"] == after["outputs"],
        )


def zoo_networks(names: Sequence[str]) -> Iterator[Row]:
    """Plan arenas of published networks, sizes rounded up to 16 bytes; nothing is run."""
    rules = MemoryRules(alignment=RUNTIMES["tflm"].alignment)
    for instance in INSTANCES:
        if instance.group != "zoo" or (names and instance.name not in names):
            continue
        graph = instance.build()
        problem = make_problem(graph, rules)
        before = blocks_of(problem, file_order(problem) or kahn_order(problem))
        start = time.perf_counter()
        plan = lay_out(
            minimize_peak(graph, limits=Limits(seconds=_SECONDS), rules=rules),
            graph,
            Limits(seconds=_SECONDS),
        )
        seconds = time.perf_counter() - start
        assert plan.arena_bytes is not None
        yield Row(
            "zoo",
            instance.name,
            plan.arena_bytes,
            plan.lower_bound_bytes,
            "load" if plan.is_proven else None,
            round(seconds, 3),
            arena_bytes(before, greedy_offsets(before, rules.alignment), rules.alignment),
        )


def summary(rows: Sequence[Row]) -> str:
    """Geometric means of the networks, and what is not proven or not the same."""
    lines = []
    cells = [r for r in rows if r.file_order and r.order_only]
    if cells:
        order = statistics.geometric_mean((r.order_only or 0) / (r.file_order or 1) for r in cells)
        arena = statistics.geometric_mean(r.arena / (r.file_order or 1) for r in cells)
        lines.append(
            f"{len(cells)} networks in TensorFlow Lite Micro, head over that of the file's order, "
            f"geometric mean: best order {order:.3f}, best order and offsets {arena:.3f}"
        )
    met = sum(r.arena == r.lower_bound for r in rows)
    lines.append(f"{met} of {len(rows)} arenas are proven least")
    wrong = [r.instance for r in rows if r.same_outputs is False]
    if wrong:
        lines.append(f"OUTPUTS DIFFER: {', '.join(wrong)}")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the CSV file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="two layouts, five networks")
    parser.add_argument("--networks", type=int, default=60, help="generated networks (60)")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "arena.csv", metavar="FILE"
    )
    options = parser.parse_args(argv)
    names, count = ("CG", 3) if options.smoke else ("ACEGIK", options.networks)
    about = environment()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory, options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*(f.name for f in fields(Row)), *about])
        writer.writeheader()
        zoo = ("swiftnet_int8", "darts_cell") if options.smoke else ()
        for source in (layouts(names), zoo_networks(zoo), networks(count, Path(directory))):
            for row in source:
                rows.append(row)
                writer.writerow({**asdict(row), **about})
                sys.stdout.write(
                    f"{row.kind:8} {row.instance:16} {row.file_order or '':>9} "
                    f"{row.order_only or '':>9} {row.arena:>9} {row.lower_bound:>9} "
                    f"{row.seconds:7.2f} s\n"
                )
    sys.stdout.write(summary(rows))
    return int(any(row.same_outputs is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())

"""How many small networks a minute ``python -m solver.fit FOLDER`` answers, by processes.

Random cells as a network architecture search makes them are written into a temporary folder by
the code of ``python -m models.zoo`` and answered by the code path of the command: process pool,
CSV and all. Rows go to ``results/folder.csv``.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import environment
from models import zoo
from models.zoo.__main__ import replace_bytes
from solver.devices import find
from solver.fitting.folder import answer_files, find_models
from solver.fitting.question import Question
from solver.fitting.rows import RowWriter
from solver.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.fitting.rows import Row

RESULTS = Path(__file__).parent / "results" / "folder.csv"
COLUMNS = (
    "files", "jobs", "device", "seconds", "files_per_minute", "fit", "refuted", "undecided",
    "unreadable", "optimal", "median_ops", "version", "commit", "python", "packages", "machine",
    "date",
)  # fmt: skip

_CELLS = ("darts_cell", "nasnet_a_cell", "amoebanet_a_cell", "pnasnet_cell")


def write_cells(folder: Path, count: int, seed: int = 0) -> None:
    """Write ``count`` cells: two in three randomly wired, the others published ones, resized."""
    rng = random.Random(seed)
    for k in range(count):
        params: dict[str, float | str] = {"image": rng.choice((8, 16, 32))}
        if k % 3:
            name = "randwire_cell"
            params |= {
                "nodes": rng.randint(12, 20),
                "channels": rng.choice((16, 24, 32)),
                "graph_seed": seed + k,
            }
        else:
            name = rng.choice(_CELLS)
            width = "channels" if name == "darts_cell" else "filters"
            params[width] = rng.choice((8, 16, 24, 32))
            params["kind"] = rng.choice(("normal", "reduction"))
        model = zoo.build(name, weights="random", seed=k, **params)
        replace_bytes(folder / f"{k:04}_{name}.onnx", model.SerializeToString(deterministic=True))


def measure(folder: Path, jobs: int, csv_file: Path) -> dict[str, object]:
    """Answer a folder once and return a row of the results."""
    question = Question(
        find("stm32h743"), runtime="tflm", precision="int8", limits=Limits(60.0, 4 << 30)
    )
    files = find_models(folder)
    rows: list[Row] = []
    start = time.monotonic()
    with RowWriter(csv_file, force=True, resume=False) as writer:
        writer.start(())

        def take(row: Row) -> None:
            rows.append(row)
            writer.write(row)

        answer_files(files, question, take, jobs=jobs)
    seconds = time.monotonic() - start
    verdicts = [row.verdict for row in rows]
    ops = sorted(row.ops or 0 for row in rows)
    found = {
        "files": len(files),
        "jobs": jobs,
        "device": question.device.name,
        "seconds": round(seconds, 2),
        "files_per_minute": round(60 * len(files) / seconds),
        "fit": verdicts.count("fits"),
        "refuted": verdicts.count("does not fit"),
        "undecided": verdicts.count("undecided"),
        "unreadable": verdicts.count("unreadable"),
        "optimal": sum(not row.limit and row.lower_bound_bytes is not None for row in rows),
        "median_ops": ops[len(ops) // 2],
        **environment(),
    }
    return {key: found[key] for key in COLUMNS}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.folder", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--count", type=int, default=400, help="files (default 400)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="processes to try")
    parser.add_argument("--smoke", action="store_true", help="a dozen files, nothing written")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="CSV to write")
    options = parser.parse_args(argv)
    count = 12 if options.smoke else options.count
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        nets = Path(temporary) / "nets"
        nets.mkdir()
        write_cells(nets, count)
        for jobs in options.jobs:
            row = measure(nets, jobs, Path(temporary) / "rows.csv")
            found.append(row)
            print(
                f"{row['files']} files, {jobs} jobs: {row['seconds']} s, "
                f"{row['files_per_minute']} a minute",
                flush=True,
            )
    if not options.smoke:
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
    return int(any(row["unreadable"] for row in found))


if __name__ == "__main__":
    sys.exit(main())

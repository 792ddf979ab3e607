"""Devices: how many networks fit where, and how many a minute a folder of them is answered at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.table.cells import distinct, made_by, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

_VERDICTS = {"fits": "fit", "does not fit": "are proven not to", "undecided": "are undecided"}


@dataclass(frozen=True, slots=True)
class Folder:
    """The columns of ``results/folder.csv`` that are shown: one run over a folder."""

    files: int
    jobs: int
    device: str
    seconds: float
    files_per_minute: int
    fit: int
    refuted: int
    undecided: int
    unreadable: int
    optimal: int
    median_ops: int
    python: str
    packages: str
    commit: str
    machine: str
    date: str


@dataclass(frozen=True, slots=True)
class Pair:
    """The columns of ``results/devices.csv`` that are counted: one network on one device."""

    network: str
    device: str
    verdict: str
    commit: str
    machine: str
    date: str


def pair_lines(pairs: Sequence[Pair]) -> Lines:
    """Count verdicts; the rest has a page of its own."""
    if not pairs:
        return
    count = Counter(pair.verdict for pair in pairs)
    verdicts = [
        f"{count[verdict]} {_VERDICTS.get(verdict, verdict)}" for verdict in {**_VERDICTS, **count}
    ]
    networks, devices = ({getattr(p, name) for p in pairs} for name in ("network", "device"))
    yield (
        f"{len(networks)} networks of the zoo on {len(devices)} devices: {', '.join(verdicts)}. "
        "[DEVICES.md](DEVICES.md) has them all."
    )
    yield ""
    yield made_by("python -m benchmarks.devices", pairs)


def folder_lines(rows: Sequence[Folder]) -> Lines:
    """One line per number of processes."""
    if not rows:
        return
    yield (
        "Random cells, as a network architecture search makes them, written as ONNX files and "
        "answered by the code of `python -m solver.fit FOLDER --device NAME`. *Proven least*: the "
        "search for the least peak ended with a proof; *undecided* is about the device."
    )
    yield ""
    counts = distinct(f"{row.files}" for row in rows)
    jobs = " ".join(dict.fromkeys(f"{row.jobs}" for row in rows))
    yield made_by(
        f"python -m benchmarks.folder --count {counts} --jobs {jobs}",
        rows,
        distinct(f"Python {row.python} with {row.packages}" for row in rows),
    )
    yield ""
    yield from table(
        (
            "files", "median ops", "device", "processes", "s", "files a minute", "fit",
            "do not fit", "undecided", "unreadable", "proven least",
        ),
        [
            (
                f"{row.files}", f"{row.median_ops}", row.device, f"{row.jobs}",
                f"{row.seconds:.1f}", f"{row.files_per_minute}", f"{row.fit}", f"{row.refuted}",
                f"{row.undecided}", f"{row.unreadable}", f"{row.optimal}",
            )
            for row in rows
        ],
    )  # fmt: skip

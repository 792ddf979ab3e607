"""The whole page: its sections in order, the files they are made from, and the command."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ablation
from benchmarks.registry import GROUPS
from benchmarks.rows import Row, read_rows
from benchmarks.table import (
    arena,
    devices,
    formulations,
    groups,
    peers,
    releases,
    rules,
    traffic,
    traffic_formulations,
    traffic_limits,
)
from benchmarks.table.cells import section
from benchmarks.table.records import read_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table.cells import Lines

HERE = Path(__file__).parents[1]

INTRO = """\
# Results

Written by `python -m benchmarks.table` from the files in `results/`; edit the generator, not this
page.

**What is measured.** Least peak memory, unless a section says otherwise. Each instance runs in a
process of its own. *Seconds* are the solver's, from the finished graph to the answer, on one thread
unless said otherwise; making or reading the graph, starting Python and verifying are apart (see the
CSV columns). *States* are those that all exact searches expanded, *MB* is the peak resident memory
of the whole process, Python and libraries included. *File order* is the peak when operators run as
the file lists them; *saved* is against it. Timeouts and crashes stay in the tables. A `+` after a
commit: sources had changed since.

**What proven means.** The order's peak equals a lower bound on the peak of every order. The bound
is of one of three kinds:

- *ends*: what the network's inputs or outputs need by themselves;
- *cut*: a minimum cut shows that one operator cannot run with less, whatever came before it;
- *search*: an exact search has ruled out every order that stays one byte below.

**What verification covers.** After each run the order is replayed from the definition of memory,
and a cut is computed again by another library; neither shares code with the search. A search
certificate cannot be checked that way: for it stand the tests, in which every combination of
pruning rules agrees with brute force on thousands of small graphs. Of graphs above
{most} operators only the order is replayed (*order* in the CSV column `verified`).

**What is not proven** is listed next with its gap: the least peak then lies between bound and peak,
(peak - bound) / peak apart.

A *target* is the time within which we want the proof (for `layered1000` and `closed1000`: order and
bound within 1 %). Nothing is hidden where it is missed.
"""


@dataclass(frozen=True, slots=True)
class Results:
    """What the files of a directory hold; what is not there stays empty.

    Attributes
    ----------
    rows : tuple of Row
        Rows of all releases, older before newer where an instance ran twice.
    trials : tuple of ablation.Trial
        Pruning rules on and off.
    formulations : tuple of formulations.Trial
        The engine beside CP-SAT and ILP.
    arenas : tuple of arena.Arena
        Layouts, and networks in TensorFlow Lite Micro.
    pairs : tuple of devices.Pair
        Networks on devices.
    folders : tuple of devices.Folder
        Runs over a folder of networks.
    spills : tuple of traffic.Spill
        Networks under a TCM.
    traffic_trials : tuple of traffic_formulations.Trial
        The search for least traffic beside CP-SAT and ILP.
    stops : tuple of traffic_limits.Stop
        Large networks under a TCM and a time limit.
    startup : str
        What ``benchmarks.startup`` printed.
    """

    rows: Sequence[Row] = ()
    trials: Sequence[ablation.Trial] = ()
    formulations: Sequence[formulations.Trial] = ()
    arenas: Sequence[arena.Arena] = ()
    pairs: Sequence[devices.Pair] = ()
    folders: Sequence[devices.Folder] = ()
    spills: Sequence[traffic.Spill] = ()
    traffic_trials: Sequence[traffic_formulations.Trial] = ()
    stops: Sequence[traffic_limits.Stop] = ()
    startup: str = ""


def render(results: Results) -> str:
    """Write the whole page; a section without results is left out."""
    from benchmarks.measure import MOST_OPS_FOR_FLOW  # noqa: PLC0415  imports the solver

    versions = releases.by_version(results.rows)
    current = list(versions.values())[-1] if versions else ()
    parts = section("Not proven", releases.open_lines(current))
    parts += section("Targets", releases.target_lines(current))
    parts += section("Releases", releases.history_lines(versions))
    parts += section("Beside other schedulers", peers.lines_of(current))
    parts += section("Beside CP-SAT and ILP", formulations.lines_of(results.formulations))
    for group in GROUPS:
        parts += section(groups.SECTIONS[group].title, groups.lines_of(group, current))
    parts += section("Arenas: published layouts", arena.layout_lines(results.arenas))
    parts += section("Arenas: networks of the zoo", arena.zoo_lines(results.arenas))
    parts += section(
        "Arenas: networks in TensorFlow Lite Micro", arena.network_lines(results.arenas)
    )
    parts += section("Least traffic under a TCM", traffic.lines_of(results.spills))
    parts += section(
        "Least traffic beside CP-SAT and ILP",
        traffic_formulations.lines_of(results.traffic_trials),
    )
    parts += section("Time limits on least traffic", traffic_limits.lines_of(results.stops))
    parts += section("Networks on devices", devices.pair_lines(results.pairs))
    parts += section("A folder of networks", devices.folder_lines(results.folders))
    parts += section("Rules on and off", rules.lines_of(results.trials))
    parts += section("The whole command", _startup(results.startup))
    return "\n".join([INTRO.format(most=MOST_OPS_FOR_FLOW), *parts])


def _startup(startup: str) -> Lines:
    if startup:
        yield "`python -m benchmarks.startup` on the bundled network, in a fresh environment:\n"
        yield f"```text\n{startup.rstrip()}\n```"


def load(directory: Path) -> Results:
    """Read every file of a directory.

    A CSV file with a name that begins with a digit, a version, has rows of ``benchmarks.run``,
    one that begins with ``ablation`` has trials; both are taken in the order of their names. The
    others go by their benchmark.

    Raises
    ------
    ValueError
        If one is not what its name says.
    """
    rows: list[Row] = []
    trials: list[ablation.Trial] = []
    for path in sorted(directory.glob("[0-9]*.csv")):
        rows += read_rows(path)
    for path in sorted(directory.glob("ablation*.csv")):
        trials += ablation.read_trials(path)
    startup = directory / "startup.txt"
    return Results(
        tuple(rows),
        tuple(trials),
        read_records(directory / "formulations.csv", formulations.Trial),
        read_records(directory / "arena.csv", arena.Arena),
        read_records(directory / "devices.csv", devices.Pair),
        read_records(directory / "folder.csv", devices.Folder),
        read_records(directory / "traffic.csv", traffic.Spill),
        read_records(directory / "traffic_formulations.csv", traffic_formulations.Trial),
        read_records(directory / "traffic_limits.csv", traffic_limits.Stop),
        startup.read_text("utf-8") if startup.exists() else "",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--results", type=Path, default=HERE / "results", metavar="DIRECTORY")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if FILE is stale")
    options = parser.parse_args(argv)
    try:
        text = render(load(options.results))
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.check:
        if options.output.exists() and options.output.read_text("utf-8") == text:
            return 0
        sys.stderr.write(f"{options.output} is stale: python -m benchmarks.table writes it anew\n")
        return 1
    options.output.write_text(text, encoding="utf-8")
    return 0

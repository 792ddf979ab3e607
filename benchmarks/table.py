"""Write ``benchmarks/RESULTS.md`` from the files in ``benchmarks/results``.

Every ``*.csv`` there is a file of rows (of ``benchmarks.run``) or, where its name begins with
``ablation``, of trials. For each release the last row of an instance counts, files taken in the
order of their names; the tables show the latest release.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ablation
from benchmarks.peers import PEERS
from benchmarks.registry import GROUPS, INSTANCES, Instance
from benchmarks.rows import Row, RowError, latest, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Lines = Iterator[str]

HERE = Path(__file__).parent

INTRO = """\
# Results

Written by `python -m benchmarks.table` from the files in `results/`; edit the generator, not this
page.

**What is measured.** Each instance runs in a process of its own. *Seconds* are the solver's, from
the finished graph to the answer, on one thread unless said otherwise; making or reading the graph,
starting Python and verifying are apart (see the CSV columns). *States* are those that all exact
searches expanded, *MB* is the peak resident memory of the whole process, Python and libraries
included. *File order* is the peak when operators run as the file lists them; *saved* is against
it. Timeouts and crashes stay in the tables.

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

#: What changed with each release, by version.
CHANGES: Mapping[str, str] = {
    "0.1.0": "first release: cut bounds, beams, exact search in both directions",
}


@dataclass(frozen=True, slots=True)
class Section:
    """How a group is shown: its title, what it holds, and the unit of its sizes."""

    title: str
    about: str
    unit: int = 1024
    unit_name: str = "KB"


SECTIONS: Mapping[str, Section] = {
    "zoo": Section(
        "Published networks",
        "Every network and cell of the zoo with its default parameters, float32 unless the name "
        "says otherwise, and the four networks in the layout HMCOS was measured on.",
    ),
    "data": Section("Model files", "Files of others, read as a user's would be."),
    "randwire": Section(
        "Whole RandWire networks",
        "Small regime, C = 78: WS(4, 0.75), ER(0.2) and BA(5) with five seeds each.",
    ),
    "ws": Section(
        "RandWire cells",
        "Single stages WS(n, 4, 0.75), all tensors of one size, which is the unit here.",
        32 * 16 * 16 * 4,
        "tensors",
    ),
    "layered": Section(
        "Random layered graphs",
        "Mixed sizes; tensors that nobody reads are outputs, so that the end often needs as much "
        "as any other state.",
    ),
    "closed": Section(
        "Random layered graphs, closed",
        "Every tensor is read and a single small one is left at the end: the peak lies in the "
        "middle, and bounds are far below it.",
        1,
        "bytes",
    ),
    "training": Section(
        "Training steps",
        "Forward and backward pass of residual networks and of DARTS and NASNet-A cells; the "
        "number in the name is the intended count of operators.",
    ),
}


def render(rows: Sequence[Row], trials: Sequence[ablation.Trial] = (), startup: str = "") -> str:
    """Write the whole page.

    Parameters
    ----------
    rows : sequence of Row
        Rows of all releases, older before newer where an instance ran twice.
    trials : sequence of Trial
        The ablation.
    startup : str
        What ``benchmarks.startup`` printed.
    """
    from benchmarks.measure import MOST_OPS_FOR_FLOW  # noqa: PLC0415  imports the solver

    releases = _releases(rows)
    current = list(releases.values())[-1] if releases else ()
    parts = [INTRO.format(most=MOST_OPS_FOR_FLOW)]
    parts += _section("Not proven", _open(current))
    parts += _section("Targets", _targets(current))
    parts += _section("Releases", _history(releases))
    parts += _section("Beside other schedulers", _peers(current))
    for group in GROUPS:
        some = _ordered(row for row in current if row.group == group)
        if some:
            parts += _section(SECTIONS[group].title, _group(SECTIONS[group], some))
    parts += _section("Rules on and off", _ablation(trials))
    parts += _section("The whole command", _startup(startup))
    return "\n".join(parts)


def _section(title: str, lines: Lines) -> list[str]:
    """Give lines a title; nothing where there are none."""
    found = list(lines)
    return [f"## {title}\n", *found, ""] if found else []


def _releases(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    """Latest rows by version, versions ascending."""
    versions: dict[str, list[Row]] = {}
    for row in rows:
        versions.setdefault(row.version or "", []).append(row)
    return {v: latest(versions[v]) for v in sorted(versions, key=_version_key)}


def _version_key(version: str) -> tuple[tuple[int, str], ...]:
    parts = version.split(".")
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in parts)


def _ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of the registry; those it does not know last."""
    place = {instance.name: i for i, instance in enumerate(INSTANCES)}
    return sorted(rows, key=lambda row: (place.get(row.name, len(place)), row.name))


def _open(rows: Sequence[Row]) -> Lines:
    left = [row for row in _ordered(rows) if not row.is_optimal]
    wrong = [row for row in rows if row.peak_bytes is not None and not row.is_verified]
    if rows:
        yield (
            f"{len(rows) - len(left)} of {len(rows)} instances are proven optimal; "
            f"verification found {len(wrong) or 'nothing'} wrong."
        )
    if left:
        yield ""
        yield from _table(
            ("instance", "ops", "bound", "peak", "in", "gap %", "stopped by", "seconds"),
            [
                (
                    row.name, _whole(row.ops), _size(row, row.lower_bound_bytes),
                    _size(row, row.peak_bytes), SECTIONS[row.group].unit_name, _gap(row),
                    row.limit or row.note or row.status, _seconds(row),
                )
                for row in left
            ],
        )  # fmt: skip


def _targets(rows: Sequence[Row]) -> Lines:
    """Lines on every set of instances with one target."""
    known = {instance.name: instance for instance in INSTANCES}
    sets: dict[tuple[str, float, float], list[Row]] = {}
    for row in _ordered(rows):
        instance = known.get(row.name)
        if instance is not None and instance.target is not None:
            key = (_family(row.name, row.group), instance.target, instance.target_gap)
            sets.setdefault(key, []).append(row)
    lines = []
    for (family, target, gap), some in sets.items():
        met = [row for row in some if _meets(row, known[row.name])]
        goal = f"within {gap:g} % in {target:g} s" if gap else f"proven in {target:g} s"
        missed = ", ".join(row.name for row in some if row not in met)
        times = [row.solve_seconds for row in some if row.solve_seconds is not None]
        lines.append(
            (family, goal, f"{len(met)} of {len(some)}", _time(max(times, default=None)), missed)
        )
    if lines:
        yield from _table(("instances", "target", "met by", "slowest, s", "missed by"), lines)


def _family(name: str, group: str) -> str:
    """Name without its seed, or its group where names have none."""
    stem = name.partition("_s")[0]
    return stem if group in {"ws", "layered", "closed"} else group


def _meets(row: Row, instance: Instance) -> bool:
    if instance.target is None or row.solve_seconds is None or row.gap_percent is None:
        return False
    if instance.target_gap:
        # A limit at the target may be overrun by what one step takes.
        return row.gap_percent <= instance.target_gap and row.solve_seconds <= (
            1.05 * instance.target
        )
    return row.is_optimal and row.solve_seconds <= instance.target


def _history(releases: Mapping[str, Sequence[Row]]) -> Lines:
    lines = []
    for version, rows in releases.items():
        times = [row.solve_seconds for row in rows if row.is_optimal and row.solve_seconds]
        lines.append(
            (
                version,
                " ".join(dict.fromkeys(f"`{row.commit}`" for row in rows)),
                max((row.date or "" for row in rows), default=""),
                f"{sum(row.is_optimal for row in rows)} of {len(rows)}",
                _time(statistics.median(times) if times else None),
                CHANGES.get(version, ""),
            )
        )
    if lines:
        headings = ("version", "commit", "date", "proven", "median, s", "what changed")
        yield from _table(headings, lines)
        yield ""
        yield "`+` after a commit: sources had changed since."


def _peers(rows: Sequence[Row]) -> Lines:
    ours = {row.name: row for row in rows}
    peers = [peer for peer in PEERS if peer.instance in ours]
    if not peers:
        return
    lines = []
    for peer in peers:
        row = ours[peer.instance]
        theirs = "none" if peer.peak_bytes is None else _number(peer.peak_bytes / 1024)
        proven = "proven least" if row.is_optimal else "best known"
        lines.append(
            (
                peer.instance, peer.scheduler, theirs,
                "" if peer.seconds is None else f"{peer.seconds:g}",
                _size(row, row.peak_bytes), _seconds(row), proven,
            )
        )  # fmt: skip
    yield from _table(
        ("network", "scheduler", "its peak, KB", "its s", "our peak, KB", "our s", "ours is"), lines
    )
    for source in dict.fromkeys(peer.source for peer in peers):
        yield ""
        yield f"{source}."


def _group(section: Section, rows: Sequence[Row]) -> Lines:
    unit = "KB (1024 bytes)" if section.unit_name == "KB" else section.unit_name
    yield f"{section.about} Sizes in {unit}."
    yield ""
    yield from _conditions(rows)
    yield ""
    if len({_family(row.name, row.group) for row in rows}) > 1:
        yield from _families(rows)
        yield ""
    yield from _table(
        (
            "instance", "ops", "file order", "saved %", "cut bound", "bound", "peak", "gap %",
            "proof", "states", "seconds", "MB",
        ),
        [
            (
                row.name, _whole(row.ops), _size(row, row.file_order_bytes), _saved(row),
                _size(row, row.cut_bound_bytes), _size(row, row.lower_bound_bytes),
                _size(row, row.peak_bytes), _gap(row),
                (row.proof or "") if row.is_optimal else f"open ({row.limit or row.status})",
                _whole(row.states), _seconds(row), _whole(row.peak_rss_mb),
            )
            for row in rows
        ],
    )  # fmt: skip


def _conditions(rows: Sequence[Row]) -> Lines:
    """Say once what a group ran on."""
    for label, values in (
        ("Commit", [row.commit for row in rows]),
        ("Date", [row.date for row in rows]),
        ("Machine", [row.machine for row in rows]),
        ("Python", [row.python and f"{row.python} with {row.packages}" for row in rows]),
        ("Search kernel", [row.kernel for row in rows]),
        ("Workers", [row.workers and str(row.workers) for row in rows]),
        ("Time limit", [row.time_limit and f"{row.time_limit:g} s" for row in rows]),
    ):
        distinct = dict.fromkeys(value for value in values if value)
        if distinct:
            yield f"- {label}: {'; '.join(distinct)}"


def _families(rows: Sequence[Row]) -> Lines:
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(_family(row.name, row.group), []).append(row)
    lines = []
    for family, some in families.items():
        times = [row.solve_seconds for row in some if row.solve_seconds is not None]
        lines.append(
            (
                family,
                f"{sum(row.is_optimal for row in some)} of {len(some)}",
                _time(statistics.median(times) if times else None),
                _time(max(times, default=None)),
                _whole(max((row.states or 0 for row in some), default=None)),
                _whole(max((row.peak_rss_mb or 0 for row in some), default=None)),
            )
        )
    yield from _table(
        ("instances", "proven", "median, s", "slowest, s", "most states", "most MB"), lines
    )


def _ablation(trials: Sequence[ablation.Trial]) -> Lines:
    if not trials:
        return
    yield (
        "States that one exact search over the whole graph expands, without bounds, heuristics or "
        "division, with a limit on states (`>`). Refuting one byte below the optimum is the "
        "decisive part of a proof."
    )
    first = trials[0]
    yield f"Commit `{first.commit}`, {first.date}, {first.kernel} kernel."
    for question, title in (("refute", "To refute"), ("find", "To find")):
        head, *body = ablation.table(trials, question)
        yield f"\n{title}:\n"
        yield from _table(head, body)


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> Lines:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _size(row: Row, value: int | None) -> str:
    return "" if value is None else _number(value / SECTIONS[row.group].unit)


def _saved(row: Row) -> str:
    if not row.file_order_bytes or row.peak_bytes is None:
        return ""
    return f"{100 * (1 - row.peak_bytes / row.file_order_bytes):.0f}"


def _gap(row: Row) -> str:
    if not row.gap_percent:
        return "" if row.gap_percent is None else "0"
    return f"{row.gap_percent:.2f}"


def _seconds(row: Row) -> str:
    return _time(row.solve_seconds)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _startup(startup: str) -> Lines:
    if startup:
        yield "`python -m benchmarks.startup` on the bundled network, in a fresh environment:\n"
        yield f"```text\n{startup.rstrip()}\n```"


def load(directory: Path) -> tuple[list[Row], list[ablation.Trial], str]:
    """Read every file of a directory: rows, ablation, start-up.

    Raises
    ------
    ValueError
        If one is not what its name says.
    """
    rows: list[Row] = []
    trials: list[ablation.Trial] = []
    for path in sorted(directory.glob("*.csv")):
        if path.name.startswith("ablation"):
            trials += ablation.read_trials(path)
        else:
            rows += read_rows(path)
    startup = directory / "startup.txt"
    return rows, trials, startup.read_text("utf-8") if startup.exists() else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--results", type=Path, default=HERE / "results", metavar="DIRECTORY")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if FILE is stale")
    options = parser.parse_args(argv)
    try:
        text = render(*load(options.results))
    except (RowError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.check:
        is_current = options.output.exists() and options.output.read_text("utf-8") == text
        return 0 if is_current else 1
    options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

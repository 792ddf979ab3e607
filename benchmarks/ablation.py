"""Switch every pruning rule off in turn and count the states that two decisions then take.

Refuting the byte below the optimum is the decisive part of a proof; finding an order at the optimum
is what an incumbent takes. Both are asked of one exact search over the whole graph, forwards and
backwards, without bounds, heuristics or division. Searches end at a number of states, and say so.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environment import environment
from benchmarks.registry import named
from solver import Limits, minimize_peak
from solver.limits import LimitReachedError, Meter
from solver.memory import MemoryRules, make_problem
from solver.peak.search import Found, Rules, Search
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: Graphs of moderate size whose cut bound is below the optimum.
INSTANCES = (
    "nasnet_a_hmcos", "amoebanet_a_hmcos", "pnasnet_hmcos", "training", "ws48_s0", "ws64_s1",
    "closed100_s0", "layered100_s1",
)  # fmt: skip

#: Rules by the name of what is switched. Without free moves there are no longer chains either.
SETTINGS = {
    "all rules": Rules(),
    "lookahead 16": Rules(lookahead=16),
    "lookahead 4": Rules(lookahead=4),
    "no lookahead": Rules(lookahead=0),
    "no commits": Rules(commits=False),
    "free moves only": Rules(commits=False, lookahead=0),
    "commits only": Rules(free_moves=False, lookahead=0),
    "no rules": Rules(free_moves=False, commits=False, lookahead=0),
}

_NODE_LIMIT = 200_000
_SOLVE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One decision under one setting.

    Attributes
    ----------
    instance : str
        Name in the registry.
    ops : int
        Its ops.
    budget_bytes : int
        The optimum to find, one byte less to refute.
    question : str
        ``"refute"`` or ``"find"``.
    direction : str
        ``"backward"`` or ``"forward"``.
    setting : str
        A key of :data:`SETTINGS`.
    states : str
        States expanded; ``">N"`` if the limit came first.
    seconds : float
        Time of the search.
    version, commit, kernel, machine, date : str
        As in rows of results.
    """

    instance: str
    ops: int
    budget_bytes: int
    question: str
    direction: str
    setting: str
    states: str
    seconds: float
    version: str
    commit: str
    kernel: str
    machine: str
    date: str


FIELDS = tuple(f.name for f in dataclasses.fields(Trial))


def trials(name: str, node_limit: int) -> Iterator[Trial]:
    """Run all settings on one instance.

    Raises
    ------
    AssertionError
        If a search contradicts the optimum.
    """
    where = environment()
    graph = named(name).build()
    plan = minimize_peak(graph, limits=Limits(seconds=_SOLVE_SECONDS))
    if plan.status != "optimal":
        _say(f"{name}: left out, its optimum is not known after {_SOLVE_SECONDS:g} s")
        return
    problem = make_problem(graph, MemoryRules())
    for question, budget in (("refute", plan.peak_bytes - 1), ("find", plan.peak_bytes)):
        for direction in ("backward", "forward"):
            for setting, rules in SETTINGS.items():
                space = Space(problem, backward=direction == "backward")
                search = Search(space, budget, Meter(Limits(nodes=node_limit)), rules)
                states, seconds = _decide(search, expected=question == "find")
                yield Trial(
                    name, len(graph.ops), budget, question, direction, setting, states, seconds,
                    where["version"], where["commit"], where["kernel"], where["machine"],
                    where["date"],
                )  # fmt: skip


def _decide(search: Search, *, expected: bool) -> tuple[str, float]:
    """Run a search; return the states it took, or that its limit came first, and its seconds."""
    start = time.perf_counter()
    try:
        outcome = next(event for event in search.run() if event is not None)
    except LimitReachedError:
        states = f">{search.states}"
    else:
        found = isinstance(outcome, Found)
        assert found == expected, f"a search at {search.budget} bytes contradicts the optimum"
        states = str(search.states)
    return states, round(time.perf_counter() - start, 4)


def table(results: Iterable[Trial], question: str) -> list[list[str]]:
    """Arrange states by setting and instance; the first line holds the headings."""
    chosen = [t for t in results if t.question == question]
    names = list(dict.fromkeys(t.instance for t in chosen))
    cells = {(t.direction, t.setting, t.instance): t.states for t in chosen}
    rows = [["direction", "rules", *names]]
    for direction in ("backward", "forward"):
        for setting in dict.fromkeys(t.setting for t in chosen):
            states = [cells.get((direction, setting, name), "") for name in names]
            rows.append([direction, setting, *states])
    return rows


def read_trials(path: Path) -> tuple[Trial, ...]:
    """Read a file of trials.

    Raises
    ------
    ValueError
        If it is none.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise ValueError(f"{path}: not a table of trials with today's columns")
        return tuple(_trial(values) for values in reader)


def _trial(values: dict[str, Any]) -> Trial:
    numbers: dict[str, Callable[[str], Any]] = {"ops": int, "budget_bytes": int, "seconds": float}
    return Trial(**{name: numbers.get(name, str)(value) for name, value in values.items()})


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _show(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the ablation; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--instance", action="append", metavar="NAME")
    parser.add_argument("--node-limit", type=int, default=_NODE_LIMIT, metavar="N")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all trials to FILE")
    options = parser.parse_args(argv)
    done: list[Trial] = []
    try:
        for name in options.instance or INSTANCES:
            start = time.perf_counter()
            done += trials(name, options.node_limit)
            _say(f"{name:20} {time.perf_counter() - start:6.1f} s")
    except ValueError as error:
        _say(f"error: {error}")
        return 2
    for question in ("refute", "find"):
        sys.stdout.write(f"\nstates to {question}\n{_show(table(done, question))}")
    if options.csv is not None:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FIELDS)
            writer.writerows(dataclasses.astuple(trial) for trial in done)
    return 0


if __name__ == "__main__":
    sys.exit(main())

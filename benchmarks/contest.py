"""Methods beside each other, each to its proof on the same graphs, in a process of its own.

What they are is up to a benchmark; here they are started, timed out, compared and written down.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from benchmarks.environment import ROOT, environment
from solver.cli.sizes import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

_SMOKE_LIMIT = 20.0
_PATIENCE = 60.0  # seconds a process gets beside the solver's time
_PACKAGES = ("ortools", "pulp", "highspy")


@dataclass(frozen=True, slots=True)
class Trial:
    """One method on one graph. What it never came to is None.

    Attributes
    ----------
    instance, graph : str
        Name of the graph, and its fingerprint.
    method : str
        Which.
    status : str
        ``"optimal"`` or ``"feasible"``; ``"wrong"`` if the claim does not stand a replay;
        ``"killed"`` or ``"crashed"``.
    ops : int or None
        Ops of the graph.
    limit : str or None
        What stopped the method.
    bound_bytes : int or None
        What it proved.
    hint_bound_bytes : int or None
        Bound that it was given.
    nodes : int or None
        Branches, nodes or states.
    seconds : float or None
        Time of the whole method.
    ratio : float or None
        The same over that of the first method.
    time_limit : float
        Seconds it was given.
    version, commit, packages, machine, date : str
        As in rows of results; packages are those of the solvers.
    note : str or None
        What else there is to say.
    """

    instance: str
    method: str
    status: str = "crashed"
    graph: str | None = None
    ops: int | None = None
    limit: str | None = None
    bound_bytes: int | None = None
    hint_bound_bytes: int | None = None
    nodes: int | None = None
    seconds: float | None = None
    ratio: float | None = None
    time_limit: float = 0.0
    version: str = ""
    commit: str = ""
    packages: str = ""
    machine: str = ""
    date: str = ""
    note: str | None = None

    @property
    def value(self) -> int | None:
        """What the best solution needs, in bytes, by replay."""
        raise NotImplementedError


T = TypeVar("T", bound=Trial)


@dataclass(frozen=True)
class Contest(Generic[T]):
    """A benchmark of several methods.

    Attributes
    ----------
    module : str
        The benchmark, to be run with ``python -m``.
    trial : type
        What it gives.
    measure : callable
        Runs a method on a graph, by their names, for so many seconds, in this process; returns
        fields of the trial.
    instances : collection of str
        Names of the graphs.
    methods : tuple of str
        The first is what the others are compared with.
    smoke : tuple of str
        Graphs that every method solves at once.
    word : str
        What is kept small.
    seconds : float
        Time limit.
    """

    module: str
    trial: type[T]
    measure: Callable[[str, str, float], dict[str, Any]]
    instances: Collection[str]
    methods: tuple[str, ...]
    smoke: tuple[str, ...]
    word: str
    seconds: float = 60.0

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns of the CSV file."""
        return tuple(f.name for f in dataclasses.fields(self.trial))

    def run(
        self,
        name: str,
        method: str,
        time_limit: float,
        about: Mapping[str, str],
        patience: float = _PATIENCE,
    ) -> T:
        """Measure in a process of its own; whatever happens, return a trial."""
        command = (
            sys.executable, "-m", self.module, "--only", name, method,
            "--time-limit", str(time_limit),
        )  # fmt: skip
        known: dict[str, Any] = {}
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, check=False,
                timeout=time_limit + patience,
            )  # fmt: skip
            if done.returncode:
                words = done.stderr.strip().splitlines() or ["no message"]
                known = {"note": f"exit code {done.returncode}: {words[-1][:120]}"}
            else:
                known = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            known = {"status": "killed", "note": f"killed after {time_limit + patience:g} s"}
        return self.trial(name, method, **{"time_limit": time_limit, **about, **known})

    def trials(
        self, names: Sequence[str], methods: Sequence[str], time_limit: float
    ) -> Iterator[T]:
        """Run every method on every graph; one that contradicts the first is wrong."""
        where = environment()
        about = {key: where[key] for key in ("version", "commit", "machine", "date")}
        about["packages"] = _packages()
        for name in names:
            first: T | None = None
            for method in methods:
                trial = self.run(name, method, time_limit, about)
                if method == self.methods[0]:
                    first = trial
                yield self.compared(trial, first)

    def compared(self, trial: T, first: T | None) -> T:
        """Put a trial beside that of the first method."""
        if first is None or first.seconds is None or trial.seconds is None:
            return trial
        ratio = round(trial.seconds / max(first.seconds, 1e-4), 2)
        if _is_below(trial, first) or _is_below(first, trial):
            verb = "proves" if first.status == "optimal" else "has"
            note = f"the {first.method} {verb} {first.value} bytes"
            return dataclasses.replace(trial, ratio=ratio, status="wrong", note=note)
        return dataclasses.replace(trial, ratio=ratio)

    def describe(self, trial: T) -> str:
        """Put a trial in a line for people."""
        if trial.seconds is None:
            return f"{trial.instance:18} {trial.method:10} {trial.status}: {trial.note}"
        return (
            f"{trial.instance:18} {trial.ops:4} ops {trial.method:10} {trial.status:8} "
            f"{self.word} {trial.value:9} bound {trial.bound_bytes:9} {trial.seconds:9.3f} s "
            f"x {trial.ratio or 0:9.2f}" + (f"  ({trial.note})" if trial.note else "")
        )

    def main(self, argv: Sequence[str] | None, description: str | None) -> int:
        """Run the comparison; return the exit code."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=description)
        parser.add_argument("--instance", action="append", choices=self.instances, metavar="NAME")
        parser.add_argument("--method", action="append", choices=self.methods, metavar="NAME")
        parser.add_argument("--time-limit", metavar="TIME", help=f"for each ({self.seconds:g}s)")
        parser.add_argument(
            "--smoke", action="store_true", help="a few small ones; fail if unproven"
        )
        parser.add_argument("--csv", type=Path, metavar="FILE", help="write all rows to FILE")
        parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
        options = parser.parse_args(argv)
        try:
            limit = _SMOKE_LIMIT if options.smoke else self.seconds
            if options.time_limit:
                limit = parse_duration(options.time_limit)
            if options.only:
                name, method = options.only
                sys.stdout.write(json.dumps(self.measure(name, method, limit)) + "\n")
                return 0
            return self._run(options, limit)
        except ValueError as error:
            _say(f"error: {error}")
            return 2
        except OSError as error:
            _say(f"error: {error.filename}: {error.strerror}")
            return 2
        except KeyboardInterrupt:
            return 130

    def _run(self, options: argparse.Namespace, limit: float) -> int:
        names = options.instance or (self.smoke if options.smoke else tuple(self.instances))
        done: list[T] = []
        with ExitStack() as stack:
            writer = None
            if options.csv is not None:
                file = stack.enter_context(options.csv.open("w", newline="", encoding="utf-8"))
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(self.fields)
            for trial in self.trials(names, options.method or self.methods, limit):
                done.append(trial)
                _say(self.describe(trial))
                if writer is not None:
                    writer.writerow("" if v is None else v for v in dataclasses.astuple(trial))
                    file.flush()
        for method in dict.fromkeys(trial.method for trial in done):
            rows = [trial for trial in done if trial.method == method]
            proven = sum(trial.status == "optimal" for trial in rows)
            _say(f"{method:10} proved {proven} of {len(rows)}")
        wrong = any(trial.status in {"wrong", "crashed"} for trial in done)
        unproven = any(trial.status != "optimal" for trial in done)
        return 1 if wrong or (options.smoke and unproven) else 0


def _is_below(one: Trial, other: Trial) -> bool:
    """Whether the solution of one is below the bound of the other."""
    return one.value is not None and (other.bound_bytes or 0) > one.value


def _packages() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")

"""Time the engine beside CP-SAT, HiGHS and CBC, each to its proof, on the same small graphs.

One worker each and a process of its own. Every method starts from the graph alone. Formulations are
given what is cheap to know, the best of the simple orders and the cut bound of every op, and their
time includes that; loading a solver's library is left out for all. Whatever a method claims is
replayed. Timeouts and crashes are rows too.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environment import ROOT, environment
from benchmarks.layered import layered_closed
from benchmarks.registry import fingerprint
from models import zoo
from solver import Limits, minimize_peak
from solver.cli.sizes import parse_duration
from solver.memory import Problem, make_problem
from solver.peak.backend import NAMES, Hint, backend
from solver.peak.bounds import CutBounds
from solver.peak.heuristics import SIMPLE_ORDERS
from solver.peak.space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models import Graph

#: Methods in the order of the table; the first is what the others are compared with.
METHODS = ("engine", *NAMES)

_TIME_LIMIT = 60.0
_SMOKE_LIMIT = 20.0
_PATIENCE = 60.0  # seconds a process gets beside the solver's time
_PACKAGES = ("ortools", "pulp", "highspy")
_SMOKE = ("darts_cell", "ws8_s0", "closed20_s0")


def _instances() -> Iterator[tuple[str, Callable[[], Graph]]]:
    cells = ("amoebanet_a_cell", "darts_cell", "nasnet_a_cell", "pnasnet_cell")
    for name in (*cells, "unet"):
        yield name, partial(zoo.graph, name)
    for nodes in (8, 16, 24, 32):
        for seed in range(2):
            build = partial(
                zoo.graph, "randwire_cell", graph="ws", nodes=nodes, k=4, p=0.75, graph_seed=seed
            )
            yield f"ws{nodes}_s{seed}", build
    for ops in (20, 25, 30, 40):
        for seed in range(2):
            yield f"closed{ops}_s{seed}", partial(layered_closed, ops, ops // 5, seed)
    for ops in (20, 25, 30, 40):
        for seed in range(2):
            build = partial(zoo.graph, "random_layered", ops=ops, width=ops // 5, graph_seed=seed)
            yield f"layered{ops}_s{seed}", build


#: Graphs by name. A name always means the same graph, as in :mod:`benchmarks.registry`.
INSTANCES: Mapping[str, Callable[[], Graph]] = dict(_instances())


@dataclass(frozen=True, slots=True)
class Trial:
    """One method on one graph. What it never came to is None.

    Attributes
    ----------
    instance, graph : str
        Name of the graph, and its fingerprint.
    ops : int or None
        Its ops.
    method : str
        One of :data:`METHODS`.
    status : str
        ``"optimal"`` or ``"feasible"``; ``"wrong"`` if the claim does not stand a replay;
        ``"killed"`` or ``"crashed"``.
    limit : str or None
        What stopped it.
    peak_bytes, bound_bytes : int or None
        Peak of its order, replayed, and what it proved.
    hint_peak_bytes, hint_bound_bytes : int or None
        What a formulation was given.
    nodes : int or None
        Branches, nodes or states.
    seconds : float or None
        Time of the whole method.
    ratio : float or None
        The same over the engine's.
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
    peak_bytes: int | None = None
    bound_bytes: int | None = None
    hint_peak_bytes: int | None = None
    hint_bound_bytes: int | None = None
    nodes: int | None = None
    seconds: float | None = None
    ratio: float | None = None
    time_limit: float = _TIME_LIMIT
    version: str = ""
    commit: str = ""
    packages: str = ""
    machine: str = ""
    date: str = ""
    note: str | None = None


FIELDS = tuple(f.name for f in dataclasses.fields(Trial))


def measure(name: str, method: str, time_limit: float) -> dict[str, Any]:
    """Run a method on a graph in this process; return fields of the trial."""
    graph = INSTANCES[name]()
    known = {"graph": fingerprint(graph), "ops": len(graph.ops)}
    if method == "engine":
        return {**known, **_engine(graph, time_limit)}
    return {**known, **_formulation(method, make_problem(graph), time_limit)}


def _engine(graph: Graph, time_limit: float) -> dict[str, Any]:
    start = time.perf_counter()
    plan = minimize_peak(graph, limits=Limits(seconds=time_limit))
    seconds = time.perf_counter() - start
    return {
        "status": plan.status.value,
        "limit": plan.limit,
        "peak_bytes": plan.peak_bytes,
        "bound_bytes": plan.lower_bound_bytes,
        "nodes": plan.certificate["states"],
        "seconds": round(seconds, 4),
    }


def _formulation(method: str, problem: Problem, time_limit: float) -> dict[str, Any]:
    solver = backend(method)
    if not solver.is_available():  # loads the library, or starts the process that does
        return {"note": f"{method} is not available"}
    start = time.perf_counter()
    hint = _hint(problem)
    left = max(0.01, time_limit - (time.perf_counter() - start))
    outcome = solver.solve(problem, Limits(seconds=left), hint)
    seconds = time.perf_counter() - start
    assert outcome.order is not None
    assert hint.order is not None
    peak = problem.replay(outcome.order).peak
    status = "optimal" if outcome.bound == peak else "feasible"
    return {
        "status": "wrong" if outcome.bound > peak else status,
        "limit": outcome.limit,
        "peak_bytes": peak,
        "bound_bytes": outcome.bound,
        "hint_peak_bytes": problem.replay(hint.order).peak,
        "hint_bound_bytes": hint.floor,
        "nodes": outcome.nodes,
        "seconds": round(seconds, 4),
    }


def _hint(problem: Problem) -> Hint:
    """Return the best simple order and the cut bounds."""
    orders = [order for find in SIMPLE_ORDERS.values() if (order := find(problem)) is not None]
    best = min(orders, key=lambda order: problem.replay(order).peak)
    cuts = CutBounds(Space(problem))
    return Hint(tuple(best), op_bounds={v: cuts.cut(v).bound for v in range(len(problem))})


def run(
    name: str, method: str, time_limit: float, about: Mapping[str, str], patience: float = _PATIENCE
) -> Trial:
    """Measure in a process of its own; whatever happens, return a trial."""
    command = (
        sys.executable, "-m", "benchmarks.formulations", "--only", name, method,
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
    return Trial(name, method, **{"time_limit": time_limit, **about, **known})


def trials(names: Sequence[str], methods: Sequence[str], time_limit: float) -> Iterator[Trial]:
    """Run every method on every graph; one that contradicts the engine is wrong."""
    where = environment()
    about = {key: where[key] for key in ("version", "commit", "machine", "date")}
    about["packages"] = _packages()
    for name in names:
        engine: Trial | None = None
        for method in methods:
            trial = run(name, method, time_limit, about)
            if method == "engine":
                engine = trial
            yield compared(trial, engine)


def compared(trial: Trial, engine: Trial | None) -> Trial:
    """Put a trial beside the engine's."""
    if engine is None or engine.seconds is None or trial.seconds is None:
        return trial
    ratio = round(trial.seconds / max(engine.seconds, 1e-4), 2)
    both = trial.status == engine.status == "optimal"
    if both and trial.peak_bytes != engine.peak_bytes:
        note = f"the engine proves {engine.peak_bytes} bytes"
        return dataclasses.replace(trial, ratio=ratio, status="wrong", note=note)
    return dataclasses.replace(trial, ratio=ratio)


def describe(trial: Trial) -> str:
    """Put a trial in a line for people."""
    if trial.seconds is None:
        return f"{trial.instance:18} {trial.method:10} {trial.status}: {trial.note}"
    return (
        f"{trial.instance:18} {trial.ops:4} ops {trial.method:10} {trial.status:8} "
        f"peak {trial.peak_bytes:9} bound {trial.bound_bytes:9} {trial.seconds:9.3f} s "
        f"x {trial.ratio or 0:9.2f}" + (f"  ({trial.note})" if trial.note else "")
    )


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formulations", description=__doc__)
    parser.add_argument("--instance", action="append", choices=INSTANCES, metavar="NAME")
    parser.add_argument("--method", action="append", choices=METHODS, metavar="NAME")
    parser.add_argument("--time-limit", metavar="TIME", help=f"for each ({_TIME_LIMIT:g}s)")
    parser.add_argument("--smoke", action="store_true", help="a few small ones; fail if unproven")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all rows to FILE")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        limit = _SMOKE_LIMIT if options.smoke else _TIME_LIMIT
        if options.time_limit:
            limit = parse_duration(options.time_limit)
        if options.only:
            name, method = options.only
            sys.stdout.write(json.dumps(measure(name, method, limit)) + "\n")
            return 0
        return _run(options, limit)
    except ValueError as error:
        _say(f"error: {error}")
        return 2
    except OSError as error:
        _say(f"error: {error.filename}: {error.strerror}")
        return 2
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, limit: float) -> int:
    names = options.instance or (_SMOKE if options.smoke else tuple(INSTANCES))
    done: list[Trial] = []
    with ExitStack() as stack:
        writer = None
        if options.csv is not None:
            file = stack.enter_context(options.csv.open("w", newline="", encoding="utf-8"))
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FIELDS)
        for trial in trials(names, options.method or METHODS, limit):
            done.append(trial)
            _say(describe(trial))
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


if __name__ == "__main__":
    sys.exit(main())

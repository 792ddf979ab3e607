"""Where backends are found, what is said when they cannot run, and who may import what."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from solver.limits import Limits
from solver.peak.backend import NAMES, BackendUnavailableError, Hint, backend
from solver.peak.ilp.backend import IlpCbc
from solver.traffic import backend as traffic
from tests.backends.networks import problem, shared, storage, traffic_problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

ROOT = Path(__file__).parents[2]
LIBRARIES = {"ortools", "pulp", "highspy"}
HOMES = (
    "solver/peak/cpsat/",
    "solver/peak/ilp/",
    "solver/arena/cpsat.py",
    "solver/fitting/cpsat.py",
    "solver/traffic/cpsat/",
    "solver/traffic/ilp/",
)
OPEN = problem(2, storage(5, (0,), is_output=True), workspace={1: 3})
SPILLING = traffic_problem(3, 6, shared(5, (0,), (2,)), edges=((0, 1), (1, 2)), workspace={1: 3})


def test_names() -> None:
    assert NAMES == ("cpsat", "ilp-highs", "ilp-cbc")
    assert all(backend(name).name == name for name in NAMES)
    with pytest.raises(ValueError, match="no backend 'cplex'; there are cpsat"):
        backend("cplex")
    assert all(traffic.backend(name).name == name for name in NAMES)
    with pytest.raises(ValueError, match="no backend 'cplex'; there are cpsat"):
        traffic.backend("cplex")


def test_all_are_available_here() -> None:
    for name in NAMES:
        assert backend(name).is_available()


def forget(monkeypatch: pytest.MonkeyPatch, *prefixes: str) -> None:
    """Have modules imported anew until the end of the test, and then be what they were.

    A package, too, refers to its modules.
    """
    loaded = {name: module for name, module in sys.modules.items() if name.startswith(prefixes)}
    for name, module in loaded.items():
        package, _, last = name.rpartition(".")
        if package in sys.modules and hasattr(sys.modules[package], last):
            monkeypatch.setattr(sys.modules[package], last, module)
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)


def test_missing_ortools(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch, "solver.peak.cpsat.", "solver.traffic.cpsat.", "ortools")
    real = builtins.__import__

    def refuse(name: str, *rest: object, **more: object) -> object:
        if name.split(".", maxsplit=1)[0] == "ortools":
            raise ModuleNotFoundError("No module named 'ortools'")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setitem(sys.modules, "ortools", None)
    solver = backend("cpsat")
    assert not solver.is_available()
    with pytest.raises(BackendUnavailableError, match=r"pip install 'tightfit\[cpsat\]'"):
        solver.solve(OPEN, Limits(), Hint())
    other = traffic.backend("cpsat")
    assert not other.is_available()
    with pytest.raises(BackendUnavailableError, match=r"pip install 'tightfit\[cpsat\]'"):
        other.solve(SPILLING, Limits(), traffic.Hint())


@pytest.mark.parametrize(("name", "missing"), [("ilp-highs", "highspy"), ("ilp-cbc", "pulp")])
def test_missing_ilp_packages(name: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find(package: str, parent: str | None = None) -> ModuleSpec | None:
        return None if package == missing else real(package, parent)

    monkeypatch.setattr("solver.peak.ilp.backend.find_spec", find)
    solver = backend(name)
    assert not solver.is_available()
    with pytest.raises(BackendUnavailableError, match=missing) as caught:
        solver.solve(OPEN, Limits(), Hint())
    with pytest.raises(BackendUnavailableError, match=missing):
        traffic.backend(name).solve(SPILLING, Limits(), traffic.Hint())
    assert "pip install 'tightfit[ilp]'" in str(caught.value)
    assert isinstance(caught.value, ImportError)


def test_solver_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IlpCbc, "name", "ilp-nothing")
    solver = IlpCbc()
    assert not solver.is_available()
    with pytest.raises(BackendUnavailableError, match="PuLP has no solver 'nothing'"):
        solver.solve(OPEN, Limits(), Hint())


def imported(path: Path) -> Iterator[str]:
    """Top-level packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_solver_libraries_stay_in_the_formulations() -> None:
    seen = set()
    for path in sorted([*ROOT.glob("solver/**/*.py"), *ROOT.glob("models/**/*.py")]):
        used = LIBRARIES.intersection(imported(path))
        place = path.relative_to(ROOT).as_posix()
        assert not used or place.startswith(HOMES), f"{place} imports {', '.join(sorted(used))}"
        seen |= used
    assert seen == LIBRARIES, "the walk has missed something"


@pytest.mark.parametrize("problem", ["peak", "traffic"])
def test_formulations_import_no_search(problem: str) -> None:
    search = {"engine", "search", "portfolio", "refine", "minimize", "explorer", "kernel", "tally"}
    for folder in ("formulation", "cpsat", "ilp"):
        paths = list((ROOT / "solver" / problem / folder).glob("*.py"))
        assert paths
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module:
                    assert node.module.rpartition(".")[2] not in search, path.name


@pytest.mark.parametrize(
    ("problem", "extra"),
    [("peak", {"rounding.py", "solvers.py", "worker.py"}), ("traffic", set())],
)
def test_formulations_mirror_each_other(problem: str, extra: set[str]) -> None:
    cpsat, ilp = (
        {path.name for path in (ROOT / "solver" / problem / folder).glob("*.py")}
        for folder in ("cpsat", "ilp")
    )
    assert cpsat <= ilp
    assert ilp - cpsat == extra

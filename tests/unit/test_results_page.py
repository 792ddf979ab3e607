"""Sections of the results page that are made from files beside those of releases."""

from __future__ import annotations

import csv
import dataclasses
from typing import TYPE_CHECKING

import pytest

from benchmarks import formulations as formulations_benchmark
from benchmarks import traffic as traffic_benchmark
from benchmarks import traffic_formulations as traffic_formulations_benchmark
from benchmarks import traffic_limits as limits_benchmark
from benchmarks.table import (
    arena,
    contest,
    devices,
    formulations,
    traffic,
    traffic_formulations,
    traffic_limits,
)
from benchmarks.table.page import load, main
from benchmarks.table.records import read_records
from models import zoo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import ModuleType

WHERE = {
    "commit": "abcdef0123", "machine": "a processor, 2 cores", "date": "2025-01-31",
    "python": "3.11.7", "packages": "numpy 2.0", "version": "0.1.0",
}  # fmt: skip


def write(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    """Write rows as the benchmarks do; a column that no row names is not there."""
    rows = [{**row, **WHERE} for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


# Reading


def layout(**values: object) -> dict[str, object]:
    known = dict.fromkeys(("file_order", "order_only", "same_outputs"))
    row = {"kind": "layout", "instance": "A", "arena": 1_000, "lower_bound": 1_000}
    return {**row, "proven_by": "load", "seconds": 0.5, **known, **values}


def test_records_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "arena.csv", [layout(more="ignored"), layout(same_outputs=False)])
    first, second = read_records(path, arena.Arena)
    assert (first.arena, first.seconds, first.file_order, first.same_outputs) == (
        1_000, 0.5, None, None,
    )  # fmt: skip
    assert second.same_outputs is False
    assert read_records(tmp_path / "none.csv", arena.Arena) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column kind, instance, arena"),
        (b"\xff\xfe", "not UTF-8 text"),
        ("short", "arena.csv:3: 2 cells, not"),
        ({"arena": "many"}, "arena.csv:2: invalid literal"),
        ({"arena": None}, "arena.csv:2: invalid literal"),
        ({"same_outputs": "perhaps"}, "arena.csv:2: neither True nor False: 'perhaps'"),
    ],
)
def test_files_that_are_no_records(
    tmp_path: Path, content: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "arena.csv"
    write(path, [layout(**content) if isinstance(content, dict) else layout()])
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "short":
        path.write_text(path.read_text("utf-8") + "layout,A\n", "utf-8")
    arguments = ["--results", str(tmp_path), "--output", str(tmp_path / "RESULTS.md")]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "RESULTS.md").exists()


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        (formulations, formulations_benchmark),
        (traffic_formulations, traffic_formulations_benchmark),
    ],
)
def test_contests_show_columns_that_the_benchmarks_write(
    shown: ModuleType, written: ModuleType
) -> None:
    columns = {field.name for field in dataclasses.fields(shown.Trial)}
    assert columns <= set(written.CONTEST.fields)
    assert (shown._WORDS.first, *contest.NAMES) == written.METHODS
    assert shown._WORDS.module == written.CONTEST.module


# The page as a whole


def test_sections_without_a_file_are_left_out(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    results = tmp_path / "results"
    results.mkdir()
    arguments = ["--results", str(results), "--output", str(page)]
    assert main(arguments) == 0
    assert "## " not in page.read_text("utf-8")
    write(results / "arena.csv", [layout()])
    (results / "notes.csv").write_text("of something else\n", "utf-8")
    assert main([*arguments, "--check"]) == 1
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    titles = [line for line in page.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert titles == ["## Arenas: published layouts"]


# CP-SAT and ILP


def trial(instance: str, method: str, seconds: float | None, **values: object) -> dict[str, object]:
    row: dict[str, object] = {
        "instance": instance, "method": method, "status": "optimal", "ops": 20, "limit": None,
        "peak_bytes": 100, "bound_bytes": 100, "hint_peak_bytes": 120, "hint_bound_bytes": 90,
        "seconds": seconds, "time_limit": 20.0, "note": None,
    }  # fmt: skip
    return {**row, **values}


def formulation_page(tmp_path: Path, *trials: dict[str, object]) -> str:
    write(tmp_path / "formulations.csv", trials)
    return "\n".join(formulations.lines_of(load(tmp_path).formulations))


def test_formulations_beside_the_engine(tmp_path: Path) -> None:
    page = formulation_page(
        tmp_path,
        trial("a", "engine", 0.01),
        trial("a", "cpsat", 0.08),
        trial("a", "ilp-cbc", 20.0, status="feasible", limit="time", bound_bytes=75),
        trial("b", "engine", 0.01),
        trial("b", "cpsat", 0.02, hint_peak_bytes=90),
        trial("b", "ilp-cbc", 0.05),
        trial("c", "engine", 0.5),
        trial("c", "ilp-cbc", None, status="killed", peak_bytes=None, note="killed after 80 s"),
    )
    # Geometric means of 8 and 2; without b, where the hint is the answer; of 2000 and 5 no mean
    # of all, since c has no time.
    assert "| engine | 3 of 3 |" in page
    assert "| CP-SAT | 2 of 2 | 2 | 2.00 to 8.00 | 4.00 | 8.00 | 4.00 |  |" in page
    assert "| ILP (CBC) | 1 of 3 | 1 | 5.00 to 5.00 | 5.00 | 5.00 |  | 100.00 |" in page
    assert "without the 1 graphs" in page
    assert (
        "| a | 20 | 100 | 0.010 | 1 | 0.080 | 8.00 | 1 | 20.0 | >2000 "
        "| open (time): 75 / 100, gap 25.00 % |" in page
    )
    assert "| c | 20 | 100 | 0.500 | 1 |  |  |  |  |  | killed: killed after 80 s |" in page
    assert (
        "Made by `python -m benchmarks.formulations --time-limit 20s --csv FILE`; commit "
        "`abcdef0123`; 2025-01-31; a processor, 2 cores; numpy 2.0." in page
    )


def test_open_trials_bound_the_mean_of_all(tmp_path: Path) -> None:
    page = formulation_page(
        tmp_path,
        trial("a", "engine", 0.01),
        trial("a", "cpsat", 0.9, status="feasible", bound_bytes=50, limit="time"),
        trial("b", "engine", 0.01),
        trial("b", "cpsat", 0.1),
    )
    assert "| CP-SAT | 1 of 2 | 1 | 10.0 to 10.0 | 10.0 | 10.0 | >30.0 | 50.00 |" in page


def test_an_open_engine_bounds_the_ratio_from_above(tmp_path: Path) -> None:
    page = formulation_page(
        tmp_path,
        trial("a", "engine", 20.0, status="feasible", bound_bytes=50, limit="time"),
        trial("a", "cpsat", 5.0),
        trial("b", "engine", 20.0, status="feasible", bound_bytes=50, limit="time"),
        trial("b", "cpsat", 20.0, status="wrong", note="the order peaks higher"),
    )
    assert "| engine | 0 of 2 |" in page
    assert (
        "| a | 20 | 100 | 20.0 | open (time): 50 / 100, gap 50.00 % | 5.000 | <0.25 | 1 |" in page
    )
    assert "| b | 20 | open | 20.0 |" in page
    assert "| 20.0 |  | wrong: the order peaks higher |" in page
    assert "| CP-SAT | 1 of 2 | 0 |  |  |  |  |" in page


def test_traffic_beside_formulations(tmp_path: Path) -> None:
    def spilling(instance: str, method: str, seconds: float, **values: object) -> dict[str, object]:
        row = trial(instance, method, seconds, hint_bound_bytes=0)
        return {**row, "spilled_bytes": 100, "hint_spilled_bytes": 120, **values}

    write(
        tmp_path / "traffic_formulations.csv",
        [
            spilling("a M_R", "search", 0.01),
            spilling("a M_R", "cpsat", 0.04),
            spilling("a M_R", "ilp-highs", 20.0, status="feasible", limit="time",
                     spilled_bytes=120, bound_bytes=90),
            spilling("b M_H", "search", 0.01, spilled_bytes=0, bound_bytes=0),
            spilling("b M_H", "cpsat", 0.01, spilled_bytes=0, bound_bytes=0),
        ],
    )  # fmt: skip
    page = "\n".join(traffic_formulations.lines_of(load(tmp_path).traffic_trials))
    assert "| search | 2 of 2 |" in page
    assert "| CP-SAT | 2 of 2 | 2 | 1.00 to 4.00 | 2.00 | 2.00 | 2.00 |  |" in page
    assert (
        "| a M_R | 20 | 100 | 0.010 | 1 | 0.040 | 4.00 | 1 | 20.0 | >2000 "
        "| open (time): 90 / 120, gap 25.00 % |" in page
    )
    assert "| b M_H | 20 | 0 |" in page
    assert "Not given" not in page
    assert "`python -m benchmarks.traffic_formulations --time-limit 20s --csv FILE`" in page


# Arenas


def test_layouts_and_networks(tmp_path: Path) -> None:
    network = {"kind": "network", "same_outputs": True, "seconds": 0.02}
    write(
        tmp_path / "arena.csv",
        [
            layout(),
            layout(instance="B", lower_bound=800, proven_by=None),
            layout(**network, instance="cell-0", arena=50, lower_bound=50, file_order=100,
                   order_only=80),
            layout(**network, instance="real", arena=200, lower_bound=160, file_order=100,
                   order_only=80),
        ],
    )  # fmt: skip
    rows = load(tmp_path).arenas
    page = "\n".join(arena.layout_lines(rows))
    assert "| A | 1000 | 1000 | 0 | load | 0.500 | 4.9 |" in page
    assert "| B | 1000 | 800 | 20.00 | open | 0.500 |  |" in page
    page = "\n".join(arena.network_lines(rows))
    assert "| best order | 0.800 | 0.800 | 0.800 | 2 of 2 | 0 of 2 |" in page
    assert "| order and offsets | 1.000 | 0.500 | 2.000 | 1 of 2 | 1 of 2 |" in page
    assert "| cell-0 | 100 | 80 | 50 | 50 | 50 | 0 | same | 0.020 |" in page
    assert "| real | 100 | 80 | 200 | -100 | 160 | 20.00 | same | 0.020 |" in page
    assert "1 of 2 arenas with our offsets are proven least; outputs are the same in all." in page
    assert "1 of the networks are generated" in page
    changed = [dataclasses.replace(row, same_outputs=False) for row in rows[2:3]]
    assert "outputs DIFFER in cell-0." in "\n".join(arena.network_lines(changed))


# Devices


def test_folders_and_devices(tmp_path: Path) -> None:
    counts = {"fit": 90, "refuted": 5, "undecided": 4, "unreadable": 1, "optimal": 99}
    run = {"files": 100, "device": "board", "seconds": 30.0, "median_ops": 51, **counts}
    write(
        tmp_path / "folder.csv", [{**run, "jobs": k, "files_per_minute": 200 * k} for k in (1, 2)]
    )
    write(
        tmp_path / "devices.csv",
        [
            {"network": "n", "device": "d", "verdict": "fits"},
            {"network": "n", "device": "e", "verdict": "undecided"},
            {"network": "m", "device": "e", "verdict": "fits"},
        ],
    )
    results = load(tmp_path)
    page = "\n".join(devices.folder_lines(results.folders))
    assert "| 100 | 51 | board | 2 | 30.0 | 400 | 90 | 5 | 4 | 1 | 99 |" in page
    assert "`python -m benchmarks.folder --count 100 --jobs 1 2`" in page
    page = "\n".join(devices.pair_lines(results.pairs))
    assert "2 networks of the zoo on 2 devices: 2 fit, 0 are proven not to, 1 are undecided" in page


# Traffic


def spill(**values: object) -> dict[str, object]:
    row: dict[str, object] = {
        "instance": "n", "ops": 9, "size": "M_R", "tcm": 2048, "status": "optimal",
        "spilled": 1024, "bound": 1024, "states": 7, "seconds": 0.5, "time_limit": 30.0,
        "file_order": 4096, "kahn": None, "depth_first": 1024,
    }  # fmt: skip
    return {**row, **values}


def test_traffic_beside_heuristics(tmp_path: Path) -> None:
    write(
        tmp_path / "traffic.csv",
        [
            spill(size="M_P", spilled=0, bound=0, serenity=512, least_peak=0),
            spill(size="M_H", status="feasible", bound=512, serenity=None, least_peak=2048),
            spill(serenity=8192, least_peak=None),
        ],
    )
    page = "\n".join(traffic.lines_of(load(tmp_path).spills))
    assert "| file order + Belady | 83 | 100 | 75 | 75 | 75 | 75 | 3 | 3 |" in page
    assert "| SERENITY + Belady | 94 | 100 |  | 88 | 94 | 88 | 2 | 2 |" in page
    assert "| least peak + Belady | 50 |  | 50 |  | 50 | 50 | 1 | 2 |" in page
    assert "breadth-first" not in page
    assert "| n | 9 | M_H | 2 | 1 | 0 | 50 | 7 | 0.500 |" in page
    assert "| n | M_H | 0 to 1 | 4 | 1 | 2 |  |" in page
    assert "| n | M_R | 1 | 4 | 1 |  | 8 |" in page
    assert "COSMA (Zhang et al., 2023) reports to remove 84 %" in page


def test_traffic_of_older_files(tmp_path: Path) -> None:
    write(tmp_path / "traffic.csv", [spill()])
    (row,) = load(tmp_path).spills
    assert (row.file_order, row.kahn, row.serenity) == (4096, None, None)


def test_the_traffic_benchmark_writes_what_the_page_shows(tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "RESULTS.md"
    results.mkdir()
    csv_file = results / "traffic.csv"
    assert traffic_benchmark.main(["--instance", "swiftnet", "--csv", str(csv_file)]) == 0
    fields = {field.name for field in dataclasses.fields(traffic_benchmark.Row)}
    assert set(traffic.HEURISTICS) <= fields
    assert set(traffic.HEURISTICS) <= {f.name for f in dataclasses.fields(traffic.Spill)}
    last = load(results).spills[-1]
    assert (last.size, last.spilled, last.file_order, last.least_peak) == ("M_R", 0, 401408, 0)
    assert all(getattr(last, name) is not None for name in traffic.HEURISTICS)
    arguments = ["--results", str(results), "--output", str(page)]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    assert "| file order + Belady | 100 | 100 | 100 | 100 |" in page.read_text("utf-8")


# Time limits


def test_seconds_beside_the_limit(tmp_path: Path) -> None:
    row = {
        "instance": "training", "ops": 521, "tcm": 2048, "time_limit": 5.0, "status": "feasible",
        "traffic": 200, "bound": 199, "has_offsets": True, "seconds": 4.5, "cpu_seconds": 3.25,
    }  # fmt: skip
    late = {**row, "seconds": 6.75, "has_offsets": False, "status": "optimal"}
    write(tmp_path / "traffic_limits.csv", [row, late])
    page = "\n".join(traffic_limits.lines_of(load(tmp_path).stops))
    assert "1 of 2 keep to the limit; the others are over by 1.8 s at most." in page
    assert "| training | 521 | 2 | 5 | 4.500 | 3.250 | 0.50 | yes |" in page
    assert "| training | 521 | 2 | 5 | 6.750 | 3.250 | 0 | no |" in page


def test_the_benchmark_of_limits_writes_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        limits_benchmark.INSTANCES, "training_25", lambda: zoo.graph("training", depth=2)
    )
    csv_file = tmp_path / "traffic_limits.csv"
    arguments = ["--instance", "training_25", "--limit", "60", "--csv", str(csv_file)]
    assert limits_benchmark.main(arguments) == 0
    stops = load(tmp_path).stops
    assert len(stops) == 2
    assert all(stop.bound <= stop.traffic and stop.has_offsets for stop in stops)

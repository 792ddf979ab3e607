"""Benchmarks of fitting: the generated page is current, and small runs come out right."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from benchmarks import devices, folder
from models import load
from solver.devices import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_is_what_the_csv_gives() -> None:
    assert devices.main(["--check"]) == 0


def test_a_page_that_differs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "DEVICES.md"
    page.write_text(devices.PAGE.read_text() + "\n")
    monkeypatch.setattr(devices, "PAGE", page)
    assert devices.main(["--check"]) == 1
    assert "run python -m benchmarks.devices" in capsys.readouterr().err


def test_rows_and_page_of_one_network() -> None:
    rows = devices.solve("int8", 10, ("swiftnet",))
    assert [row["device"] for row in rows] == [device.name for device in catalogue()]
    assert {row["arena_bytes"] for row in rows} == {301056}
    page = devices.render([{key: str(value) for key, value in row.items()} for row in rows])
    fits = sum(row["verdict"] == "fits" for row in rows)
    assert f"1 networks x {len(rows)} devices: {fits} fit, " in page
    assert page.count("**yes**") == fits + 1  # and once in the legend


def test_cells_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder.write_cells(tmp_path / name, 4)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 4
    for name in files:
        graphs = [load(tmp_path / part / name) for part in ("one", "two")]
        assert graphs[0].ops == graphs[1].ops
        assert graphs[0].buffers == graphs[1].buffers


def test_throughput_of_a_handful(tmp_path: Path) -> None:
    output = tmp_path / "folder.csv"
    assert folder.main(["--count", "4", "--jobs", "1", "-o", str(output)]) == 0
    with output.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == folder.COLUMNS
    counts = [int(row[key]) for key in ("fit", "refuted", "undecided", "unreadable")]
    assert sum(counts) == int(row["files"]) == 4
    assert counts[-1] == 0

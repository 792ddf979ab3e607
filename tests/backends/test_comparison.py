"""The comparison of methods: claims are replayed, contradictions found, failures kept as rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchmarks import formulations
from benchmarks.formulations import FIELDS, METHODS, Trial, compared, measure
from solver.peak.backend import RawOutcome

if TYPE_CHECKING:
    import pytest

ENGINE = Trial("g", "engine", "optimal", peak_bytes=10, bound_bytes=10, seconds=0.5)
OTHER = dataclasses.replace(ENGINE, method="cpsat", seconds=2.0)


def test_all_methods_prove_the_same() -> None:
    found = [measure("closed20_s0", method, 20) for method in METHODS]
    assert [row["status"] for row in found] == ["optimal"] * len(METHODS)
    assert len({(row["graph"], row["peak_bytes"], row["bound_bytes"]) for row in found}) == 1
    assert all(row.keys() <= set(FIELDS) for row in found)


def test_ratio_and_contradiction() -> None:
    assert compared(OTHER, ENGINE).ratio == 4
    assert compared(OTHER, ENGINE).status == "optimal"
    wrong = compared(dataclasses.replace(OTHER, peak_bytes=11, bound_bytes=11), ENGINE)
    assert (wrong.status, wrong.note) == ("wrong", "the engine proves 10 bytes")
    assert compared(OTHER, None).ratio is None


def test_a_bound_above_the_peak_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(*_: object, **__: object) -> RawOutcome:
        return RawOutcome(order=list(range(20)), bound=10**9)

    monkeypatch.setattr("solver.peak.cpsat.backend.CpSat.solve", lie)
    assert measure("closed20_s0", "cpsat", 20)["status"] == "wrong"


def test_failures_are_rows() -> None:
    crashed = formulations.run("no such graph", "cpsat", 1, {})
    assert crashed.status == "crashed"
    assert crashed.note is not None
    assert "KeyError" in crashed.note
    killed = formulations.run("darts_cell", "cpsat", 1, {}, patience=-0.9)
    assert killed.status == "killed"

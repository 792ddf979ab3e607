"""The comparison of methods: claims are replayed, contradictions found, failures kept as rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchmarks import traffic_formulations
from benchmarks.formulations import CONTEST, METHODS, Trial, measure
from solver.peak.backend import RawOutcome

if TYPE_CHECKING:
    import pytest

ENGINE = Trial("g", "engine", "optimal", peak_bytes=10, bound_bytes=10, seconds=0.5)
LONG = 3600.0  # seconds: the time is never over
OTHER = dataclasses.replace(ENGINE, method="cpsat", seconds=2.0)


def test_all_methods_prove_the_same() -> None:
    found = [measure("closed20_s0", method, LONG) for method in METHODS]
    assert [row["status"] for row in found] == ["optimal"] * len(METHODS)
    assert len({(row["graph"], row["peak_bytes"], row["bound_bytes"]) for row in found}) == 1
    assert all(row.keys() <= set(CONTEST.fields) for row in found)


def test_all_methods_prove_the_same_traffic() -> None:
    for name in ("darts_cell M_R", "ws16_s0 M_H"):
        found = [traffic_formulations.measure(name, m, LONG) for m in traffic_formulations.METHODS]
        assert [row["status"] for row in found] == ["optimal"] * 4
        kept = ("graph", "tcm_bytes", "spilled_bytes", "bound_bytes")
        assert len({tuple(row[key] for key in kept) for row in found}) == 1
        fields = set(traffic_formulations.CONTEST.fields)
        assert all(row.keys() <= fields for row in found)


def test_sizes_of_tcm() -> None:
    for name, instance in traffic_formulations.INSTANCES.items():
        assert name.split()[1] == instance.size
        assert ("streaming" in name) == (instance.mode == "streaming")
    graph = traffic_formulations.INSTANCES["darts_cell M_R"].build()
    sizes = [
        traffic_formulations._tcm(graph, traffic_formulations.INSTANCES[f"darts_cell {size}"])
        for size in ("M_R", "M_H", "M_H streaming")
    ]
    assert sizes == [1179648, 1253376, 442368]


def test_ratio_and_contradiction() -> None:
    assert CONTEST.compared(OTHER, ENGINE).ratio == 4
    assert CONTEST.compared(OTHER, ENGINE).status == "optimal"
    wrong = CONTEST.compared(dataclasses.replace(OTHER, peak_bytes=11, bound_bytes=11), ENGINE)
    assert (wrong.status, wrong.note) == ("wrong", "the engine proves 10 bytes")
    late = dataclasses.replace(ENGINE, status="feasible", bound_bytes=4, peak_bytes=12)
    wrong = CONTEST.compared(dataclasses.replace(OTHER, peak_bytes=3, bound_bytes=3), late)
    assert (wrong.status, wrong.note) == ("wrong", "the engine has 12 bytes")
    assert CONTEST.compared(OTHER, late).status == "optimal"
    assert CONTEST.compared(OTHER, None).ratio is None


def test_a_bound_above_the_peak_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(*_: object, **__: object) -> RawOutcome:
        return RawOutcome(order=list(range(20)), bound=10**9)

    monkeypatch.setattr("solver.peak.cpsat.backend.CpSat.solve", lie)
    assert measure("closed20_s0", "cpsat", LONG)["status"] == "wrong"


def test_failures_are_rows() -> None:
    crashed = CONTEST.run("no such graph", "cpsat", 1, {})
    assert crashed.status == "crashed"
    assert crashed.note is not None
    assert "KeyError" in crashed.note
    killed = CONTEST.run("darts_cell", "cpsat", 1, {}, patience=-0.999)
    assert killed.status == "killed"

"""Limits and the meter that enforces them."""

from __future__ import annotations

import pytest

from solver.limits import (
    Limit,
    LimitReachedError,
    Limits,
    Meter,
    SilentObserver,
    resident_bytes,
)


class Progress(SilentObserver):
    def __init__(self) -> None:
        self.states: list[int] = []

    def on_progress(self, states: int) -> None:
        self.states.append(states)


@pytest.mark.parametrize("name", ["seconds", "memory_bytes", "nodes"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_must_be_positive(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"the limit on {name} must be positive, not {value}"):
        Limits(**{name: value})


def test_no_limits() -> None:
    meter = Meter()
    meter.add(10**9)
    assert meter.allowance(512) == 512
    assert meter.memory_left() > 2**60


def test_nodes() -> None:
    meter = Meter(Limits(nodes=5))
    assert meter.allowance(3) == 3
    meter.add(3)
    assert meter.allowance(3) == 2
    meter.add(2)
    with pytest.raises(LimitReachedError) as stop:
        meter.allowance(1)
    assert stop.value.limit is Limit.NODES


@pytest.mark.parametrize(
    ("limits", "limit"),
    [(Limits(seconds=1e-9), Limit.TIME), (Limits(memory_bytes=1), Limit.MEMORY)],
)
def test_time_and_memory(limits: Limits, limit: Limit) -> None:
    meter = Meter(limits)
    with pytest.raises(LimitReachedError) as stop:
        meter.check()
    assert stop.value.limit is limit
    with pytest.raises(LimitReachedError):
        meter.add(1)
    assert meter.states == 1


def test_heuristics_look_at_the_clock_but_never_at_nodes() -> None:
    meter = Meter(Limits(nodes=1))
    tick_often(meter)
    assert meter.states == 0
    with pytest.raises(LimitReachedError):
        tick_often(Meter(Limits(seconds=1e-9)))


def tick_often(meter: Meter) -> None:
    for _ in range(1000):
        meter.tick_heuristic()


def test_memory_left() -> None:
    assert Meter(Limits(memory_bytes=1)).memory_left() == 0
    assert 0 < Meter(Limits(memory_bytes=2**50)).memory_left() < 2**50


def test_progress_is_reported_by_states() -> None:
    observer = Progress()
    meter = Meter(observer=observer)
    meter.add(3)
    meter.check()
    meter.add(4)
    assert observer.states == [3, 3, 7]


def test_resident_bytes() -> None:
    """Python alone takes megabytes."""
    assert 2**20 < resident_bytes() < 2**40

"""The plan, its JSON form, and what both refuse."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from solver import Plan, Status
from solver.plan import SCHEMA, PlanError

PLAN = Plan(
    model="net.onnx",
    problem="peak",
    status=Status.FEASIBLE,
    limit="time",
    peak_bytes=40,
    lower_bound_bytes=30,
    budget_bytes=35,
    order=("a", "ö"),
    baselines={"file_order": 50},
    seconds=1.5,
    certificate={"kind": "cut", "cut": {"op": "a"}},
    options={"alignment": 16},
    curve=((0.1, 50, 20), (0.2, 40, 30)),
    warnings=("dynamic batch",),
    versions={"python": "3"},
)


def edited(**changes: Any) -> str:  # noqa: ANN401
    return json.dumps({**json.loads(PLAN.to_json()), **changes})


def test_the_keys_of_the_json_are_the_attributes() -> None:
    values = json.loads(PLAN.to_json())
    assert next(iter(values)) == "schema"
    assert values.keys() == {f.name for f in fields(Plan)}
    assert (values["status"], values["peak_bytes"], values["fits"]) == ("feasible", 40, None)
    assert values["order"] == ["a", "ö"]
    assert "ö" in PLAN.to_json()


def test_json_round_trip() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN
    steps = ({"load": "x"}, {"run": "a"})
    full = replace(
        PLAN,
        status=Status.OPTIMAL,
        peak_bytes=30,
        fits=True,
        limit=None,
        arena_bytes=32,
        offsets={"x": 0},
        traffic_bytes=9,
        compulsory_bytes=7,
        tcm_bytes=64,
        steps=steps,
    )
    assert Plan.from_json(full.to_json()) == full


def test_gap() -> None:
    assert PLAN.gap == 0.25
    assert replace(PLAN, lower_bound_bytes=40, status=Status.OPTIMAL).gap == 0
    assert replace(PLAN, peak_bytes=0, lower_bound_bytes=0, status=Status.OPTIMAL).gap == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": SCHEMA + 1}, "schema 2 is not 1"),
        ({"lower_bound_bytes": 41}, "lower bound 41 exceeds the peak 40"),
        ({"status": Status.OPTIMAL}, "status 'optimal' with peak 40 and bound 30"),
        ({"lower_bound_bytes": 40}, "status 'feasible' with peak 40 and bound 40"),
    ],
)
def test_a_plan_may_not_contradict_itself(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        replace(PLAN, **changes)
    with pytest.raises(PlanError, match=message):
        Plan.from_json(edited(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"plan"', "not a JSON object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_json_object(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.from_json(text)


@pytest.mark.parametrize("key", [f.name for f in fields(Plan)])
def test_every_key_is_needed(key: str) -> None:
    values = json.loads(PLAN.to_json())
    del values[key]
    with pytest.raises(PlanError, match=f"missing key '{key}'"):
        Plan.from_json(json.dumps(values))


def test_no_other_key_is_known() -> None:
    with pytest.raises(PlanError, match="unknown key 'Peak'"):
        Plan.from_json(edited(Peak=1))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", None),
        ("problem", 1),
        ("status", True),
        ("schema", "1"),
        ("schema", True),
        ("peak_bytes", 40.0),
        ("peak_bytes", True),
        ("peak_bytes", None),
        ("lower_bound_bytes", "30"),
        ("order", "ab"),
        ("order", None),
        ("warnings", {}),
        ("curve", {}),
        ("baselines", []),
        ("certificate", None),
        ("options", []),
        ("versions", "3"),
        ("budget_bytes", 1.5),
        ("tcm_bytes", True),
        ("arena_bytes", "1"),
        ("traffic_bytes", []),
        ("compulsory_bytes", {}),
        ("limit", 3),
        ("fits", 1),
        ("fits", "yes"),
        ("offsets", []),
        ("steps", {}),
        ("seconds", "1"),
        ("seconds", None),
        ("seconds", True),
    ],
)
def test_wrong_types(key: str, value: object) -> None:
    with pytest.raises(PlanError, match=f"'{key}' is "):
        Plan.from_json(edited(**{key: value}))


def test_unknown_status() -> None:
    with pytest.raises(PlanError, match="unknown status 'great'"):
        Plan.from_json(edited(status="great"))


def test_an_order_holds_names() -> None:
    with pytest.raises(PlanError, match="'order' holds something that is no op name"):
        Plan.from_json(edited(order=["a", 1]))


@pytest.mark.parametrize(
    "point", [1, [], [0.1, 50], [0.1, 50, 20, 10], ["0", 50, 20], [0.1, 5.5, 20], [0.1, 50, None]]
)
def test_a_curve_holds_points(point: object) -> None:
    with pytest.raises(PlanError, match="'curve' holds something that is not"):
        Plan.from_json(edited(curve=[point]))

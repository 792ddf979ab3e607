"""A plan that lies is refused, by itself or by the verifier; one that does not is accepted."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from solver import Limits, MemoryRules, Plan, Status, minimize_peak
from solver.plan import PlanError
from solver.verify import VerificationError, check, examine
from tests.property.graphs import cases
from tests.property.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.graph import Graph

Changes = dict[str, Any]


@cache
def plans() -> list[tuple[Graph, Plan]]:
    """Plans with and without a budget; some stopped before their proof."""
    found: list[tuple[Graph, Plan]] = []
    for k, (graph, rules) in enumerate(cases(240, seed=700, least_ops=2)):
        peak = minimize_peak(graph, rules=rules).peak_bytes
        budget = (None, peak, max(1, peak - 1), peak + 1)[k % 4] or None
        limits = Limits(seconds=1e-9) if k % 6 == 0 else None
        found.append((graph, minimize_peak(graph, budget, limits, rules=rules)))
    return found


@cache
def searched_plans() -> list[tuple[Graph, Plan]]:
    """Plans that carry a closed set of states."""
    drawn = cases(1000, seed=701, most_ops=10)
    solved = ((graph, minimize_peak(graph, rules=rules)) for graph, rules in drawn)
    return list(islice((pair for pair in solved if pair[1].certificate["kind"] == "search"), 60))


def is_refused(graph: Graph, plan: Plan, changes: Changes) -> bool:
    try:
        check(replace(plan, **changes), graph)
    except (PlanError, VerificationError):
        return True
    return False


def is_true(graph: Graph, plan: Plan) -> bool:
    """Whether the order has the stated peak, and the bound holds, by brute force."""
    oracle = oracle_of(graph, plan)
    index = {op.name: v for v, op in enumerate(graph.ops)}
    file_order = oracle.peak(range(len(graph.ops)))
    return (
        oracle.peak([index[name] for name in plan.order]) == plan.peak_bytes
        and plan.lower_bound_bytes <= oracle.least_peak()
        and plan.baselines.get("file_order", file_order) == file_order
    )


def with_bound(plan: Plan, bound: int, *, peak: int | None = None) -> Changes:
    """Another bound, with everything that must agree with it adjusted."""
    peak = plan.peak_bytes if peak is None else peak
    return {
        "peak_bytes": peak,
        "lower_bound_bytes": bound,
        "status": Status.OPTIMAL if bound == peak else Status.FEASIBLE,
        "certificate": {**plan.certificate, "bound_bytes": bound},
        "curve": (),
    }


def test_true_plans_are_accepted() -> None:
    for graph, plan in plans():
        assert is_true(graph, plan)
        check(plan, graph)
        check(Plan.from_json(plan.to_json()), graph)


def test_plans_survive_json() -> None:
    for _, plan in plans():
        assert Plan.from_json(plan.to_json()) == plan


def orders(graph: Graph, plan: Plan) -> Iterator[tuple[str, ...]]:
    """Orders that miss an op, repeat one, invent one, or run one too early."""
    order = list(plan.order)
    for i, name in enumerate(order):
        rest = order[:i] + order[i + 1 :]
        yield tuple(rest)
        yield (*order, name)
        yield (*rest, name.upper())
        yield (*order[:i], order[i - 1], *order[i + 1 :])
        v = next(v for v, op in enumerate(graph.ops) if op.name == name)
        for p in graph.predecessors[v]:
            j = order.index(graph.ops[p].name)
            swapped = list(order)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield tuple(swapped)
            yield (name, *rest)


def test_wrong_orders() -> None:
    for graph, plan in plans():
        for order in orders(graph, plan):
            assert is_refused(graph, plan, {"order": order}), (graph.name, order)


def test_wrong_peaks_and_bounds() -> None:
    for graph, plan in plans() + searched_plans():
        peak, bound = plan.peak_bytes, plan.lower_bound_bytes
        for wrong in (peak - 1, peak + 1, 0, 2 * peak + 1):
            assert is_refused(graph, plan, {"peak_bytes": wrong}), graph.name
            assert is_refused(graph, plan, with_bound(plan, min(bound, wrong), peak=wrong))
            assert is_refused(graph, plan, with_bound(plan, wrong, peak=wrong))
        for wrong in {bound - 1, bound + 1, 0, -1, peak} - {bound}:
            assert is_refused(graph, plan, {"lower_bound_bytes": wrong}), graph.name
            assert is_refused(graph, plan, with_bound(plan, wrong)), (graph.name, wrong)
            if plan.certificate["kind"] == "search" and bound < wrong <= peak:
                search = {**plan.certificate["search"], "refuted_bytes": wrong - 1}
                changes = with_bound(plan, wrong)
                changes["certificate"]["search"] = search
                assert is_refused(graph, plan, changes), (graph.name, wrong)


def test_wrong_status_verdict_and_kind_of_problem() -> None:
    for graph, plan in plans():
        for status in set(Status) - {plan.status}:
            assert is_refused(graph, plan, {"status": status}), (graph.name, status)
        for fits in {True, False, None} - {plan.fits}:
            assert is_refused(graph, plan, {"fits": fits}), (graph.name, fits)
        for problem in ("traffic", "", "Peak"):
            assert is_refused(graph, plan, {"problem": problem})
        assert is_refused(graph, plan, {"schema": 0})


def test_wrong_budgets() -> None:
    """A verdict belongs to its budget."""
    for graph, plan in plans():
        for budget in (None, plan.peak_bytes, plan.lower_bound_bytes - 1):
            fits = None if budget is None else budget >= plan.peak_bytes
            if fits != plan.fits:
                assert is_refused(graph, plan, {"budget_bytes": budget}), (graph.name, budget)


def test_wrong_kinds_of_certificate() -> None:
    for graph, plan in plans():
        proof = plan.certificate
        ends = max(proof["ends"].values())
        for kind in {"cut", "ends", "search", "trust me", None} - {proof["kind"]}:
            holds = (kind == "ends" and ends == plan.lower_bound_bytes) or (
                kind == "cut" and proof.get("cut", {}).get("bound_bytes") == plan.lower_bound_bytes
            )
            lie = {"certificate": {**proof, "kind": kind}}
            assert is_refused(graph, plan, lie) != holds, (graph.name, kind)
        assert is_refused(graph, plan, {"certificate": {}})
        for key in ("kind", "bound_bytes"):
            without = {k: v for k, v in proof.items() if k != key}
            assert is_refused(graph, plan, {"certificate": without})


def test_wrong_cuts() -> None:
    """Another op, or another number, even where the two are changed together."""
    for graph, plan in plans():
        proof = plan.certificate
        if proof["kind"] != "cut":
            continue
        cut = proof["cut"]
        for bound in (cut["bound_bytes"] - 1, cut["bound_bytes"] + 1, 0, None):
            lie = {**proof, "cut": {**cut, "bound_bytes": bound}}
            assert is_refused(graph, plan, {"certificate": lie})
            changes = with_bound(plan, bound) if bound is not None else {}
            both = {**changes, "certificate": {**lie, "bound_bytes": bound}, "curve": ()}
            assert is_refused(graph, plan, both), (graph.name, bound)
        oracle = oracle_of(graph, plan)
        for v, op in enumerate(graph.ops):
            holds = least_step_peak(oracle, v) == cut["bound_bytes"]
            lie = {**proof, "cut": {**cut, "op": op.name}}
            # The state and the live storages are still those of the right op.
            assert holds or is_refused(graph, plan, {"certificate": lie}), (graph.name, op.name)
        for op_name in ("nobody", None):
            lie = {**proof, "cut": {**cut, "op": op_name}}
            assert is_refused(graph, plan, {"certificate": lie})


def oracle_of(graph: Graph, plan: Plan) -> Oracle:
    options = {"alignment": 1, "in_place": False, "views": False, **plan.options}
    return Oracle(graph, MemoryRules(options["alignment"], options["in_place"], options["views"]))


def least_step_peak(oracle: Oracle, v: int) -> int:
    return min(oracle.step_peak(done, v) for done in oracle.states() if v in oracle.ready(done))


def changed_flows(arcs: list[str], rng: random.Random) -> Iterator[list[str]]:
    """Leave out an arc, add or drop a byte, use one twice, turn one round, send one elsewhere."""
    for k, arc in enumerate(arcs):
        rest = [*arcs[:k], *arcs[k + 1 :]]
        ends, amount = arc.split(": ")
        tail, head = ends.split(" > ")
        other = rng.choice(arcs).split(": ")[0].split(" > ")[1]
        yield rest
        yield [*arcs, arc]
        yield [*rest, f"{ends}: {int(amount) + 1}"]
        yield [*rest, f"{ends}: {int(amount) - 1}"]
        yield [*rest, f"{head} > {tail}: {amount}"]
        if other != head:
            yield [*rest, f"{tail} > {other}: {amount}"]


def test_wrong_flows() -> None:
    """A flow that is none, or that proves another bound, whether or not the cut is the proof."""
    tried = 0
    for graph, plan in plans():
        proof, rng = plan.certificate, random.Random(graph.name)
        for k, case in enumerate(proof.get("cut", {}).get("flow", ())):
            for arcs in rng.sample([*changed_flows(case["arcs"], rng)], min(20, len(case["arcs"]))):
                flow = [*proof["cut"]["flow"]]
                flow[k] = {**case, "arcs": arcs}
                lie = {**proof, "cut": {**proof["cut"], "flow": flow}}
                assert is_refused(graph, plan, {"certificate": lie}), (graph.name, arcs)
                tried += 1
    assert tried > 1000


def test_every_case_of_overwriting_needs_its_flow() -> None:
    several = 0
    for graph, plan in plans():
        proof = plan.certificate
        flow = proof.get("cut", {}).get("flow", ())
        several += len(flow) > 1
        for k, case in enumerate(flow):
            for other in (
                [*flow[:k], *flow[k + 1 :]],
                [*flow, case],
                [*flow[:k], {**case, "overwritten": ["nobody"]}, *flow[k + 1 :]],
                [*flow[:k], {**case, "overwritten": None}, *flow[k + 1 :]],
            ):
                lie = {**proof, "cut": {**proof["cut"], "flow": other}}
                assert is_refused(graph, plan, {"certificate": lie}), (graph.name, other)
    assert several > 3


def mutations(value: Any, rng: random.Random) -> Any:  # noqa: ANN401
    """Change one thing anywhere below: a number, a text, an item, a key."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: mutations(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        k = rng.randrange(len(value))
        other = rng.choice(value)
        return [
            [*value[:k], *value[k + 1 :]],
            [*value[:k], other, *value[k:]],
            [*value[:k], other, *value[k + 1 :]],
            [*value[:k], mutations(value[k], rng), *value[k + 1 :]],
        ][rng.choice((0, 1, 2, 3, 3, 3))]
    if type(value) is int and rng.random() < 0.8:
        return rng.choice((value + 1, value - 1, 0, -value, 2 * value, 10**30))
    if isinstance(value, str) and value and rng.random() < 0.8:
        k = rng.randrange(len(value))
        digit = rng.choice("0123456789abcdef ;>")
        return rng.choice((value[:k] + digit + value[k + 1 :], value[:k] + value[k + 1 :], ""))
    return rng.choice((None, True, False, 0, 1, -1, 0.5, "", "x", [], {}, [[]], [None], {"x": {}}))


def test_arbitrary_changes_to_the_file() -> None:
    """Refused in so many words, or what the plan says of the network is still true.

    Nothing but a claim that is taken on trust may be false, and then the verifier says so.
    """
    refused = trusted = 0
    for graph, plan in plans() + searched_plans():
        rng, values = random.Random(graph.name), json.loads(plan.to_json())
        for _ in range(40):
            changed = values
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                key = rng.choice(("certificate", "certificate", *values))
                changed = {**changed, key: mutations(changed[key], rng)}
            try:
                lie = Plan.from_json(json.dumps(changed))
                findings = examine(lie, graph)
            except (PlanError, VerificationError):
                refused += 1
                continue
            trusted += not findings.proof.is_checked
            if findings.proof.is_checked:
                assert is_true(graph, lie), (graph.name, changed)
            oracle, cut = oracle_of(graph, lie), lie.certificate.get("cut")
            if cut is not None:
                names = [op.name for op in graph.ops]
                least = least_step_peak(oracle, names.index(cut["op"]))
                assert least == cut["bound_bytes"], (graph.name, changed)
    assert refused > 8000
    assert 0 < trusted < 100


def test_wrong_baselines() -> None:
    for graph, plan in plans():
        for name, peak in plan.baselines.items():
            for wrong in (peak - 1, peak + 1, 0):
                lie = {"baselines": {**plan.baselines, name: wrong}}
                if name == "file_order":
                    assert is_refused(graph, plan, lie) == (wrong != peak), graph.name


def test_wrong_memory_rules() -> None:
    """Refused wherever they make a statement false."""
    refused = 0
    for graph, plan in plans():
        rng = random.Random(graph.name)
        others = {
            "alignment": rng.choice([a for a in (1, 2, 8, 16) if a != plan.options["alignment"]]),
            "in_place": not plan.options["in_place"],
            "views": not plan.options["views"],
        }
        for key, value in others.items():
            lie = replace(plan, options={**plan.options, key: value})
            if not is_true(graph, lie):
                assert is_refused(graph, lie, {}), (graph.name, key)
                refused += 1
        for wrong in (0, -1, 1.5, "4", None, True):
            assert is_refused(graph, plan, {"options": {**plan.options, "alignment": wrong}})
    assert refused > 100


def test_another_network() -> None:
    """A plan holds for the network it was made for."""
    for graph, plan in plans():
        v = random.Random(graph.name).randrange(len(graph.ops))
        ops = list(graph.ops)
        ops[v] = replace(ops[v], workspace=ops[v].workspace + plan.peak_bytes + 1)
        assert is_refused(replace(graph, ops=tuple(ops)), plan, {}), graph.name


def lies(plan: Plan) -> dict[str, Changes]:
    """False statements that carry no proof."""
    proof = plan.certificate
    cut = proof["cut"]
    return {
        "baseline": {"baselines": {**plan.baselines, "kahn": plan.peak_bytes - 1}},
        "baseline of no type": {"baselines": {**plan.baselines, "kahn": None}},
        "unknown ops in the cut": {"certificate": {**proof, "cut": {**cut, "before": ["nobody"]}}},
        "too late a cut": {"certificate": {**proof, "cut": {**cut, "before": list(plan.order)}}},
        "no state in the cut": {"certificate": {**proof, "cut": {**cut, "before": None}}},
        "cut storages": {"certificate": {**proof, "cut": {**cut, "live": ["nothing"]}}},
        "cut of no type": {"certificate": {**proof, "cut": "trust me"}},
        "ends": {"certificate": {**proof, "ends": {"start": -1, "end": -1}}},
        "states": {"certificate": {**proof, "states": -1}},
        "search": {"certificate": {**proof, "search": {"refuted_bytes": 0}}},
        "formulation": {"certificate": {**proof, "formulation": {"method": "oracle"}}},
        "no flow": {"certificate": {**proof, "cut": {**cut, "flow": None}}},
        "flow of nothing": {"certificate": {**proof, "cut": {**cut, "flow": []}}},
        "flow without arcs": {
            "certificate": {
                **proof,
                "cut": {**cut, "flow": [{**case, "arcs": []} for case in cut["flow"]]},
            },
        },
        "limit": {"limit": "patience"},
        "seconds": {"seconds": -1.0},
        "flag of no type": {"options": {**plan.options, "in_place": "no"}},
        "curve": {"curve": ((0.0, 0, 0),)},
        "negative budget": {"budget_bytes": -1, "fits": False},
        "curve that gets worse": {"curve": ((0.0, plan.peak_bytes - 1, 0), *plan.curve)},
        "arena": {"arena_bytes": 0, "offsets": {}},
        "traffic": {"traffic_bytes": 0, "compulsory_bytes": 0, "steps": ()},
        "tcm": {"tcm_bytes": 1},
    }


@cache
def plans_with_cuts() -> list[tuple[Graph, Plan]]:
    return [(g, p) for g, p in plans() if p.certificate["kind"] == "cut"][:20]


@pytest.mark.parametrize("name", list(lies(plans_with_cuts()[0][1])))
def test_lies_beside_the_proof(name: str) -> None:
    for graph, plan in plans_with_cuts():
        assert is_refused(graph, plan, lies(plan)[name]), graph.name

"""What proves the lower bound of a plan.

``certificate["kind"]`` names the evidence:

* ``"ends"``: what is live before the first op, or after the last, needs that much;
* ``"cut"``: what must be live while one op runs (:mod:`solver.verify.cut`);
* ``"search"``: an exhaustive search of a window. Where it left a closed set of states, that is the
  proof (:mod:`solver.verify.closed`); else its claim is taken on trust;
* ``"formulation"``: a solver of mathematical programs, ``"method"``, says so; likewise.

A weaker cut beside a search or formulation is checked all the same.

The bound of a plan of least traffic is what has to move in any case (``"compulsory"``), what is
absent while the ops of a chain run (``"landmarks"``, :mod:`solver.verify.landmarks`), or a claim
taken on trust: ``"search"``, ``"sketch"`` (a search of a relaxation), ``"peak"`` (the least peak is
above the TCM), ``"formulation"``, or ``"pinning"`` (all ways to share the TCM with weights), which
may rest on a formulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from solver.verify.closed import check_closed
from solver.verify.cut import check_cut
from solver.verify.errors import require, require_count
from solver.verify.landmarks import check_landmarks
from solver.verify.window import check_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solver.plan import Plan
    from solver.verify.storages import Memory
    from solver.verify.window import Window

_KINDS = ("ends", "cut", "search", "formulation")
_TRAFFIC_KINDS = (
    "compulsory", "footprint", "external", "live", "peak", "landmarks", "sketch", "search",
    "formulation", "pinning",
)  # fmt: skip
_REFUSALS = {
    "footprint": "an op that is larger than the TCM",
    "external": "inputs or outputs that are larger than what the budget leaves",
    "live": "the least peak of all that is live",
    "search": "the search of the solver",
}
_BEYOND_BUDGET = ("external", "live", "search")


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves the bound, in words, and whether it was checked or taken on trust."""

    words: str
    is_checked: bool = True


def check_certificate(plan: Plan, memory: Memory) -> Proof:
    """Check the evidence for the plan's lower bound.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    certificate, bound = plan.certificate, plan.lower_bound_bytes
    stated = certificate.get("bound_bytes")
    require(
        type(stated) is int and stated == bound,
        f"the certificate is for {stated!r} bytes, the bound is {bound}",
    )
    kind = certificate.get("kind")
    require(kind in _KINDS, f"unknown kind of certificate {kind!r}")
    require_count(certificate.get("states"), "states")
    storages = memory.storages.values()
    ends = {
        "start": sum(s.size for s in storages if s.is_input),
        "end": sum(s.size for s in storages if s.is_output),
    }
    stated_ends = certificate.get("ends")
    require(
        stated_ends == ends and all(type(size) is int for size in stated_ends.values()),
        f"the ends need {ends} bytes",
    )
    weaker = max(ends.values())
    proof = Proof("what is live before the first op, or after the last")
    require(
        kind != "ends" or weaker == bound,
        f"the ends need {weaker} bytes, the certificate says {bound}",
    )
    cut = certificate.get("cut")
    if cut is not None:
        arcs = check_cut(cut, memory)
        weaker = max(weaker, cut["bound_bytes"])
        if kind == "cut":
            proof = Proof(f"a flow of {arcs} arcs around op {cut['op']!r}")
    require(
        kind != "cut" or (cut is not None and cut["bound_bytes"] == bound),
        "the cut's bound is not the certificate's bound",
    )
    for name, check in (("search", _check_search), ("formulation", _check_formulation)):
        claim = certificate.get(name)
        require((kind == name) == (claim is not None), f"a {name} that proves nothing")
        if claim is not None:
            require(isinstance(claim, dict), f"the {name} is {claim!r}")
            proof = check(claim, bound, memory)
            require(weaker < bound, f"a {name} for a bound of {bound} bytes that needs none")
    return proof


def check_traffic_certificate(plan: Plan, memory: Memory) -> Proof:
    """Check what a plan of least traffic says of its bound; that it is the plan's has been checked.

    Raises
    ------
    VerificationError
        Naming the first statement that does not hold.
    """
    certificate = plan.certificate
    kind, claim = certificate.get("kind"), certificate.get("formulation")
    require(kind in _TRAFFIC_KINDS, f"unknown kind of certificate {kind!r}")
    require_count(certificate.get("states"), "states")
    require(claim is None or isinstance(claim, dict), f"the formulation is {claim!r}")
    if claim is None:
        require(kind != "formulation", "a formulation that is not named")
        words = f"the {kind} of the solver"
    else:
        require(kind in ("formulation", "pinning"), "a formulation that proves nothing")
        words = f"the {_method(claim, plan.lower_bound_bytes)} formulation"
    infeasible = plan.status == "infeasible"
    refusals = ("footprint",) if plan.budget_bytes is None else ("footprint", *_BEYOND_BUDGET)
    is_refused = kind in refusals if infeasible else kind not in ("footprint", "external", "live")
    require(is_refused, f"a plan that is {plan.status.value}, by {kind}")
    if infeasible:
        return Proof(_REFUSALS[str(kind)], is_checked=kind in ("footprint", "external"))
    if plan.status == "unknown":
        return Proof(words, is_checked=False)
    if plan.lower_bound_bytes == plan.compulsory_bytes:
        return Proof("what has to move in any case")
    if kind == "landmarks":
        return Proof(f"what is absent while {check_landmarks(plan, memory)} ops of a chain run")
    require(kind != "compulsory", f"{plan.compulsory_bytes} bytes are compulsory, the bound is not")
    return Proof(words, is_checked=False)


def _check_search(search: Mapping[str, Any], bound: int, memory: Memory) -> Proof:
    require(
        type(search.get("refuted_bytes")) is int and search["refuted_bytes"] == bound - 1,
        "the search did not refute the byte below the bound",
    )
    direction = search.get("direction")
    require(direction in ("forward", "backward"), f"unknown direction {direction!r}")
    require_count(search.get("states"), "states of the search")
    window = check_window(search.get("window"), memory)
    claim = f"a {direction} search of {search['states']} states"
    return _check_closed(search, claim, bound, memory, window)


def _method(formulation: Mapping[str, Any], bound: int) -> str:
    """Name the method of a formulation for ``bound`` bytes."""
    method = formulation.get("method")
    require(isinstance(method, str) and bool(method), f"the formulation's method is {method!r}")
    stated = formulation.get("bound_bytes")
    require(
        type(stated) is int and stated == bound,
        f"the formulation is for {stated!r} bytes, the bound is {bound}",
    )
    return str(method)


def _check_formulation(formulation: Mapping[str, Any], bound: int, memory: Memory) -> Proof:
    method = _method(formulation, bound)
    window = check_window(formulation.get("window"), memory)
    return _check_closed(formulation, f"the {method} formulation", bound, memory, window)


def _check_closed(
    evidence: Mapping[str, Any], claim: str, bound: int, memory: Memory, window: Window
) -> Proof:
    """Check the closed set, if there is one; else the claim has to do."""
    closed = evidence.get("closed")
    if closed is None:
        return Proof(claim, is_checked=False)
    count = check_closed(closed, memory, window, bound - 1)
    states = "1 state" if count == 1 else f"{count} states"
    ops = "1 op" if len(window.ops) == 1 else f"{len(window.ops)} ops"
    return Proof(f"a closed set of {states} ({closed['direction']}, {ops})")

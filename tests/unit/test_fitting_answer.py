"""Verdicts: what fits was placed, what does not exceeds all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models import GraphBuilder, InvalidModelError, zoo
from solver import verify
from solver.arena.blocks import blocks_of
from solver.arena.greedy import arena_bytes, greedy_offsets
from solver.devices import Bank, BankKind, Device, catalogue, find, parse_spec
from solver.fitting import Verdict, assess, judge, room_of
from solver.fitting.answer import bottleneck_op
from solver.fitting.levers import levers, smallest_device
from solver.fitting.question import Question, answer
from solver.fitting.rank import overall, rank, table, to_csv
from solver.limits import Limits
from solver.memory import make_problem
from solver.runtimes import RUNTIMES
from tests.property.graphs import cases, chain, diamond

if TYPE_CHECKING:
    from models import Graph

GENERIC = RUNTIMES["generic"]


def spec(text: str, **options: object) -> Question:
    return Question(parse_spec(text), exact=True, **options)  # type: ignore[arg-type]


def two_arms() -> Graph:
    """One arm after the other needs 1110 bytes, side by side 2100."""
    builder = GraphBuilder("arms")
    builder.buffer("x", 100, is_input=True)
    for name, size in (("a1", 1000), ("b1", 1000), ("a2", 10), ("b2", 10), ("y", 10)):
        builder.buffer(name, size)
    builder.weight("w", 500)
    builder.op("heavy_a", ["x"], ["a1"])
    builder.op("heavy_b", ["x"], ["b1"])
    builder.op("light_a", ["a1"], ["a2"])
    builder.op("light_b", ["b1"], ["b2"])
    builder.op("join", ["a2", "b2"], ["y"])
    return builder.build()


def floats(count: int = 1000) -> Graph:
    builder = GraphBuilder("floats")
    for name in ("x", "t", "y"):
        builder.buffer(name, 4 * count, is_input=name == "x", dtype="float32", shape=(count,))
    builder.weight("w", 4000, dtype="float32")
    builder.op("one", ["x"], ["t"], in_place=[("x", "t")])
    builder.op("two", ["t"], ["y"], in_place=[("t", "y")])
    return builder.build()


def test_the_ways_are_told_apart() -> None:
    need = assess(two_arms(), GENERIC)
    assert (need.ways[0].name, need.ways[0].arena) == ("as it is", 2100)
    assert (need.arena, need.bound, need.is_least) == (1110, 1110, True)
    wide = judge(need, room_of(parse_spec("sram=2100"), exact=True))
    narrow = judge(need, room_of(parse_spec("sram=2099"), exact=True))
    assert (wide.verdict, wide.way, wide.left) == (Verdict.FITS, "as it is", 990)
    assert narrow.verdict is Verdict.FITS
    assert narrow.way != "as it is"


def test_one_byte_decides() -> None:
    need = assess(two_arms(), GENERIC)
    fits = judge(need, room_of(parse_spec("sram=1110"), exact=True))
    fails = judge(need, room_of(parse_spec("sram=1109"), exact=True))
    assert (fits.verdict, fits.left, fits.missing) == (Verdict.FITS, 0, 0)
    assert (fails.verdict, fails.left, fails.missing) == (Verdict.NO, -1, 1)
    assert fails.verdict.fits is False
    assert bottleneck_op(need) in ("light_a", "light_b")


def test_no_is_said_of_all_memory_of_the_chip_only() -> None:
    banks = (Bank("a", 1000, BankKind.SRAM, base=0), Bank("b", 200, BankKind.CODE))
    device = Device("chip", "v", "t", banks, ram=1200)
    need = assess(two_arms(), GENERIC)
    found = judge(need, room_of(device))
    assert (found.verdict, found.exceeds_one_arena, found.missing) == (
        Verdict.UNDECIDED, True, 110,
    )  # fmt: skip
    smaller = Device("chip", "v", "t", banks[:1], ram=1109)
    assert judge(need, room_of(smaller)).verdict is Verdict.NO
    assert judge(need, room_of(smaller)).missing == 1


def test_a_gap_is_undecided() -> None:
    graph = zoo.graph("nasnet_a_cell")
    need = assess(graph, GENERIC, Limits(nodes=1))
    assert need.bound < need.plan.peak_bytes, "the search proved it with one node"
    device = parse_spec(f"sram={need.arena - 1}")
    assert judge(need, room_of(device, exact=True)).verdict is Verdict.UNDECIDED


def test_weights_against_flash() -> None:
    for text, activations, weights, verdict in (
        ("sram=2KB", Verdict.FITS, None, Verdict.FITS),
        ("sram=2KB,flash=500", Verdict.FITS, Verdict.FITS, Verdict.FITS),
        ("sram=2KB,flash=499", Verdict.FITS, Verdict.NO, Verdict.NO),
        ("sram=1KB,flash=500", Verdict.NO, Verdict.FITS, Verdict.NO),
    ):
        found = answer(two_arms(), spec(text))
        assert (found.activations, found.weights, found.verdict) == (activations, weights, verdict)


def test_external_memory_is_not_filled_twice() -> None:
    # The activations may go there; whether the weights can too is another matter.
    found = answer(two_arms(), spec("sram=1,external=1200,flash=400", external=True))
    assert (found.activations, found.weights) == (Verdict.FITS, Verdict.UNDECIDED)
    assert found.verdict is Verdict.UNDECIDED
    beyond = answer(two_arms(), spec("sram=1,external=1200,flash=1", external=True))
    assert beyond.weights is Verdict.UNDECIDED
    tiny = answer(two_arms(), spec("sram=1111,external=99,flash=400", external=True))
    assert tiny.weights is Verdict.NO


def test_reserve_counts() -> None:
    assert answer(two_arms(), spec("sram=1210", reserve=100)).verdict is Verdict.FITS
    assert answer(two_arms(), spec("sram=1210", reserve=101)).verdict is Verdict.NO
    empty = GraphBuilder("empty")
    empty.buffer("x", 0, is_input=True)
    assert answer(empty.build(), spec("sram=10", reserve=10)).verdict is Verdict.FITS
    assert answer(empty.build(), spec("sram=10", reserve=11)).verdict is not Verdict.FITS


@pytest.mark.parametrize("runtime", list(RUNTIMES))
def test_figures_hold_against_independent_checks(runtime: str) -> None:
    profile = RUNTIMES[runtime]
    for graph, _ in cases(40, seed=29):
        need = assess(graph, profile, in_place=True)
        verify.check(need.plan, graph)
        assert need.plan.options["alignment"] == profile.alignment
        assert need.arena >= need.bound
        aligned = {b.name: need.rules.aligned(b.size) for b in graph.buffers if b.size}
        assert need.offsets.keys() == aligned.keys()
        ends = [offset + aligned[name] for name, offset in need.offsets.items()]
        workspace = max((op.workspace for op in graph.ops), default=0)
        assert max(ends, default=0) <= need.arena
        assert need.arena <= max(ends, default=0) + need.rules.aligned(workspace)


def test_runtimes_that_plan_offsets_themselves_get_no_credit_for_ours() -> None:
    graph = zoo.graph("randwire_cell").with_precision("int8")
    litert = assess(graph, RUNTIMES["litert"])
    assert [way.name for way in litert.ways] == ["as it is", "order"]
    tflm = assess(graph, RUNTIMES["tflm"])
    assert tflm.arena == tflm.bound < litert.arena


def test_greedy_figures_are_those_of_the_planner() -> None:
    graph = diamond()
    need = assess(graph, RUNTIMES["tflm"])
    blocks = blocks_of(make_problem(graph, need.rules), range(len(graph.ops)))
    assert need.ways[0].arena == arena_bytes(blocks, greedy_offsets(blocks, 16), 16)


def test_several_banks() -> None:
    graph = chain((300, 400, 8))
    assert answer(graph, spec("sram=400,tcm=300")).verdict is Verdict.UNDECIDED
    found = answer(graph, spec("sram=400,tcm=300", banks=True))
    assert (found.verdict, found.way, found.left) == (Verdict.FITS, "several banks", 0)
    assert found.spread is not None
    assert found.spread.placement is not None
    assert found.spread.placement.used() == (400, 300)
    refuted = answer(graph, spec("sram=399,tcm=399", banks=True))
    assert refuted.verdict is Verdict.NO
    assert refuted.spread is not None
    assert "buffer 'b1' of 400 bytes exceeds the largest bank of 399" in refuted.spread.refutation


def test_banks_of_a_chip_are_never_a_proven_no() -> None:
    banks = (Bank("a", 399, BankKind.SRAM), Bank("b", 399, BankKind.SRAM))
    device = Device("chip", "v", "t", banks, ram=798)
    found = answer(chain((300, 400, 8)), Question(device, banks=True))
    assert found.verdict is Verdict.UNDECIDED
    assert found.spread is not None
    assert found.spread.refutation


def test_pins() -> None:
    graph = chain((300, 200, 8))
    free = answer(graph, spec("sram=500,tcm=300", banks=True))
    assert free.way == "as it is"
    pinned = answer(graph, spec("sram=500,tcm=300", banks=True, pins=(("b1", "tcm"),)))
    assert pinned.way == "several banks"
    assert pinned.spread is not None
    assert pinned.spread.placement is not None
    assert pinned.spread.placement.by_storage()[1] == ("tcm", 0)
    wrong = answer(graph, spec("sram=500,tcm=100", banks=True, pins=(("b1", "tcm"),)))
    assert wrong.verdict is Verdict.NO
    with pytest.raises(InvalidModelError, match="the network has no activation 'b9'"):
        answer(graph, spec("sram=500,tcm=300", banks=True, pins=(("b9", "tcm"),)))
    with pytest.raises(InvalidModelError, match="has no bank 'x' for activations, only sram, tcm"):
        answer(graph, spec("sram=500,tcm=300", banks=True, pins=(("b1", "x"),)))


def test_a_pinned_bank_leaves_its_run() -> None:
    banks = (Bank("a", 300, BankKind.SRAM, base=0), Bank("b", 300, BankKind.SRAM, base=300))
    device = Device("chip", "v", "t", banks, ram=600)
    found = answer(
        chain((300, 200, 8)), Question(device, banks=True, pins=(("b0", "b"), ("b1", "a")))
    )
    assert found.spread is not None
    assert found.spread.placement is not None
    assert {name for name, _ in found.spread.placement.by_storage().values()} == {"a", "b"}


def test_hurry_never_changes_a_verdict() -> None:
    decided = 0
    for graph, _ in cases(150, seed=31, least_ops=4):
        need = assess(graph, GENERIC)
        for size in {need.bound - 1, need.bound, need.arena, need.bound // 2}:
            if size > 0:
                question = spec(f"sram={size}")
                patient, hasty = answer(graph, question), answer(graph, question, hurry=True)
                assert patient.verdict is hasty.verdict
                assert hasty.need.bound <= need.bound
                assert hasty.need.arena >= need.arena
                verify.check(hasty.need.plan, graph)
                decided += hasty.need.bound < need.bound or hasty.need.arena > need.arena
    assert decided > 10


def test_hurry_stops_as_soon_as_the_verdict_is_certain() -> None:
    graph = zoo.graph("randwire_cell", nodes=200, channels=8, image=4)
    limits = Limits(nodes=100_000)
    no = answer(graph, spec("sram=10KB", limits=limits), hurry=True)
    assert (no.verdict, no.need.plan.limit) == (Verdict.NO, None)
    yes = answer(graph, spec("sram=1MB", limits=limits), hurry=True)
    assert (yes.verdict, yes.need.plan.limit) == (Verdict.FITS, None)
    for found in (no, yes):
        assert found.need.plan.certificate["states"] == 0


def test_levers_name_what_helps_and_nothing_else() -> None:
    question = spec("sram=4000,flash=4000")
    assert answer(floats(), question).verdict is Verdict.NO
    found = {lever.options: lever.helps for lever in levers(floats(), question)}
    assert found == {("--in-place",): True, ("--as int8",): True}
    small = {lever.options: lever.helps for lever in levers(floats(), spec("sram=1000"))}
    assert small == {
        ("--in-place",): False,
        ("--as int8",): False,
        ("--in-place", "--as int8"): True,
    }
    none = levers(floats(), spec("sram=999"))
    assert len(none) == 3
    assert not any(lever.helps for lever in none)


def test_levers_that_are_pulled_already_are_not_offered() -> None:
    question = spec("sram=10", in_place=True, precision="int8", banks=True)
    assert levers(floats(), question) == ()
    litert = spec("sram=10", runtime="litert", precision="int8")
    assert levers(floats(), litert) == ()


def test_banks_are_a_lever() -> None:
    (lever,) = levers(chain((300, 400, 8)), spec("sram=400,tcm=300"))
    assert (lever.options, lever.helps) == (("--banks",), True)


def test_the_smallest_device_fits_and_no_smaller_one_does() -> None:
    need = assess(zoo.graph("swiftnet").with_precision("int8"), GENERIC)
    question = Question(find("pico"))
    smallest = smallest_device(need, question)
    assert smallest is not None
    assert smallest.arena_with_tcm >= need.arena
    assert (smallest.flash or 0) >= need.weights
    for device in catalogue():
        if device.arena_with_tcm < smallest.arena_with_tcm:
            fits = device.arena_with_tcm >= need.arena and (device.flash or 0) >= need.weights
            assert not fits, device.name
    assert smallest_device(need, question, ()) is None


def test_ranking() -> None:
    need = assess(zoo.graph("swiftnet").with_precision("int8"), GENERIC)
    answers = rank(need, catalogue())
    assert len(answers) == len(catalogue())
    verdicts = [found.verdict for found in answers]
    assert verdicts == sorted(verdicts, key=[Verdict.FITS, Verdict.UNDECIDED, Verdict.NO].index)
    sizes = [f.room.arena.size for f in answers if f.verdict is Verdict.FITS]
    assert sizes == sorted(sizes)
    assert overall(answers) is Verdict.FITS
    assert overall([f for f in answers if f.verdict is not Verdict.FITS]) is Verdict.UNDECIDED
    assert overall([f for f in answers if f.verdict is Verdict.NO]) is Verdict.NO
    assert len(to_csv(answers).splitlines()) == len(table(answers)) == len(answers) + 1


def test_fingerprints_tell_questions_apart() -> None:
    base = spec("sram=400")
    others = [
        spec("sram=401"), spec("sram=400", runtime="tflm"), spec("sram=400", reserve=1),
        spec("sram=400", in_place=True), spec("sram=400", precision="int8"),
        spec("sram=400", external=True), spec("sram=400", limits=Limits(1.0)),
    ]  # fmt: skip
    prints = {base.fingerprint, *(other.fingerprint for other in others)}
    assert len(prints) == len(others) + 1
    assert spec("sram=400", workers=2).fingerprint == base.fingerprint

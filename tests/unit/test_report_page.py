"""The HTML page: what it says, what it draws, and that it stays self-contained."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from models import Graph, GraphBuilder, zoo
from solver import Limits, MemoryRules, Plan, minimize_peak
from solver.arena.minimize import lay_out
from solver.report.page import (
    PageError,
    ReportInput,
    check_page,
    render,
    render_page,
    with_layout,
)
from solver.report.page.arena import HEIGHT as ARENA_HEIGHT
from solver.report.page.arena import arena_map
from solver.report.page.content import derive
from solver.report.page.lanes import lane_drawing
from solver.report.page.memory import HEIGHT, memory_chart
from solver.report.page.names import clean, shown, size_ticks, step_ticks
from solver.report.page.tensors import assign, tensors_of
from tests.cli.networks import BRANCH_SIZES, BRANCHES
from tests.property.graphs import ALL_RULES, diamond, random_graph

if TYPE_CHECKING:
    from collections.abc import Callable

_VOID = {"meta", "link", "input"}
_HOSTILE = (
    "<script>alert(1)</script>",
    "a\"b'c&d</title></svg>",
    "\u202eright to left\u2066",
    "שלום עולם",
    "line\nbreak\x00\x07",
    "lone\udcff",
    "long" * 5000,
    "{{ 7 * 7 }}",
)


class Page(HTMLParser):
    """A page taken apart; refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.figures: dict[str, int] = {}
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        found = {name: value or "" for name, value in attrs}
        if "data-figure" in found:
            self.figures[found["data-figure"]] = int(found["data-bytes"])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.text += data


def drawings(text: str) -> list[ET.Element]:
    """Every SVG of a page, parsed as XML."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def report(
    graph: Graph, budget: int | None = None, rules: MemoryRules | None = None
) -> ReportInput:
    plan = minimize_peak(graph, budget, rules=rules)
    return with_layout(ReportInput(plan, graph, "a network", "python -m solver.schedule x"))


@pytest.fixture(scope="module")
def swiftnet() -> ReportInput:
    return report(zoo.graph("swiftnet").with_precision("int8"), 512 * 1024)


@pytest.fixture(scope="module")
def nasnet() -> ReportInput:
    return report(zoo.graph("nasnet_a").with_precision("int8"), 400 * 1024)


def test_figures_are_those_of_the_plan(swiftnet: ReportInput) -> None:
    text = render_page(swiftnet)
    plan = swiftnet.plan
    assert Page(text).figures == {
        "Peak": plan.peak_bytes,
        "Lower bound": plan.lower_bound_bytes,
        "File order": plan.baselines["file_order"],
        "Saved": plan.baselines["file_order"] - plan.peak_bytes,
        "Arena": 301056,
        "Budget": 512 * 1024,
    }
    page = Page(text).text
    for statement in (
        "Needs 294 KB of 512 KB (proven optimal).",
        "while op 'split' runs, 'input' (147 KB) and 'split' (147 KB) must be live",
        "python -m solver.schedule x",
        "218 KB left",
        "reverse post-order",
        "step 1: split",
        "no layout of it is lower",
    ):
        assert statement in page


def test_a_large_network_stays_small_and_whole(nasnet: ReportInput) -> None:
    text = render_page(nasnet)
    assert len(text.encode()) < 1_000_000
    memory, arena, graph = drawings(text)
    assert len(graph.findall("{*}circle")) == len(nasnet.graph.ops) == 879
    placed = sum(bool(size) for _, size, *_ in nasnet.blocks)
    assert len(arena.findall("{*}rect")) == placed == 880
    assert [path.get("class") for path in memory.findall("{*}path")] == ["area", "file"]
    page = Page(text)
    assert page.text.count("cell7.fit.conv_2") >= 3
    assert page.text.lstrip().startswith("Does not fit: a network")


def test_nothing_outside_the_page_is_referred_to(nasnet: ReportInput) -> None:
    text = render_page(nasnet)
    page = Page(text)
    assert not re.search(r"\w+://|@import|url\(", text)
    assert [a for a in page.attributes if a[1] in ("src", "href", "action", "xlink:href")] == [
        ("link", "href", "data:,")
    ]
    assert any("default-src 'none'" in value for _, _, value in page.attributes)


def branches() -> Graph:
    """1110 bytes at best; a cut reaches 1100 only, so that a search has to prove it."""
    builder = GraphBuilder("branches")
    for name, size in BRANCH_SIZES.items():
        builder.buffer(name, size, is_input=name == "x")
    for op, reads, writes in BRANCHES:
        builder.op(op, reads, writes)
    return builder.build()


@pytest.mark.parametrize(
    ("budget", "limits", "badge"),
    [
        (None, None, "Optimal"),
        (None, Limits(nodes=1), "Not proven"),
        (1110, None, "Fits"),
        (1110, Limits(nodes=1), "Fits"),
        (1109, None, "Does not fit"),
        (1109, Limits(nodes=1), "Undecided"),
        (1099, Limits(nodes=1), "Does not fit"),
    ],
)
def test_the_badge(budget: int | None, limits: Limits | None, badge: str) -> None:
    graph = branches()
    page = with_layout(ReportInput(minimize_peak(graph, budget, limits), graph, "t", "c"))
    found = Page(render_page(page))
    assert found.text.lstrip().startswith(f"{badge}: t")
    assert found.figures["Peak"] == 1110
    assert found.figures["Lower bound"] == (1110 if limits is None else 1100)
    assert ("gap 0.9 %" in found.text) == ("best order found" in found.text) == bool(limits)


def test_a_verdict_from_elsewhere_replaces_the_plan_s() -> None:
    page = dataclasses.replace(
        report(diamond(), 100), verdict=("Needs two banks.",), answer="undecided", device="A chip"
    )
    text = Page(render_page(page)).text
    assert "Needs two banks." in text
    assert "A chip" in text
    assert text.lstrip().startswith("Undecided")
    assert "Needs 15 bytes of 100" not in text


def test_an_arena_above_the_budget_is_no_secret() -> None:
    page = dataclasses.replace(report(diamond(), 16), arena_bytes=20)
    text = Page(render_page(page)).text
    assert "the arena shown below needs 20 bytes: 4 bytes too much" in text
    assert "too much" not in Page(render_page(report(diamond(), 16))).text


@pytest.mark.parametrize("hostile", _HOSTILE)
def test_whatever_names_hold_stays_text(hostile: str) -> None:
    builder = GraphBuilder("g")
    builder.buffer(f"x{hostile}", 10, is_input=True)
    builder.buffer(f"t{hostile}", 20)
    builder.buffer(f"y{hostile}", 5)
    builder.op(f"first{hostile}", [f"x{hostile}"], [f"t{hostile}"], kind=hostile, workspace=3)
    builder.op(f"second{hostile}", [f"t{hostile}"], [f"y{hostile}"], kind=hostile)
    graph = builder.build(warnings=[hostile])
    plan = minimize_peak(graph, options={"as": hostile, "dims": {hostile: 1}})
    page = with_layout(
        ReportInput(
            plan, graph, hostile, hostile, precision=hostile, verdict=(hostile,), device=hostile
        )
    )
    text = render_page(page)
    found = Page(text)
    harmless = render_page(
        with_layout(ReportInput(*_plain(), precision="p", verdict=("v",), device="d"))
    )
    assert tags(text) == tags(harmless)
    assert len(drawings(text)) == 3
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not set("\u202e\u2066\udcff\x00") & set(text)
    data = json.loads(found.scripts[0])
    assert data["ops"][0] == [shown(f"first{hostile}"), shown(hostile)]
    assert data["live"][0] == [shown(f"x{hostile}"), 10, 0, 1]
    assert f"Warning: {clean(hostile)}" in found.text
    assert len(text.encode()) < 400_000
    text.encode("utf-8")


def _plain() -> tuple[Plan, Graph, str, str]:
    """The network of the test above with harmless names."""
    builder = GraphBuilder("g")
    builder.buffer("x", 10, is_input=True)
    builder.buffer("t", 20)
    builder.buffer("y", 5)
    builder.op("first", ["x"], ["t"], kind="k", workspace=3)
    builder.op("second", ["t"], ["y"], kind="k")
    graph = builder.build(warnings=["w"])
    plan = minimize_peak(graph, options={"as": "int8", "dims": {"n": 1}})
    return plan, graph, "title", "command"


def tags(text: str) -> list[str]:
    """Elements of a page in order, but for words of the command."""
    found = re.findall(r"<(/?[a-z]+[^>]*)>", text)
    return [tag.split()[0] for tag in found if "word" not in tag and tag != "/span"]


def test_the_memory_chart_is_the_replay(swiftnet: ReportInput) -> None:
    content = derive(swiftnet)
    chart = memory_chart(content, None, swiftnet.plan.lower_bound_bytes)
    assert content.file_profile is not None
    assert chart.bound is None
    top = content.file_profile.peak * 1.05
    for path, sizes in (
        (chart.area, content.profile.step_peaks),
        (chart.file_line, content.file_profile.step_peaks),
    ):
        assert heights(path, len(sizes)) == pytest.approx(
            [size / top * HEIGHT for size in sizes], abs=1
        )
    assert chart.bottleneck == pytest.approx(100 * 0.5 / 85, abs=0.01)


def heights(path: str, steps: int) -> list[int]:
    """Height of a staircase over each step."""
    found: list[int] = []
    for level, end in re.findall(r"V(\d+)H(\d+)", path):
        found += [HEIGHT - int(level)] * (int(end) - len(found))
    assert len(found) == steps
    return found


def test_a_budget_is_drawn_where_it_is_near() -> None:
    content = derive(report(diamond()))  # optimum 15, file order 19
    near = memory_chart(content, 25, 13)
    assert near.budget == pytest.approx(100 * 25 / 27, abs=0.1)
    assert near.bound == pytest.approx(100 * 13 / 27, abs=0.1)
    assert memory_chart(content, 1000, 15).budget is None


def test_the_arena_map_is_the_layout(swiftnet: ReportInput) -> None:
    drawn = arena_map(swiftnet, derive(swiftnet))
    assert drawn is not None
    assert swiftnet.arena == 301056
    assert drawn.budget is None
    top = int(301056 * 1.02) + 1
    expected = sorted((b, e - b, o, s) for _, s, b, e, o in swiftnet.blocks if s)
    found = sorted(
        (r.x, r.width, (ARENA_HEIGHT - r.y - r.height) * top / ARENA_HEIGHT,
         r.height * top / ARENA_HEIGHT)
        for r in drawn.rectangles
    )  # fmt: skip
    assert [f[:2] for f in found] == [e[:2] for e in expected]
    step = 2 * top / ARENA_HEIGHT
    assert sorted(f[3] for f in found) == pytest.approx(sorted(e[3] for e in expected), abs=step)
    hot = {
        r.tooltip.splitlines()[0]: r.tooltip.splitlines()[1:] for r in drawn.rectangles if r.is_hot
    }
    assert hot.keys() == {"input (input)", "split"}
    assert {line for line, _ in hot.values()} == {"147 KB at offset 0", "147 KB at offset 150528"}
    assert hot["input (input)"][1] == "step 1"


def test_a_plan_s_own_layout_is_shown() -> None:
    graph = zoo.graph("swiftnet")
    plan = lay_out(minimize_peak(graph, rules=MemoryRules(alignment=16)), graph)
    page = with_layout(ReportInput(plan, graph, "t", "c"))
    assert page.arena == plan.arena_bytes
    assert page.alignment == 16
    assert {(name, offset) for name, *_, offset in page.blocks} == set((plan.offsets or {}).items())
    assert "The layout of the plan." in Page(render_page(page)).text


@pytest.mark.parametrize("seed", range(150))
def test_lanes_of_random_graphs(seed: int) -> None:
    """No two tensors share a lane while both live; an op sits in a lane of its own tensors."""
    draw = random.Random(seed)
    graph = random_graph(draw, draw.randint(0, 14))
    page = report(graph, rules=draw.choice(ALL_RULES))
    content = derive(page)
    assert content.peak == page.plan.peak_bytes
    tensors = tensors_of(content)
    lanes = assign(tensors, len(content.order)) if content.order else []
    for step in range(len(lanes)):
        crossing = [t.lane for t in tensors if t.begin < step < t.last]
        born = [t.lane for t in tensors if t.begin == step]
        assert len({*crossing, *born}) == len(crossing) + len(born)
        reading = {t.lane for t in tensors if step in t.touches}
        assert lanes[step] in reading or not reading
        assert lanes[step] not in crossing or lanes[step] in reading
    drawn = lane_drawing(content, graph)
    assert (drawn is None) == (not graph.ops)
    if drawn is not None:
        assert [n.is_peak for n in drawn.nodes].count(True) == (
            0 if content.bottleneck is None else content.profile.step_peaks.count(content.peak)
        )
    text = render_page(page)
    assert Page(text).figures["Peak"] == page.plan.peak_bytes
    drawings(text)


def test_branches_lead_from_every_tensor_to_every_op_that_reads_it(nasnet: ReportInput) -> None:
    content = derive(nasnet)
    drawn = lane_drawing(content, nasnet.graph)
    assert drawn is not None
    ends = {(node.x, node.y) for node in drawn.nodes}
    for wire in drawn.wires:
        for x, y in re.findall(r",([\d.]+),([\d.]+)(?=M|$)", wire.path):
            assert (float(x), float(y)) in ends
    assert all(0 <= node.x <= drawn.width and 0 <= node.y <= drawn.height for node in drawn.nodes)


def _other_plan(page: ReportInput) -> ReportInput:
    return dataclasses.replace(page, plan=minimize_peak(zoo.graph("swiftnet")))


def _other_peak(page: ReportInput) -> ReportInput:
    return dataclasses.replace(page, plan=dataclasses.replace(
        page.plan, peak_bytes=99, lower_bound_bytes=99))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [(_other_plan, "not one of network"), (_other_peak, "needs 15 bytes, the plan says 99")],
)
def test_a_plan_of_another_network_is_refused(
    change: Callable[[ReportInput], ReportInput], message: str
) -> None:
    page = report(diamond())
    with pytest.raises(ValueError, match=message):
        render_page(change(dataclasses.replace(page, blocks=(), arena_bytes=None)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": (("a", -1, 0, 1, 0),)}, "has -1 bytes"),
        ({"blocks": (("a", 1, 0, 6, 0),)}, "lives from 0 to 6 of 5 steps"),
        ({"blocks": (("a", 1, 2, 2, 0),)}, "lives from 2 to 2"),
        ({"blocks": (("a", 8, 0, 1, 8),), "arena_bytes": 15}, "ends at 16, the arena at 15"),
        ({"alignment": 0}, "alignment must be at least 1 byte"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], message: str) -> None:
    plan = minimize_peak(diamond())
    with pytest.raises(ValueError, match=message):
        ReportInput(plan, diamond(), "t", "c", **change)  # type: ignore[arg-type]
    traffic = dataclasses.replace(plan, problem="traffic", traffic_bytes=plan.peak_bytes)
    with pytest.raises(ValueError, match="not one of 'traffic'"):
        ReportInput(traffic, diamond(), "t", "c")


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "find_spec", lambda _name: None)
    with pytest.raises(PageError, match=r"tightfit\[report\]"):
        check_page()


def test_names() -> None:
    assert shown("cell7.fit.conv_2", 9) == "cell…nv_2"
    assert shown("short") == "short"
    assert clean("a\tb\u202e") == "a\\tb\\u202e"
    assert clean("naïve שלום 層") == "naïve שלום 層"


@pytest.mark.parametrize(
    ("top", "texts"),
    [
        (0, ["0"]),
        (3, ["0", "1 byte", "2 bytes", "3 bytes"]),
        (2047, ["0", "500 bytes", "1000 bytes", "1500 bytes", "2000 bytes"]),
        (300 << 10, ["0", "100 KB", "200 KB", "300 KB"]),
        (3 << 19, ["0", "0.5 MB", "1 MB", "1.5 MB"]),
    ],
)
def test_ticks_of_sizes(top: int, texts: list[str]) -> None:
    ticks = size_ticks(top)
    assert [tick.text for tick in ticks] == texts
    units = {"byte": 1, "bytes": 1, "KB": 1 << 10, "MB": 1 << 20}
    for tick in ticks[1:]:
        number, unit = tick.text.split()
        assert tick.at * top / 100 == pytest.approx(float(number) * units[unit], abs=0.01 * top)


@pytest.mark.parametrize("steps", [1, 2, 7, 10, 11, 85, 879, 10_000])
def test_ticks_of_steps(steps: int) -> None:
    ticks = step_ticks(steps)
    numbers = [int(tick.text) for tick in ticks]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert numbers[-1] <= steps
    assert len(numbers) <= 11
    assert [tick.at for tick in ticks] == pytest.approx(
        [100 * (number - 0.5) / steps for number in numbers], abs=0.001
    )

"""The HTML page on a plan of least traffic, and the plots."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from models import Graph, GraphBuilder, zoo
from solver import Limits, Status, minimize_peak
from solver.report.curve_plot import curve_plot
from solver.report.page import TrafficReport, render_traffic_page
from solver.report.page.arena import HEIGHT as ARENA_HEIGHT
from solver.report.page.names import shown
from solver.report.page.tcm import HEIGHT, moves_chart, use_chart
from solver.report.page.tcm_content import derive_traffic
from solver.report.page.tcm_map import tcm_map
from solver.report.tcm_plot import tcm_plot
from solver.report.tcm_trace import trace
from solver.report.units import short_size
from solver.traffic.plan import plan_traffic
from solver.traffic.sweep import Curve, Point, sweep
from tests.cli.networks import BRANCH_SIZES, BRANCHES
from tests.unit.test_report_page import Page, drawings, tags

_HOSTILE = (
    "<script>alert(1)</script>",
    "a\"b'c&d</title></svg>",
    "\u202eback",
    "l\nb\x00",
    "{{ 7 }}",
)


def branches() -> Graph:
    """230 bytes move at least in a TCM of 1100: 100 in and 10 out, 100 and 2 * 10 for spills."""
    builder = GraphBuilder("branches")
    for name, size in BRANCH_SIZES.items():
        builder.buffer(name, size, is_input=name == "x")
    for op, reads, writes in BRANCHES:
        builder.op(op, reads, writes)
    return builder.build()


def report(graph: Graph, tcm: int, **options: str) -> TrafficReport:
    plan = plan_traffic(graph, tcm, **options)  # type: ignore[arg-type]
    return TrafficReport(plan, graph, "a network", "python -m solver.schedule x --tcm 1")


def test_figures_are_those_of_the_plan() -> None:
    page = Page(render_traffic_page(report(branches(), 1100)))
    assert page.figures == {
        "Traffic": 230, "Lower bound": 230, "Compulsory": 110, "Spilled": 120,
        "File order": 4110, "TCM": 1100,
    }  # fmt: skip
    assert page.text.lstrip().startswith("Optimal: a network")
    for statement in (
        "Moves 230 bytes, 120 bytes of it spills and reloads; no plan moves less (proven).",
        "97.0 % of its spills saved",
        "2 buffers leave the TCM before the last use: 10 bytes are written out, 110 bytes come ",
        "The TCM is full, all of its 1.1 KB (1100 bytes)",
        "python -m solver.schedule x --tcm 1",
        "file order + replacement",
    ):
        assert statement in " ".join(page.text.split())


def test_absences_name_the_ops_around_them() -> None:
    page = report(branches(), 1100)
    text = " ".join(Page(render_traffic_page(page)).text.split())
    for item in trace(page.plan, page.graph).spilled:
        for after, until in item.absences:
            first, last = page.plan.order[after], page.plan.order[until]
            assert f"after {first} (step {after + 1}) until {last} (step {until + 1})" in text


def test_nothing_spilled() -> None:
    page = Page(render_traffic_page(report(branches(), 4096)))
    assert page.figures["Spilled"] == 0
    assert "Nothing: every buffer stays in the TCM from its first use to its last." in page.text
    assert "TCM 4 KB, above this chart" in page.text


def test_nothing_ever_inside() -> None:
    page = Page(render_traffic_page(report(branches(), 1, mode="streaming")))
    assert "Nothing is ever in the TCM." in page.text
    assert page.figures["Spilled"] == 4 * 1000 + 100 + 4 * 10


def test_what_does_not_run() -> None:
    page = Page(render_traffic_page(report(branches(), 1000)))
    assert page.figures == {"TCM": 1000, "Smallest that works": 1100}
    assert page.text.lstrip().startswith("Infeasible: a network")
    text = " ".join(page.text.split())
    assert (
        "Proven: no plan runs in this TCM; the smallest that works is 1.1 KB (1100 bytes)" in text
    )
    assert "heavy_a1100100a1 1000 bytes, x 100 bytes" in text
    assert page.scripts == []


def test_not_proven() -> None:
    page = report(branches(), 1100)
    plan = dataclasses.replace(
        page.plan, status=Status.FEASIBLE, lower_bound_bytes=115, limit="time", curve=()
    )
    text = Page(render_traffic_page(dataclasses.replace(page, plan=plan))).text
    assert text.lstrip().startswith("Not proven: a network")
    assert "gap 50.0 %" in text
    assert "than the bound" in text


@pytest.mark.usefixtures("unhurried")
def test_a_large_network_stays_small_and_whole() -> None:
    graph = zoo.graph("nasnet_a")
    page = report(graph, 1800 * 1024, weights="stream")
    text = render_traffic_page(page)
    assert text == render_traffic_page(page)
    assert len(text.encode()) < 500_000
    found = Page(text)
    assert [a for a in found.attributes if a[1] in ("src", "href", "action", "xlink:href")] == [
        ("link", "href", "data:,")
    ]
    assert not re.search(r"\w+://|@import|url\(", text)
    use, moves, placed = drawings(text)
    assert len(placed.findall("{*}rect")) > 800
    assert [path.get("class") for path in use.findall("{*}path")] == ["area"]
    assert [path.get("class") for path in moves.findall("{*}path")] == [
        "once", "weights", "reload", "spill",
    ]  # fmt: skip
    data = json.loads(found.scripts[0])
    assert len(data["ops"]) == len(data["moves"]) == len(data["used"]) == 879
    assert max(data["used"]) == page.plan.peak_bytes
    assert len(re.findall(r'<td class="number">\d+</td><td><bdi>', text)) == 879


@pytest.mark.parametrize("hostile", _HOSTILE)
def test_whatever_names_hold_stays_text(hostile: str) -> None:
    def make(more: str, tcm: int) -> tuple[str, TrafficReport]:
        builder = GraphBuilder("g")
        for name, size in {"x": 8, "s": 10, "t": 10, "y": 2}.items():
            builder.buffer(name + more, size, is_input=name == "x")
        builder.op(f"a{more}", [f"x{more}"], [f"s{more}"], kind=more or "k")
        builder.op(f"b{more}", [f"x{more}"], [f"t{more}"], kind=more or "k")
        builder.op(f"c{more}", [f"s{more}", f"t{more}"], [f"y{more}"], kind=more or "k")
        graph = builder.build(warnings=[more or "w"])
        plan = plan_traffic(graph, tcm, options={"as": more or "int8", "dims": {more or "n": 1}})
        page = TrafficReport(plan, graph, more or "t", more or "c", precision=more or "p")
        return render_traffic_page(page), page

    for tcm in (22, 21):
        text, _ = make(hostile, tcm)
        assert tags(text) == tags(make("", tcm)[0])
        assert all(c.isprintable() or c == "\n" for c in text)
        assert not set("\u202e\x00") & set(text)
    found = Page(make(hostile, 22)[0])
    assert json.loads(found.scripts[0])["ops"][0][1] == shown(hostile)


def test_the_charts_are_the_replay() -> None:
    page = report(branches(), 1100)
    steps = trace(page.plan, page.graph).steps
    chart = use_chart([step.used for step in steps], 1100, 0)
    top = int(1100 * 1.05) + 1
    heights: list[int] = []
    for level, end in re.findall(r"V(\d+)H(\d+)", chart.area):
        heights += [HEIGHT - int(level)] * (int(end) - len(heights))
    assert heights == pytest.approx([step.used / top * HEIGHT for step in steps], abs=1)
    assert chart.tcm == pytest.approx(100 * 1100 / top, abs=0.01)
    moves = moves_chart(steps)
    zero = HEIGHT - round(moves.zero * HEIGHT / 100)
    scale = HEIGHT / (1.05 * (max(s.coming for s in steps) + max(s.leaving for s in steps)))
    drawn: dict[tuple[str, int, bool], float] = {}
    for part, path in moves.paths:
        for x, y, height in re.findall(r"M(\d+),(\d+)v(-?\d+)h1V\d+z", path):
            drawn[part, int(x), int(height) < 0] = abs(int(height)) / scale
            assert int(y) == zero
    expected = {
        (part, i, goes_up): size
        for i, step in enumerate(steps)
        for part, goes_up, size in (
            ("once", True, step.inputs), ("reload", True, step.reloads),
            ("once", False, step.outputs), ("spill", False, step.spills),
        )
        if size
    }  # fmt: skip
    assert drawn == pytest.approx(expected, abs=1.5 / scale)


def test_the_map_is_the_layout() -> None:
    """Rectangles are stays with their offsets: each op sees what the plan says is there."""
    page = report(branches(), 1100)
    plan = page.plan
    assert plan.tcm_offsets is not None
    drawn = tcm_map(page, derive_traffic(page))
    assert drawn is not None
    top = int(1100 * 1.02) + 1
    runs = [i for i, step in enumerate(plan.steps or ()) if "run" in step]
    for i, position in enumerate(runs):
        there = sorted(
            (offset, BRANCH_SIZES[name])
            for name, begin, end, offset in plan.tcm_offsets
            if begin <= position < end
        )
        found = sorted(
            ((ARENA_HEIGHT - r.y - r.height) * top / ARENA_HEIGHT, r.height * top / ARENA_HEIGHT)
            for r in drawn.rectangles
            if r.x <= i < r.x + r.width
        )
        assert [pair for both in found for pair in both] == pytest.approx(
            [number for both in there for number in both], abs=2 * top / ARENA_HEIGHT
        )
    text = render_traffic_page(page)
    assert "Offsets in the TCM" in text
    assert len(drawings(text)) == 3


def test_pinned_weights_are_on_the_map() -> None:
    graph = zoo.graph("swiftnet")
    page = report(graph, 1700 * 1024, weights="pin")
    content = derive_traffic(page)
    drawn = tcm_map(page, content)
    assert drawn is not None
    pinned = [r for r in drawn.rectangles if r.kind == "scratch"]
    assert len(pinned) == len(page.plan.options["pinned"])
    assert all((r.x, r.width, r.is_hot) == (0, 85, False) for r in pinned)
    text = Page(render_traffic_page(page)).text
    assert "pinned weight" in text
    assert f"Pinned weights take {short_size(content.trace.pinned)}" in text


def test_a_plan_without_offsets_has_no_map() -> None:
    graph = branches()
    plan = plan_traffic(graph, 1100, offsets=False)
    text = render_traffic_page(TrafficReport(plan, graph, "t", "c"))
    assert "Offsets in the TCM" not in text
    assert len(drawings(text)) == 2


def test_only_plans_of_least_traffic() -> None:
    graph = branches()
    with pytest.raises(ValueError, match="not one of 'peak'"):
        TrafficReport(minimize_peak(graph), graph, "t", "c")
    other = dataclasses.replace(report(graph, 1100), graph=zoo.graph("swiftnet"))
    with pytest.raises(ValueError, match="not one of network"):
        render_traffic_page(other)


# Plots


def test_a_curve_says_what_it_shows() -> None:
    curve = sweep(branches(), 1000, 1200)
    text = curve_plot(curve, Path("a.svg"), title="a network").decode()
    for words in (
        "a network", "least traffic, proven", "compulsory, 110 bytes", "no plan runs",
        "smallest that works, 1.1 KB", "smallest without spills, 1.1 KB", "1050 bytes", "knee, ",
    ):  # fmt: skip
        assert words in text


def test_an_open_curve_shows_its_bound() -> None:
    points = (Point(1000, 500, 300, "time"), Point(2000, 400, 350, "time"), Point(4000, 100, 100))
    text = curve_plot(Curve(points, 100, 900, 4000, 3000), Path("a.svg")).decode()
    for words in ("best plan", "lower bound", "no spills from here on, 3.9 KB"):
        assert words in text
    assert "smallest that works" not in text


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ((Point(10, None, 5), Point(20, None, 5)), "no plan runs below 900 bytes"),
        ((Point(1000, 100, 100), Point(2**63 - 1, 100, 100)), "least traffic, proven"),
        ((Point(1, None, 5),), "no plan runs below 900 bytes"),
    ],
)
def test_odd_curves_are_drawn(points: tuple[Point, ...], words: str) -> None:
    assert words in curve_plot(Curve(points, 100, 900, 950, 950), Path("a.svg")).decode()


def test_plots_of_plans_say_what_they_show() -> None:
    page = report(branches(), 1100)
    text = tcm_plot(page.plan, page.graph, Path("a.svg"), title="a network").decode()
    for words in ("a network", "in use, at most 1.1 KB", "TCM, 1.1 KB", "reloads", "spills",
                  "inputs in, outputs out"):  # fmt: skip
        assert words in text
    assert "weights in" not in text
    page = report(branches(), 1000)
    text = tcm_plot(page.plan, page.graph, Path("a.svg")).decode()
    for words in ("op that runs", "op that does not", "TCM, 1000 bytes", "op, in file order"):
        assert words in text
    graph = zoo.graph("swiftnet")
    plan = plan_traffic(graph, 1300 * 1024, Limits(nodes=1000), weights="stream")
    assert "weights in" in tcm_plot(plan, graph, Path("a.svg")).decode()

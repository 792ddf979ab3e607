"""The benchmark harness: registry, rows, tables, comparison. No test looks at a clock."""

from __future__ import annotations

import dataclasses
import getpass
import io
import platform
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks import ablation, compare, registry, run
from benchmarks.environment import ROOT, environment
from benchmarks.layered import layered_closed
from benchmarks.measure import Settings, measure
from benchmarks.peers import PEERS
from benchmarks.registry import GROUPS, INSTANCES, SMOKE, Instance, fingerprint, named, select
from benchmarks.rows import FIELDS, Row, RowError, Writer, read_rows
from benchmarks.table.groups import SECTIONS
from benchmarks.table.page import Results, main, render
from models import zoo
from solver.peak.search import Rules

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(time_limit=60)
BUILD = named("darts_cell").build
ROW = Row(
    name="ws32_s0", group="ws", graph="0123456789ab", ops=116, buffers=117,
    file_order_bytes=655_360, cut_bound_bytes=491_520, lower_bound_bytes=491_520,
    peak_bytes=491_520, status="optimal", proof="cut", gap_percent=0.0, states=0,
    solve_seconds=0.0125, call_seconds=0.0131, build_seconds=0.25, verify_seconds=0.5,
    verified="full", peak_rss_mb=87.2, time_limit=60.0, workers=1, kernel="compiled",
    version="0.1.0", commit="abcdef0123", python="3.11.7", packages="numpy 2.0",
    machine="a processor, 2 cores", date="2025-01-31",
)  # fmt: skip
OPEN = dataclasses.replace(
    ROW, name="ws64_s0", peak_bytes=524_288, status="feasible", gap_percent=6.25, limit="time",
    states=12_345, solve_seconds=60.5,
)  # fmt: skip
CRASHED = Row(name="ws64_s1", group="ws", version="0.1.0", note="ended by signal 9")
TRIALS = [
    ablation.Trial(
        "ws48_s0", 173, 700_000, question, direction, setting, states, 0.5,
        "0.1.0", "abcdef0123", "compiled", "a processor", "2025-01-31",
    )
    for question in ("refute", "find")
    for direction in ("backward", "forward")
    for setting, states in (("all rules", "215"), ("no rules", ">20000"))
]  # fmt: skip


def write(path: Path, *rows: Row) -> Path:
    with path.open("w", encoding="utf-8") as file:
        writer = Writer(file)
        for row in rows:
            writer.write(row)
    return path


# The registry


def test_names_are_unique() -> None:
    assert len({instance.name for instance in INSTANCES}) == len(INSTANCES)


def test_the_whole_zoo_is_in_the_registry() -> None:
    assert set(zoo.names()) <= {i.name for i in INSTANCES if i.group == "zoo"}


def test_group_sizes() -> None:
    assert {g: sum(i.group == g for i in INSTANCES) for g in GROUPS} == {
        "zoo": 28, "data": 2, "randwire": 15, "ws": 52, "layered": 16, "closed": 16, "training": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("swiftnet_int8", 85),
        ("nasnet_a_hmcos", 876),
        ("amoebanet_a_hmcos", 780),
        ("pnasnet_hmcos", 564),
        ("darts_hmcos", 798),
        ("randwire_er_s1", 368),
        ("ws32_s0", 116),
        ("ws64_s9", 227),
        ("layered250_s0", 250),
        ("closed500_s2", 500),
        ("training_residual_500", 501),
        ("training_darts_500", 496),
        ("training_nasnet_1000", 956),
    ],
)
def test_op_counts_stay(name: str, ops: int) -> None:
    assert len(named(name).build().ops) == ops


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Recorded when the instances were added. Another value means another graph: a new name.
        ("swiftnet_int8", "1a5be582b5dd"),
        ("nasnet_a_hmcos", "61f076a1be7c"),
        ("randwire_ws_s0", "bc0677bd4cc5"),
        ("ws64_s9", "ac723fa43796"),
        ("ws128_s0", "667c586541b1"),
        ("layered100_s0", "349bd59e7ccc"),
        ("closed100_s0", "dfc972147121"),
        ("closed1000_s0", "b58caa957044"),
        ("training_residual_500", "2fe16bee5a9a"),
    ],
)
def test_graphs_stay(name: str, expected: str) -> None:
    assert fingerprint(named(name).build()) == expected


def test_a_fingerprint_ignores_names_and_sees_sizes() -> None:
    graph = zoo.graph("darts_cell")
    assert fingerprint(dataclasses.replace(graph, name="other")) == fingerprint(graph)
    assert fingerprint(graph.with_precision("int8")) != fingerprint(graph)


def test_smoke_and_ablation_and_peers_name_instances() -> None:
    for name in (*SMOKE, *ablation.INSTANCES, *(peer.instance for peer in PEERS)):
        assert named(name).name == name


def test_selection() -> None:
    assert select() == INSTANCES
    assert [i.name for i in select(patterns=["ws192_*"])] == ["ws192_s0", "ws192_s1"]
    assert {i.group for i in select(["data", "zoo"])} == {"data", "zoo"}
    with pytest.raises(ValueError, match="no group 'wz'"):
        select(["wz"])
    with pytest.raises(ValueError, match=r"no instance matches 'ws1_\*'"):
        select(patterns=["ws1_*"])
    with pytest.raises(ValueError, match="no instance 'ws'"):
        named("ws")


def test_instances_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="unknown group 'nets'"):
        Instance("a", "nets", BUILD)
    with pytest.raises(ValueError, match="time limit must be positive: 0"):
        Instance("a", "zoo", BUILD, time_limit=0)


def test_files_are_found_below_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIGHTFIT_DATA", str(tmp_path))
    instance = named("person_detect")
    assert not instance.is_available
    (tmp_path / "tflm").mkdir()
    (tmp_path / "tflm" / "person_detect.tflite").touch()
    assert instance.is_available


# The closed generator


@pytest.mark.parametrize(("ops", "width", "seed"), [(2, 1, 0), (50, 5, 1), (100, 20, 0)])
def test_closed_graphs_leave_one_tensor(ops: int, width: int, seed: int) -> None:
    graph = layered_closed(ops, width, seed)
    assert len(graph.ops) == ops
    assert [b.name for b in graph.buffers if b.is_output] == ["out"]
    assert [b.name for b in graph.buffers if b.is_input] == ["in"]
    assert all(100 <= b.size <= 1000 for b in graph.buffers)
    assert graph == layered_closed(ops, width, seed)


@pytest.mark.parametrize(("ops", "width"), [(1, 5), (10, 0)])
def test_closed_graphs_refuse_nonsense(ops: int, width: int) -> None:
    with pytest.raises(ValueError, match="two ops and a width"):
        layered_closed(ops, width, 0)


# Rows


def test_rows_survive_a_round_trip(tmp_path: Path) -> None:
    rows = (ROW, OPEN, CRASHED, dataclasses.replace(CRASHED, name="x", note='a "b", c'))
    assert read_rows(write(tmp_path / "rows.csv", *rows)) == rows


def test_the_last_row_of_an_instance_counts(tmp_path: Path) -> None:
    later = dataclasses.replace(ROW, states=7)
    assert read_rows(write(tmp_path / "rows.csv", ROW, OPEN, later)) == (later, OPEN)


def test_rows_are_written_at_once() -> None:
    file = io.StringIO()
    writer = Writer(file)
    assert file.getvalue() == ",".join(FIELDS) + "\n"
    writer.write(ROW)
    assert file.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a table of results"),
        (b"name,group\n", "not a table of results"),
        (b"\xff\xfe", "not UTF-8 text"),
        (",".join(FIELDS).encode() + b"\nws32_s0,ws,,many" + b"," * 26, "invalid literal"),
        (",".join(FIELDS).encode() + b"\nws32_s0,ws\n", "2 cells"),
    ],
)
def test_files_that_are_no_rows(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(RowError, match=message):
        read_rows(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="No such file"):
        read_rows(tmp_path / "rows.csv")


def test_the_environment_names_neither_host_nor_user() -> None:
    where = environment()
    assert set(where) <= set(FIELDS)
    assert where["kernel"] in {"compiled", "python"}
    words = set(" ".join(where.values()).replace(",", " ").split())
    assert not words & {platform.node(), getpass.getuser()}
    assert not any("/" in word for word in words)


# Runs


@pytest.mark.parametrize("name", ["darts_cell", "layered100_s0"])
def test_measure_in_this_process(name: str) -> None:
    known: dict[str, object] = {}
    for part in measure(named(name), SETTINGS):
        known |= part
    row = run.make_row(named(name), SETTINGS, environment(), **known)
    assert (row.name, row.status, row.verified) == (name, "optimal", "full")
    assert row.peak_bytes == row.lower_bound_bytes
    assert row.proof in {"ends", "cut", "search"}
    assert row.note is None


def test_run_in_a_process_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    arguments = ["--instance", "darts_cell", "--csv", str(path)]
    assert run.main([*arguments, "--smoke"]) == 0
    assert "1 of 1 proven optimal, 0 not verified" in capsys.readouterr().err
    (row,) = read_rows(path)
    assert row.is_optimal
    assert row.is_verified
    assert run.main(arguments) == 2
    assert "--append adds to it" in capsys.readouterr().err


def process(
    monkeypatch: pytest.MonkeyPatch, output: str, *, code: int = 0, late: bool = False
) -> None:
    """Let the next process print ``output`` and end, or be killed."""

    def ended(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        if late:
            raise subprocess.TimeoutExpired(command, 1, output.encode())
        errors = f"Traceback\nMemoryError: in {ROOT}/x.py\n"
        return subprocess.CompletedProcess(command, code, output, errors)

    monkeypatch.setattr(subprocess, "run", ended)


BUILT = '{"ops": 42, "build_seconds": 0.5}\n'
SOLVED = '{"status": "feasible", "peak_bytes": 9, "lower_bound_bytes": 8}\n'


def test_a_crash_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    process(monkeypatch, BUILT, code=1)
    row = run.run_instance(named("darts_cell"), SETTINGS, {})
    assert (row.ops, row.status, row.note) == (42, "crashed", "exit code 1: MemoryError: in ./x.py")
    process(monkeypatch, "", code=-9)
    row = run.run_instance(named("darts_cell"), SETTINGS, {})
    assert (row.ops, row.status, row.note) == (None, "crashed", "ended by signal 9")


def test_a_kill_is_a_row_that_keeps_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    process(monkeypatch, BUILT + '{"status": "opt', late=True)
    row = run.run_instance(named("darts_cell"), SETTINGS, {}, patience=1)
    assert (row.ops, row.status, row.note) == (42, "killed", "killed after 61 s")
    process(monkeypatch, BUILT + SOLVED, late=True)
    row = run.run_instance(named("darts_cell"), SETTINGS, {}, patience=1)
    assert (row.status, row.peak_bytes, row.verified) == ("feasible", 9, None)
    assert not row.is_verified


def test_smoke_fails_unless_all_is_proven_and_verified(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for row, code in (
        (ROW, 0),
        (OPEN, 1),
        (CRASHED, 1),
        (dataclasses.replace(ROW, verified="no: the order peaks at 1 bytes"), 1),
    ):
        monkeypatch.setattr(run, "run_instance", lambda *_, row=row: row)
        assert run.main(["--smoke", "--instance", "darts_cell"]) == code
    assert "VERIFICATION: no: the order peaks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--group", "nets"], "no group 'nets'"),
        (["--instance", "nothing"], "no instance matches 'nothing'"),
        (["--workers", "0"], "at least one worker"),
        (["--time-limit", "-5"], "above zero"),
        (["--memory-limit", "12XB"], "unknown unit"),
        (["--csv", "/nowhere/rows.csv"], "/nowhere/rows.csv: No such file"),
    ],
)
def test_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_missing_files_are_skipped_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIGHTFIT_DATA", str(tmp_path))
    assert run.main(["--group", "data"]) == 0
    assert capsys.readouterr().err.count("skipped") == 2


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--list", "--group", "data"]) == 0
    assert capsys.readouterr().out.split() == ["data", "swiftnet_uint8", "data", "person_detect"]


# Comparison


def test_equal_files_have_ratio_one() -> None:
    text, consistent = compare.report([ROW, OPEN], [ROW, OPEN])
    assert consistent
    assert "every answer is the same" in text
    (ratio,) = compare.ratios(compare.pairs([ROW, OPEN], [ROW, OPEN]))
    assert (ratio.instances, ratio.seconds, ratio.states) == (1, 1, 1)


def test_ratios_are_geometric_means() -> None:
    old = [dataclasses.replace(ROW, name=n, states=100, solve_seconds=1.0) for n in "ab"]
    new = [
        dataclasses.replace(old[0], states=400, solve_seconds=0.25),
        dataclasses.replace(old[1], states=25, solve_seconds=1.0),
    ]
    (ratio,) = compare.ratios(compare.pairs(old, new))
    assert ratio.states == pytest.approx(1)
    assert ratio.seconds == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("values", "contradiction"),
    [
        ({"peak_bytes": 491_519, "lower_bound_bytes": 491_519}, True),  # below an optimum
        ({"peak_bytes": 491_521, "lower_bound_bytes": 491_521}, True),  # above it
        ({"peak_bytes": 491_519, "lower_bound_bytes": 1, "status": "feasible"}, True),
        ({"peak_bytes": 600_000, "lower_bound_bytes": 491_521, "status": "feasible"}, True),
        ({"peak_bytes": 600_000, "lower_bound_bytes": 400_000, "status": "feasible"}, False),
        ({"peak_bytes": None, "lower_bound_bytes": None, "status": "crashed"}, False),
        ({"graph": "another", "peak_bytes": 1, "lower_bound_bytes": 1}, False),
    ],
)
def test_a_changed_optimum_is_found(
    values: dict[str, object],
    contradiction: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = dataclasses.replace(ROW, **values)  # type: ignore[arg-type]
    old, new = write(tmp_path / "old.csv", ROW), write(tmp_path / "new.csv", changed)
    assert compare.main([str(old), str(new)]) == int(contradiction)
    assert compare.main([str(new), str(old)]) == int(contradiction)
    assert "ws32_s0: " in capsys.readouterr().out


def test_compare_refuses_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 2
    assert "a.csv: No such file" in capsys.readouterr().err


# Tables


def test_the_page_shows_every_row() -> None:
    page = render(Results([ROW, OPEN, CRASHED], TRIALS))
    assert "1 of 3 instances are proven optimal" in page
    assert "| ws32_s0 | 116 | 20 | 25 | 15 | 15 | 15 | 0 | cut | 0 | 0.013 | 87 |" in page
    assert "| ws64_s0 | 116 | 15 | 16 | tensors | 6.25 | time | 60.5 |" in page
    assert "| ws64_s1 |  |  |  | tensors |  | ended by signal 9 |  |" in page
    assert "| ws64 | proven in 1 s | 0 of 2 | 60.5 | ws64_s0, ws64_s1 |" in page
    assert "; a processor, 2 cores;" in page
    assert "| backward | no rules | >20000 |" in page
    assert "`abcdef0123`" in page


def test_releases_are_ordered_and_the_latest_is_shown() -> None:
    newer = dataclasses.replace(ROW, version="0.10.0", states=77)
    older = dataclasses.replace(ROW, version="0.9.0", states=88)
    page = render(Results([newer, older]))
    assert page.index("| 0.9.0 |") < page.index("| 0.10.0 |")
    assert "| 77 |" in page
    assert "| 88 |" not in page


def test_peers_stand_beside_us() -> None:
    row = dataclasses.replace(
        ROW, name="nasnet_a_hmcos", group="zoo", peak_bytes=1984 * 1024, solve_seconds=0.25
    )
    assert "| nasnet_a_hmcos | HMCOS | 1984 | 15.3 | 1984 | 0.250 | proven least |" in render(
        Results([row])
    )


def test_every_group_has_a_section() -> None:
    assert set(SECTIONS) == set(registry.GROUPS)


def test_the_page_is_written_and_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "0.1.0.csv", ROW)
    page = tmp_path / "RESULTS.md"
    arguments = ["--results", str(tmp_path), "--output", str(page)]
    assert main([*arguments, "--check"]) == 1
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    assert page.read_text("utf-8") == render(Results([ROW]))
    (tmp_path / "ablation.csv").write_text("a,b\n", "utf-8")
    assert main(arguments) == 2
    assert "not a table of trials" in capsys.readouterr().err


# Ablation


def test_settings_switch_every_rule() -> None:
    for field in dataclasses.fields(Rules):
        if field.name != "compiled":
            values = {getattr(rules, field.name) for rules in ablation.SETTINGS.values()}
            assert len(values) > 1, field.name


def test_ablation_of_a_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ablation.csv"
    arguments = ["--instance", "darts_cell", "--node-limit", "300", "--csv", str(path)]
    assert ablation.main(arguments) == 0
    trials = ablation.read_trials(path)
    assert len(trials) == 4 * len(ablation.SETTINGS)
    assert any(trial.states == ">300" for trial in trials)
    assert "states to refute" in capsys.readouterr().out
    assert ablation.main(["--instance", "nothing"]) == 2

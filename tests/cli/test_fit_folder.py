"""``python -m solver.fit FOLDER``: rows, resuming, executors, files that break things."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models import zoo
from solver import fit
from solver.devices import parse_spec
from solver.fitting import batch, ci, folder
from solver.fitting.progress import live_bar
from solver.fitting.question import Question
from solver.fitting.rows import COLUMNS, Row, RowWriter, read_rows
from solver.fitting.task import answer_file, failed_row
from tests.cli.conftest import Result
from tests.cli.networks import CHAIN, CHAIN_SIZES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Result]

PATIENCE = 300.0  # seconds until a process is given up for lost
QUESTION = Question(parse_spec("sram=700"), exact=True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the command; files are answered by threads of this process."""

    def answer_files(files: object, question: object, on_row: object, **options: object) -> None:
        with ThreadPoolExecutor(1) as executor:
            folder.answer_files(files, question, on_row, **{**options, "executor": executor})  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "answer_files", answer_files)

    def call(*argv: str | Path) -> Result:
        capsys.readouterr()
        code = fit.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """Networks of 700, 350 and 1400 bytes in two folders, and a file that is none."""
    path = tmp_path / "nets"
    (path / "deeper").mkdir(parents=True)
    for name, factor in (("half.onnx", 0.5), ("exact.onnx", 1), ("deeper/double.ONNX", 2)):
        sizes = {key: int(size * factor) for key, size in CHAIN_SIZES.items()}
        write_network(path / name, CHAIN, sizes)
    (path / "deeper" / "broken.tflite").write_bytes(b"nothing")
    (path / "notes.txt").write_text("no model")
    (path / ".hidden.onnx").write_bytes(b"no model either")
    return path


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["file"].rpartition("/")[2]: row for row in csv.DictReader(file)}


def test_one_bad_file_never_stops_the_rest(run: Run, nets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    result = run(nets, "--device", "sram=700", "--csv", out)
    assert (result.code, result.err) == (2, "")
    assert result.verdict == ("2 of 4 models fit sram=700, 1 proven not to, 1 could not be read.")
    rows = table(out)
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "half.onnx": "fits", "exact.onnx": "fits", "double.ONNX": "does not fit",
        "broken.tflite": "unreadable",
    }  # fmt: skip
    double = rows["double.ONNX"]
    assert (double["arena_bytes"], double["lower_bound_bytes"]) == ("1400", "1400")
    assert (double["left_bytes"], double["missing_bytes"]) == ("-700", "700")
    assert double["at_op"] == "second"
    sentence = (
        "activations need at least 1.4 KB (1400 bytes) of 700 bytes; at least 700 bytes missing"
    )
    assert sentence in result.out
    assert rows["broken.tflite"]["error"]
    assert len(rows["half.onnx"]["sha256"]) == 64


def test_exit_codes_by_precedence(run: Run, nets: Path) -> None:
    assert run(nets / "half.onnx", nets / "exact.onnx", "--device", "sram=700").code == 0
    assert (
        run(nets / "exact.onnx", nets / "deeper" / "double.ONNX", "--device", "sram=700").code == 1
    )
    assert run(nets / "exact.onnx", nets / "half.onnx", "--device", "sram=600,tcm=600").code == 3
    assert run(nets / "exact.onnx", nets / "none.onnx", "--device", "sram=1").code == 2


def test_a_folder_without_models(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path, "--device", "pico")
    assert result.code == 2
    assert result.err == (
        f"error: {tmp_path}: a folder without models; those end in .tflite, .lite, .onnx\n"
    )


def test_resuming_does_what_is_left(run: Run, nets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    again = (nets, "--device", "sram=700", "--csv", out, "--resume")
    assert run(*again).code == 2
    before = table(out)
    # A torn line, a changed file, a file touched but the same, a new file.
    with out.open("a") as file:
        file.write("half a li")
    sizes = {key: 3 * size for key, size in CHAIN_SIZES.items()}
    write_network(nets / "half.onnx", CHAIN, sizes)
    os.utime(nets / "exact.onnx", ns=(1, 1))
    write_network(nets / "new.onnx", CHAIN, CHAIN_SIZES)
    result = run(*again)
    assert result.code == 2
    assert "3 lines of the CSV still held and were kept." in result.out
    after = table(out)
    assert after["exact.onnx"] == before["exact.onnx"]
    assert after["half.onnx"]["verdict"] == "does not fit"
    assert after["new.onnx"]["verdict"] == "fits"
    assert len(out.read_text().splitlines()) == 6
    other = run(nets, "--device", "sram=2100", "--csv", out, "--resume")
    assert "kept" not in other.out
    assert table(out)["half.onnx"]["verdict"] == "fits"


def test_a_csv_that_exists_is_not_overwritten(run: Run, nets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine\n")
    refused = run(nets, "--device", "pico", "--csv", out)
    assert (refused.code, out.read_text()) == (2, "mine\n")
    strange = run(nets, "--device", "pico", "--csv", out, "--resume")
    assert strange.code == 2
    assert "holds no rows of this command" in strange.err
    assert run(nets, "--device", "pico", "--csv", out, "--force").code == 2
    assert len(read_rows(out)) == 4


def test_json_of_a_folder(run: Run, nets: Path) -> None:
    result = run(nets, "--device", "sram=700", "--json", "-", "--quiet")
    values = json.loads(result.out)
    assert values["fits"] is None
    assert values["counts"] == {"fits": 2, "does not fit": 1, "undecided": 0, "unreadable": 1}
    assert [tuple(file) for file in values["files"]] == [COLUMNS] * 4
    assert result.err.startswith("2 of 4 models fit")


def test_github_and_junit(run: Run, nets: Path, tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    result = run(nets, "--device", "sram=700", "--github", "--junit", report)
    lines = [line for line in result.out.splitlines() if line.startswith("::")]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice", "::notice"]
    suite = ET.parse(report).getroot()[0]
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "0"}
    assert [case.get("file") for case in suite] == sorted(str(p) for p in [
        nets / "half.onnx", nets / "exact.onnx", nets / "deeper" / "double.ONNX",
        nets / "deeper" / "broken.tflite",
    ])  # fmt: skip


def test_annotations_are_escaped_as_the_runner_wants_it() -> None:
    row = failed_row("a,b:c%.onnx", QUESTION, "x")
    evil = Row(**{**{c: getattr(row, c) for c in COLUMNS}, "error": "100 % bad\r\n::warning::no"})
    assert ci.annotation(evil) == (
        "::error file=a%2Cb%3Ac%25.onnx,title=tightfit::100 %25 bad%0D%0A::warning::no\n"
    )


def test_junit_holds_only_what_xml_allows() -> None:
    row = failed_row("bad\x00name\udc80<&>.onnx", QUESTION, "a\x1bb")
    root = ET.fromstring(ci.junit([row], "sram\x01"))
    case = root[0][0]
    assert case.get("name") == "bad\ufffdname\ufffd<&>.onnx"
    assert root[0].get("name") == "sram\ufffd"


def test_rows_survive_the_way_through_the_file(nets: Path, tmp_path: Path) -> None:
    files = folder.find_models(nets)
    rows = [answer_file(file, QUESTION) for file in files]
    with RowWriter(tmp_path / "rows.csv", force=False, resume=False) as writer:
        writer.start(rows[:1])
        for row in rows[1:]:
            writer.write(row)
            assert len(read_rows(tmp_path / "rows.csv")) == rows.index(row) + 1
    assert read_rows(tmp_path / "rows.csv") == tuple(rows)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line(run: Run, nets: Path) -> None:
    result = run(nets, "--device", "sram=700", "--csv", "/dev/full")
    assert result.code == 2
    assert result.err.startswith("error: /dev/full: cannot be written: ")
    assert result.err.count("\n") == 1


class Immediate(Executor):
    """Runs a task when it is submitted."""

    def submit(self, task, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN201
        future: Future[object] = Future()
        try:
            future.set_result(task(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def test_a_fault_of_ours_does_not_stop_the_rest(
    nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(file: str, question: Question) -> Row:
        if "half" in file:
            raise AssertionError("impossible")
        return answer_file(file, question)

    monkeypatch.setattr(folder, "answer_file", faulty)
    rows: list[Row] = []
    folder.answer_files(folder.find_models(nets), QUESTION, rows.append, executor=Immediate())
    (row,) = [row for row in rows if "half" in row.file]
    assert len(rows) == 4
    assert row.error == "a fault of ours, please report it: AssertionError: impossible"


def deadly(file: str, question: Question) -> Row:
    """Kill the process for some files."""
    if "exact" in file:
        os._exit(9)
    time.sleep(0.02)
    return answer_file(file, question)


def test_a_file_that_kills_its_process_is_found(
    nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "answer_file", deadly)
    monkeypatch.setattr(folder, "_context", lambda: multiprocessing.get_context("fork"))
    rows: list[Row] = []
    folder.answer_files(folder.find_models(nets), QUESTION, rows.append, jobs=2)
    assert sorted(row.file for row in rows) == sorted(folder.find_models(nets))
    verdicts = {row.file.rpartition("/")[2]: row.verdict for row in rows}
    assert verdicts == {
        "half.onnx": "fits", "exact.onnx": "unreadable", "double.ONNX": "does not fit",
        "broken.tflite": "unreadable",
    }  # fmt: skip
    (killed,) = [row for row in rows if "exact" in row.file]
    assert "was killed" in killed.error


def test_processes_and_ctrl_c(tmp_path: Path) -> None:
    """The pool of the command itself, interrupted while it is busy with a hard network."""
    nets = tmp_path / "nets"
    nets.mkdir()
    write_network(nets / "a.onnx", CHAIN, CHAIN_SIZES)
    hard = zoo.build("randwire_cell", weights="none", nodes=300, channels=8, image=4)
    (nets / "b.onnx").write_bytes(hard.SerializeToString())
    out = tmp_path / "out.csv"
    command = (
        sys.executable, "-m", "solver.fit", nets, "--device", "sram=35KB", "--jobs", "2",
        "--csv", out, "--time-limit", "10m",
    )  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        patience = time.monotonic() + PATIENCE
        while time.monotonic() < patience and not (out.exists() and len(read_rows(out))):
            time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert printed.splitlines()[-1] == "1 of 2 models fits sram=35KB, 1 not done (interrupted)."
    assert [row.verdict for row in read_rows(out)] == ["fits"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with live_bar(3) as advance:
        for _ in range(3):
            time.sleep(0.01)
            advance()
    assert "3/3" in terminal.getvalue()
    assert "/min" in terminal.getvalue()
    quiet = Terminal()
    monkeypatch.setattr(sys, "stderr", quiet)
    with live_bar(3, quiet=True) as advance:
        advance()
    assert quiet.getvalue() == ""


def test_a_cluster(nets: Path) -> None:
    distributed = pytest.importorskip("distributed")
    rows: list[Row] = []
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        folder.answer_files(folder.find_models(nets), QUESTION, rows.append, executor=executor)
    assert len(rows) == 4
    assert sorted(row.verdict for row in rows) == ["does not fit", "fits", "fits", "unreadable"]

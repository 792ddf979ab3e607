"""The real command in its own process: streams, signals, exit codes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models import zoo
from tests.cli.networks import CHAIN, CHAIN_SIZES, write_network
from tests.cli.terminal import screen

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = [sys.executable, "-m", "solver.schedule"]
PATIENCE = 300  # seconds until a test gives a process up for lost


def environment(**changes: str) -> Mapping[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **changes}


def call(*arguments: str | Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], check=False, text=True, encoding="utf-8",
        timeout=PATIENCE, env=environment(), stdin=subprocess.DEVNULL, stdout=stdout,
        stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def hard_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network on which a proof takes longer than any test waits."""
    path = tmp_path_factory.mktemp("hard") / "hard.onnx"
    model = zoo.build("randwire_cell", weights="none", nodes=256)
    path.write_bytes(model.SerializeToString())
    return path


def test_the_bundled_run() -> None:
    done = call("--budget", "512KB", "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["peak_bytes"] == 301056
    assert done.stderr.endswith("Fits: needs 294 KB of 512 KB (proven optimal).\n")


def test_bad_input(tmp_path: Path) -> None:
    for argument in (tmp_path, tmp_path / "none.onnx", "--budget=-5"):
        done = call(argument)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1


def test_a_limit_on_time_leaves_order_and_bound(hard_network: Path) -> None:
    done = call(hard_network, "--time-limit", "100ms", "--json", "-")
    assert done.returncode == 3
    plan = json.loads(done.stdout)
    assert plan["limit"] == "time"
    assert 0 < plan["lower_bound_bytes"] < plan["peak_bytes"]
    assert len(set(plan["order"])) == len(plan["order"]) > 256


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = call("--budget", "512KB", stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = call("--quiet", stdout=full.fileno())
    assert done.returncode == 2
    assert done.stderr == "error: cannot write to <stdout>: No space left on device\n"


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    model = write_network(tmp_path / "chain.onnx", CHAIN, CHAIN_SIZES)
    words = [sys.executable, "-m", "solver.schedule", str(model), "--budget", "1"]
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *words], check=False, text=True,
            capture_output=True, timeout=PATIENCE, env=environment(),
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == ""


def test_an_ascii_terminal_gets_escapes(tmp_path: Path) -> None:
    model = write_network(tmp_path / "net.onnx", (("größe", ["x"], ["y"]),), {"x": 1, "y": 2})
    done = subprocess.run(
        [*COMMAND, str(model), "--json", "-"], check=False, capture_output=True, timeout=PATIENCE,
        env=environment(PYTHONIOENCODING="ascii"),
    )  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout.decode("utf-8"))["order"] == ["größe"]
    assert rb"gr\xf6\xdfe" in done.stderr


class Terminal:
    """A process whose stderr is a terminal, and all that it drew there."""

    def __init__(self, *arguments: str | Path, **changes: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=theirs, text=True, env=environment(TERM="xterm", COLUMNS="100", **changes),
        )  # fmt: skip
        os.close(theirs)
        self.drawn = ""

    def wait_for(self, text: str) -> None:
        while text not in self.drawn:
            assert self._read(), f"{text!r} never came: {self.drawn!r}"

    def finish(self) -> str:
        """Read to the end and return what came on stdout."""
        while self._read():
            pass
        os.close(self._ours)
        out, _ = self.process.communicate(timeout=PATIENCE)
        return out

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        try:
            data = os.read(self._ours, 1 << 16) if ready else b""
        except OSError:  # how Linux says that the other side is closed
            data = b""
        self.drawn += data.decode("utf-8", "replace")
        return bool(data)


def test_ctrl_c_leaves_the_best_plan_so_far(hard_network: Path, tmp_path: Path) -> None:
    plan_file = tmp_path / "plan.json"
    terminal = Terminal(hard_network, "--time-limit", "1h", "--json", plan_file, NO_COLOR="1")
    try:
        # The live line is proof that the solver is at work and has an order.
        terminal.wait_for("bound ")
        terminal.process.send_signal(signal.SIGINT)
        out = terminal.finish()
    finally:
        terminal.process.kill()
    assert terminal.process.returncode == 130
    assert out.splitlines()[-1].endswith("; interrupted.")
    assert "Traceback" not in terminal.drawn
    assert "incumbent" not in "".join(screen(terminal.drawn))
    plan = json.loads(plan_file.read_text())
    assert plan["limit"] == "interrupt"
    assert 0 < plan["lower_bound_bytes"] < plan["peak_bytes"]
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_a_report_on_a_terminal_is_wrapped_and_coloured() -> None:
    terminal = Terminal("--budget", "512KB", "--json", "-")
    plan = json.loads(terminal.finish())
    assert plan["fits"] is True
    assert terminal.process.returncode == 0
    assert "\x1b[1;32mFits: needs 294 KB of 512 KB (proven optimal).\x1b[0m" in terminal.drawn
    assert max(map(len, screen(terminal.drawn))) <= 100
    assert "…" not in terminal.drawn


def test_no_color_is_respected() -> None:
    terminal = Terminal("--budget", "512KB", "--json", "-", NO_COLOR="1")
    terminal.finish()
    assert "\x1b[1" not in terminal.drawn
    assert screen(terminal.drawn)[-1] == "Fits: needs 294 KB of 512 KB (proven optimal)."

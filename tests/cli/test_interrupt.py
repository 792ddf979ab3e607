"""Ctrl-C: the best plan so far, exit code 130, never a traceback."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from solver import schedule
from solver.limits import SilentObserver
from tests.cli.networks import BRANCH_SIZES, BRANCHES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Result

    Run = Callable[..., Result]


class ImpatientObserver(SilentObserver):
    """Presses Ctrl-C at the first order."""

    def on_incumbent(self, peak: int) -> None:  # noqa: ARG002
        raise KeyboardInterrupt


@contextmanager
def impatient_progress(**_options: object) -> Iterator[ImpatientObserver]:
    yield ImpatientObserver()


def test_the_best_plan_so_far_is_reported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)
    monkeypatch.setattr(schedule, "live_progress", impatient_progress)
    result = run(model, "--budget", "1110", "--json", tmp_path / "plan.json")
    assert result.code == 130
    assert result.err == ""
    assert result.verdict.endswith("; interrupted.")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["limit"] == "interrupt"
    assert sorted(plan["order"]) == sorted(name for name, _, _ in BRANCHES)
    assert plan["lower_bound_bytes"] <= 1110 <= plan["peak_bytes"]


def test_while_reading_there_is_nothing_to_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "read_network", interrupted)
    result = run("--json", tmp_path / "plan.json")
    assert result.code == 130
    assert result.out == ""
    assert result.err == "error: interrupted before there was anything to report\n"
    assert list(tmp_path.iterdir()) == []

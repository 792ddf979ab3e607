"""The command as a function, and the plan it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from solver import schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def plan(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        plan: dict[str, Any] = json.loads(self.out)
        return plan

    @property
    def verdict(self) -> str:
        """The last line of the report."""
        return self.out.splitlines()[-1]

    def row(self, label: str) -> list[str]:
        """Cells of the table row that starts with ``label``."""
        line = next(line for line in self.out.splitlines() if line.startswith(f"  {label}  "))
        cells = line.removeprefix(f"  {label}").split("  ")
        return [cell.strip() for cell in cells if cell.strip()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Call ``solver.schedule`` in this process."""

    def call(*argv: str | Path) -> Result:
        capsys.readouterr()
        code = schedule.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call

"""Runs models in child processes and deploys networks for them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.formats.tflite_write import write_tflite
from solver.arena.arrange import Arranged, arrange
from solver.limits import Limits
from solver.peak.minimize import minimize_peak
from solver.runtimes import RUNTIMES
from solver.runtimes.tflm import head_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.graph import Graph

_CHILD = Path(__file__).with_name("child.py")


def run(runtime: str, models: Sequence[Path], arena: int | None = None) -> list[Any]:
    """Results of the models in turn; see ``child.py``."""
    job = {"runtime": runtime, "models": [str(model) for model in models], "arena": arena}
    done = subprocess.run(
        [sys.executable, str(_CHILD)], input=json.dumps(job), capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{models}: {done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def deploy(graph: Graph, path: Path, *, in_place: bool = False) -> Arranged:
    """Write the network's file with its best order and offsets for TensorFlow Lite Micro."""
    head = head_graph(graph)
    plan = minimize_peak(
        head, limits=Limits(seconds=30), rules=RUNTIMES["tflm"].rules(in_place=in_place)
    )
    arranged = arrange(head, plan, Limits(seconds=30))
    write_tflite(graph, arranged.order, path, offsets=arranged.offsets)
    return arranged

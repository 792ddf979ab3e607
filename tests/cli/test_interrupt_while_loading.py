"""Ctrl-C before a command is there to take it: while the packages it needs are imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 300  # seconds until a process is given up for lost

#: Python runs it before anything else: presses Ctrl-C when a module is about to be imported.
SITE = """\
import sys

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Press())
"""

#: What pip writes for an entry of ``[project.scripts]``.
SCRIPT = """\
import sys
from solver.__main__ import main
sys.exit(main())
"""


def interrupted_at(
    module: str, folder: Path, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    (folder / "sitecustomize.py").write_text(SITE.format(module=module))
    path = os.pathsep.join((str(folder), str(ROOT)))
    return subprocess.run(
        [sys.executable, *words], check=False, capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("module", ["models.graph", "numpy"])
@pytest.mark.parametrize(
    "words",
    [
        ("-m", "solver", "schedule"), ("-m", "solver.schedule"), ("-m", "solver.fit"),
        ("-m", "solver.compare"), ("-m", "solver.verify"), ("-msolver.fit",),
        ("-m", "models.zoo", "darts", "-o", "darts.onnx"), ("tightfit", "schedule"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_traceback(words: tuple[str, ...], module: str, tmp_path: Path) -> None:
    script = tmp_path / "tightfit"
    script.write_text(SCRIPT)
    done = interrupted_at(module, tmp_path, *(script if w == "tightfit" else w for w in words))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not Path("darts.onnx").exists()


def test_other_programs_keep_their_traceback(tmp_path: Path) -> None:
    done = interrupted_at("numpy", tmp_path, "-c", "import solver, numpy")
    assert done.returncode not in (0, 130)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_other_errors_keep_theirs(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('no numbers')")
    done = interrupted_at("", tmp_path, "-m", "solver.fit")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("RuntimeError: no numbers\n")

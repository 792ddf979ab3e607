"""Time the bundled command as a whole process: first ever in a fresh environment, and later.

Makes a virtual environment in a temporary directory, installs a copy of this checkout with pip and
runs ``python -m solver.schedule --budget 512KB`` there. To be used by hand: it needs the network,
and times of a whole process depend on the machine, so they are given relative to ``import onnx``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import ROOT, commit, machine

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMAND = ("-m", "solver.schedule", "--budget", "512KB")
_YARDSTICK = ("-c", "import onnx")


def timed(python: Path, arguments: Sequence[str], where: Path) -> float:
    """Run Python in a directory without our sources and return its seconds.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    start = time.perf_counter()
    subprocess.run((python, *arguments), cwd=where, capture_output=True, check=True)
    return time.perf_counter() - start


def install(where: Path) -> tuple[Path, float]:
    """Make an environment and install a copy of the checkout; return its Python and pip's seconds.

    Raises
    ------
    subprocess.CalledProcessError
        If pip fails.
    """
    # From a copy: a build leaves files behind.
    leave_out = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.so")
    shutil.copytree(ROOT, where / "sources", ignore=leave_out)
    venv.create(where / "env", with_pip=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = where / "env" / scripts / ("python.exe" if os.name == "nt" else "python")
    return python, timed(python, ("-m", "pip", "install", "--quiet", "./sources"), where)


def measure(runs: int) -> str:
    """Return the figures as text."""
    with tempfile.TemporaryDirectory() as directory:
        where = Path(directory)
        python, pip = install(where)
        first = timed(python, _COMMAND, where)
        later = [timed(python, _COMMAND, where) for _ in range(runs)]
        yardstick = [timed(python, _YARDSTICK, where) for _ in range(runs)]
    usual, onnx = statistics.median(later), statistics.median(yardstick)
    return (
        f"commit {commit()}, {machine()}\n"
        f"pip install .                     {pip:7.2f} s\n"
        f"first run ever                    {first:7.2f} s\n"
        f"later runs, median of {runs:<2}          {usual:7.2f} s  (least {min(later):.2f} s)\n"
        f"import onnx alone, median of {runs:<2}   {onnx:7.2f} s\n"
        f"later runs over import onnx       {usual / onnx:7.2f}\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="later runs (5)")
    options = parser.parse_args(argv)
    if options.runs < 1:
        sys.stderr.write("error: there must be at least one run\n")
        return 2
    try:
        sys.stdout.write(measure(options.runs))
    except subprocess.CalledProcessError as error:
        output = (error.stderr or b"").decode(errors="replace")
        sys.stderr.write(f"error: {error.cmd[1:]} failed\n{output}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

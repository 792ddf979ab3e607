"""The examples run as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed(name: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout


def test_the_quick_start() -> None:
    text = printed("quickstart.py")
    assert "peak 301056 bytes, bound 301056: optimal" in text
    assert "arena 301056 bytes" in text
    assert "524288 bytes, fits" in text


def test_the_search_space() -> None:
    text = printed("search_space.py")
    assert "verdict proven for 20" in text
    counts = re.search(r"fit in file order: (\d+), in the best order: (\d+)", text)
    assert counts is not None
    assert int(counts[1]) < int(counts[2])

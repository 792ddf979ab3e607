"""``--report`` and ``--plot`` of ``python -m solver.schedule``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from matplotlib.image import imread

from solver.report import plots
from solver.report.page import render
from tests.cli.networks import BRANCH_SIZES, BRANCHES, write_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


def test_a_page(run: Run, branches: Path, tmp_path: Path) -> None:
    path = tmp_path / "out put.html"
    result = run(branches, "--budget", "1200", "--report", path)
    assert (result.code, result.err) == (0, "")
    text = path.read_text()
    assert '<strong class="badge">Fits</strong>' in text
    for label, size in (
        ("Peak", 1110), ("Lower bound", 1110), ("File order", 2100), ("Saved", 990),
        ("Budget", 1200),
    ):  # fmt: skip
        assert f'data-figure="{label}" data-bytes="{size}"' in text
    command = re.search(r"<pre><code>(.*?)</code>", text)
    assert command is not None
    words = re.sub("<.*?>", "", command.group(1))
    quoted = f"&#39;{path}&#39;"
    assert words == f"python -m solver.schedule {branches} --budget 1200 --report {quoted}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["branches.onnx", "out put.html"]


def test_a_page_of_what_does_not_fit(run: Run, branches: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    assert run(branches, "--budget", "1000", "--report", path, "--quiet").code == 1
    assert '<strong class="badge">Does not fit</strong>' in path.read_text()


def test_a_page_shows_the_arena_that_was_planned(run: Run, branches: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    assert run(branches, "--objective", "arena", "--alignment", "16", "--report", path).code == 0
    text = path.read_text()
    assert "The layout of the plan." in text
    assert "rounded up to 16 bytes" in text


@pytest.mark.parametrize(
    ("suffix", "magic"), [("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-1."), ("svg", b"<?xml")]
)
def test_plots(run: Run, branches: Path, tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"memory.{suffix}"
    assert run(branches, "--plot", path, "--budget", "1500", "--quiet").code == 0
    first = path.read_bytes()
    assert first.startswith(magic)
    assert run(branches, "--plot", path, "--budget", "1500", "--quiet", "--force").code == 0
    assert path.read_bytes() == first
    if suffix == "svg":
        text = first.decode()
        # Ends of the legend and the op at the peak, as text that can be searched and edited.
        for words in ("optimum, 1.1 KB", "file order, 2.1 KB", "budget, 1.5 KB", "light_"):
            assert words in text


def test_a_plot_is_a_picture_of_its_steps(run: Run, branches: Path, tmp_path: Path) -> None:
    """The filled area in pixels is in the ratio of the figures: 5 steps, highest at 1110."""
    path = tmp_path / "memory.png"
    assert run(branches, "--plot", path).code == 0
    picture = imread(path)[..., :3]
    filled = (abs(picture * 255 - (195, 217, 238)) < 2).all(axis=-1).sum(axis=0)
    columns = filled[filled > 0]
    size = len(columns) // 5
    middle = [columns[i * size + size // 2] for i in range(5)]
    # A heavy branch, its end, the other branch beside 10 bytes, its end, the join.
    expected = [1100, 1110, 1110, 1020, 30]
    order = [value / max(middle) for value in middle]
    assert order[:4] == pytest.approx([v / 1110 for v in expected[:4]], abs=0.1)
    assert order[4] < 0.1


@pytest.mark.parametrize("option", ["--report", "--plot"])
def test_an_existing_file_needs_force(
    run: Run, branches: Path, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "out.svg"
    path.write_text("mine")
    result = run(branches, option, path)
    assert (result.code, result.out) == (2, "")
    assert "exists already; --force overwrites it" in result.err
    assert path.read_text() == "mine"
    assert run(branches, option, path, "--force").code == 0
    assert path.read_text() != "mine"


def test_a_page_is_written_whole_or_not_at_all(
    run: Run, branches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.html"
    path.write_text("mine")
    seen: list[str] = []

    def full_disk(temporary: Path, _target: Path) -> None:
        seen.append(temporary.read_text())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "replace", full_disk)
    result = run(branches, "--report", path, "--force")
    assert result.code == 2
    assert "out.html: cannot be written: No space left on device" in result.err
    assert path.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["branches.onnx", "out.html"]
    assert [text.endswith("</html>") for text in seen] == [True]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plot", "a.gif"], "end the name in one of .png, .svg, .pdf"),
        (["--plot", "a"], "end the name in one of .png, .svg, .pdf"),
        (["--report", "-"], "stdout ('-') is for --json alone"),
        (["--report", "missing/a.html"], "there is no directory"),
        (["--report", "a.svg", "--plot", "a.svg"], "named for two outputs"),
        (["--report", "a.json", "--json", "a.json"], "named for two outputs"),
        (["--report", "zoo"], "a directory"),
    ],
)
def test_bad_input(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "zoo").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["zoo"]


@pytest.mark.parametrize(("option", "module"), [("report", render), ("plot", plots)])
def test_a_missing_library_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, module: object
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    result = run(f"--{option}", "a.svg")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert f"tightfit[{option}]" in result.err
    assert list(tmp_path.iterdir()) == []

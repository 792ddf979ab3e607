"""``--report`` and ``--plot`` with ``--tcm``."""

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

_MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-1.", "svg": b"<?xml"}


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    return write_network(tmp_path / "branches.onnx", BRANCHES, BRANCH_SIZES)


def test_a_page(run: Run, branches: Path, tmp_path: Path) -> None:
    path = tmp_path / "tcm page.html"
    words = ("--tcm", "1100", "--bandwidth", "1KB", "--report", path)
    result = run(branches, *words)
    assert (result.code, result.err) == (0, "")
    text = path.read_text()
    assert '<strong class="badge">Optimal</strong>' in text
    for label, size in (("Traffic", 230), ("Compulsory", 110), ("Spilled", 120), ("TCM", 1100)):
        assert f'data-figure="{label}" data-bytes="{size}"' in text
    assert "At 1 KB per second the traffic takes 0.22 s" in text
    command = re.search(r"<pre><code>(.*?)</code>", text)
    assert command is not None
    assert re.sub("<.*?>", "", command.group(1)) == (
        f"python -m solver.schedule {branches} --tcm 1100 --bandwidth 1KB --report &#39;{path}&#39;"
    )


def test_a_page_of_what_does_not_run(run: Run, branches: Path, tmp_path: Path) -> None:
    page, plot = tmp_path / "out.html", tmp_path / "out.svg"
    result = run(branches, "--tcm", "1000", "--report", page, "--plot", plot, "--quiet")
    assert result.code == 1
    assert '<strong class="badge">Infeasible</strong>' in page.read_text()
    assert 'data-figure="Smallest that works" data-bytes="1100"' in page.read_text()
    assert "op that does not" in plot.read_text()


@pytest.mark.parametrize("tcm", ["1100", "1000..1200"])
@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plots(run: Run, branches: Path, tmp_path: Path, suffix: str, tcm: str) -> None:
    path = tmp_path / f"plot.{suffix}"
    assert run(branches, "--tcm", tcm, "--plot", path, "--quiet").code == 0
    first = path.read_bytes()
    assert first.startswith(_MAGIC[suffix])
    assert "exists already" in run(branches, "--tcm", tcm, "--plot", path).err
    assert run(branches, "--tcm", tcm, "--plot", path, "--quiet", "--force").code == 0
    assert path.read_bytes() == first


def test_a_plot_is_a_picture_of_its_moves(run: Run, branches: Path, tmp_path: Path) -> None:
    """In pixels, 100 bytes of reload are ten times 10 bytes, and as much as 100 of input."""
    path = tmp_path / "moves.png"
    assert run(branches, "--tcm", "1100", "--plot", path).code == 0
    picture = imread(path)[..., :3] * 255

    def tallest(colour: tuple[int, int, int]) -> int:
        # A bar fills a tenth of the width at least; keys of the legend do not.
        same = (abs(picture - colour) < 2).all(axis=-1)
        rows = same.sum(axis=1) > picture.shape[1] / 10
        return int(rows.sum())

    once, reload, spill = (tallest(c) for c in ((154, 162, 172), (47, 116, 181), (201, 84, 10)))
    assert once / reload == pytest.approx((100 + 10) / 100, rel=0.15)
    assert reload / spill == pytest.approx(10, rel=0.25)


def test_the_curve_is_in_both_files(run: Run, branches: Path, tmp_path: Path) -> None:
    files = ("--csv", tmp_path / "a.csv", "--plot", tmp_path / "a.svg")
    assert run(branches, "--tcm", "1000..1200", *files).code == 0
    assert (tmp_path / "a.csv").read_text().startswith("tcm_bytes,")
    for words in ("smallest that works, 1.1 KB", "knee, 110 bytes at 1.1 KB", "no plan runs"):
        assert words in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tcm", "1KB..2KB", "--report", "a.html"], "a curve goes to --csv and --plot"),
        (["--tcm", "1KB", "--plot", "a.gif"], "end the name in one of .png, .svg, .pdf"),
        (["--tcm", "1KB..2KB", "--plot", "a"], "end the name in one of .png, .svg, .pdf"),
        (["--tcm", "1KB", "--plot", "-"], "cannot tell the format"),
        (["--tcm", "1KB", "--report", "-"], "stdout ('-') is for --json alone"),
        (["--tcm", "1KB", "--json", "a", "--report", "a"], "named for two outputs"),
        (["--tcm", "1KB..2KB", "--csv", "a.svg", "--plot", "a.svg"], "named for two outputs"),
        (["--tcm", "1KB", "--report", "missing/a.html"], "there is no directory"),
    ],
)
def test_bad_input(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "module"), [("report", render), ("plot", plots)])
def test_a_missing_library_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, module: object
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    result = run("--tcm", "300KB", f"--{option}", "a.svg")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert f"tightfit[{option}]" in result.err
    assert list(tmp_path.iterdir()) == []

"""TensorFlow Lite Micro runs what was written: the same bits, in exactly the predicted head."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import models
from models.formats.tflite_write import write_tflite
from solver.arena.blocks import blocks_of
from solver.arena.greedy import arena_bytes, greedy_offsets
from solver.memory import MemoryRules, make_problem
from tests.data import shared_data
from tests.runtimes.installed import need
from tests.runtimes.networks import random_tflite
from tests.runtimes.run import deploy, run

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = int(os.environ.get("TIGHTFIT_RUNTIME_CASES") or 100)


@pytest.fixture(autouse=True)
def _tflm() -> None:
    need("tflm")


def greedy_head(path: Path) -> int:
    """Bytes of the head that the runtime plans for itself, in file order."""
    problem = make_problem(models.load(path), MemoryRules(alignment=16))
    blocks = blocks_of(problem, range(len(problem)))
    return arena_bytes(blocks, greedy_offsets(blocks, 16), 16)


@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in-place"])
def test_random_networks(tmp_path: Path, *, in_place: bool) -> None:
    files: list[Path] = []
    arenas: list[int] = []
    for seed in range(_COUNT):
        original, written = tmp_path / f"{seed}.tflite", tmp_path / f"{seed}.out.tflite"
        original.write_bytes(random_tflite(seed))
        arenas.append(deploy(models.load(original), written, in_place=in_place).arena)
        files += [original, written]
    results = run("tflm", files)
    smaller = 0
    for seed, arena in enumerate(arenas):
        before, after = results[2 * seed], results[2 * seed + 1]
        assert after["head"] == arena, f"seed {seed}"
        assert after["outputs"] == before["outputs"], f"seed {seed}"
        assert before["head"] == greedy_head(files[2 * seed]), f"seed {seed}"
        assert abs(after["tail"] - before["tail"]) < 64  # padding between structures
        smaller += after["head"] < before["head"]
    assert smaller > _COUNT // 4


@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in-place"])
def test_person_detection(tmp_path: Path, *, in_place: bool) -> None:
    original = shared_data("tflm/person_detect.tflite")
    written = tmp_path / "written.tflite"
    arranged = deploy(models.load(original), written, in_place=in_place)
    before, after = run("tflm", [original, written])
    assert after["head"] == arranged.arena == arranged.joint.lower_bound
    assert after["outputs"] == before["outputs"]
    assert before["head"] == 55296


def least_arena(path: Path, low: int, high: int) -> int:
    """Bisect the smallest arena in which the model runs."""
    while low < high:
        middle = (low + high) // 2
        if run("tflm", [path], arena=middle)[0] is None:
            low = middle + 1
        else:
            high = middle
    return low


@pytest.mark.parametrize("seed", [1, 3])
def test_the_arena_needs_the_head_and_not_less(seed: int, tmp_path: Path) -> None:
    original, written = tmp_path / "in.tflite", tmp_path / "out.tflite"
    original.write_bytes(random_tflite(seed))
    deploy(models.load(original), written)
    (result,) = run("tflm", [written])
    assert run("tflm", [written], arena=result["total"] - 64)[0] is None
    assert least_arena(written, result["total"] - 64, result["total"] + 64) <= result["total"] + 64


def test_a_reordered_file_without_offsets_is_planned_by_the_runtime(tmp_path: Path) -> None:
    original, planned, plain = (tmp_path / f"{name}.tflite" for name in ("in", "planned", "plain"))
    original.write_bytes(random_tflite(3))
    arranged = deploy(models.load(original), planned)
    reread = models.load(planned)
    write_tflite(reread, [op.name for op in reread.ops], plain)  # takes the offsets out
    first, second, third = run("tflm", [original, planned, plain])
    assert first["outputs"] == second["outputs"] == third["outputs"]
    assert second["head"] == arranged.arena
    assert third["head"] == greedy_head(plain)

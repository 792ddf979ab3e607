"""LiteRT computes the same bits from a rewritten file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import models
from tests.data import shared_data
from tests.runtimes.installed import need
from tests.runtimes.networks import random_tflite
from tests.runtimes.run import deploy, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _litert() -> None:
    need("litert")


def test_swiftnet(tmp_path: Path) -> None:
    original, written = shared_data("swiftnet/submission-uint8.lite"), tmp_path / "written.tflite"
    deploy(models.load(original), written)
    before, after = run("litert", [original, written])
    assert after == before


def test_random_networks(tmp_path: Path) -> None:
    files: list[Path] = []
    for seed in range(40):
        original, written = tmp_path / f"{seed}.tflite", tmp_path / f"{seed}.out.tflite"
        original.write_bytes(random_tflite(seed))
        deploy(models.load(original), written, in_place=seed % 2 == 0)
        files += [original, written]
    results = run("litert", files)
    assert results[::2] == results[1::2]

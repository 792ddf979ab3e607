"""Which runtimes are there."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

_PACKAGES = {"tflm": "tflite_micro", "litert": "ai_edge_litert", "onnxruntime": "onnxruntime"}


def need(runtime: str) -> None:
    """Skip the test if the runtime is not installed."""
    if find_spec(_PACKAGES[runtime]) is None:
        pytest.skip(f"no {_PACKAGES[runtime]}: pip install 'tightfit[runtimes]'")

"""Structure of training graphs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from models import zoo

if TYPE_CHECKING:
    from models.graph import Graph


def forward_reads(graph: Graph) -> int:
    """Count reads of forward activations by ops of the backward pass."""
    made = {b for op in graph.ops if not op.name.startswith("grad") for b in op.outputs}
    return sum(b in made for op in graph.ops if op.name.startswith("grad") for b in op.inputs)


@pytest.mark.parametrize("model", ["chain", "residual", "darts", "nasnet"])
def test_every_weight_has_its_gradient_as_an_output(model: str) -> None:
    graph = zoo.graph("training", model=model, depth=3, channels=4)
    outputs = {b.name: b for b in graph.buffers if b.is_output}
    sizes = {f"grad.{w.name}": w.size for w in graph.weights if w.dtype == "float32"}
    assert {name: b.size for name, b in outputs.items()} == sizes


@pytest.mark.parametrize("model", ["chain", "residual", "darts", "nasnet"])
def test_the_backward_pass_reads_forward_activations(model: str) -> None:
    graph = zoo.graph("training", model=model, depth=3, channels=4)
    kinds = Counter(op.kind for op in graph.ops)
    assert kinds["ReluGrad"] == kinds["Relu"]
    assert kinds["ConvGradWeight"] + kinds["DepthwiseGradWeight"] == kinds["Conv"]
    assert kinds["ConvTranspose"] == kinds["Conv"] - 1  # nobody wants the image's gradient
    assert forward_reads(graph) >= kinds["Relu"] + kinds["Conv"]


def test_ten_thousand_ops() -> None:
    graph = zoo.graph("training", model="chain", depth=1100, channels=2, image=8)
    assert len(graph.ops) == 9 * 1100 + 13

"""Published figures that the zoo's networks reproduce."""

from __future__ import annotations

from collections import Counter
from statistics import mean
from typing import TYPE_CHECKING

import pytest

import models
from models import zoo
from tests.data import shared_data

if TYPE_CHECKING:
    from models.graph import Graph

FLOAT = 4


def weights(graph: Graph) -> dict[str, int]:
    """Elements of each weight."""
    return {w.name: w.size // FLOAT for w in graph.weights if w.dtype == "float32"}


def parameters(graph: Graph) -> int:
    return sum(weights(graph).values())


def multiply_adds(graph: Graph) -> int:
    """Of convolutions and fully connected layers, biases apart."""
    total = 0
    for weight in graph.weights:
        if not weight.name.endswith(".weight"):
            continue
        for op in (graph.ops[v] for v in weight.consumers):
            output = graph.buffers[op.outputs[0]]
            assert output.shape is not None
            if op.kind == "Conv":
                total += weight.size // FLOAT * output.shape[2] * output.shape[3]
            elif op.kind == "Gemm":
                total += weight.size // FLOAT
    return total


def trainable(graph: Graph, *, unfolded: tuple[str, ...] = ()) -> int:
    """Parameters before folding: a folded bias was a scale and a shift, statistics do not count.

    ``unfolded`` are layers whose bias is just a bias.
    """
    total = 0
    for name, count in weights(graph).items():
        layer, _, part = name.rpartition(".")
        if part in {"mean", "variance"} or not layer:
            continue
        folded = part == "bias" and "conv" in _kind(graph, name)
        plain = any(layer.endswith(end) for end in unfolded)
        total += 2 * count if folded and not plain else count
    return total


def _kind(graph: Graph, weight: str) -> str:
    (consumers,) = {w.consumers for w in graph.weights if w.name == weight}
    return graph.ops[consumers[0]].kind.lower()


@pytest.mark.parametrize(
    ("name", "unfolded", "expected"),
    [
        # Counts of the torchvision models, exactly.
        ("mobilenetv2", (), 3_504_872),
        ("mobilenetv3_large", ("squeeze", "excite"), 5_483_032),
        ("resnet50", (), 25_557_032),
        ("densenet121", (), 7_978_856),
        ("inception_v3", (), 23_834_568),
    ],
)
def test_trainable_parameters_are_exact(
    name: str, unfolded: tuple[str, ...], expected: int
) -> None:
    assert trainable(zoo.graph(name), unfolded=unfolded) == expected


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("darts", 3.3),  # Liu et al. 2019, table 1
        ("darts_imagenet", 4.7),  # table 3
        ("nasnet_a", 3.3),  # Zoph et al. 2018, table 1
        ("nasnet_a_imagenet", 5.3),  # table 3
        ("amoebanet_a", 3.2),  # Real et al. 2019, table 1
        ("amoebanet_a_imagenet", 5.1),  # table 2
        ("pnasnet", 3.2),  # Liu et al. 2018, table 3
        ("pnasnet_imagenet", 5.1),  # table 4
    ],
)
def test_parameters_of_searched_networks(name: str, millions: float) -> None:
    assert parameters(zoo.graph(name)) / 1e6 == pytest.approx(millions, rel=0.03)


@pytest.mark.parametrize(
    ("name", "millions", "tolerance"),
    [
        ("mobilenetv2", 300, 0.01),  # Sandler et al. 2018, table 4
        ("mobilenetv3_large", 219, 0.02),  # Howard et al. 2019, table 3
        ("resnet50", 3800, 0.02),  # He et al. 2016, table 1
        ("nasnet_a_imagenet", 564, 0.02),  # Zoph et al. 2018, table 3
        ("amoebanet_a_imagenet", 555, 0.03),  # Real et al. 2019, table 2
        ("pnasnet_imagenet", 588, 0.01),  # Liu et al. 2018, table 4
    ],
)
def test_multiply_adds(name: str, millions: float, tolerance: float) -> None:
    assert multiply_adds(zoo.graph(name)) / 1e6 == pytest.approx(millions, rel=tolerance)


def test_randwire_averages() -> None:
    # Xie et al. 2019, table 1: WS(4, 0.75), C = 78, mean of five graphs.
    graphs = [zoo.graph("randwire", graph_seed=seed) for seed in range(5)]
    assert mean(map(parameters, graphs)) / 1e6 == pytest.approx(5.6, rel=0.02)
    assert mean(map(multiply_adds, graphs)) / 1e6 == pytest.approx(583, rel=0.02)


@pytest.mark.parametrize(
    ("name", "params", "ops"),
    [
        # Networks on which HMCOS (Wang et al., DAC 2022) was measured, see theory.md section 5.
        ("nasnet_a", {}, 876),
        ("amoebanet_a", {}, 780),
        ("darts", {}, 798),
        ("pnasnet", {"filters": 32}, 564),
    ],
)
def test_the_hmcos_layout_has_its_op_counts(name: str, params: dict[str, float], ops: int) -> None:
    assert len(zoo.graph(name, layout="hmcos", **params).ops) == ops


@pytest.mark.parametrize(
    ("nodes", "low", "high"), [(32, 113, 118), (48, 169, 177), (64, 226, 234), (128, 452, 466)]
)
def test_ops_of_random_cells(nodes: int, low: int, high: int) -> None:
    # Three ops a node, a sum where a node has several inputs, and one mean.
    for seed in range(3):
        graph = zoo.graph("randwire_cell", nodes=nodes, graph_seed=seed)
        kinds = Counter(op.kind for op in graph.ops)
        assert low <= len(graph.ops) <= high
        assert len(graph.ops) == 3 * nodes + kinds["Sum"] + 1
        assert len({b.size for b in graph.buffers}) == 1


@pytest.mark.parametrize("wiring", [{"graph": "er", "p": 0.2}, {"graph": "ba", "m": 5}])
def test_other_random_graphs(wiring: dict[str, float | str]) -> None:
    graph = zoo.graph("randwire_cell", stride=2, image=8, **wiring)
    assert sum(op.kind == "Relu" for op in graph.ops) == 32
    assert graph.buffers[graph.ops[-1].outputs[0]].shape == (1, 32, 4, 4)


def test_graph_seeds_draw_different_graphs() -> None:
    assert zoo.graph("randwire_cell", graph_seed=1) != zoo.graph("randwire_cell", graph_seed=2)


def test_unet_layers_and_images() -> None:
    # Ronneberger et al. 2015, section 2 and figure 1.
    graph = zoo.graph("unet")
    kinds = Counter(op.kind for op in graph.ops)
    assert kinds["Conv"] + kinds["ConvTranspose"] == 23
    assert graph.buffers[0].shape == (1, 1, 572, 572)
    assert graph.buffers[graph.ops[-1].outputs[0]].shape == (1, 2, 388, 388)
    same = zoo.graph("unet", image=64, padding="same")
    assert same.buffers[same.ops[-1].outputs[0]].shape == (1, 2, 64, 64)


def test_random_layered_has_the_ops_asked_for_and_mixed_sizes() -> None:
    for ops, width in ((1, 1), (100, 20), (500, 100)):
        graph = zoo.graph("random_layered", ops=ops, width=width)
        assert len(graph.ops) == ops
    assert len({b.size for b in graph.buffers}) > 30


def test_random_layered_reads_the_layer_before_and_at_most_two_more() -> None:
    graph = zoo.graph("random_layered", ops=200, width=15)
    layer = {b: 0 for b, buffer in enumerate(graph.buffers) if buffer.is_input}
    for op in graph.ops:
        own = int(op.name.partition(".")[0].removeprefix("layer"))
        reads = [layer[b] for b in op.inputs]
        assert reads[0] == own - 1
        assert all(own - 3 <= read < own for read in reads)
        layer[op.outputs[0]] = own


def producers(graph: Graph) -> list[tuple[int, ...]]:
    """For each op, in file order, which ops made what it reads; -1 is the network's input."""
    return [
        tuple(graph.producers[b][0] if graph.producers[b] else -1 for b in op.inputs)
        for op in graph.ops
    ]


def test_swiftnet_is_the_published_file_op_for_op() -> None:
    published = models.load(shared_data("swiftnet/submission-uint8.lite"))
    ours = zoo.graph("swiftnet").with_precision("int8")
    assert producers(ours) == producers(published)
    for a, b in zip(ours.ops, published.ops, strict=True):
        assert [ours.buffers[x].size for x in a.outputs] == [
            published.buffers[x].size for x in b.outputs
        ]
    assert Counter(b.size for b in ours.buffers) == Counter(b.size for b in published.buffers)


def test_swiftnet_splits_its_image_first() -> None:
    graph = zoo.graph("swiftnet").with_precision("int8")
    split = graph.ops[0]
    assert split.kind == "Split"
    assert sum(graph.buffers[b].size for b in (*split.inputs, *split.outputs)) == 301_056
    assert parameters(zoo.graph("swiftnet")) == 216_722

"""The registry, and what holds for every network of the zoo."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx
import pytest

from models import zoo
from models.errors import InvalidModelError
from models.formats.onnx import graph_from_onnx

if TYPE_CHECKING:
    from models.graph import Graph

#: Parameters that make each network small; none for those that are.
SMALL: dict[str, dict[str, Any]] = {
    "swiftnet": {},
    "darts": {"cells": 1, "channels": 4, "image": 13},
    "darts_imagenet": {"cells": 1, "channels": 4, "image": 40},
    "darts_cell": {"channels": 4, "image": 9, "kind": "reduction"},
    "randwire": {"nodes": 8, "channels": 4, "image": 33, "classes": 7},
    "randwire_cell": {"nodes": 12, "graph": "er", "p": 0.3, "channels": 3},
    "mobilenetv2": {"width": 0.1, "image": 33, "classes": 3},
    "mobilenetv3_large": {"width": 0.1, "image": 33, "classes": 3},
    "nasnet_a": {"cells": 1, "filters": 3, "image": 12},
    "nasnet_a_imagenet": {"cells": 1, "filters": 8, "image": 45},
    "nasnet_a_cell": {"filters": 4, "image": 9, "kind": "reduction"},
    "amoebanet_a": {"cells": 1, "filters": 3, "layout": "hmcos"},
    "amoebanet_a_imagenet": {"cells": 1, "filters": 8, "image": 45},
    "amoebanet_a_cell": {"filters": 4, "image": 9, "kind": "reduction"},
    "pnasnet": {"cells": 1, "filters": 3, "image": 12},
    "pnasnet_imagenet": {"cells": 2, "filters": 8, "image": 45},
    "pnasnet_cell": {"filters": 4, "image": 9, "kind": "reduction"},
    "resnet50": {"channels": 2, "image": 40},
    "densenet121": {"growth": 2, "image": 64},
    "inception_v3": {"image": 75, "classes": 2},
    "unet": {"depth": 2, "channels": 2, "image": 44},
    "random_layered": {"ops": 60, "width": 6, "channels": 9, "graph_seed": 3},
    "training": {"model": "nasnet", "depth": 2, "channels": 4, "image": 8},
}


def structure(graph: Graph) -> Graph:
    """Forget where things stand in the file."""
    return replace(
        graph,
        ops=tuple(replace(op, position=None) for op in graph.ops),
        weights=tuple(sorted(graph.weights, key=lambda w: w.name)),
        source=None,
    )


def test_the_bundled_network_and_all_names_are_known() -> None:
    assert zoo.BUNDLED in zoo.names()
    assert set(zoo.names()) == set(SMALL)
    assert all(zoo.entry(name).summary and zoo.entry(name).source for name in zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_the_model_is_valid_and_its_shapes_are_those_onnx_infers(name: str) -> None:
    model = zoo.build(name, weights="none")
    stated = {v.name: v.type for v in (*model.graph.value_info, *model.graph.output)}
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    found = {v.name: v.type for v in (*inferred.graph.value_info, *inferred.graph.output)}
    assert stated.items() <= found.items()


@pytest.mark.parametrize("name", zoo.names())
def test_the_registry_tells_ops_and_activations(name: str) -> None:
    graph = zoo.graph(name)
    entry = zoo.entry(name)
    assert graph.name == name
    assert (len(graph.ops), len(graph.buffers)) == (entry.ops, entry.activations)


@pytest.mark.parametrize("name", zoo.names())
def test_models_with_and_without_weights_are_one_graph(name: str) -> None:
    full = graph_from_onnx(zoo.build(name, **SMALL[name]), name=name)
    bare = graph_from_onnx(zoo.build(name, weights="none", **SMALL[name]), name=name)
    assert structure(full) == structure(bare)
    assert structure(zoo.graph(name, **SMALL[name])) == structure(bare)


@pytest.mark.parametrize("name", ["swiftnet", "randwire_cell", "training"])
def test_bytes_depend_on_the_seed_and_on_nothing_else(name: str) -> None:
    def build(seed: int) -> bytes:
        model = zoo.build(name, seed=seed, **SMALL[name])
        return bytes(model.SerializeToString(deterministic=True))

    assert build(0) == build(0)
    assert build(0) != build(1)


def test_bytes_do_not_depend_on_the_process() -> None:
    code = (
        "import hashlib; from models import zoo; print(hashlib.sha256("
        "zoo.build('training', depth=2).SerializeToString(deterministic=True)).hexdigest())"
    )
    here = zoo.build("training", depth=2).SerializeToString(deterministic=True)
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert there.strip() == hashlib.sha256(here).hexdigest()


def test_without_weights_files_are_tiny_and_seedless() -> None:
    model = zoo.build("resnet50", weights="none")
    assert model.ByteSize() < 100_000
    assert model == zoo.build("resnet50", weights="none", seed=7)
    assert zoo.build("swiftnet").ByteSize() > 4 * 216_722


def test_importing_the_zoo_loads_no_parser() -> None:
    code = (
        "import sys, models.zoo; "
        "print([m for m in ('onnx', 'numpy', 'networkx', 'models.zoo._net') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_defaults_name_the_parameters() -> None:
    assert zoo.defaults("mobilenetv2") == {"width": 1.0, "image": 224, "classes": 1000}
    assert zoo.defaults("swiftnet") == {}


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("swiftnett", {}, r"no network 'swiftnett': did you mean swiftnet"),
        ("zzz", {}, r"no network 'zzz': known: swiftnet, darts"),
        ("darts", {"cell": 3}, r"darts has no parameter 'cell': did you mean cells"),
        ("swiftnet", {"cells": 3}, r"swiftnet has no parameter 'cells': there are none"),
        ("darts", {"cells": 0}, r"cells must lie between 1 and 20, not 0"),
        ("darts", {"cells": "six"}, r"cells must be a whole number, not 'six'"),
        ("darts", {"cells": 2.5}, r"cells must be a whole number, not 2.5"),
        ("darts", {"cells": True}, r"cells must be a whole number, not True"),
        ("mobilenetv2", {"width": float("nan")}, r"width must lie between 0.05 and 4, not nan"),
        ("mobilenetv2", {"width": "wide"}, r"width must be a number, not 'wide'"),
        ("darts", {"layout": "none"}, r"layout must be one of paper, hmcos, not 'none'"),
        ("randwire_cell", {"nodes": 4}, r"ws needs k < nodes, not k = 4, nodes = 4"),
        ("randwire_cell", {"graph": "ba", "m": 40}, r"ba needs m < nodes, not m = 40"),
        ("randwire_cell", {"graph": "er", "p": 0.0}, r"no connected er graph of 32 nodes"),
        ("unet", {"image": 100}, r"image 100 becomes 5 at level 4, which cannot be halved"),
        ("unet", {"image": 16}, r"image is too small|cannot be halved"),
        ("nasnet_a", {"seed": -1}, r"seed must be a whole number from 0, not -1"),
        ("nasnet_a", {"weights": "zero"}, r"weights must be 'random' or 'none', not 'zero'"),
    ],
)
def test_mistakes_are_told_in_one_line(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidModelError, match=message) as caught:
        zoo.build(name, **params)
    assert "\n" not in str(caught.value)


def test_weights_that_no_file_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.zoo._net._MOST_BYTES", 4 * 216_722)
    assert zoo.build("swiftnet")
    with pytest.raises(InvalidModelError, match="weights exceed the 2 GB"):
        zoo.build("mobilenetv2")
    assert zoo.build("mobilenetv2", weights="none")


def test_text_is_as_good_as_numbers() -> None:
    assert zoo.build("darts", cells="1", channels="4", weights="none") == zoo.build(
        "darts", cells=1, channels=4, weights="none"
    )

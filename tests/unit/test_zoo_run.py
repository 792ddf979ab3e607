"""The models really run, and training steps compute true gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from models import zoo
from tests.unit.test_zoo import SMALL

if TYPE_CHECKING:
    from collections.abc import Mapping

onnxruntime = pytest.importorskip("onnxruntime")

Arrays = dict[str, npt.NDArray[np.float32]]


def run(model: onnx.ModelProto, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def random_inputs(model: onnx.ModelProto) -> Arrays:
    random = np.random.default_rng(0)
    return {
        value.name: random.standard_normal(
            [d.dim_value for d in value.type.tensor_type.shape.dim], dtype=np.float32
        )
        for value in model.graph.input
    }


@pytest.mark.parametrize("weights", ["random", "none"])
@pytest.mark.parametrize("name", zoo.names())
def test_outputs_are_finite_and_of_the_stated_shapes(
    name: str, weights: Literal["random", "none"]
) -> None:
    model = zoo.build(name, weights=weights, **SMALL[name])
    outputs = run(model, random_inputs(model))
    for value in model.graph.output:
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        assert outputs[value.name].shape == shape
        assert np.isfinite(outputs[value.name]).all()


@pytest.mark.parametrize(
    "params",
    [
        {"model": "chain", "depth": 3, "image": 7},
        {"model": "residual", "depth": 3, "image": 9},
        {"model": "darts", "depth": 2, "image": 6},
        {"model": "nasnet", "depth": 2, "image": 6},
    ],
)
def test_gradients_agree_with_finite_differences(params: dict[str, Any]) -> None:
    model = zoo.build("training", channels=3, classes=4, seed=1, **params)
    (softmax,) = [n.output[0] for n in model.graph.node if n.op_type == "Softmax"]
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(softmax, onnx.TensorProto.FLOAT, [1, 4])
    )
    inputs = random_inputs(model)
    inputs["target"] = np.eye(4, dtype=np.float32)[[2]]
    gradients = run(model, inputs)

    def loss_at(weight: onnx.TensorProto, values: npt.NDArray[Any]) -> float:
        before = weight.raw_data
        weight.raw_data = values.astype(np.float32).tobytes()
        probability = float(run(model, inputs)[softmax][0, 2])
        weight.raw_data = before
        return -float(np.log(probability))

    random = np.random.default_rng(2)
    named = {w.name: w for w in model.graph.initializer}
    names = [name for name in gradients if name.startswith("grad.")]
    assert {name.removeprefix("grad.") for name in names} <= set(named)
    for name in [names[0], names[-1], *random.choice(names, 6, replace=False)]:
        weight = named[name.removeprefix("grad.")]
        values = onnx.numpy_helper.to_array(weight)
        direction = random.standard_normal(values.shape)
        direction /= np.linalg.norm(direction)
        step = 1e-3
        difference = loss_at(weight, values + step * direction) - loss_at(
            weight, values - step * direction
        )
        expected = float((gradients[name] * direction).sum())
        assert difference / (2 * step) == pytest.approx(expected, rel=0.03, abs=2e-3), name

"""The writer of models, op by op."""

from __future__ import annotations

import onnx
import pytest

from models.errors import InvalidModelError
from models.zoo._net import Net


def test_names_follow_scopes() -> None:
    net = Net("net")
    x = net.input(1, 2, 4, 4)
    with net.scope("cell"):
        assert net.relu(x).name == "cell.relu_1"
        with net.scope("block"):
            assert net.conv(x, 3).name == "cell.block.conv_1"
            assert net.conv(x, 3, name="last").name == "cell.block.last"
        assert net.relu(x).name == "cell.relu_2"
    assert "cell.block.conv_1.weight" in net.parameters
    assert net.parameters["cell.block.last.bias"] == (3,)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "size"),
    [(3, 1, 1, 9), (3, 2, 1, 5), (5, 2, 1, 5), (3, 1, 2, 9), (7, 4, 1, 3), (1, 2, 1, 5)],
)
def test_without_pads_an_image_is_divided_by_the_stride(
    kernel: int, stride: int, dilation: int, size: int
) -> None:
    net = Net("net", weights="none")
    x = net.input(1, 2, 9, 9)
    y = net.conv(x, 4, kernel, stride=stride, dilation=dilation)
    assert y.shape == (1, 4, size, size)
    inferred = onnx.shape_inference.infer_shapes(net.build([y]), strict_mode=True)
    dims = inferred.graph.output[0].type.tensor_type.shape.dim
    assert tuple(d.dim_value for d in dims) == y.shape


def test_a_single_tensor_passes_through_joins() -> None:
    net = Net("net")
    x = net.input(1, 2, 4, 4)
    assert net.sum([x]) is net.mean([x]) is net.concat([x]) is x
    assert not net.nodes


def test_a_name_is_given_once() -> None:
    net = Net("net")
    x = net.input(1, 2, 4, 4)
    net.relu(x, name="y")
    with pytest.raises(InvalidModelError, match="two tensors are called 'y'"):
        net.relu(x, name="y")


def test_joined_tensors_must_fit() -> None:
    net = Net("net")
    x, y = net.input(1, 2, 4, 4, name="x"), net.input(1, 2, 5, 5, name="y")
    with pytest.raises(InvalidModelError, match="Add of different shapes"):
        net.add(x, y)
    with pytest.raises(InvalidModelError, match="Concat of different images"):
        net.concat([x, y])


def test_an_image_cannot_vanish() -> None:
    net = Net("net")
    with pytest.raises(InvalidModelError, match="the image is too small, conv_1 would be"):
        net.conv(net.input(1, 2, 4, 4), 3, 5, pad=0)


def test_constants_are_shared() -> None:
    net = Net("net", weights="none")
    x = net.input(1, 2, 4, 4)
    a = net.relu6(net.crop(x, 0, 0, 3, 3))
    b = net.relu6(net.crop(x, 0, 0, 3, 3))
    names = [tensor.name for tensor in net.build([a, b]).graph.initializer]
    assert sorted(names) == ["float32:0", "float32:6", "int64:0,0", "int64:2,3", "int64:3,3"]

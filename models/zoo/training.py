"""Training steps: forward pass, cross-entropy gradient, and the backward pass it takes.

Sources
-------
Reverse-mode differentiation; such graphs are what rematerialisation and training-memory planners
are measured on, for example P. Jain et al., "Checkmate", MLSys 2020, arXiv:1910.02653, and
B. Steiner et al., "MODeL: Memory Optimizations for Deep Learning", ICML 2023, arXiv:2210.12924. The
cells are those of DARTS and NASNet-A.

Notes
-----
The gradients are exact. Where ONNX has no single op for one, a model-local function stands for
the kernel that a framework would call. There is no batch normalisation, the batch is one, and the
weight gradients are outputs.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import onnx
from onnx import helper

from models.zoo._cells import DARTS_STYLE, NASNET_STYLE, CellWriter
from models.zoo._net import DOMAIN, Attribute, Net, Tensor
from models.zoo._params import Between
from models.zoo.darts import DARTS_V2
from models.zoo.nasnet import NASNET_A

_STAGES = 3

Attributes = Mapping[str, Attribute]


def training(
    net: Net,
    *,
    model: Literal["chain", "residual", "darts", "nasnet"] = "residual",
    depth: Annotated[int, Between(1, 1100)] = 9,
    channels: Annotated[int, Between(2, 512)] = 16,
    image: Annotated[int, Between(4, 512)] = 32,
    classes: Annotated[int, Between(1, 100_000)] = 10,
) -> tuple[Tensor, ...]:
    """Build one training step; inputs are the image and the one-hot ``target``.

    Parameters
    ----------
    net : Net
        Where to write.
    model : {"chain", "residual", "darts", "nasnet"}
        Depthwise separable convolutions in a row; two such with a skip connection; normal cells.
    depth : int
        Convolutions, blocks or cells. In chains and residual networks the image halves and the
        channels double after each third, twice.
    channels, image, classes : int
        Channels of the first stage, pixels per side, width of the classifier.
    """
    x = net.conv(net.input(1, 3, image, image), channels, 3, name="stem")
    if model in {"darts", "nasnet"}:
        genotype, style = (DARTS_V2, DARTS_STYLE) if model == "darts" else (NASNET_A, NASNET_STYLE)
        writer = CellWriter(net, genotype, style)
        x = writer.stack(x, x, [("normal", channels)] * depth)
    else:
        block = _separable if model == "chain" else _residual
        for index in range(depth):
            stage = index * _STAGES // depth
            grows = index > 0 and stage > (index - 1) * _STAGES // depth
            with net.scope(f"block{index + 1}"):
                x = block(net, x, channels << stage, 2 if grows else 1)
    logits = net.classifier(x, classes)
    target = net.input(1, classes, name="target")
    loss = net.op("Sub", [net.unary("Softmax", logits, axis=1), target], logits.shape, name="loss")
    return _Backward(net).run(logits, loss)


def _separable(net: Net, x: Tensor, channels: int, stride: int) -> Tensor:
    return net.separable(net.relu(x), channels, 3, stride=stride)


def _residual(net: Net, x: Tensor, channels: int, stride: int) -> Tensor:
    y = _separable(net, _separable(net, x, channels, stride), channels, 1)
    if x.shape != y.shape:
        x = net.conv(x, channels, stride=stride, name="shortcut")
    return net.add(x, y)


class _Backward:
    """Walks the nodes backwards and writes the gradients of their inputs and weights."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.forward = tuple(net.nodes)
        self.arrived: dict[str, list[Tensor]] = defaultdict(list)
        self.gradients: list[Tensor] = []
        for name, (inputs, body, attributes) in _kernels().items():
            net.function(name, inputs, ["out"], body, attributes)

    def run(self, logits: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
        """Send ``gradient`` back from ``logits``; return the gradients of all weights."""
        self.arrived[logits.name].append(gradient)
        with self.net.scope("grad"):
            for node in reversed(self.forward):
                parts = self.arrived.pop(node.output[0], None)
                if parts:
                    self._differentiate(node, self.net.sum(parts))
        return tuple(reversed(self.gradients))

    def _differentiate(self, node: onnx.NodeProto, gradient: Tensor) -> None:
        net = self.net
        x = Tensor(node.input[0], net.shapes[node.input[0]])
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        match node.op_type:
            case "Conv":
                self._conv(node, x, gradient, attributes)
            case "Gemm":
                self._weight("Gemm", node.input[1], [gradient, x], {"transA": 1}, domain="")
                self._bias(node.input[2], gradient, (0,))
                self._send(x, "Gemm", [gradient, node.input[1]], {}, domain="")
            case "Relu":
                self._send(x, "ReluGrad", [gradient, node.output[0]], {})
            case "AveragePool":
                kept = {key: tuple(attributes[key]) for key in ("kernel_shape", "pads")}
                self._send(x, "AveragePoolGrad", [gradient], kept)
            case "GlobalAveragePool":
                fan: Attributes = {"shape": x.shape, "factor": 1 / math.prod(x.image)}
                self._send(x, "GlobalAveragePoolGrad", [gradient], fan)
            case "Flatten":
                self._send(x, "Reshape", [gradient, net.integers(*x.shape)], {}, domain="")
            case "Add":
                for name in node.input:
                    self.arrived[name].append(gradient)
            case "Concat":
                self._concat(node, gradient)
            case kind:
                raise NotImplementedError(f"no gradient for {kind}")

    def _conv(
        self, node: onnx.NodeProto, x: Tensor, gradient: Tensor, attributes: Mapping[str, Any]
    ) -> None:
        windows: dict[str, tuple[int, ...]] = {
            key: tuple(attributes[key]) for key in ("kernel_shape", "strides", "pads", "dilations")
        }
        group = int(attributes["group"])
        if group == 1:
            self._weight("ConvGradWeight", node.input[1], [x, gradient], windows)
        else:
            grouped: Attributes = {**windows, "group": group}
            self._weight("DepthwiseGradWeight", node.input[1], [x, gradient], grouped)
        if len(node.input) > 2:
            self._bias(node.input[2], gradient, (0, 2, 3))
        # What the stride left over at the border is missing after a transposed convolution.
        reach = [
            (size - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1
            for size, stride, pad, dilation, kernel in zip(
                gradient.image,
                windows["strides"],
                windows["pads"],
                windows["dilations"],
                windows["kernel_shape"],
                strict=False,
            )
        ]
        missing = tuple(want - have for want, have in zip(x.image, reach, strict=True))
        back: Attributes = {**windows, "group": group, "output_padding": missing}
        self._send(x, "ConvTranspose", [gradient, node.input[1]], back, domain="")

    def _concat(self, node: onnx.NodeProto, gradient: Tensor) -> None:
        net = self.net
        shapes = [net.shapes[name] for name in node.input]
        sizes = net.integers(*(shape[1] for shape in shapes))
        outputs = {net.fresh("split"): shape for shape in shapes}
        parts = net.node("Split", [gradient, sizes], outputs, attributes={"axis": 1})
        for name, part in zip(node.input, parts, strict=True):
            self.arrived[name].append(part)

    def _send(
        self,
        x: Tensor,
        kind: str,
        inputs: Sequence[Tensor | str],
        attributes: Attributes,
        domain: str = DOMAIN,
    ) -> None:
        """Write the gradient of ``x``, unless that is the network's input."""
        if x.name in self.net.inputs:
            return
        name = self.net.fresh(kind.lower())
        made = self.net.node(kind, inputs, {name: x.shape}, domain=domain, attributes=attributes)
        self.arrived[x.name] += made

    def _weight(
        self,
        kind: str,
        weight: str,
        inputs: Sequence[Tensor | str],
        attributes: Attributes,
        domain: str = DOMAIN,
    ) -> None:
        output = {f"grad.{weight}": self.net.parameters[weight]}
        self.gradients += self.net.node(kind, inputs, output, domain=domain, attributes=attributes)

    def _bias(self, bias: str, gradient: Tensor, axes: tuple[int, ...]) -> None:
        axes_name = self.net.integers(*axes)
        self._weight("ReduceSum", bias, [gradient, axes_name], {"keepdims": 0}, domain="")


_Kernel = tuple[list[str], list[onnx.NodeProto], list[str]]


def _kernels() -> Mapping[str, _Kernel]:
    """Return inputs, body and attributes of each gradient; the output is ``out``."""
    windows = ["kernel_shape", "strides", "pads", "dilations"]
    swap = [1, 0, 2, 3]
    return {
        "ReluGrad": (["g", "y"], [_node("Sign", "y", "on"), _node("Mul", "g on", "out")], []),
        # With batch and channels swapped, a convolution of the input by the gradient, its strides
        # and dilations exchanged, is the sum over all positions that a weight was used at.
        "ConvGradWeight": (
            ["x", "g"],
            [
                _node("Transpose", "x", "channels", perm=swap),
                _node("Transpose", "g", "filters", perm=swap),
                *_correlation("channels filters"),
                _node("Transpose", "cut", "out", perm=swap),
            ],
            windows,
        ),
        "DepthwiseGradWeight": (
            ["x", "g"],
            [
                _node("Transpose", "g", "filters", perm=swap),
                *_correlation("x filters", group="group"),
                _node("Transpose", "cut", "out", perm=swap),
            ],
            [*windows, "group"],
        ),
        # Every window divides by its pixels inside the image: the mean over a padded image of ones.
        "AveragePoolGrad": (
            ["g"],
            [
                _node("Shape", "g", "shape"),
                _node("ConstantOfShape", "shape", "ones", value=_ONE),
                _padded_mean("ones", "inside"),
                _node("Div", "g inside", "spread"),
                _padded_mean("spread", "out"),
            ],
            ["kernel_shape", "pads"],
        ),
        "GlobalAveragePoolGrad": (
            ["g"],
            [
                _referring(_node("Constant", "", "share"), value_float="factor"),
                _referring(_node("Constant", "", "whole"), value_ints="shape"),
                _node("Mul", "g share", "pixel"),
                _node("Expand", "pixel whole", "out"),
            ],
            ["shape", "factor"],
        ),
    }


_ONE = helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])


def _node(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    made = helper.make_node(kind, inputs.split(), [output])
    made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    return made


def _referring(node: onnx.NodeProto, **references: str) -> onnx.NodeProto:
    """Let attributes of a node in a function's body take the values of the function's own."""
    kinds = {"value_float": onnx.AttributeProto.FLOAT, "group": onnx.AttributeProto.INT}
    for name, source in references.items():
        kind = kinds.get(name, onnx.AttributeProto.INTS)
        node.attribute.append(onnx.AttributeProto(name=name, ref_attr_name=source, type=kind))
    return node


def _padded_mean(source: str, output: str) -> onnx.NodeProto:
    pool = _node("AveragePool", source, output, count_include_pad=1)
    return _referring(pool, kernel_shape="kernel_shape", pads="pads")


def _correlation(inputs: str, **references: str) -> list[onnx.NodeProto]:
    """Correlate, and cut off the positions past the kernel that a stride's remainder adds."""
    conv = _referring(
        _node("Conv", inputs, "wide"),
        strides="dilations",
        dilations="strides",
        pads="pads",
        **references,
    )
    return [
        conv,
        _node("Constant", "", "start", value_ints=[0, 0]),
        _referring(_node("Constant", "", "end"), value_ints="kernel_shape"),
        _node("Constant", "", "axes", value_ints=[2, 3]),
        _node("Slice", "wide start end axes", "cut"),
    ]

"""Write a runnable ONNX model op by op, with shapes known at every step."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Split(num_outputs), 18, is the youngest thing any network needs.
_OPSET = 18
_IR_VERSION = 9

#: Protocol buffers end at 2 GiB; the rest is room for the nodes.
_MOST_BYTES = 2_000_000_000

#: Where model-local functions live.
DOMAIN = "tightfit"

Weights = Literal["random", "none"]
Pair = int | tuple[int, int]
Attribute = int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named activation of known shape (NCHW where it has four dimensions)."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Size of dimension 1."""
        return self.shape[1]

    @property
    def image(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[2], self.shape[3]


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


@dataclass(slots=True)
class Net:
    """A model under construction: batch 1, float32, NCHW.

    Every op method takes tensors and returns the new tensor. An op is called after its output;
    names are ``scope.kind_index`` unless given.

    Parameters
    ----------
    name : str
        Name of the graph.
    weights : {"random", "none"}
        ``"random"`` stores He-scaled weights drawn from ``PCG64(seed)``. ``"none"`` writes each
        weight as a ConstantOfShape, so the file is tiny and still runs.
    seed : int
        Of the random weights.
    """

    name: str
    weights: Weights = "random"
    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list, init=False)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False)
    parameters: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False)
    functions: dict[str, onnx.FunctionProto] = field(default_factory=dict, init=False)
    inputs: list[str] = field(default_factory=list, init=False)
    _initializers: list[onnx.TensorProto] = field(default_factory=list, init=False)
    _constants: set[str] = field(default_factory=set, init=False)
    _scopes: list[str] = field(default_factory=list, init=False)
    _bytes: int = field(default=0, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        if self.weights not in {"random", "none"}:
            raise InvalidModelError(f"weights must be 'random' or 'none', not {self.weights!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidModelError(f"seed must be a whole number from 0, not {self.seed!r}")
        self._random = np.random.Generator(np.random.PCG64(self.seed))

    # Names, nodes, weights

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the names of all ops made inside."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def _name(self, stem: str, *, numbered: bool) -> str:
        name = ".".join((*self._scopes, stem))
        if not numbered:
            return name
        index = self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}_{index}"

    def fresh(self, stem: str) -> str:
        """Return an unused full name in the current scope."""
        return self._name(stem, numbered=True)

    def input(self, *shape: int, name: str = "input") -> Tensor:
        """Declare a network input."""
        self.inputs.append(name)
        self.shapes[name] = shape
        return Tensor(name, shape)

    def op(
        self,
        kind: str,
        inputs: Sequence[Tensor | str],
        shape: tuple[int, ...],
        *,
        name: str | None = None,
        domain: str = "",
        **attributes: Attribute,
    ) -> Tensor:
        """Append one op with one output; strings among the inputs are constants.

        Raises
        ------
        InvalidModelError
            If the output would be empty, or its name is taken.
        """
        full = self._name(name or kind.lower(), numbered=name is None)
        (made,) = self.node(kind, inputs, {full: shape}, domain=domain, attributes=attributes)
        return made

    def node(
        self,
        kind: str,
        inputs: Sequence[Tensor | str],
        outputs: Mapping[str, tuple[int, ...]],
        *,
        domain: str = "",
        attributes: Mapping[str, Attribute] | None = None,
    ) -> tuple[Tensor, ...]:
        """Append one op with outputs of the given full names and shapes.

        Raises
        ------
        InvalidModelError
            If an output would be empty, or its name is taken.
        """
        for name, shape in outputs.items():
            if min(shape, default=1) < 1:
                raise InvalidModelError(
                    f"{self.name}: the image is too small, {name} would be {shape}"
                )
            if name in self.shapes:
                raise InvalidModelError(f"two tensors are called {name!r}")
        made = helper.make_node(
            kind,
            [x if isinstance(x, str) else x.name for x in inputs],
            list(outputs),
            name=next(iter(outputs)),
            domain=domain,
        )
        made.attribute.extend(
            helper.make_attribute(key, value) for key, value in (attributes or {}).items()
        )
        self.nodes.append(made)
        self.shapes.update(outputs)
        return tuple(Tensor(name, shape) for name, shape in outputs.items())

    def weight(self, name: str, shape: tuple[int, ...], fan_in: int) -> str:
        """Make a weight of the op about to be called ``name``; return the constant's name.

        ``fan_in`` 0 stands for biases, which start near zero.
        """
        self.parameters[name] = shape
        if self.weights == "random":
            self._bytes += 4 * math.prod(shape)
            if self._bytes > _MOST_BYTES:
                raise InvalidModelError(
                    f"{self.name}: the weights exceed the 2 GB that a model file may have; "
                    "build it with weights 'none'"
                )
            scale = math.sqrt(2 / fan_in) if fan_in else 0.01
            values = self._random.standard_normal(shape, dtype=np.float32) * np.float32(scale)
            self._initializers.append(
                helper.make_tensor(name, TensorProto.FLOAT, shape, values.tobytes(), raw=True)
            )
            return name
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1 / fan_in if fan_in else 0.0])
        self.nodes.append(
            helper.make_node("ConstantOfShape", [self.integers(*shape)], [name], name, value=value)
        )
        return name

    def _weights_of(
        self, kind: str, name: str | None, shape: tuple[int, ...], fan_in: int, bias: int
    ) -> tuple[str, list[str]]:
        """Name the op that is about to use them, and make its weight and (if any) bias."""
        stem = name
        if stem is None:
            stem = self._name(kind.lower(), numbered=True).removeprefix(
                "".join(f"{scope}." for scope in self._scopes)
            )
        full = self._name(stem, numbered=False)
        constants = [self.weight(f"{full}.weight", shape, fan_in)]
        if bias:
            constants.append(self.weight(f"{full}.bias", (bias,), 0))
        return stem, constants

    def integers(self, *values: int) -> str:
        """Return the name of a constant int64 vector, one per distinct value."""
        name = "int64:" + ",".join(map(str, values))
        if name not in self._constants:
            self._constants.add(name)
            self._initializers.append(
                helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
            )
        return name

    def scalar(self, value: float) -> str:
        """Return the name of a constant float32 scalar, one per distinct value."""
        name = f"float32:{value:g}"
        if name not in self._constants:
            self._constants.add(name)
            self._initializers.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def function(
        self,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        body: Sequence[onnx.NodeProto],
        attributes: Sequence[str] = (),
    ) -> None:
        """Define a model-local function, once; ops of :data:`DOMAIN` call it.

        It lets one op do what ONNX has no single op for, and stay runnable.
        """
        if name not in self.functions:
            opsets = [helper.make_opsetid("", _OPSET)]
            self.functions[name] = helper.make_function(
                DOMAIN, name, inputs, outputs, body, opsets, attributes
            )

    # Convolutions and matrix products

    def conv(
        self,
        x: Tensor,
        channels: int,
        kernel: Pair = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        pad: Pair | None = None,
        bias: bool = True,
        name: str | None = None,
    ) -> Tensor:
        """Convolve; without ``pad`` the image keeps its size (divided by the stride)."""
        size = _pair(kernel)
        pads = _same(size, dilation) if pad is None else _pair(pad)
        per_group = x.channels // groups
        fan_in = per_group * size[0] * size[1]
        stem, constants = self._weights_of(
            "conv", name, (channels, per_group, *size), fan_in, channels if bias else 0
        )
        image = _windows(x.image, size, stride, pads, dilation)
        return self.op(
            "Conv",
            [x, *constants],
            (x.shape[0], channels, *image),
            name=stem,
            kernel_shape=size,
            strides=(stride, stride),
            pads=(*pads, *pads),
            dilations=(dilation, dilation),
            group=groups,
        )

    def depthwise(
        self,
        x: Tensor,
        kernel: Pair,
        *,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> Tensor:
        """Convolve each channel with a filter of its own."""
        return self.conv(
            x,
            x.channels,
            kernel,
            stride=stride,
            dilation=dilation,
            groups=x.channels,
            bias=bias,
            name=name,
        )

    def separable(
        self,
        x: Tensor,
        channels: int,
        kernel: Pair,
        *,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
    ) -> Tensor:
        """Depthwise without bias, then pointwise: what folding one BatchNorm leaves of both."""
        y = self.depthwise(x, kernel, stride=stride, dilation=dilation, bias=False)
        return self.conv(y, channels, bias=bias)

    def up_conv(self, x: Tensor, channels: int, *, name: str | None = None) -> Tensor:
        """Transposed 2x2 convolution of stride 2: doubles the image."""
        stem, constants = self._weights_of(
            "convtranspose", name, (x.channels, channels, 2, 2), x.channels, channels
        )
        height, width = x.image
        return self.op(
            "ConvTranspose",
            [x, *constants],
            (x.shape[0], channels, 2 * height, 2 * width),
            name=stem,
            kernel_shape=(2, 2),
            strides=(2, 2),
        )

    def gemm(self, x: Tensor, features: int, *, name: str | None = None) -> Tensor:
        """Fully connected layer on a flat tensor."""
        stem, constants = self._weights_of(
            "gemm", name, (features, x.shape[1]), x.shape[1], features
        )
        return self.op("Gemm", [x, *constants], (x.shape[0], features), name=stem, transB=1)

    def batch_norm(self, x: Tensor) -> Tensor:
        """Normalise where no convolution before it could take it in."""
        stem, (scale,) = self._weights_of("batchnormalization", None, (x.channels,), 2, 0)
        full = scale.removesuffix(".weight")
        rest = [
            self.weight(f"{full}.bias", (x.channels,), 0),
            self.weight(f"{full}.mean", (x.channels,), 0),
        ]
        # A variance must be positive, which neither way of making weights promises.
        variance = f"{full}.variance"
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
        self.nodes.append(
            helper.make_node(
                "ConstantOfShape", [self.integers(x.channels)], [variance], variance, value=value
            )
        )
        self.parameters[variance] = (x.channels,)
        return self.op("BatchNormalization", [x, scale, *rest, variance], x.shape, name=stem)

    # Elementwise

    def unary(
        self, kind: str, x: Tensor, *, name: str | None = None, **attributes: Attribute
    ) -> Tensor:
        """Append any op that keeps the shape of its one input."""
        full = self._name(name or kind.lower(), numbered=name is None)
        (made,) = self.node(kind, [x], {full: x.shape}, attributes=attributes)
        return made

    def relu(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """Rectify."""
        return self.op("Relu", [x], x.shape, name=name)

    def relu6(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """Clip to 0..6."""
        return self.op("Clip", [x, self.scalar(0), self.scalar(6)], x.shape, name=name)

    def add(self, x: Tensor, y: Tensor, *, name: str | None = None) -> Tensor:
        """Add two tensors of one shape."""
        return self._joined("Add", [x, y], name)

    def sum(self, tensors: Sequence[Tensor], *, name: str | None = None) -> Tensor:
        """Add any number of tensors in one op; a single one passes through."""
        return tensors[0] if len(tensors) == 1 else self._joined("Sum", tensors, name)

    def mean(self, tensors: Sequence[Tensor], *, name: str | None = None) -> Tensor:
        """Average any number of tensors in one op; a single one passes through."""
        return tensors[0] if len(tensors) == 1 else self._joined("Mean", tensors, name)

    def _joined(self, kind: str, tensors: Sequence[Tensor], name: str | None) -> Tensor:
        if len({t.shape for t in tensors}) > 1:
            raise InvalidModelError(f"{kind} of different shapes: {[t.shape for t in tensors]}")
        return self.op(kind, tensors, tensors[0].shape, name=name)

    def scale(self, x: Tensor, factors: Tensor) -> Tensor:
        """Multiply each channel by its factor (1 x C x 1 x 1)."""
        return self.op("Mul", [x, factors], x.shape)

    # Shape changes

    def concat(self, tensors: Sequence[Tensor], *, name: str | None = None) -> Tensor:
        """Join along the channels; a single tensor passes through."""
        if len(tensors) == 1:
            return tensors[0]
        first = tensors[0].shape
        channels = sum(t.channels for t in tensors)
        if any((t.shape[0], *t.shape[2:]) != (first[0], *first[2:]) for t in tensors):
            raise InvalidModelError(f"Concat of different images: {[t.shape for t in tensors]}")
        return self.op("Concat", tensors, (first[0], channels, *first[2:]), name=name, axis=1)

    def crop(
        self, x: Tensor, top: int, left: int, bottom: int, right: int, *, name: str | None = None
    ) -> Tensor:
        """Keep rows ``top..bottom`` and columns ``left..right`` (half-open)."""
        return self.op(
            "Slice",
            [x, self.integers(top, left), self.integers(bottom, right), self.integers(2, 3)],
            (*x.shape[:2], bottom - top, right - left),
            name=name,
        )

    def pad(self, x: Tensor, bottom: int, right: int) -> Tensor:
        """Append rows and columns of zeros."""
        height, width = x.image
        return self.op(
            "Pad",
            [x, self.integers(0, 0, 0, 0, 0, 0, bottom, right)],
            (*x.shape[:2], height + bottom, width + right),
        )

    def flatten(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """Make all dimensions but the first one."""
        return self.op("Flatten", [x], (x.shape[0], math.prod(x.shape[1:])), name=name)

    # Pools and heads

    def max_pool(
        self,
        x: Tensor,
        kernel: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        name: str | None = None,
    ) -> Tensor:
        """Take the maximum of each window; without ``pad``, the image keeps its size."""
        return self._pool("MaxPool", x, kernel, stride=stride, pad=pad, name=name)

    def avg_pool(
        self,
        x: Tensor,
        kernel: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        name: str | None = None,
    ) -> Tensor:
        """Average each window without its padding; without ``pad``, the image keeps its size."""
        return self._pool("AveragePool", x, kernel, stride=stride, pad=pad, name=name)

    def _pool(
        self, kind: str, x: Tensor, kernel: int, *, stride: int, pad: int | None, name: str | None
    ) -> Tensor:
        size = (kernel, kernel)
        pads = _same(size, 1) if pad is None else (pad, pad)
        image = _windows(x.image, size, stride, pads, 1)
        return self.op(
            kind,
            [x],
            (*x.shape[:2], *image),
            name=name,
            kernel_shape=size,
            strides=(stride, stride),
            pads=(*pads, *pads),
        )

    def global_pool(self, x: Tensor, *, name: str | None = None) -> Tensor:
        """Average the whole image."""
        return self.op("GlobalAveragePool", [x], (*x.shape[:2], 1, 1), name=name)

    def classifier(self, x: Tensor, classes: int) -> Tensor:
        """Average over the image, flatten, fully connected layer ``logits``."""
        return self.gemm(self.flatten(self.global_pool(x)), classes, name="logits")

    # The result

    def build(self, outputs: Sequence[Tensor]) -> onnx.ModelProto:
        """Return the model; everything but inputs and outputs gets its shape in value_info."""
        ends = [t.name for t in outputs]
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [_typed(name, self.shapes[name]) for name in self.inputs],
            [_typed(name, self.shapes[name]) for name in ends],
            initializer=self._initializers,
            value_info=[
                _typed(name, shape)
                for name, shape in self.shapes.items()
                if name not in self.inputs and name not in ends
            ],
        )
        domains = dict.fromkeys(("", *(f.domain for f in self.functions.values())))
        return helper.make_model(
            graph,
            producer_name="tightfit",
            ir_version=_IR_VERSION,
            functions=list(self.functions.values()),
            opset_imports=[
                helper.make_opsetid(domain, 1 if domain else _OPSET) for domain in domains
            ],
        )


def _typed(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _same(kernel: tuple[int, int], dilation: int) -> tuple[int, int]:
    """Return the padding on each side that keeps the image's size under an odd kernel."""
    return dilation * (kernel[0] - 1) // 2, dilation * (kernel[1] - 1) // 2


def _windows(
    image: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    pads: tuple[int, int],
    dilation: int,
) -> tuple[int, int]:
    def along(size: int, window: int, pad: int) -> int:
        return (size + 2 * pad - dilation * (window - 1) - 1) // stride + 1

    return along(image[0], kernel[0], pads[0]), along(image[1], kernel[1], pads[1])

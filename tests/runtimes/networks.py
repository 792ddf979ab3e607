"""Small float networks of irregular cells that the runtimes can really run."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from tests.tflite_builder import Kind, Op, Subgraph, Tensor, Type, build

_SAME = 0
_BINARY = {Kind.ADD: "AddOptions", Kind.MUL: "MulOptions", Kind.SUB: "SubOptions"}


@dataclass(frozen=True)
class _Value:
    """An activation of ``side`` x ``side`` x ``channels`` floats."""

    name: str
    side: int
    channels: int


class _Cell:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._numbers = np.random.default_rng(rng.randrange(2**32))
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []

    def tensor(self, shape: tuple[int, ...], data: np.ndarray | None = None) -> str:
        name = f"t{len(self.tensors)}"
        stored = None if data is None else data.astype(np.float32).tobytes()
        self.tensors.append(Tensor(name, shape, Type.FLOAT32, data=stored))
        return name

    def value(self, side: int, channels: int) -> _Value:
        return _Value(self.tensor((1, side, side, channels)), side, channels)

    def conv(self, x: _Value) -> _Value:
        kernel, channels = self._rng.choice((1, 3)), self._rng.choice((2, 4, 8, 12))
        stride = self._rng.choice((1, 1, 1, 2)) if x.side > 3 else 1
        weights = self._numbers.normal(size=(channels, kernel, kernel, x.channels)) / x.channels
        bias = self.tensor((channels,), np.ones(channels))
        out = self.value(-(-x.side // stride), channels)
        self._op(
            Kind.CONV_2D,
            [x.name, self.tensor(weights.shape, weights), bias],
            out,
            ("Conv2DOptions", {"Padding": _SAME, "StrideW": stride, "StrideH": stride,
                               "DilationWFactor": 1, "DilationHFactor": 1}),
        )  # fmt: skip
        return out

    def pool(self, x: _Value) -> _Value:
        stride = self._rng.choice((1, 2)) if x.side > 3 else 1
        out = self.value(-(-x.side // stride), x.channels)
        kind = self._rng.choice((Kind.MAX_POOL_2D, Kind.AVERAGE_POOL_2D))
        options = {"Padding": _SAME, "StrideW": stride, "StrideH": stride, "FilterWidth": 3,
                   "FilterHeight": 3}  # fmt: skip
        self._op(kind, [x.name], out, ("Pool2DOptions", options))
        return out

    def unary(self, x: _Value) -> _Value:
        out = self.value(x.side, x.channels)
        self._op(self._rng.choice((Kind.RELU, Kind.LOGISTIC, Kind.TANH)), [x.name], out, None)
        return out

    def binary(self, x: _Value, y: _Value) -> _Value:
        out = self.value(x.side, x.channels)
        kind = self._rng.choice(tuple(_BINARY))
        self._op(kind, [x.name, y.name], out, (_BINARY[kind], {}))
        return out

    def concatenation(self, values: list[_Value]) -> _Value:
        out = self.value(values[0].side, sum(v.channels for v in values))
        self._op(
            Kind.CONCATENATION, [v.name for v in values], out, ("ConcatenationOptions", {"Axis": 3})
        )
        return out

    def _op(
        self,
        kind: int,
        inputs: list[str],
        out: _Value,
        options: tuple[str, dict[str, int]] | None,
    ) -> None:
        self.ops.append(Op(kind, tuple(inputs), (out.name,), options))


def random_tflite(seed: int, most_ops: int = 14) -> bytes:
    """A network of branches that join; ops and tensors in the order they were drawn."""
    rng = random.Random(seed)
    cell = _Cell(rng)
    inputs = [
        cell.value(rng.choice((5, 8)), rng.choice((2, 4))) for _ in range(rng.choice((1, 1, 2)))
    ]
    values = list(inputs)
    for _ in range(rng.randint(4, most_ops)):
        x = rng.choice(values[-6:])
        twins = [v for v in values if (v.side, v.channels) == (x.side, x.channels)]
        mates = [v for v in values if v.side == x.side]
        draw = rng.random()
        if draw < 0.3 and len(twins) > 1:
            values.append(cell.binary(x, rng.choice(twins)))
        elif draw < 0.45 and len(mates) > 1:
            values.append(cell.concatenation(rng.sample(mates, min(len(mates), 3))))
        elif draw < 0.6:
            values.append(cell.pool(x))
        elif draw < 0.75:
            values.append(cell.unary(x))
        else:
            values.append(cell.conv(x))
    read = {name for op in cell.ops for name in op.inputs}
    values += [cell.unary(v) for v in inputs if v.name not in read]
    read = {name for op in cell.ops for name in op.inputs}
    outputs = [v.name for v in values if v.name not in read]
    return build(
        Subgraph(
            tuple(cell.tensors), tuple(cell.ops), tuple(v.name for v in inputs), tuple(outputs)
        )
    )

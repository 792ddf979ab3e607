"""Read ONNX models. Only sizes matter: any op of any domain will do once its shapes are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import Error as ProtobufError  # type: ignore[import-untyped, unused-ignore]
from onnx import ModelProto

from models.builder import GraphBuilder
from models.errors import InvalidModelError, UnsupportedModelError
from models.formats.onnx_facts import in_place_pairs, optional_outputs, view_pairs
from models.formats.onnx_fold import folded_nodes
from models.formats.onnx_network import Network, network_of, op_names
from models.formats.onnx_shapes import (
    Inference,
    call_key,
    function_key,
    infer,
    known_symbols,
    may_propagate,
)
from models.formats.onnx_tensors import ValueType, static_bytes, subgraphs
from models.graph import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from onnx import TensorProto

    from models.graph import Graph

_MAX_FILE = 2**31 - 1
_MAX_MESSAGE = 400


def read_onnx(path: Path, *, dims: Mapping[str, int] | None = None) -> Graph:
    """Read an ``.onnx`` file; weights kept in other files are not needed.

    Parameters
    ----------
    path : Path
        The model file.
    dims : mapping of str to int, optional
        Sizes of symbolic dimensions, for example ``{"batch": 1}``.

    Raises
    ------
    InvalidModelError
        If the file is no ONNX model, or contradicts itself.
    UnsupportedModelError
        If the shape of an activation stays unknown.
    """
    return graph_from_onnx(_parse(path), name=path.stem, dims=dims, path=path)


def graph_from_onnx(
    model: ModelProto,
    *,
    name: str,
    dims: Mapping[str, int] | None = None,
    path: Path | None = None,
) -> Graph:
    """Import a model that is already in memory.

    Parameters
    ----------
    model : ModelProto
        Left untouched.
    name : str
        Name of the graph, and of the model in messages when there is no path.
    dims : mapping of str to int, optional
        Sizes of symbolic dimensions.
    path : Path, optional
        File the model was read from.

    Raises
    ------
    InvalidModelError
        If the model contradicts itself.
    UnsupportedModelError
        If the shape of an activation stays unknown.
    """
    try:
        return _import(model, name, dims or {}, path)
    except UnsupportedModelError as error:
        raise UnsupportedModelError(f"{path or name}: {_one_line(error)}") from None
    except InvalidModelError as error:
        raise InvalidModelError(f"{path or name}: {_one_line(error)}") from None
    except UnicodeError:
        raise InvalidModelError(f"{path or name}: a name in the model is not UTF-8") from None
    except (RecursionError, ProtobufError):
        raise InvalidModelError(f"{path or name}: bodies are nested too deeply") from None


def _parse(path: Path) -> ModelProto:
    model = ModelProto()
    try:
        if path.stat().st_size > _MAX_FILE:
            raise InvalidModelError(
                f"{path}: not an ONNX model (protobuf holds 2 GiB at most: "
                "keep the weights in external data)"
            )
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise InvalidModelError(f"{path}: cannot be read: {error.strerror}") from None
    except ProtobufError as error:
        raise InvalidModelError(f"{path}: not an ONNX model ({_one_line(error)})") from None
    if not model.HasField("graph"):
        raise InvalidModelError(f"{path}: not an ONNX model (there is no graph in it)")
    return model


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def _import(model: ModelProto, name: str, dims: Mapping[str, int], path: Path | None) -> Graph:
    network = network_of(model)
    symbols = known_symbols(model)
    _check_dims(dims, symbols)
    roles = _assign_roles(network, dims)
    unbound = [symbol for symbol in symbols if symbol not in dims]
    sizes = {
        value: _size(value, network, roles.inference, unbound)
        for value in (*roles.activations, *roles.weights)
    }
    types = roles.inference.types
    names = op_names(network, roles.ops)
    builder = GraphBuilder(name)
    for value in roles.activations:
        builder.buffer(
            value,
            sizes[value],
            is_input=value in network.inputs,
            is_output=value in network.outputs,
            dtype=types[value].dtype,
            shape=types[value].shape,
        )
    for position in roles.ops:
        node = network.nodes[position]
        builder.op(
            names[position],
            [value for value in network.reads[position] if value in roles.activations],
            [value for value in node.output if value in roles.activations],
            kind=node.op_type,
            # What nobody reads is there while the op runs.
            workspace=sum(
                static_bytes(value, types[value].dtype, shape)
                for value in roles.unused.get(position, ())
                if value in types and (shape := types[value].shape) is not None
            ),
            in_place=in_place_pairs(node, types, roles.activations),
            views=view_pairs(node, types, roles.activations),
            position=position,
        )
    for value, readers in roles.weights.items():
        constant = network.constants.get(value)
        is_sparse = constant is not None and constant.tensor is None
        builder.weight(
            value,
            sizes[value],
            [names[position] for position in readers],
            # The indices of a sparse weight keep their size at any precision.
            "" if is_sparse else types[value].dtype,
        )
    return builder.build(
        source=Source("onnx", path, folded=roles.folded),
        warnings=tuple(_warnings(network, names)),
    )


def _check_dims(dims: Mapping[str, int], symbols: tuple[str, ...]) -> None:
    for symbol, size in dims.items():
        if symbol not in symbols:
            known = ", ".join(symbols)
            raise InvalidModelError(
                f"no dimension is called {symbol!r}; "
                + (f"the symbolic dimensions are: {known}" if known else "all have fixed sizes")
            )
        if not 0 <= size < 2**63:
            raise InvalidModelError(f"dimension {symbol!r} cannot have size {size}")


@dataclass(frozen=True, slots=True)
class _Roles:
    """What each node and value of the file is to the graph.

    ``weights`` maps a constant that is needed to the positions of the ops that read it. ``unused``
    maps an op to the optional outputs that it writes although nobody wants them.
    """

    ops: tuple[int, ...]
    folded: tuple[int, ...]
    activations: dict[str, None]
    weights: dict[str, list[int]]
    unused: dict[int, list[str]]
    inference: Inference

    @property
    def unresolved(self) -> list[str]:
        """Values that count but have no shape, network inputs first."""
        types = self.inference.types
        values = (*self.activations, *self.weights)
        return [v for v in values if v not in types or types[v].shape is None]


def _assign_roles(network: Network, dims: Mapping[str, int]) -> _Roles:
    """Infer shapes and fold constants, by turns while each helps the other."""
    computed: dict[str, TensorProto] = {}
    propagate = False
    while True:
        inference = infer(network, computed, dims, propagate=propagate)
        roles = _roles(network, inference)
        if not roles.unresolved or roles.unresolved[0] in network.inputs:
            return roles
        if not propagate and may_propagate(inference.types):
            propagate = True
            continue
        from models.formats.onnx_evaluate import evaluate  # noqa: PLC0415  # seldom needed

        more = evaluate(network, roles.folded, inference.types, computed)
        if len(more) == len(computed):
            return roles
        computed = more


def _roles(network: Network, inference: Inference) -> _Roles:
    folded = folded_nodes(network, inference.types)
    ops = tuple(sorted(set(range(len(network.nodes))) - set(folded)))
    readers: dict[str, list[int]] = {value: [] for value in network.outputs}
    for position in ops:
        for value in network.reads[position]:
            readers.setdefault(value, []).append(position)
    activations = dict.fromkeys(network.inputs)
    unused: dict[int, list[str]] = {}
    for position in ops:
        node = network.nodes[position]
        outputs = [value for value in node.output if value]
        wanted = [value for value in outputs if value in readers]
        if wanted and len(wanted) < len(outputs):
            optional = optional_outputs(node, network.opset)
            unused[position] = [value for value in optional if value not in readers]
            outputs = [value for value in outputs if value not in unused[position]]
        activations.update(dict.fromkeys(outputs))
    constants = dict.fromkeys((*network.constants, *network.producers))
    weights = {v: readers[v] for v in constants if v in readers and v not in activations}
    return _Roles(ops, folded, activations, weights, unused, inference)


def _size(value: str, network: Network, inference: Inference, unbound: list[str]) -> int:
    """Bytes of a value.

    Raises
    ------
    UnsupportedModelError
        If they are not known; the message says what would help.
    """
    constant = network.constants.get(value)
    if constant is not None:
        return constant.size
    known = inference.types.get(value, ValueType())
    if known.kind != "tensor":
        article = "an" if known.kind[0] in "aeiou" else "a"
        raise UnsupportedModelError(
            f"tensor {value!r} is {article} {known.kind}, whose size the model does not fix"
        )
    if known.shape is not None:
        return static_bytes(value, known.dtype, known.shape)
    if known.dims is None:
        problem = f"tensor {value!r} has no known shape"
    else:
        dims = (str(dim) if isinstance(dim, int) or dim in unbound else "?" for dim in known.dims)
        problem = f"tensor {value!r} has dynamic shape ({', '.join(dims)})"
        symbols = [dim for dim in dict.fromkeys(known.dims) if dim in unbound]
        if symbols:
            # The first dimension is the batch, as a rule.
            sizes = ["1" if symbol == known.dims[0] else "SIZE" for symbol in symbols]
            options = " ".join(f"--dim {s}={n}" for s, n in zip(symbols, sizes, strict=True))
            raise UnsupportedModelError(f"{problem}; give {options}")
    if value in network.inputs:
        raise UnsupportedModelError(f"{problem}; export the model with a fixed size for it")
    if inference.contradiction:
        raise InvalidModelError(inference.contradiction)
    position = network.producers[value]
    reason = inference.ignorance or (
        f"op {network.label(position)!r} ({network.nodes[position].op_type}) is unknown to shape "
        "inference, or its result depends on data"
    )
    raise UnsupportedModelError(f"{problem} ({reason}); add its shape to the model's value_info")


def _warnings(network: Network, names: Mapping[int, str]) -> Iterator[str]:
    functions = {function_key(f) for f in network.model.functions}
    called: set[str] = set()
    for position, name in names.items():
        node = network.nodes[position]
        if next(subgraphs(node), None) is not None:
            yield (
                f"the body of {name!r} ({node.op_type}) counts as one op; "
                "memory inside it is not counted"
            )
        if call_key(node) in functions and node.op_type not in called:
            called.add(node.op_type)
            yield (
                f"each call of the local function {node.op_type!r} counts as one op; "
                "memory inside it is not counted"
            )

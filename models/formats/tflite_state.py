"""State in TFLite files: variable tensors, and the order that side effects ask for.

Variable tensors and resources (variables, tables) change behind the graph's back: ops that touch
the same one are chained in file order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tflite.TensorType import TensorType

from models.formats.tflite_file import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.formats.tflite_file import OperatorRecord, SubgraphRecord
    from models.graph import Graph


def side_effect_order(subgraphs: Sequence[SubgraphRecord]) -> tuple[tuple[int, ...], ...]:
    """For each op of the main subgraph, the earlier ops it must follow because of shared state."""
    chains = zip(_variable_chain(subgraphs[0]), _resource_chain(subgraphs), strict=True)
    return tuple(tuple(sorted(variables | resources)) for variables, resources in chains)


def _variable_chain(subgraph: SubgraphRecord) -> Iterator[set[int]]:
    latest: dict[int, int] = {}
    for index, op in enumerate(subgraph.operators):
        touched = {t for t in (*op.inputs, *op.outputs) if subgraph.tensors[t].is_variable}
        yield {latest[t] for t in touched if t in latest}
        latest.update(dict.fromkeys(touched, index))


def _resource_chain(subgraphs: Sequence[SubgraphRecord]) -> Iterator[set[int]]:
    """Chain ops on one resource; an op that may touch any of them is a barrier to all."""
    main = subgraphs[0]
    resources = _resources(main)
    impure = _subgraphs_with_resources(subgraphs)
    latest: dict[str, int] = {}
    barrier: int | None = None
    for index, op in enumerate(main.operators):
        touched = {resources[t] for t in (*op.inputs, *op.outputs) if t in resources}
        start = set() if barrier is None else {barrier}
        if None in touched or op.kind == "CALL_ONCE" or not impure.isdisjoint(op.calls):
            yield start | set(latest.values())
            latest.clear()
            barrier = index
        else:
            known = {resource for resource in touched if resource is not None}
            yield {p for r in known for p in ({latest[r]} if r in latest else start)}
            latest.update(dict.fromkeys(known, index))


def _resources(subgraph: SubgraphRecord) -> dict[int, str | None]:
    """Map each handle to what it refers to, None when only the run can tell."""
    made_by: dict[int, OperatorRecord] = {t: op for op in subgraph.operators for t in op.outputs}
    return {
        t: made_by[t].resource if t in made_by else None
        for t, tensor in enumerate(subgraph.tensors)
        if tensor.type == TensorType.RESOURCE
    }


def _subgraphs_with_resources(subgraphs: Sequence[SubgraphRecord]) -> set[int]:
    """Find the subgraphs that use a resource, themselves or in a subgraph they call."""
    found = {
        index
        for index, subgraph in enumerate(subgraphs)
        if any(tensor.type == TensorType.RESOURCE for tensor in subgraph.tensors)
    }
    callers: list[set[int]] = [set() for _ in subgraphs]
    for index, subgraph in enumerate(subgraphs):
        for op in subgraph.operators:
            for called in op.calls:
                callers[called].add(index)
    waiting = list(found)
    while waiting:
        new = callers[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def without_variables(graph: Graph) -> Graph:
    """Return the network with variable tensors at 0 bytes, for a runtime that keeps them elsewhere.

    A network that was not read from a TFLite file stays as it is.
    """
    source = graph.source
    if source is None or source.path is None or source.format != "tflite":
        return graph
    tensors = parse(source.path.read_bytes())[source.subgraph].tensors
    variables = {tensor.name for tensor in tensors if tensor.is_variable}
    return replace(
        graph,
        buffers=tuple(
            replace(buffer, size=0) if buffer.name in variables else buffer
            for buffer in graph.buffers
        ),
    )

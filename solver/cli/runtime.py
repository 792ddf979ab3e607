"""``--runtime``, ``--objective``, ``--output``, ``--emit-header``: what is deployed, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InvalidModelError, UnsupportedModelError
from solver.cli.errors import InputError
from solver.cli.network import model_file
from solver.cli.output import claim
from solver.memory import MemoryRules
from solver.runtimes import RUNTIMES
from solver.runtimes.tflm import head_graph

if TYPE_CHECKING:
    import argparse

    from models.graph import Graph
    from solver.cli.network import Network
    from solver.cli.output import OutputFile
    from solver.plan import Plan
    from solver.runtimes import Runtime


def chosen_runtime(options: argparse.Namespace) -> Runtime:
    """Runtime asked for; that of a microcontroller where a .tflite file is to be written."""
    if options.runtime is not None:
        return RUNTIMES[options.runtime]
    output = options.output or ""
    return RUNTIMES["tflm" if output.lower().endswith(".tflite") else "generic"]


def memory_rules(options: argparse.Namespace, runtime: Runtime) -> MemoryRules:
    """Memory rules of the runtime and of the options beside it.

    Raises
    ------
    InputError
        If the runtime cannot do what an option assumes.
    """
    alignment = runtime.alignment if options.alignment is None else options.alignment
    if alignment % runtime.alignment:
        raise InputError(
            f"--alignment: {runtime.title} rounds up to {runtime.alignment} bytes, and "
            f"{alignment} is no multiple of that"
        )
    return MemoryRules(alignment, options.in_place, options.views or runtime.views)


def as_deployed(network: Network, runtime: Runtime) -> Network:
    """Leave out what the runtime keeps elsewhere, and note the runtime in the plan's options."""
    graph = head_graph(network.graph) if runtime.name == "tflm" else network.graph
    return replace(network, graph=graph, options={**network.options, "runtime": runtime.name})


@dataclass(frozen=True, slots=True)
class Exports:
    """Files to write once there is a plan, checked before the work.

    Attributes
    ----------
    model, header : OutputFile or None
        Where the rewritten model and the C header go.
    with_offsets : bool
        Whether the model file takes offsets along.
    """

    model: OutputFile | None
    header: OutputFile | None
    with_offsets: bool

    def write(self, plan: Plan, network: Network) -> list[str]:
        """Write the files; say what was written, a sentence each.

        Raises
        ------
        InputError
            If a file cannot be written. None is left half-written.
        """
        done: list[str] = []
        if self.model is not None:
            _write_model(self.model, plan, network, with_offsets=self.with_offsets)
            what = "order and offsets" if self.with_offsets else "order"
            done.append(f"Written: {self.model.path} ({what}; read back and compared).")
        if self.header is not None:
            self.header.write(_header(plan, network))
            done.append(f"Written: {self.header.path} (arena size and offsets).")
        return done


def claim_exports(options: argparse.Namespace, network: Network, runtime: Runtime) -> Exports:
    """Check that what is asked for can be written, before the work.

    Raises
    ------
    InputError
        If not; the message says what would help.
    """
    inputs = (model_file(options.model),)
    model = header = None
    with_offsets = False
    if options.output is not None:
        _check_output(options, network, runtime)
        model = claim(Path(options.output), force=options.force, inputs=inputs)
        if model.is_special:
            raise InputError(f"{options.output}: not a file; a model is written to a file")
        source = network.graph.source
        assert source is not None
        with_offsets = (
            source.format == "tflite" and runtime.takes_offsets and wants_layout(options, runtime)
        )
    if options.emit_header is not None:
        if options.objective == "peak":
            raise InputError("--emit-header writes offsets: it needs --objective arena")
        header = claim(Path(options.emit_header), force=options.force, inputs=inputs)
        if model is not None and header.target == model.target:
            raise InputError(f"{options.output}: named for two outputs; give each its own file")
    return Exports(model, header, with_offsets)


def wants_layout(options: argparse.Namespace, runtime: Runtime) -> bool:
    """Whether offsets are asked for, or of use for what is."""
    if options.objective is not None:
        return str(options.objective) == "arena"
    return (options.output is not None and runtime.takes_offsets) or options.emit_header is not None


def _check_output(options: argparse.Namespace, network: Network, runtime: Runtime) -> None:
    source = network.graph.source
    if source is None or source.path is None:
        raise InputError(
            f"--output: {network.model} was not read from a file; "
            "'python -m models.zoo NAME -o FILE' writes one"
        )
    suffix = Path(options.output).suffix.lower()
    if suffix and suffix != f".{source.format}" and suffix in (".tflite", ".onnx"):
        raise InputError(
            f"--output: {options.output}: the model is a .{source.format} file, and stays one"
        )
    if not runtime.follows_order:
        raise InputError(f"--output: {runtime.title} does not run ops in the order of the file")
    if network.is_resized and source.format == "tflite":
        raise InputError(
            "--output: with --as the sizes are not those of this file; quantize it first, then "
            "schedule the quantized file"
        )
    for reason in runtime.obstacles(network.graph):
        raise InputError(f"--output: {runtime.title} cannot run this model: {reason}")


def _write_model(file: OutputFile, plan: Plan, network: Network, *, with_offsets: bool) -> None:
    from models.formats.write import write  # noqa: PLC0415  only exports pay for it

    dims = network.options.get("dims")
    try:
        write(
            network.graph,
            plan.order,
            file.target,
            offsets=plan.offsets if with_offsets else None,
            dims=dims if isinstance(dims, dict) else None,
        )
    except (InvalidModelError, UnsupportedModelError, ValueError) as error:
        raise InputError(f"{file.path}: not written: {error}") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{file.path}: cannot be written: {reason}") from None


def _header(plan: Plan, network: Network) -> str:
    from solver.arena.header import plan_header  # noqa: PLC0415

    assert plan.offsets is not None
    assert plan.arena_bytes is not None
    graph: Graph = network.graph
    index = {op.name: v for v, op in enumerate(graph.ops)}
    return plan_header(
        Path(network.model).stem,
        plan.order,
        [_position(graph, index[name]) for name in plan.order],
        plan.offsets,
        {b.name: b.size for b in graph.buffers if b.name in plan.offsets},
        arena=plan.arena_bytes,
        alignment=int(plan.options["alignment"]),
    )


def _position(graph: Graph, op: int) -> int:
    position = graph.ops[op].position
    return op if position is None else position

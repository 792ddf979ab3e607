"""Runs models in one of the runtimes; a process of its own, for a bad model may end it.

Reads one JSON job from stdin: ``{"runtime", "models", "arena"}``; prints one line per model: a
digest of its ``outputs``, for TensorFlow Lite Micro also the parts of the arena, for ONNX Runtime
the ``order`` of its nodes; ``null`` if the arena was too small. Inputs are random numbers, the same
for every model with the same inputs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tflite import Model

_SEED = 7
_ALLOCATION = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")


def main() -> None:
    job = json.load(sys.stdin)
    run = {"tflm": run_tflm, "litert": run_litert, "onnxruntime": run_onnxruntime}[job["runtime"]]
    for path in job["models"]:
        print(json.dumps(run(Path(path).read_bytes(), job.get("arena"))), flush=True)


def random_array(rng: np.random.Generator, details: dict[str, Any]) -> np.ndarray:
    dtype, shape = np.dtype(details["dtype"]), tuple(details["shape"])
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def run_tflm(content: bytes, arena: int | None) -> dict[str, object] | None:
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415

    try:
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena or 2**24)
    except RuntimeError:
        return None
    rng = np.random.default_rng(_SEED)
    for i in range(_count(content)[0]):
        interpreter.set_input(random_array(rng, interpreter.get_input_details(i)), i)
    interpreter.invoke()
    outputs = [interpreter.get_output(i) for i in range(_count(content)[1])]
    sizes = dict(_ALLOCATION.findall(_stderr_of(interpreter.print_allocations)))
    return {**{key: int(value) for key, value in sizes.items()}, "outputs": _digest(outputs)}


def run_litert(content: bytes, _: int | None) -> dict[str, object]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    rng = np.random.default_rng(_SEED)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], random_array(rng, details))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    return {"outputs": _digest(outputs)}


def run_onnxruntime(content: bytes, arena: int | None) -> dict[str, object] | None:
    """Run the nodes in file order; an arena of so many bytes holds all but the network's inputs."""
    import onnxruntime as ort  # noqa: PLC0415

    options = ort.SessionOptions()
    options.execution_order = ort.ExecutionOrder.PRIORITY_BASED
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_mem_pattern = options.enable_mem_reuse = False
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if arena is None:
        options.enable_cpu_mem_arena = False
    else:
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        as_requested = 1  # grow the arena by what is asked for, no more
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(arena, as_requested, -1, -1))
        options.add_session_config_entry("session.use_env_allocators", "1")
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(_SEED)
        inputs = {
            i.name: rng.normal(size=[int(d) for d in i.shape]).astype(np.float32)
            for i in session.get_inputs()
        }
        try:
            outputs = session.run(None, inputs)
        except ort.capi.onnxruntime_pybind11_state.Fail:
            return None
        events = json.loads(Path(session.end_profiling()).read_text())
    suffix = "_kernel_time"
    names = [event["name"] for event in events if event["name"].endswith(suffix)]
    return {"order": [n.removesuffix(suffix) for n in names], "outputs": _digest(outputs)}


def _count(content: bytes) -> tuple[int, int]:
    """Inputs and outputs of the main subgraph; the interpreter does not tell."""
    main = Model.GetRootAs(content).Subgraphs(0)
    return main.InputsLength(), main.OutputsLength()


def _digest(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _stderr_of(call: Any) -> str:  # noqa: ANN401
    """What a C function writes to the file descriptor itself."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            call()
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        file.seek(0)
        return file.read().decode()


if __name__ == "__main__":
    main()

"""From a network to an answer: the best order, its proof, an arena, a device.

Run it from the root of the repository, with a model file of your own or without:

    python examples/quickstart.py
    python examples/quickstart.py model.tflite
"""

from __future__ import annotations

import sys

import models
import solver
from models import zoo
from solver import verify
from solver.arena.minimize import lay_out
from solver.devices import find


def main() -> None:
    """Solve one network and say what came out."""
    if len(sys.argv) > 1:
        graph = models.load(sys.argv[1])
    else:
        graph = zoo.graph("swiftnet").with_precision("int8")
    print(f"{graph.name}: {len(graph.ops)} ops, {graph.weight_bytes} bytes of weights")

    # The order of least peak memory, with a lower bound that proves it.
    plan = solver.minimize_peak(graph, limits=solver.Limits(seconds=60))
    print(f"peak {plan.peak_bytes} bytes, bound {plan.lower_bound_bytes}: {plan.status.value}")
    print(f"file order needs {plan.baselines.get('file_order')} bytes")

    # Code that shares nothing with the solver checks every statement of the plan.
    findings = verify.examine(plan, graph)
    print(f"verified: the bound rests on {findings.proof.words}")

    # Offsets for every buffer in one arena.
    placed = lay_out(plan, graph)
    print(f"arena {placed.arena_bytes} bytes for {len(placed.offsets or {})} buffers")

    # Does that fit a chip?
    device = find("stm32h743")
    fits = placed.arena_bytes is not None and placed.arena_bytes <= device.arena
    print(f"{device.title}: one arena of {device.arena} bytes, {'fits' if fits else 'too small'}")


if __name__ == "__main__":
    main()

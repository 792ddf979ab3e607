"""Measure one instance in this process, and say what is known after each part.

``python -m benchmarks.measure NAME`` prints one JSON object a line: after the graph is built, after
the solve, after verification. So whoever kills it keeps what was known by then.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.registry import Instance, fingerprint, named
from solver import Limits, Plan, minimize_peak, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models import Graph

_T = TypeVar("_T")

#: Above this number of ops the certificate's flow is not computed again by the slow library.
MOST_OPS_FOR_FLOW = 3000
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What a solve gets.

    Attributes
    ----------
    time_limit : float
        Seconds.
    memory_limit : int
        Bytes of resident memory.
    workers : int
        Threads of exact search.
    """

    time_limit: float
    memory_limit: int = 4 << 30
    workers: int = 1


def measure(instance: Instance, settings: Settings) -> Iterator[dict[str, Any]]:
    """Build, solve and verify; yield fields of the row as they become known."""
    graph, seconds = _timed(instance.build)
    yield {
        "graph": fingerprint(graph),
        "ops": len(graph.ops),
        "buffers": len(graph.buffers),
        "build_seconds": seconds,
    }
    limits = Limits(seconds=settings.time_limit, memory_bytes=settings.memory_limit)
    plan, seconds = _timed(lambda: minimize_peak(graph, limits=limits, workers=settings.workers))
    yield {**_answer(plan), "call_seconds": seconds, "peak_rss_mb": round(_peak_rss() / _MB, 1)}
    verified, seconds = _timed(lambda: _verify(plan, graph))
    yield {"verified": verified, "verify_seconds": seconds}


def _answer(plan: Plan) -> dict[str, Any]:
    return {
        "file_order_bytes": plan.baselines.get("file_order"),
        "cut_bound_bytes": plan.certificate.get("cut", {}).get("bound_bytes"),
        "lower_bound_bytes": plan.lower_bound_bytes,
        "peak_bytes": plan.peak_bytes,
        "status": plan.status.value,
        "proof": plan.certificate.get("kind"),
        "gap_percent": round(100 * plan.gap, 4),
        "limit": plan.limit,
        "states": plan.certificate.get("states"),
        "solve_seconds": round(plan.seconds, 4),
    }


def _verify(plan: Plan, graph: Graph) -> str:
    """Check the plan; of a large one only that its order has the peak it claims."""
    try:
        if len(graph.ops) > MOST_OPS_FOR_FLOW:
            verify.check_replay(plan, graph)
            return "order"
        verify.check(plan, graph)
    except verify.VerificationError as error:
        return f"no: {error}"
    return "full"


def _timed(action: Callable[[], _T]) -> tuple[_T, float]:
    start = time.perf_counter()
    result = action()
    return result, round(time.perf_counter() - start, 4)


def _peak_rss() -> int:
    """Bytes at worst: of this process, and of the largest it started."""
    unit = 1 if sys.platform == "darwin" else 1024
    everyone = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return unit * sum(resource.getrusage(who).ru_maxrss for who in everyone)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one instance and print what is known, line by line."""
    parser = argparse.ArgumentParser(prog="benchmarks.measure", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--time-limit", type=float, required=True)
    parser.add_argument("--memory-limit", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    options = parser.parse_args(argv)
    settings = Settings(options.time_limit, options.memory_limit, options.workers)
    for part in measure(named(options.name), settings):
        sys.stdout.write(json.dumps(part) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m solver.verify``: check a plan against its network, trusting nothing in the plan."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models import zoo
from models.formats.tflite_state import without_variables
from solver.cli.errors import InputError, one_line
from solver.cli.exits import Exit
from solver.cli.network import read_network
from solver.cli.parser import PRECISIONS, Parser, add_model_arguments
from solver.cli.run import run
from solver.cli.sizes import QuantityError, parse_duration
from solver.cli.streams import emit
from solver.plan import Plan, PlanError
from solver.verify.errors import VerificationError
from solver.verify.examine import examine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.graph import Graph
    from solver.verify.examine import Findings

_EPILOG = """\
examples:
  python -m solver.verify plan.json model.tflite
      the plan that 'python -m solver.schedule model.tflite --json plan.json' wrote
  python -m solver.verify plan.json zoo:darts --recheck
      also prove anew what would be taken on trust

Without --as and --dim the network is read with the options that the plan records.

exit codes:
  0    every statement of the plan holds (the last line says so if one is taken on trust)
  1    one does not: the first is named
  2    bad input or usage: no plan, a plan that contradicts itself, an unreadable model
  3    --recheck could neither prove nor refute the bound in time
  130  interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(_parser(), _verify, argv)


def _parser() -> Parser:
    parser = Parser(
        "verify",
        description="Check every statement of a plan by simple code that shares nothing with the "
        "solver: replay the order, add up the flow or walk the closed set that proves the bound.",
        epilog=_EPILOG,
    )
    parser.add_argument("plan", metavar="PLAN", help="a plan that solver.schedule wrote")
    add_model_arguments(parser)
    group = parser.add_argument_group("bounds taken on trust")
    group.add_argument(
        "--recheck",
        action="store_true",
        help="where the plan has no proof that can be checked (a long search), prove its bound "
        "again by another method",
    )
    group.add_argument(
        "--time-limit", type=_duration, default="60s", metavar="TIME",
        help="wall time of --recheck: 60s, 500ms, 2m; plain numbers are seconds (default 60s)",
    )  # fmt: skip
    return parser


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except QuantityError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _verify(options: argparse.Namespace) -> int:
    plan = _read_plan(Path(options.plan))
    graph = _read_graph(plan, options)
    try:
        findings = examine(plan, graph)
    except VerificationError as error:
        emit(f"Refused: {one_line(str(error))}.\n", sys.stdout)
        return Exit.NO
    emit(_described(findings), sys.stdout)
    if findings.proof.is_checked:
        emit("Every statement of the plan holds.\n", sys.stdout)
        return Exit.YES
    if options.recheck:
        return _recheck(plan, graph, options.time_limit)
    emit(
        "Every statement of the plan holds, the bound taken on trust: see --recheck.\n", sys.stdout
    )
    return Exit.YES


def _described(findings: Findings) -> str:
    ops = "1 op" if findings.ops == 1 else f"{findings.ops} ops"
    verb = "proven by" if findings.proof.is_checked else "as claimed by"
    return (
        f"Order: {ops} replayed, peak {findings.peak} bytes.\n"
        f"Bound: {findings.bound} bytes, {verb} {one_line(findings.proof.words)}.\n"
        + (f"Offsets: nothing overlaps in {findings.arena} bytes.\n" if findings.arena else "")
    )


def _recheck(plan: Plan, graph: Graph, seconds: float) -> Exit:
    from solver.recheck import recheck  # noqa: PLC0415  the search stays out of the checks above

    answer = recheck(plan, graph, seconds)
    emit(f"Recheck: {one_line(answer.words)}.\n", sys.stdout)
    if answer.holds is None:
        return Exit.UNDECIDED
    if not answer.holds:
        emit("Refused: the bound does not hold.\n", sys.stdout)
        return Exit.NO
    emit("Every statement of the plan holds.\n", sys.stdout)
    return Exit.YES


def _read_plan(path: Path) -> Plan:
    try:
        return Plan.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: cannot be read: {reason}; give a plan file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text in UTF-8; give a plan file") from None
    except PlanError as error:
        raise InputError(f"{path}: no valid plan: {error}") from None


def _read_graph(plan: Plan, options: argparse.Namespace) -> Graph:
    """Read MODEL with the options given, else with those that the plan records."""
    model, precision, dims = options.model, options.precision, options.dims
    if model is None:
        model = f"zoo:{zoo.BUNDLED}"
        if plan.model != model:
            raise InputError(f"the plan is for {plan.model!r}: give that MODEL after the plan")
    if precision is None:
        precision = _recorded_precision(plan.options)
    if not dims:
        dims = _recorded_dims(plan.options)
    graph = read_network(model, precision, dims).graph
    # TensorFlow Lite Micro keeps variable tensors outside of what is planned.
    return without_variables(graph) if plan.options.get("runtime") == "tflm" else graph


def _recorded_precision(options: Mapping[str, object]) -> str | None:
    precision = options.get("as")
    if precision is None or (isinstance(precision, str) and precision in PRECISIONS):
        return precision
    raise InputError(f"the plan's option 'as' is {precision!r}, no element type; give --as")


def _recorded_dims(options: Mapping[str, object]) -> list[tuple[str, int]]:
    dims = options.get("dims") or {}
    if isinstance(dims, dict) and all(type(size) is int and size >= 0 for size in dims.values()):
        return list(dims.items())
    raise InputError(f"the plan's option 'dims' is {dims!r}, no sizes by name; give --dim")


if __name__ == "__main__":
    sys.exit(main())

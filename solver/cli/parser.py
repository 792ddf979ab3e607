"""An argument parser that answers mistakes with one line, and the arguments commands share."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, NoReturn, TypeVar

from solver.cli.errors import InputError
from solver.cli.sizes import QuantityError, parse_duration, parse_size, parse_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_T = TypeVar("_T")

#: Element types that activations are deployed in.
PRECISIONS = (
    "int4", "uint4", "int8", "uint8", "int16", "uint16", "float16", "bfloat16", "int32", "float32",
)  # fmt: skip

#: Ways to prove an optimum.
METHODS = ("auto", "dp", "cpsat", "ilp-highs", "ilp-cbc")

#: Runtimes whose use of memory is known.
RUNTIMES = ("generic", "tflm", "litert", "onnxruntime")

_OBJECTIVES = ("peak", "arena")
_LARGEST_ALIGNMENT = 1 << 20
_MOST_WORKERS = 64
_LARGEST_DIMENSION = 2**63 - 1
_LOOKS_NEGATIVE = re.compile(r"-(?:\.?[0-9]|inf|nan)", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """Raises :class:`InputError` instead of printing the usage and leaving."""

    def __init__(self, command: str, **options: str) -> None:
        super().__init__(
            prog=program(command),
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
            **options,  # type: ignore[arg-type]
        )

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(message.removeprefix("argument "))

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; a negative number after an option is its value, however wrong.

        Raises
        ------
        InputError
            If there is anything left that no argument accounts for.
        """
        words = list(sys.argv[1:] if args is None else args)
        found, left = super().parse_known_args(self._join_negative_values(words), namespace)
        if hasattr(found, "models"):  # argparse stops at the first option between models
            found.models += [word for word in left if not word.startswith("-")]
            left = [word for word in left if word.startswith("-")]
        if left:
            word = left[0].partition("=")[0]
            if word.startswith("-"):
                known = [o for o in self._option_string_actions if o.startswith("--")]
                self.error(f"there is no option {word}{nearest(word, known)}")
            self.error(f"one model at a time: {word!r} is one too many")
        return found, left

    def _join_negative_values(self, words: Sequence[str]) -> list[str]:
        joined: list[str] = []
        for word in words:
            option = self._option_string_actions.get(joined[-1]) if joined else None
            if option is not None and option.nargs is None and _LOOKS_NEGATIVE.match(word):
                joined[-1] += f"={word}"
            else:
                joined.append(word)
        return joined


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraphs; text with line breaks of its own keeps them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


def program(command: str) -> str:
    """How the user called the command."""
    return f"tightfit {command}" if called_as_tightfit() else f"python -m solver.{command}"


def called_as_tightfit() -> bool:
    """Whether the process was started through the console script."""
    return PurePath(sys.argv[0]).stem == "tightfit"


def nearest(word: str, known: Iterable[str]) -> str:
    """Say what the user may have meant; empty when nothing comes near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def add_model_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add MODEL (or, with ``several``, a list ``models``), ``--as`` and ``--dim``."""
    parser.add_argument(
        "models" if several else "model", nargs="*" if several else "?", metavar="MODEL",
        help="a .tflite or .onnx file, or zoo:NAME for a published network ('python -m models.zoo "
        "--list' names them); without MODEL: the bundled SwiftNet, sized as int8",
    )  # fmt: skip
    group = parser.add_argument_group("reading the model")
    group.add_argument(
        "--as", dest="precision", type=_argument(_precision), metavar="TYPE",
        help="size float activations as they will be deployed: " + ", ".join(PRECISIONS),
    )  # fmt: skip
    group.add_argument(
        "--dim", dest="dims", action="append", default=[], type=_argument(_dimension),
        metavar="NAME=SIZE", help="size of a symbolic dimension, for example batch=1; repeatable",
    )  # fmt: skip


def add_memory_arguments(parser: argparse.ArgumentParser, alignment: int | None = 1) -> None:
    """Add the rules that relax the conservative memory model; ``alignment`` is the default."""
    group = parser.add_argument_group(
        "memory rules",
        "By default no op overwrites its input, every view is a copy, and sizes are not rounded "
        "up. Relax only what your runtime really does.",
    )
    group.add_argument(
        "--alignment", type=_argument(_alignment), default=alignment, metavar="N",
        help="round every buffer up to N bytes; TensorFlow Lite Micro: 16 (default "
        + ("1)" if alignment else "1, or what the runtime does)"),
    )  # fmt: skip
    group.add_argument(
        "--in-place", action="store_true",
        help="an op may overwrite an input that nobody needs any more. True for ONNX Runtime, "
        "which does so by itself for element-wise ops, and for TensorFlow Lite Micro once both "
        "tensors are given one offset",
    )  # fmt: skip
    group.add_argument(
        "--views", action="store_true",
        help="reshapes share the storage of their input. True for ONNX Runtime (Reshape, Squeeze, "
        "Flatten); TensorFlow Lite Micro copies unless both tensors are given one offset",
    )  # fmt: skip


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--runtime``, ``--objective``, ``--output`` and ``--emit-header``."""
    group = parser.add_argument_group(
        "deployment",
        "What is written is read back and compared before the file appears under its name.",
    )
    group.add_argument(
        "--runtime", type=_argument(_runtime), metavar="NAME",
        help="count memory as a runtime does: generic, tflm (TensorFlow Lite Micro), litert or "
        "onnxruntime (default generic; tflm if --output is a .tflite file)",
    )  # fmt: skip
    group.add_argument(
        "--objective", type=_argument(_objective), metavar="NAME",
        help="peak: least live bytes; arena: order and offsets together, the least arena (default "
        "peak; arena with --output or --emit-header)",
    )  # fmt: skip
    group.add_argument(
        "--output", metavar="FILE",
        help="write the model with its operators in the new order, and for tflm with the offsets; "
        "all else stays as it is",
    )  # fmt: skip
    group.add_argument(
        "--emit-header", metavar="FILE",
        help="write arena size, offsets and order as a C header",
    )  # fmt: skip


def add_tcm_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add ``--tcm`` and what goes with it; for a comparison of ``several`` models, just that."""
    group = parser.add_argument_group(
        "tightly coupled memory",
        "With --tcm the least bytes moved between a small TCM and external memory are found, "
        "instead of the least peak.",
    )
    group.add_argument(
        "--tcm", type=_argument(parse_sizes), metavar="SIZE",
        help="bytes of TCM, for example 128KB"
        + ("" if several else "; 64KB..1MB for a curve over that range"),
    )  # fmt: skip
    group.add_argument(
        "--tcm-mode", choices=("resident", "streaming"),
        help="resident: all operands of the running op are in the TCM; streaming: an op may also "
        "access them straight in external memory (default resident)",
    )  # fmt: skip
    group.add_argument(
        "--weights", choices=("ignore", "stream", "pin"),
        help="ignore weights; stream: count each op's weights as streamed in once; pin: choose "
        "weights that stay in the TCM from one inference to the next, and stream the others "
        "(default ignore)",
    )  # fmt: skip
    if several:
        return
    group.add_argument(
        "--bandwidth", type=_argument(parse_size), metavar="SIZE",
        help="bytes per second of external memory: gives the time of the traffic, if nothing else "
        "runs meanwhile",
    )  # fmt: skip
    group.add_argument(
        "--energy-per-byte", type=_argument(_picojoules), metavar="PJ",
        help="picojoules per byte of external access: gives the energy of the traffic",
    )  # fmt: skip
    group.add_argument("--csv", metavar="FILE", help="write the curve of --tcm A..B as CSV")


def refuse_without_tcm(options: argparse.Namespace) -> None:
    """Refuse options that mean nothing without ``--tcm``.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    for name in ("tcm_mode", "weights", "bandwidth", "energy_per_byte"):
        if options.tcm is None and getattr(options, name, None) is not None:
            option = name.replace("_", "-")
            raise InputError(f"--{option} goes with --tcm; give --tcm 128KB, for example")


def add_method_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--method``."""
    parser.add_argument(
        "--method", type=_argument(_method), default="auto", metavar="NAME",
        help="how to prove the optimum: dp, the exact search; cpsat, ilp-highs or ilp-cbc, a "
        "formulation for a general solver; auto, the exact search, and CP-SAT on a second core "
        "where the search is stuck (default auto)",
    )  # fmt: skip


def add_limit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add limits on time and memory of the solver itself."""
    group = parser.add_argument_group(
        "limits", "When one is reached, the best order and bound so far are reported."
    )
    group.add_argument(
        "--time-limit", type=_argument(parse_duration), default="60s", metavar="TIME",
        help="wall time: 60s, 500ms, 2m, 1h, plain numbers are seconds (default 60s)",
    )  # fmt: skip
    group.add_argument(
        "--memory-limit", type=_argument(parse_size), default="4GB", metavar="SIZE",
        help="memory of the solver's own process (default 4GB)",
    )  # fmt: skip
    group.add_argument(
        "--workers", type=_argument(_workers), default=min(2, os.cpu_count() or 1),
        metavar="N",
        help="threads of exact search (default %(default)s here); the answer does not depend on it",
    )  # fmt: skip


def add_output_arguments(
    parser: argparse.ArgumentParser, content: str = "the plan (order, bound, proof)"
) -> None:
    """Add ``--json`` (of ``content``), ``--force`` and ``--quiet``."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json", metavar="FILE",
        help=f"write {content} as JSON; '-' puts it on stdout and the report on stderr",
    )  # fmt: skip
    group.add_argument("--force", action="store_true", help="overwrite existing files")
    group.add_argument(
        "--quiet", action="store_true", help="print the verdict alone, and no live progress"
    )


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--report`` and ``--plot``."""
    group = parser.add_argument_group("pages and plots")
    group.add_argument(
        "--report", metavar="FILE",
        help="write the answer, its proof, memory over steps, the arena and the graph as one HTML "
        "page that needs nothing else; with --tcm the steps and what is spilled (needs "
        "tightfit[report])",
    )  # fmt: skip
    group.add_argument(
        "--plot", metavar="FILE",
        help="draw memory over steps, file order beside the best; with --tcm what is in the TCM "
        "and what moves, or the curve over sizes; .png, .svg or .pdf (needs tightfit[plot])",
    )  # fmt: skip


def add_budget_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--budget``."""
    parser.add_argument(
        "--budget", type=_argument(parse_size), metavar="SIZE",
        help="bytes there are for activations, for example 512KB (KB = KiB = 1024 bytes; MB and "
        "GB likewise; plain numbers are bytes); with --tcm: for the TCM and external memory "
        "together",
    )  # fmt: skip


def _argument(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """Let argparse print what ``parse`` says."""

    def parse_argument(text: str) -> _T:
        try:
            return parse(text)
        except QuantityError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def _precision(text: str) -> str:
    if text not in PRECISIONS:
        raise QuantityError(
            f"{text!r} is no element type{nearest(text, PRECISIONS)} ({', '.join(PRECISIONS)})"
        )
    return text


def _method(text: str) -> str:
    if text not in METHODS:
        raise QuantityError(f"{text!r} is no method{nearest(text, METHODS)} ({', '.join(METHODS)})")
    return text


def _runtime(text: str) -> str:
    if text not in RUNTIMES:
        raise QuantityError(
            f"{text!r} is no runtime{nearest(text, RUNTIMES)} ({', '.join(RUNTIMES)})"
        )
    return text


def _objective(text: str) -> str:
    if text not in _OBJECTIVES:
        raise QuantityError(f"{text!r} is no objective ({' or '.join(_OBJECTIVES)})")
    return text


def _picojoules(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise QuantityError(f"{text!r} is no energy; give picojoules per byte, for example 20")
    return value


def _dimension(text: str) -> tuple[str, int]:
    name, equals, size = text.rpartition("=")
    if not (equals and name and size.isascii() and size.isdigit() and len(size) < 20):
        raise QuantityError(f"{text!r} does not read NAME=SIZE, for example batch=1")
    if int(size) > _LARGEST_DIMENSION:
        raise QuantityError(f"{text!r} is more than any dimension has")
    return name, int(size)


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= _MOST_WORKERS):
        raise QuantityError(f"{text!r} is no number of workers from 1 to {_MOST_WORKERS}")
    return int(text)


def _alignment(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not (is_number and 1 <= int(text) <= _LARGEST_ALIGNMENT):
        raise QuantityError(
            f"{text!r} is no alignment; give bytes from 1 to {_LARGEST_ALIGNMENT}, for example 16"
        )
    return int(text)

"""``python -m models.zoo``: list the networks, or write one to a file."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from models import zoo
from models.errors import InvalidModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.list:
        _list()
        return 0
    if options.network is None or options.output is None:
        parser.error("give a network and -o FILE.onnx, or --list")
    try:
        _write(options)
    except (InvalidModelError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return _USAGE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.zoo",
        description="Published networks as runnable ONNX models.",
    )
    parser.add_argument("network", nargs="?", metavar="NAME", help="network to write")
    parser.add_argument("--list", action="store_true", help="list the networks and exit")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument(
        "--weights", choices=("random", "none"), default="random",
        help="random weights (default), or constants that take no room in the file",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights (default 0)")
    parser.add_argument(
        "--param", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="parameters of the network",
    )  # fmt: skip
    return parser


def _list() -> None:
    width = max(map(len, zoo.names()))
    print(f"{'network':{width}}  {'ops':>6}  {'activations':>11}  source")
    for name in zoo.names():
        found = zoo.entry(name)
        print(f"{name:{width}}  {found.ops:6}  {found.activations:11}  {found.source}")


def _write(options: argparse.Namespace) -> None:
    params: dict[str, float | str] = {}
    for text in options.param:
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidModelError(f"--param takes KEY=VALUE, not {text!r}")
        params[key] = value
    zoo.entry(options.network)
    output: Path = options.output
    if output.is_dir():
        raise InvalidModelError(f"{output}: a directory, not a file")
    if output.exists() and not options.force:
        raise InvalidModelError(f"{output}: exists already (--force overwrites)")
    if not output.parent.is_dir():
        raise InvalidModelError(f"{output.parent}: no such directory")
    model = zoo.build(options.network, weights=options.weights, seed=options.seed, **params)
    replace_bytes(output, model.SerializeToString(deterministic=True))


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)  # mkstemp makes files only their owner can read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())

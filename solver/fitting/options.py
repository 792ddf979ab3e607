"""The arguments of the command, and the question that they put."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from solver.cli.errors import InputError
from solver.cli.parser import nearest
from solver.cli.sizes import QuantityError, parse_size
from solver.devices import UnknownDeviceError, find, is_spec, load_file, parse_spec
from solver.fitting.question import Question
from solver.limits import Limits
from solver.runtimes import RUNTIMES

if TYPE_CHECKING:
    import argparse

    from solver.devices import Device

_MOST_JOBS = 256


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is asked: device, runtime, and how memory may be used."""
    group = parser.add_argument_group("device")
    group.add_argument(
        "--device", metavar="NAME",
        help="a device of the catalogue, for example stm32h743 or pico; or sizes taken at their "
        "word, for example sram=320KB,flash=1MB (also tcm, accelerator, external)",
    )  # fmt: skip
    group.add_argument(
        "--device-file", metavar="FILE",
        help="a TOML file that describes the device; --device names one of several",
    )  # fmt: skip
    group.add_argument(
        "--all-devices", action="store_true", help="rank all devices of the catalogue"
    )
    group.add_argument(
        "--runtime", metavar="NAME", default="generic",
        help=f"who runs the network: {', '.join(RUNTIMES)}; decides alignment and who plans "
        "offsets (default generic)",
    )  # fmt: skip
    group.add_argument(
        "--in-place", action="store_true",
        help="an op may overwrite an input that nobody needs any more, if the runtime can",
    )  # fmt: skip
    group.add_argument(
        "--reserve", metavar="SIZE",
        help="memory to keep for other things: stack, heap, the runtime's own structures",
    )  # fmt: skip
    group.add_argument(
        "--external", action="store_true", help="count external memory of the module or board too"
    )
    group.add_argument(
        "--banks", action="store_true",
        help="buffers may be spread over separate banks; needs a runtime with several arenas, so "
        "for --runtime generic only",
    )  # fmt: skip
    group.add_argument(
        "--pin", dest="pins", action="append", default=[], metavar="TENSOR=BANK",
        help="with --banks: a tensor that must lie in this bank; repeatable",
    )  # fmt: skip


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what concerns many files, and continuous integration."""
    group = parser.add_argument_group("folders and continuous integration")
    group.add_argument(
        "--jobs", metavar="N", default=str(min(_MOST_JOBS, os.cpu_count() or 1)),
        help="processes for folders; limits hold for each (default %(default)s here)",
    )  # fmt: skip
    group.add_argument(
        "--csv", metavar="FILE", help="write a line for each file (or device) as CSV, at once"
    )
    group.add_argument(
        "--resume", action="store_true",
        help="keep lines of --csv whose question and file are unchanged, and do the rest",
    )  # fmt: skip
    group.add_argument("--github", action="store_true", help="print annotations for GitHub Actions")
    group.add_argument("--junit", metavar="FILE", help="write JUnit XML, a test case for each file")


def jobs_of(options: argparse.Namespace) -> int:
    """Read ``--jobs``.

    Raises
    ------
    InputError
        If it is no sensible number.
    """
    text = options.jobs
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= _MOST_JOBS):
        raise InputError(f"--jobs: {text!r} is no number of processes from 1 to {_MOST_JOBS}")
    return int(text)


def question_of(options: argparse.Namespace) -> Question:
    """Put the arguments together.

    With ``--all-devices`` the device of the question means nothing.

    Raises
    ------
    InputError
        If an argument is wrong, or two of them exclude each other.
    """
    _check(options)
    device, exact = (find("pico"), False) if options.all_devices else _device(options)
    reserve = 0
    if options.reserve is not None:
        try:
            reserve = parse_size(options.reserve)
        except QuantityError as error:
            raise InputError(f"--reserve: {error}") from None
    return Question(
        device=device,
        exact=exact,
        runtime=options.runtime,
        precision=options.precision,
        dims=tuple(options.dims),
        in_place=options.in_place,
        reserve=reserve,
        external=options.external,
        banks=options.banks,
        pins=_pins(options),
        limits=Limits(seconds=options.time_limit, memory_bytes=options.memory_limit),
        workers=options.workers,
    )


def _check(options: argparse.Namespace) -> None:
    if options.runtime not in RUNTIMES:
        known = ", ".join(RUNTIMES)
        hint = nearest(options.runtime, RUNTIMES)
        raise InputError(f"--runtime: {options.runtime!r} is no runtime{hint} ({known})")
    runtime = RUNTIMES[options.runtime]
    if options.in_place and not (runtime.in_place or runtime.name == "generic"):
        raise InputError(
            f"--in-place: {runtime.title} is not known to overwrite inputs; leave it out"
        )
    if options.banks and runtime.name != "generic":
        raise InputError(
            f"--banks: {runtime.title} has one arena; leave it out, or --runtime generic for a "
            "runtime with several"
        )
    if options.pins and not options.banks:
        raise InputError("--pin: needs --banks, for only then there are banks to choose from")
    if options.all_devices:
        for name in ("device", "device_file", "banks", "github", "junit"):
            if getattr(options, name):
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"--all-devices: leave {option} out, or name one device")
    elif options.device is None and options.device_file is None:
        raise InputError(
            "no device: give --device NAME (for example stm32h743), --device sram=320KB,flash=1MB, "
            "--device-file FILE, or --all-devices"
        )
    files = [
        Path(name).resolve()
        for name in (options.json, options.csv, options.junit)
        if name not in (None, "-")
    ]
    for file in files:
        if files.count(file) > 1 and not file.is_char_device():
            raise InputError(f"{file}: named for two outputs; give each its own file")
    if options.resume and options.csv is None:
        raise InputError("--resume: needs --csv, the file to go on with")


def _device(options: argparse.Namespace) -> tuple[Device, bool]:
    """Return the device, and whether its description is taken at its word."""
    name = options.device
    try:
        if options.device_file is not None:
            return load_file(options.device_file, name), False
        if is_spec(name):
            return parse_spec(name), True
        return find(name), False
    except UnknownDeviceError as error:
        cure = "" if error.nearest else "; --all-devices lists the catalogue"
        raise InputError(f"--device: {error}{cure}") from None
    except ValueError as error:
        option = "--device" if options.device_file is None else "--device-file"
        raise InputError(f"{option}: {error}") from None


def _pins(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    pins: dict[str, str] = {}
    for text in options.pins:
        tensor, equals, bank = text.rpartition("=")
        if not (equals and tensor and bank):
            raise InputError(f"--pin: {text!r} does not read TENSOR=BANK")
        if pins.setdefault(tensor, bank) != bank:
            raise InputError(f"--pin: {tensor!r} is pinned twice, to {pins[tensor]} and to {bank}")
    return tuple(pins.items())

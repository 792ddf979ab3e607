"""What ran, where: commit, versions and processor, never the name of a machine or a user."""

from __future__ import annotations

import csv
import datetime as dt
import os
import platform
import subprocess
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from solver import __version__
from solver.peak import kernel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[1]

_PACKAGES = ("networkx", "numpy", "onnx", "scipy")
_SOURCES = ("models", "solver", "build_backend", "pyproject.toml")


def environment() -> dict[str, str]:
    """Return the fields of a row that do not depend on the instance."""
    return {
        "kernel": "compiled" if kernel.is_available() else "python",
        "version": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": packages(),
        "machine": machine(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def write_rows(
    path: Path, kind: type[DataclassInstance], rows: Iterable[DataclassInstance]
) -> None:
    """Write rows of a kind, each with where it ran, as a CSV file."""
    about = environment()
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*(f.name for f in fields(kind)), *about])
        writer.writeheader()
        writer.writerows({**asdict(row), **about} for row in rows)


def commit() -> str:
    """Return the commit checked out, with ``+`` if the sources differ from it."""
    head = _git("rev-parse", "--short=10", "HEAD")
    if not head:
        return "unknown"
    return head + ("+" if _git("status", "--porcelain", "--", *_SOURCES) else "")


def packages() -> str:
    """Return the versions of the packages that answers or times could depend on."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


def machine() -> str:
    """Return processor, cores and system."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown processor"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", "-C", str(ROOT), *arguments), capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()

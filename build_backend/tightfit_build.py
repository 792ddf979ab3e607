"""Build backend: setuptools, with a compiler from PyPI where the machine has none.

The package holds two small C extensions. On a machine without a C compiler the build asks pip for
``ziglang``, whose ``zig cc`` is one; should that fail as well, the package is built without the
extensions and runs in pure Python.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  the hooks that need no change

_EXTENSIONS = ("solver/peak/_native.", "solver/traffic/_native.")


def _has_compiler() -> bool:
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return sys.platform == "win32" or shutil.which(shlex.split(command)[0]) is not None


def _use_some_compiler() -> None:
    if not _has_compiler():
        zig = f"{shlex.quote(sys.executable)} -m ziglang cc"
        os.environ["CC"] = zig
        os.environ["LDSHARED"] = f"{zig} -shared"


def _copy_extension_to_sources(wheel: Path) -> None:
    """Run from a checkout, Python finds the sources before the installed package."""
    with zipfile.ZipFile(wheel) as archive, contextlib.suppress(OSError):
        for member in archive.namelist():
            if member.startswith(_EXTENSIONS):
                # Replaced, not rewritten: a running process may have the old one mapped.
                temporary = Path(f"{member}.new")
                temporary.write_bytes(archive.read(member))
                temporary.replace(member)


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:  # noqa: ANN401
    """Setuptools' own needs, and a compiler if there is none."""
    needs: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    return needs if _has_compiler() else [*needs, "ziglang"]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:  # noqa: ANN401
    """Need what a wheel needs."""
    return get_requires_for_build_wheel(config_settings)


def build_wheel(
    wheel_directory: str,
    config_settings: Any = None,  # noqa: ANN401
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel with whatever compiler there is."""
    _use_some_compiler()
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    _copy_extension_to_sources(Path(wheel_directory) / name)
    return name


def build_editable(
    wheel_directory: str,
    config_settings: Any = None,  # noqa: ANN401
    metadata_directory: str | None = None,
) -> str:
    """Build the editable wheel with whatever compiler there is."""
    _use_some_compiler()
    name: str = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    return name

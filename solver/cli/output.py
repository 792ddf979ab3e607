"""Files that commands write: checked before the work, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from solver.cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEMPORARY = ".tightfit-"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that may be written. Make one with :func:`claim`.

    Attributes
    ----------
    path : Path
        As the user gave it.
    target : Path
        The file itself, behind all links.
    is_special : bool
        A device or a pipe: written straight, never replaced.
    """

    path: Path
    target: Path
    is_special: bool = False

    def write(self, content: str | bytes) -> None:
        """Write text as UTF-8, or bytes; the file changes in one step or not at all.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        data = content if isinstance(content, bytes) else _encoded(content)
        try:
            if self.is_special:
                self.target.write_bytes(data)
            else:
                _replace(self.target, data)
        except OSError as error:
            raise _refusal(self.path, error) from None


def claim(path: Path, *, force: bool, inputs: Iterable[Path | None] = ()) -> OutputFile:
    """Check that ``path`` can be written, before any long work.

    Parameters
    ----------
    path : Path
        File to write.
    force : bool
        Whether an existing file may be replaced.
    inputs : iterable of Path or None
        Files that the command reads; none of them is ever replaced.

    Raises
    ------
    InputError
        If it cannot or must not be written.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: a directory; give a file to write")
        if any(i is not None and i.exists() and path.exists() and i.samefile(path) for i in inputs):
            raise InputError(f"{path}: this is the model itself; give another file to write")
        if path.exists() and not path.is_file():
            return OutputFile(path, path, is_special=True)
        if path.exists() and not force:
            raise InputError(f"{path}: exists already; --force overwrites it")
        target = path.resolve()
        if not target.parent.is_dir():
            raise InputError(f"{path}: there is no directory {target.parent}; create it first")
        handle, probe = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
        os.close(handle)
        Path(probe).unlink()
    except OSError as error:
        raise _refusal(path, error) from None
    return OutputFile(path, target)


def _encoded(text: str) -> bytes:
    # Lone surrogates stand for undecodable bytes of file names; JSON escapes them this way.
    return text.encode("utf-8", "backslashreplace")


def _refusal(path: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"{path}: cannot be written: {reason}; choose another place")


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    """Permissions of the file that is replaced, or of any new file."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

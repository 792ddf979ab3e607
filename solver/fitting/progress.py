"""A live bar on stderr while a folder is worked through: done, rate, time left."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def live_bar(total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Draw a bar if stderr is a terminal and not ``quiet``; call the result for each file."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    # A tenth of a second that only long work pays.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text  # noqa: PLC0415

    class Rate(ProgressColumn):
        """Files per minute."""

        def render(self, task: Task) -> Text:
            if not task.speed:
                return Text("-/min")
            return Text(f"{60 * task.speed:.0f}/min")

    columns = (
        TextColumn("files"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(),
        TextColumn("left"),
    )  # fmt: skip
    with Progress(
        *columns, console=Console(stderr=True), transient=True,
        redirect_stdout=False, redirect_stderr=False,
    ) as progress:  # fmt: skip
        task = progress.add_task("files", total=total)
        yield lambda: progress.advance(task)

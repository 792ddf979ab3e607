"""``--report`` and ``--plot``: a plan as a page and as a picture."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from solver.cli.errors import InputError
from solver.cli.network import model_file
from solver.cli.output import claim
from solver.cli.parser import program

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from solver.cli.network import Network
    from solver.cli.output import OutputFile
    from solver.plan import Plan
    from solver.traffic.sweep import Curve


@dataclass(frozen=True, slots=True)
class Reports:
    """Files to write once there is a plan, checked before the work.

    Attributes
    ----------
    page, plot : OutputFile or None
        Where the HTML page and the plot go.
    command : str
        What was typed to get them.
    """

    page: OutputFile | None
    plot: OutputFile | None
    command: str

    def write(self, plan: Plan, network: Network) -> None:
        """Write the files.

        Raises
        ------
        InputError
            If a file cannot be written. None is left half-written.
        """
        # Templates and plots load on demand: who asks for neither does not pay for them.
        if self.page is not None:
            from solver.report.page import ReportInput, render_page, with_layout  # noqa: PLC0415

            page = ReportInput(
                plan, network.graph, network.title, self.command, precision=network.precision
            )
            self.page.write(render_page(with_layout(page)))
        if self.plot is not None:
            from solver.report.memory_plot import memory_plot  # noqa: PLC0415

            drawn = memory_plot(plan, network.graph, self.plot.path, title=network.title)
            self.plot.write(drawn)

    def write_traffic(
        self, plan: Plan, network: Network, *, bandwidth: int | None, energy: float | None
    ) -> None:
        """Write the files on a plan of least traffic; see :meth:`write`."""
        graph, title = network.graph, network.title
        if self.page is not None:
            from solver.report.page import TrafficReport, render_traffic_page  # noqa: PLC0415

            page = TrafficReport(
                plan, graph, title, self.command, network.precision, bandwidth, energy
            )
            self.page.write(render_traffic_page(page))
        if self.plot is not None:
            from solver.report.tcm_plot import tcm_plot  # noqa: PLC0415

            self.plot.write(tcm_plot(plan, graph, self.plot.path, title=title))

    def write_curve(self, curve: Curve, network: Network) -> None:
        """Write the plot of a curve; see :meth:`write`."""
        if self.plot is not None:
            from solver.report.curve_plot import curve_plot  # noqa: PLC0415

            self.plot.write(curve_plot(curve, self.plot.path, title=network.title))


def claim_reports(
    options: argparse.Namespace, words: Sequence[str], taken: Iterable[OutputFile | None] = ()
) -> Reports:
    """Check that what is asked for can be written, before the work.

    Parameters
    ----------
    options : Namespace
        With ``report``, ``plot``, ``force`` and ``model``.
    words : sequence of str
        The arguments as typed.
    taken : iterable of OutputFile or None
        Files that the command writes besides.

    Raises
    ------
    InputError
        If not; the message says what would help.
    """
    if options.plot is not None:
        from solver.report.plots import PlotError, check_plot  # noqa: PLC0415

        try:
            check_plot(Path(options.plot))
        except PlotError as error:
            raise InputError(f"--plot: {error}") from None
    if options.report is not None:
        from solver.report.page import PageError, check_page  # noqa: PLC0415

        try:
            check_page()
        except PageError as error:
            raise InputError(str(error)) from None
    targets = {file.target for file in taken if file is not None and not file.is_special}
    claimed: list[OutputFile | None] = []
    for name in (options.report, options.plot):
        if name is None:
            claimed.append(None)
            continue
        if name == "-":
            raise InputError("stdout ('-') is for --json alone; give a file")
        file = claim(Path(name), force=options.force, inputs=(model_file(options.model),))
        if file.target in targets:
            raise InputError(f"{name}: named for two outputs; give each its own file")
        if not file.is_special:
            targets.add(file.target)
        claimed.append(file)
    page, plot = claimed
    return Reports(page, plot, f"{program('schedule')} {shlex.join(words)}")

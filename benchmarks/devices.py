"""Every device of the catalogue against every network of the zoo, with the bound.

    python -m benchmarks.devices           solve, write results/devices.csv and DEVICES.md
    python -m benchmarks.devices --check   is DEVICES.md what the CSV gives?

Networks are sized as int8. Each is solved once under the generic runtime profile and then
compared with all devices.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import environment
from models import zoo
from solver.devices import catalogue
from solver.fitting import assess, judge, room_of
from solver.limits import Limits
from solver.runtimes import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "devices.csv"
PAGE = HERE / "DEVICES.md"

COLUMNS = (
    "network", "device", "verdict", "activations", "weights", "way", "arena_bytes",
    "lower_bound_bytes", "is_least", "usable_bytes", "on_chip_bytes", "is_complete", "left_bytes",
    "weight_bytes", "flash_bytes", "seconds", "precision", "runtime", "version", "commit", "python",
    "packages", "machine", "date",
)  # fmt: skip

INTRO = """\
# Which network fits which device

Written by `python -m benchmarks.devices` from `results/devices.csv`; edit the generator, not this
page.

Networks of the zoo, sized as int8, without in-place operation, on every device of the catalogue:
activations in the largest single arena, weights in flash, external memory not counted. Program
code, stack and the runtime's own structures come on top.

- **yes**: order and layout were placed and checked, and the weights fit in flash where the
  description has a figure for it;
- no: a proven lower bound exceeds all memory on the chip that the description lists;
- w: the weights alone exceed the flash;
- ?: not decided. The bound exceeds the largest single arena, but not all the memory on the chip
  (`a`), or it does not, but no layout was found (`g`).
"""


def solve(precision: str, seconds: float, only: Sequence[str] = ()) -> list[dict[str, object]]:
    """Rows for all devices and networks."""
    rows: list[dict[str, object]] = []
    fixed = environment()
    for name in only or zoo.names():
        start = time.monotonic()
        graph = zoo.graph(name).with_precision(precision)
        need = assess(graph, RUNTIMES["generic"], Limits(seconds, 4 << 30))
        elapsed = time.monotonic() - start
        print(f"{name}: {need.arena} bytes, bound {need.bound}, {elapsed:.2f} s", flush=True)
        for device in catalogue():
            answer = judge(need, room_of(device))
            found = {
                "network": name,
                "device": device.name,
                "verdict": answer.verdict.value,
                "activations": answer.activations.value,
                "weights": answer.weights.value if answer.weights else "",
                "way": answer.way or "",
                "arena_bytes": need.arena,
                "lower_bound_bytes": need.bound,
                "is_least": need.is_least,
                "usable_bytes": answer.room.usable,
                "on_chip_bytes": device.on_chip,
                "is_complete": device.is_complete,
                "left_bytes": answer.left,
                "weight_bytes": need.weights,
                "flash_bytes": "" if device.flash is None else device.flash,
                "seconds": round(elapsed, 3),
                "precision": precision,
                "runtime": "generic",
                **fixed,
            }
            rows.append({key: found[key] for key in COLUMNS})
    return rows


def render(rows: Sequence[Mapping[str, str]]) -> str:
    """Write the page: a line for each network, a column for each class of devices."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    devices = list(dict.fromkeys(row["device"] for row in rows))
    by_pair = {(row["network"], row["device"]): row for row in rows}
    verdicts = [row["verdict"] for row in rows]
    lines = [INTRO]
    lines.append(
        f"{len(networks)} networks x {len(devices)} devices: {verdicts.count('fits')} fit, "
        f"{verdicts.count('does not fit')} are proven not to, {verdicts.count('undecided')} are "
        f"undecided. Version {rows[0]['version']}.\n"
    )
    lines += ["| network | least arena | weights | fits | of devices | smallest that fits |"]
    lines += ["|---|---:|---:|---:|---:|---|"]
    for network in networks:
        own = [by_pair[network, device] for device in devices]
        fitting = [row for row in own if row["verdict"] == "fits"]
        smallest = min(
            fitting,
            key=lambda row: (int(row["usable_bytes"]), not row["flash_bytes"], row["device"]),
            default=None,
        )
        least = "" if own[0]["is_least"] == "True" else " (not proven least)"
        lines.append(
            f"| {network} | {_kb(own[0]['arena_bytes'])}{least} | {_kb(own[0]['weight_bytes'])} | "
            f"{len(fitting)} | {len(own)} | {smallest['device'] if smallest else '-'} |"
        )
    lines += ["", "## Every pair", ""]
    short = [network.replace("_", " ") for network in networks]
    lines += [f"| device | KB | {' | '.join(short)} |", f"|---|---:|{'---|' * len(networks)}"]
    size = {device: int(by_pair[networks[0], device]["usable_bytes"]) for device in devices}
    for device in sorted(devices, key=lambda device: (size[device], device)):
        cells = " | ".join(_cell(by_pair[network, device]) for network in networks)
        lines.append(f"| {device} | {size[device] / 1024:.0f} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, str]) -> str:
    if row["verdict"] == "fits":
        return "**yes**"
    if row["verdict"] == "does not fit":
        return "no" if row["activations"] == "does not fit" else "w"
    bound, usable = int(row["lower_bound_bytes"]), int(row["usable_bytes"])
    return "?a" if bound > usable else "?g"


def _kb(size: str) -> str:
    return f"{int(size) / 1024:.1f} KB"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.devices", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="whether the page is up to date")
    parser.add_argument("--smoke", action="store_true", help="one small network, nothing written")
    parser.add_argument("--as", dest="precision", default="int8", help="element type (int8)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each network")
    options = parser.parse_args(argv)
    if options.check:
        return _check()
    only = (zoo.BUNDLED,) if options.smoke else ()
    rows = solve(options.precision, options.time_limit, only)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    page = render(list(csv.DictReader(io.StringIO(text.getvalue()))))
    if not options.smoke:
        RESULTS.write_text(text.getvalue(), encoding="utf-8")
        PAGE.write_text(page, encoding="utf-8")
    return 0


def _check() -> int:
    try:
        with RESULTS.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        is_current = PAGE.read_text(encoding="utf-8") == render(rows)
    except (OSError, KeyError, ValueError, IndexError) as error:
        print(f"cannot compare {PAGE.name} with {RESULTS.name}: {error}", file=sys.stderr)
        return 1
    if not is_current:
        print(f"{PAGE.name} is not what {RESULTS.name} gives; run python -m benchmarks.devices",
              file=sys.stderr)  # fmt: skip
    return int(not is_current)


if __name__ == "__main__":
    sys.exit(main())

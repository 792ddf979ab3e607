"""Answers for continuous integration: GitHub annotations and JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from solver.fitting.answer import Verdict
from solver.fitting.rows import UNREADABLE
from solver.report.units import full_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solver.fitting.rows import Row

_LEVELS = {Verdict.FITS.value: "notice", Verdict.UNDECIDED.value: "warning"}


def sentence(row: Row) -> str:
    """Put a row into words, without the file."""
    if row.verdict == UNREADABLE:
        return row.error
    on = " on" if row.verdict == Verdict.UNDECIDED.value else ""
    parts = [f"{row.verdict}{on} {row.device}"]
    if row.arena_bytes is not None and row.usable_bytes is not None:
        least = full_size(row.lower_bound_bytes or 0)
        known = (
            f"need at least {least}"
            if row.verdict != Verdict.FITS.value
            else f"take {full_size(row.arena_bytes)}"
        )
        parts.append(f"activations {known} of {full_size(row.usable_bytes)}")
    if row.weight_bytes is not None and row.flash_bytes is not None:
        parts.append(
            f"weights {full_size(row.weight_bytes)} of {full_size(row.flash_bytes)} of flash"
        )
    if row.missing_bytes and row.verdict != Verdict.FITS.value:
        parts.append(f"at least {full_size(row.missing_bytes)} missing")
    elif row.verdict == Verdict.UNDECIDED.value and row.arena_bytes is not None:
        parts.append(f"the best layout takes {full_size(row.arena_bytes)}")
    if row.at_op:
        parts[-1] += f" while op '{row.at_op}' runs"
    if row.limit:
        parts.append(f"stopped by the limit on {row.limit}")
    return "; ".join(parts)


def annotation(row: Row) -> str:
    """Give a row as a workflow command of GitHub Actions, one line.

    Escapes are those of the runner (``@actions/core``, ``command.ts``): percent signs and line
    breaks everywhere, colons and commas in properties too.
    """
    level = _LEVELS.get(row.verdict, "error")
    title = "tightfit" if row.verdict == UNREADABLE else f"tightfit: {row.verdict}"
    return (
        f"::{level} file={_property(row.file)},title={_property(title)}::{_data(sentence(row))}\n"
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit(rows: Sequence[Row], name: str) -> bytes:
    """JUnit XML with a test case for each file.

    A network that does not fit, or is undecided, is a failure of that type; a file that cannot be
    read is an error.

    Parameters
    ----------
    rows : sequence of Row
        One per file.
    name : str
        Of the suite, usually the device.
    """
    failing = [r for r in rows if r.verdict in (Verdict.NO.value, Verdict.UNDECIDED.value)]
    errors = [r for r in rows if r.verdict == UNREADABLE]
    counts = {
        "tests": str(len(rows)),
        "failures": str(len(failing)),
        "errors": str(len(errors)),
        "skipped": "0",
        "time": f"{sum(row.seconds for row in rows):.3f}",
    }
    root = ET.Element("testsuites", {"name": "tightfit", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _xml(name), **counts})
    for row in sorted(rows, key=lambda row: row.file):
        attributes = {
            "classname": _xml(name),
            "name": _xml(row.file),
            "file": _xml(row.file),
            "time": f"{row.seconds:.3f}",
        }
        case = ET.SubElement(suite, "testcase", attributes)
        text = _xml(sentence(row))
        if row.verdict == UNREADABLE:
            ET.SubElement(case, "error", {"type": UNREADABLE, "message": text}).text = text
        elif row.verdict != Verdict.FITS.value:
            ET.SubElement(case, "failure", {"type": row.verdict, "message": text}).text = text
        else:
            ET.SubElement(case, "system-out").text = text
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _xml(text: str) -> str:
    """Text of characters that XML 1.0 allows."""
    return "".join(c if _is_allowed(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_allowed(code: int) -> bool:
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )

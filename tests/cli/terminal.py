"""What remains on a terminal after all that was sent to it."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\x1b\[(?P<number>[0-9;?]*)(?P<order>[A-Za-z])|(?P<text>[^\x1b])", re.DOTALL)


def screen(sent: str) -> list[str]:
    """Lines that are not blank, for the control sequences that rich and we send."""
    lines: list[list[str]] = [[]]
    row = column = 0
    for piece in _PIECE.finditer(sent):
        order, text = piece["order"], piece["text"]
        if order == "A":
            row = max(0, row - int(piece["number"] or 1))
        elif order == "K":
            lines[row] = []
        elif order in ("m", "h", "l"):
            pass
        elif order is not None:
            raise AssertionError(f"unknown control sequence {piece[0]!r}")
        elif text == "\r":
            column = 0
        elif text == "\n":
            row, column = row + 1, 0
            lines.extend([] for _ in range(row + 1 - len(lines)))
        else:
            line = lines[row]
            line.extend(" " * (column + 1 - len(line)))
            line[column] = str(text)
            column += 1
    return [line for line in ("".join(cells).rstrip() for cells in lines) if line]

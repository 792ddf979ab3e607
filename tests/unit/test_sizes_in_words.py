"""Numbers in words."""

from __future__ import annotations

import pytest

from solver.report.units import count, full_size, percent, printable, seconds, short_size


@pytest.mark.parametrize(
    ("size", "short", "full"),
    [
        (0, "0 bytes", "0 bytes"),
        (1, "1 byte", "1 byte"),
        (1023, "1023 bytes", "1023 bytes"),
        (1024, "1 KB", "1 KB"),
        (1050, "1.0 KB", "1.0 KB (1050 bytes)"),
        (1536, "1.5 KB", "1.5 KB"),
        (301056, "294 KB", "294 KB"),
        (48320, "47.2 KB", "47.2 KB (48320 bytes)"),
        (1048576, "1 MB", "1 MB"),
        (1572864, "1.5 MB", "1.5 MB"),
        (2031616, "1.94 MB", "1.94 MB (2031616 bytes)"),
        (4 << 30, "4 GB", "4 GB"),
        (2**63 - 1, "8589934592.00 GB", "8589934592.00 GB (9223372036854775807 bytes)"),
    ],
)
def test_rounded_sizes_show_the_exact_bytes(size: int, short: str, full: str) -> None:
    assert short_size(size) == short
    assert full_size(size) == full


def test_a_small_share_never_reads_as_none() -> None:
    assert [percent(share) for share in (0.0, 0.00001, 0.001, 0.143, 1.0)] == [
        "0.0 %",
        "<0.1 %",
        "0.1 %",
        "14.3 %",
        "100.0 %",
    ]


def test_durations_show_what_matters() -> None:
    assert [seconds(s) for s in (0.0, 0.0123, 0.5, 9.876, 61.2)] == [
        "0.001 s",
        "0.012 s",
        "0.50 s",
        "9.88 s",
        "61 s",
    ]


def test_counts_agree_with_their_noun() -> None:
    assert [count(n, "op") for n in (0, 1, 2)] == ["0 ops", "1 op", "2 ops"]


def test_names_cannot_move_the_cursor() -> None:
    assert printable("conv") == "'conv'"
    assert printable("a\x1b[2J\nb") == r"'a\x1b[2J\nb'"
    assert printable("größe") == "'größe'"

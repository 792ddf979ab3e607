"""Sizes and durations as people type them."""

from __future__ import annotations

import pytest

from solver.cli.sizes import QuantityError, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("524288", 524288),
        ("7B", 7),
        ("512K", 524288),
        ("512KB", 524288),
        ("512KiB", 524288),
        ("512kb", 524288),
        ("512 KB", 524288),
        (" 512KB ", 524288),
        ("+512KB", 524288),
        ("2M", 2097152),
        ("2MB", 2097152),
        ("2MiB", 2097152),
        ("4G", 4294967296),
        ("4GB", 4294967296),
        ("4gib", 4294967296),
        ("1.5MB", 1572864),
        ("0.5KB", 512),
        (".25K", 256),
        ("294.0KB", 301056),
        ("12.0", 12),
        ("9223372036854775807", 2**63 - 1),
        # Exact where floating point is not.
        ("9007199254740993", 9007199254740993),
        ("8388607.9990234375GB", 9007199253692416),
    ],
)
def test_sizes_are_exact(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-5", "not above zero"),
        ("-5KB", "not above zero"),
        ("0", "not above zero"),
        ("0.0MB", "not above zero"),
        ("", "an empty text is no size"),
        ("  ", "an empty text is no size"),
        ("abc", "is no size"),
        ("KB", "is no size"),
        (".", "is no size"),
        ("5.", "is no size"),
        ("1,5MB", "is no size"),
        ("1_000", "is no size"),
        ("0x10", "is no size"),
        ("1e400", "is no size"),
        ("1e3", "is no size"),
        ("nan", "is no size"),
        ("inf", "is no size"),
        ("-inf", "is no size"),
        ("--5", "is no size"),
        ("5KB6", "is no size"),
        ("٣KB", "is no size"),
        ("12XB", "unknown unit 'XB'"),
        ("12TB", "unknown unit 'TB'"),
        ("12Kbit", "unknown unit 'Kbit'"),
        ("1.6MB", "not a whole number of bytes"),
        ("1.5", "not a whole number of bytes"),
        ("9223372036854775808", "more than any memory holds"),
        ("8589934592GB", "more than any memory holds"),
        ("9" * 5000, "is no size"),
        ("12\nKB\x1b[31m?", "is no size"),
    ],
)
def test_what_is_no_size_is_refused_with_a_cure(text: str, complaint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_size(text)
    message = str(caught.value)
    assert complaint in message
    assert "for example 512KB" in message
    assert message.isprintable()
    assert len(message) < 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0),
        ("60s", 60.0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1.5 h", 5400.0),
        ("1H", 3600.0),
        ("1ms", 0.001),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0", "not above zero"),
        ("0ms", "not above zero"),
        ("-1s", "not above zero"),
        ("", "an empty text is no duration"),
        ("soon", "is no duration"),
        ("inf", "is no duration"),
        ("nan", "is no duration"),
        ("1e3", "is no duration"),
        ("5d", "unknown unit 'd'"),
        ("99999999999999h", "too long"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_cure(text: str, complaint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_duration(text)
    assert complaint in str(caught.value)
    assert "for example 60s" in str(caught.value)

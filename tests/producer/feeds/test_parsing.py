"""The parsing helpers: times, numbers, texts and groups of pairs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from producer.feeds import parsing
from producer.feeds.contract import FrameError

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants it so


@given(MOMENTS, st.integers(0, 999))
def test_a_time_is_exact_to_the_microsecond(moment: datetime, nanoseconds: int) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}"
    for form in (f"{text}Z", f"{text}+00:00", f"{text}{nanoseconds:03}Z"):
        assert parsing.moment_us(form) == expected


@pytest.mark.parametrize(("fraction", "us"), [("", 0), (".5", 500_000), (".123", 123_000), (".9999999", 999_999)])
def test_fractions_are_cut_not_rounded(fraction: str, us: int) -> None:
    assert parsing.moment_us(f"2026-01-01T00:00:59{fraction}Z") == 1_767_225_659_000_000 + us


@pytest.mark.parametrize(
    "text",
    [
        *("", "Z", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "2026-01-01t00:00:00z"),
        *("2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "1969-12-31T23:59:59Z"),
        *("2200-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z"),
        *("٢٠٢٦-01-01T00:00:00Z", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n"),
    ],
)
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        parsing.moment_us(text)


@pytest.mark.parametrize(
    ("stamp", "us"),
    [(0, 0), (1_767_225_600_123, 1_767_225_600_123_000), (1_767_225_600_123_456, 1_767_225_600_123_456), (10**15, 10**15)],
)
def test_milliseconds_and_microseconds_are_distinguished(stamp: int, us: int) -> None:
    assert parsing.time_us(stamp) == us
    assert parsing.time_ms(stamp) == us // 1_000


@pytest.mark.parametrize("stamp", [-1, 7_258_118_400_000, 10**15 - 1, 7_258_118_400_000_000, 10**18])
def test_a_timestamp_outside_the_range_is_refused(stamp: int) -> None:
    with pytest.raises(FrameError):
        parsing.time_us(stamp)


@pytest.mark.parametrize("text", ["1", "0.10", "1e5", "1E-7", '"12.5"', "123456789.012345678901234567"])
def test_a_number_is_exact(text: str) -> None:
    assert Decimal(parsing.raw_number(Raw(text))) == Decimal(text.strip('"'))


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "NaN", '"NaN"', "null", "[1]", '"1_0"', '" 1"', '"1\\n"', ".5", "5.", "1e100", "9" * 30]
)
def test_a_field_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        parsing.raw_number(Raw(text))


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b'"\xff"', b"9" * 9_999, b"[" * 100_000, '"\ud800"', b"nul", b"1 1", b'"x"', "\ufeff1"]
)
def test_invalid_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(FrameError) as refused:
        parsing.decode_frame(msgspec.json.Decoder(parsing.Integer), text)
    assert str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_venues_text_becomes_one_short_line() -> None:
    assert parsing.shortened(" no\n such\x1b pair " + "x" * 999).startswith("no such")
    assert len(parsing.shortened("x" * 999)) == 200
    assert parsing.shortened(" \x00") == "without a reason"
    assert parsing.shortened("a\x1b[31mb\x00\u202e") == "a[31mb"


@given(st.lists(st.text(max_size=3)), st.integers(1, 5))
def test_pairs_are_grouped_in_order(pairs: list[str], size: int) -> None:
    groups = parsing.batches(pairs, size)
    assert [pair for group in groups for pair in group] == pairs
    assert all(0 < len(group) <= size for group in groups)

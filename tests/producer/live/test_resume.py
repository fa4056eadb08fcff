from decimal import Decimal

import pytest

from producer.live.candle import CandleEvent, ClosedBy, MissingMinutes, RevisedCandle, record_of
from producer.live.resume import _MAX_AHEAD_MS, RECALLED_MINUTES, ResumePoint, ResumePointReader
from tests.producer.live.candles import MINUTE_MS, at, candle
from volcast.core.codec import MIN_TIME_MS


def resume_point_after(*values: bytes, now_ms: int) -> ResumePoint | None:
    """The resume point after these records, which are read from the last one backwards."""
    reader = ResumePointReader(now_ms)
    for value in reversed(values):
        if reader(value):
            break
    return reader.result()


def value(event: CandleEvent) -> bytes:
    return record_of(event, "BTCUSD.KRAKEN", "kraken").value


def test_the_last_candles_are_read_back_with_their_last_revision() -> None:
    values = [value(candle(minute)) for minute in range(90)]
    values[88:88] = [value(RevisedCandle(candle(87, "107"))), value(RevisedCandle(candle(87, "108")))]
    point = resume_point_after(*values, now_ms=at(90))
    assert point
    assert [each.open_time_ms for each in point.written] == [at(minute) for minute in range(90 - RECALLED_MINUTES, 90)]
    assert [each.close for each in point.written if each.close != 100] == [108]


def test_the_last_close_is_that_of_the_revision() -> None:
    point = resume_point_after(value(candle(3)), value(RevisedCandle(candle(3, "101"))), now_ms=at(4))
    assert point
    assert point.last_close == 101


def test_the_resume_point_after_a_live_candle() -> None:
    written = candle(3, "42.50", ClosedBy.REST)
    assert resume_point_after(value(written), now_ms=at(4)) == ResumePoint(
        at(4), Decimal("42.50"), is_new=False, written=(written,)
    )


def test_the_resume_point_after_a_gap_has_no_price() -> None:
    assert resume_point_after(value(MissingMinutes(at(3), at(9), "HTTP 500")), now_ms=at(9)) == ResumePoint(
        at(9), None, is_new=False
    )


def test_the_resume_point_after_a_replayed_candle() -> None:
    row = b'{"kind":"candle","v":1,"symbol":"X","open_time_ms":%d,"close":42.5,"source":"f.csv"}' % at(1)
    assert resume_point_after(row, now_ms=at(9)) == ResumePoint(at(2), Decimal("42.5"), is_new=False)


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"kind":"candle"}',
        b'{"kind":"candle","open_time_ms":"1"}',
        b'{"kind":"candle","open_time_ms":true}',
        b'{"kind":"candle","open_time_ms":60001}',
        b'{"kind":"gap","from_ms":0,"to_ms":null}',
        b'{"kind":"other","open_time_ms":60000}',
        value(RevisedCandle(candle(3))),
        b'{"kind":"revision","v":1,"candle":[]}',
        b'{"kind":"revision","v":1,"candle":{"open_time_ms":[]}}',
        b'{"kind":"candle","open_time_ms":%d,"close":"1"}' % (at(9) + _MAX_AHEAD_MS),
        b'{"kind":"candle","open_time_ms":0,"close":"1"}',
        b'{"kind":"candle","open_time_ms":%d,"close":"1"}' % (MIN_TIME_MS - MINUTE_MS),
        b'{"kind":"gap","from_ms":0,"to_ms":60000}',
    ],
)
def test_garbage_is_ignored(garbage: bytes) -> None:
    assert resume_point_after(garbage, now_ms=at(0)) is None
    after = resume_point_after(value(candle(3)), garbage, now_ms=at(4))
    assert after
    assert after.next_ms == at(4)


@pytest.mark.parametrize("close", [b'"NaN"', b'"-1"', b"null", b'"x"', b"[]", b"0"])
def test_an_invalid_close_gives_no_last_close(close: bytes) -> None:
    point = resume_point_after(b'{"kind":"candle","open_time_ms":%d,"close":%b}' % (at(0), close), now_ms=at(0))
    assert point == ResumePoint(at(1), None, is_new=False)

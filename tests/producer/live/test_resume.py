from decimal import Decimal

import pytest

from producer.live.candle import CandleEvent, ClosedBy, MissingMinutes, RevisedCandle, record_of
from producer.live.resume import _MAX_AHEAD_MS, RECALLED_MINUTES, ResumePoint, ResumePointReader
from tests.producer.bars import at, bar


def position_after(*values: bytes, now_ms: int) -> ResumePoint | None:
    """As the log's last records say, looked at from the end."""
    recall = ResumePointReader(now_ms)
    for value in reversed(values):
        if recall(value):
            break
    return recall.result()


def value(out: CandleEvent) -> bytes:
    return record_of(out, "BTCUSD.KRAKEN", "kraken").value


def test_the_last_candles_are_recalled_with_the_last_word_on_each() -> None:
    values = [value(bar(minute)) for minute in range(90)]
    values[88:88] = [value(RevisedCandle(bar(87, "107"))), value(RevisedCandle(bar(87, "108")))]
    position = position_after(*values, now_ms=at(90))
    assert position
    assert [each.open_time_ms for each in position.written] == [at(minute) for minute in range(90 - RECALLED_MINUTES, 90)]
    assert [each.close for each in position.written if each.close != 100] == [108]


def test_the_last_close_is_that_of_a_revision() -> None:
    position = position_after(value(bar(3)), value(RevisedCandle(bar(3, "101"))), now_ms=at(4))
    assert position
    assert position.last_close == 101


def test_behind_a_candle_that_the_live_producer_wrote() -> None:
    written = bar(3, "42.50", ClosedBy.REST)
    assert position_after(value(written), now_ms=at(4)) == ResumePoint(at(4), Decimal("42.50"), is_new=False, written=(written,))


def test_behind_a_gap_no_price_is_known() -> None:
    assert position_after(value(MissingMinutes(at(3), at(9), "HTTP 500")), now_ms=at(9)) == ResumePoint(at(9), None, is_new=False)


def test_behind_a_row_of_a_file() -> None:
    row = b'{"kind":"candle","v":1,"symbol":"X","open_time_ms":%d,"close":42.5,"source":"f.csv"}' % at(1)
    assert position_after(row, now_ms=at(9)) == ResumePoint(at(2), Decimal("42.5"), is_new=False)


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
        value(RevisedCandle(bar(3))),
        b'{"kind":"revision","v":1,"candle":[]}',
        b'{"kind":"revision","v":1,"candle":{"open_time_ms":[]}}',
        b'{"kind":"candle","open_time_ms":%d,"close":"1"}' % (at(9) + _MAX_AHEAD_MS),
    ],
)
def test_what_says_nothing_of_it_is_passed_over(garbage: bytes) -> None:
    assert position_after(garbage, now_ms=at(0)) is None
    after = position_after(value(bar(3)), garbage, now_ms=at(4))
    assert after
    assert after.next_ms == at(4)


@pytest.mark.parametrize("close", [b'"NaN"', b'"-1"', b"null", b'"x"', b"[]", b"0"])
def test_a_close_that_is_no_price_is_none(close: bytes) -> None:
    position = position_after(b'{"kind":"candle","open_time_ms":0,"close":' + close + b"}", now_ms=at(0))
    assert position == ResumePoint(60_000, None, is_new=False)

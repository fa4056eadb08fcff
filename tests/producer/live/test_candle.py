"""When two candles of a minute differ, and how a venue's candle becomes a closed one."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from producer.live.candle import BUILT, ClosedBy, ClosedCandle, closed_candle_of, flat_candle, with_latency
from tests.producer.live.candles import MINUTE_MS, at, candle

OPEN, HIGH, LOW, CLOSE, VOLUME = map(Decimal, ("10", "12", "9", "11", "2.5"))
ONE = ClosedCandle(at(0), OPEN, HIGH, LOW, CLOSE, VOLUME, Decimal("26.25"), ClosedBy.FLAG)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_candles_with_another_price_or_volume_differ(name: str) -> None:
    other = replace(ONE, **{name: getattr(ONE, name) + Decimal("0.001")})
    assert ONE.differs_from(other)
    assert other.differs_from(ONE)


def test_way_of_closing_times_and_trailing_zeros_make_no_difference() -> None:
    zeros = {name: getattr(ONE, name).quantize(Decimal("1e-8")) for name in ("open", "high", "low", "close", "volume")}
    other = replace(ONE, **zeros, quote_volume=Decimal(99), closed_by=ClosedBy.REST, sent_ms=1, received_ms=2)
    assert str(other.open) == "10.00000000"
    assert not ONE.differs_from(other)


@pytest.mark.parametrize(("volume", "is_other"), [("2.500001", False), ("2.4999985", False), ("2.50001", True), ("0", True)])
def test_volumes_that_differ_by_rounding_are_equal(volume: str, is_other: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert ONE.differs_from(replace(ONE, volume=Decimal(volume))) is is_other


def test_two_candles_without_volume_are_equal() -> None:
    assert not candle(0, volume="0").differs_from(candle(0, volume="0"))


def test_end_ms_is_the_opening_time_of_the_next_minute() -> None:
    assert ONE.end_ms == at(1) == at(0) + MINUTE_MS


@pytest.mark.parametrize(("quote_volume", "expected"), [("26", "26"), (None, "26.25")])
def test_a_missing_quote_volume_is_computed(quote_volume: str | None, expected: str) -> None:
    venue_quote = None if quote_volume is None else Decimal(quote_volume)
    from_venue = VenueCandle("BTC-USD", at(0), OPEN, HIGH, LOW, CLOSE, VOLUME, venue_quote, closed=True)
    assert closed_candle_of(from_venue, ClosedBy.FLAG) == replace(ONE, quote_volume=Decimal(expected))


def test_a_flat_candle_is_synthetic_and_without_volume() -> None:
    assert flat_candle(at(3), Decimal("7.5"), ClosedBy.WATERMARK) == replace(
        candle(3, "7.5", ClosedBy.WATERMARK, volume="0"), synthetic=True
    )


def test_with_latency_changes_the_two_times_only() -> None:
    assert with_latency(ONE, 5, 7) == replace(ONE, sent_ms=5, received_ms=7)
    assert with_latency(ONE, None, 7).sent_ms is None


def test_built_names_the_ways_of_closing_that_sum_trades() -> None:
    assert {way for way in ClosedBy if way in BUILT} == {ClosedBy.LATER_TRADE, ClosedBy.WATERMARK}

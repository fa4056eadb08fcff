"""When two candles of a minute are the same one, and what becomes of a venue's words."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from producer.live.candle import BUILT, ClosedBy, ClosedCandle, closed_candle_of, flat_candle, with_latency
from tests.producer.bars import MINUTE, at, bar

OPEN, HIGH, LOW, CLOSE, VOLUME = map(Decimal, ("10", "12", "9", "11", "2.5"))
ONE = ClosedCandle(at(0), OPEN, HIGH, LOW, CLOSE, VOLUME, Decimal("26.25"), ClosedBy.FLAG)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_another_price_or_volume_is_another_candle(name: str) -> None:
    other = replace(ONE, **{name: getattr(ONE, name) + Decimal("0.001")})
    assert ONE.differs(other)
    assert other.differs(ONE)


def test_how_it_was_known_and_how_it_is_written_make_no_other_candle() -> None:
    zeros = {name: getattr(ONE, name).quantize(Decimal("1e-8")) for name in ("open", "high", "low", "close", "volume")}
    other = replace(ONE, **zeros, quote_volume=Decimal(99), closed_by=ClosedBy.REST, sent_ms=1, received_ms=2)
    assert str(other.open) == "10.00000000"
    assert not ONE.differs(other)


@pytest.mark.parametrize(("volume", "is_other"), [("2.500001", False), ("2.4999985", False), ("2.50001", True), ("0", True)])
def test_volumes_may_be_rounded(volume: str, is_other: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert ONE.differs(replace(ONE, volume=Decimal(volume))) is is_other


def test_two_candles_without_volume_are_the_same() -> None:
    assert not bar(0, volume="0").differs(bar(0, volume="0"))


def test_a_minute_ends_where_the_next_begins() -> None:
    assert ONE.end_ms == at(1) == at(0) + MINUTE


@pytest.mark.parametrize(("told", "expected"), [("26", "26"), (None, "26.25")])
def test_a_quote_volume_that_is_not_told_is_reckoned(told: str | None, expected: str) -> None:
    quote = None if told is None else Decimal(told)
    candle = VenueCandle("BTC-USD", at(0), OPEN, HIGH, LOW, CLOSE, VOLUME, quote, closed=True)
    assert closed_candle_of(candle, ClosedBy.FLAG) == replace(ONE, quote_volume=Decimal(expected))


def test_a_flat_candle_is_made_up_and_without_volume() -> None:
    assert flat_candle(at(3), Decimal("7.5"), ClosedBy.WATERMARK) == replace(
        bar(3, "7.5", ClosedBy.WATERMARK, volume="0"), synthetic=True
    )


def test_a_stamp_changes_nothing_else() -> None:
    assert with_latency(ONE, 5, 7) == replace(ONE, sent_ms=5, received_ms=7)
    assert with_latency(ONE, None, 7).sent_ms is None


def test_sums_of_ours_are_told_from_the_venues_word() -> None:
    assert {way for way in ClosedBy if way in BUILT} == {ClosedBy.LATER_TRADE, ClosedBy.WATERMARK}

"""Volume in the quote currency: the venue's own, or the volume times the mean price."""

from decimal import Decimal

from producer.feeds.contract import VenueCandle
from producer.live.candle import quote_volume_of


def candle(volume: str, quote_volume: str | None = None, *, close: str = "4") -> VenueCandle:
    venue_quote = None if quote_volume is None else Decimal(quote_volume)
    return VenueCandle("", 0, Decimal(1), Decimal(5), Decimal(1), Decimal(close), Decimal(volume), venue_quote, closed=True)


def test_the_venues_own_quote_volume_is_kept() -> None:
    assert str(quote_volume_of(candle("2", "5.500"))) == "5.500"


def test_without_one_it_is_the_volume_times_the_mean_of_the_four_prices() -> None:
    assert quote_volume_of(candle("2")) == Decimal("5.5")
    assert quote_volume_of(candle("0.00000001")) == Decimal("0.00000003")
    assert quote_volume_of(candle("0")) == 0


def test_large_numbers_lose_no_digit() -> None:
    huge = candle("123456789012345678.12345678", close="999999999999.99999999")
    exact = Decimal("30864197253086419530864197253.0")
    assert abs(quote_volume_of(huge) / exact - 1) < Decimal("1e-5")
    assert quote_volume_of(huge).as_tuple().exponent == -8

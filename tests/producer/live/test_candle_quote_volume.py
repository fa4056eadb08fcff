"""Volume in the quote currency: told, or volume times the mean price."""

from decimal import Decimal

from producer.feeds.contract import VenueCandle
from producer.live.candle import quote_volume_of


def candle(volume: str, quote_volume: str | None = None, *, close: str = "4") -> VenueCandle:
    told = None if quote_volume is None else Decimal(quote_volume)
    return VenueCandle("", 0, Decimal(1), Decimal(5), Decimal(1), Decimal(close), Decimal(volume), told, closed=True)


def test_what_the_venue_tells_stands_as_it_is() -> None:
    assert str(quote_volume_of(candle("2", "5.500"))) == "5.500"


def test_else_the_mean_of_the_four_prices_times_the_volume() -> None:
    assert quote_volume_of(candle("2")) == Decimal("5.5")
    assert quote_volume_of(candle("0.00000001")) == Decimal("0.00000003")
    assert quote_volume_of(candle("0")) == 0


def test_no_digit_is_lost_on_the_way() -> None:
    huge = candle("123456789012345678.12345678", close="999999999999.99999999")
    exact = Decimal("30864197253086419530864197253.0")
    assert abs(quote_volume_of(huge) / exact - 1) < Decimal("1e-5")
    assert quote_volume_of(huge).as_tuple().exponent == -8

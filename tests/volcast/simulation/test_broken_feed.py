"""A broken feed: what it reports instead of the market's candles, and that it is right again afterwards."""

from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volcast.simulation.breaks import Break, BreakKind
from volcast.simulation.broken_feed import broken_feed
from volcast.simulation.candle import SimulatedCandle
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000


@cache
def market() -> list[SimulatedCandle]:
    return list(simulate_candles("BTCUSDT", minutes=100, seed=3, start_ms=START_MS))


def reported(kind: BreakKind, first: int, minutes: int | None = None, number: float | None = None) -> list[SimulatedCandle]:
    return list(broken_feed(market(), [Break(kind=kind, at_ms=START_MS + first * 60_000, minutes=minutes, number=number)]))


def mean_price(candle: SimulatedCandle) -> float:
    return sum(float(price) for price in candle[1:5]) / 4.0


spans = st.integers(1, 98).flatmap(lambda first: st.tuples(st.just(first), st.integers(1, 99 - first)))


@given(span=spans)
def test_a_frozen_price_is_the_last_close_and_volume_goes_on(span: tuple[int, int]) -> None:
    first, minutes = span
    feed = reported(BreakKind.FROZEN_PRICE, first, minutes)
    for i in range(first, first + minutes):
        assert set(feed[i][1:5]) == {market()[first - 1].close}
        assert feed[i].volume == market()[i].volume
        assert float(feed[i].quote_volume) == pytest.approx(float(feed[i].volume) * mean_price(feed[i]), abs=0.006)
    assert feed[first + minutes :] == market()[first + minutes :]


@given(span=spans)
def test_a_repeated_candle_differs_in_its_time_alone(span: tuple[int, int]) -> None:
    first, minutes = span
    feed = reported(BreakKind.REPEATED_CANDLE, first, minutes)
    assert {candle[1:7] for candle in feed[first - 1 : first + minutes]} == {market()[first - 1][1:7]}
    assert [candle.open_time_ms for candle in feed] == [candle.open_time_ms for candle in market()]
    assert feed[first + minutes :] == market()[first + minutes :]


@given(span=spans)
def test_missing_minutes_have_no_candle(span: tuple[int, int]) -> None:
    first, minutes = span
    assert reported(BreakKind.MISSING_MINUTES, first, minutes) == market()[:first] + market()[first + minutes :]


@given(first=st.integers(1, 99), factor=st.floats(0.001, 1_000.0).filter(lambda factor: factor != 1.0))
@settings(max_examples=200)
def test_a_bad_tick_is_one_well_formed_candle(first: int, factor: float) -> None:
    feed = reported(BreakKind.BAD_TICK, first, number=factor)
    right, bad = market()[first], feed[first]
    open_, high, low, close = map(Decimal, bad[1:5])
    assert 0 < low <= min(open_, close) <= max(open_, close) <= high
    assert float(close) == pytest.approx(float(right.close) * factor, abs=0.006)
    assert bad.open == right.open
    assert (high, low) in {(Decimal(right.high), Decimal(right.low)), (close, Decimal(right.low)), (Decimal(right.high), close)}
    assert float(bad.quote_volume) == pytest.approx(float(bad.volume) * mean_price(bad), rel=1e-6, abs=0.006)
    assert feed[:first] + feed[first + 1 :] == market()[:first] + market()[first + 1 :]


def test_a_bad_tick_is_at_least_one_tick() -> None:
    cheap = market()[1]._replace(open="0.00003", high="0.00004", low="0.00002", close="0.00003")
    broken = Break(kind=BreakKind.BAD_TICK, at_ms=cheap.open_time_ms, number=0.001)
    [_, bad] = broken_feed([market()[0], cheap], [broken])
    assert (bad.close, bad.low, bad.high) == ("0.00001", "0.00001", "0.00004")


@pytest.mark.parametrize("kind", [BreakKind.FROZEN_PRICE, BreakKind.REPEATED_CANDLE])
def test_a_break_without_an_end_lasts_to_the_end(kind: BreakKind) -> None:
    assert {candle.close for candle in reported(kind, 40)[39:]} == {market()[39].close}


def test_breaks_that_follow_each_other_show_the_last_candle_that_was_right() -> None:
    breaks = [
        Break(kind=BreakKind.REPEATED_CANDLE, at_ms=START_MS + 20 * 60_000, minutes=5),
        Break(kind=BreakKind.FROZEN_PRICE, at_ms=START_MS + 10 * 60_000, minutes=10),
    ]
    feed = list(broken_feed(market(), breaks))
    assert {candle[1:7] for candle in feed[20:25]} == {market()[9][1:7]}
    assert feed[25:] == market()[25:]


def test_the_true_volatility_stays_that_of_the_market() -> None:
    for kind in (BreakKind.FROZEN_PRICE, BreakKind.REPEATED_CANDLE):
        sigmas = [candle.true_volatility for candle in reported(kind, 40)]
        assert sigmas == [candle.true_volatility for candle in market()]

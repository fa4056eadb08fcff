"""What the signals tell about the quality of candles."""

import msgspec
import pytest

from api.statistics.candle_quality import GAPS_OF_A_SYMBOL, CandleQuality, SeenCandles, SeenGap
from tests.api.signals import signals
from volcast.core.types import MINUTE_MS, Signal

FIRST = signals(1)[0]


def at(minute: int, close: float = 100.0, volume: float = 1.0, **fields: object) -> Signal:
    """Return the signal of a candle with these prices."""
    prices: dict[str, object] = {"open": close - 1, "high": close + 1, "low": close - 2, "close": close, "volume": volume}
    return msgspec.structs.replace(FIRST, open_time_ms=minute * MINUTE_MS, **(prices | fields))


def seen_of(*taken: Signal) -> SeenCandles:
    quality, before = CandleQuality(), None
    for signal in taken:
        quality.take(before, signal, is_new=True)
        before = signal
    return quality.of(FIRST.symbol)


def test_sound_candles() -> None:
    assert seen_of(at(3, 100.0), at(4, 101.0), at(5, 102.0)) == SeenCandles(3 * MINUTE_MS, 1, 3)


def test_a_flat_candle_has_four_prices_that_are_the_close_before() -> None:
    flat = {"open": 100.0, "high": 100.0, "low": 100.0}
    assert seen_of(at(0), at(1, volume=0.0, **flat)).flat == 1
    assert seen_of(at(0, 99.0), at(1, volume=0.0, **flat)).flat == 0  # its prices are one, but another than before
    assert seen_of(at(0, **flat)).flat == 0  # nobody knows the close before the first


def test_a_candle_that_repeats_the_one_before_has_a_volume() -> None:
    assert seen_of(at(0), at(1), at(2)).repeated == 2
    assert seen_of(at(0), at(1, volume=2.0)).repeated == 0
    assert seen_of(at(0, volume=0.0), at(1, volume=0.0))[3:6] == (0, 0, 2)


def test_gaps_are_listed_the_newest_first() -> None:
    seen = seen_of(at(0), at(1), at(5), at(6), at(8))
    assert seen.gaps == (SeenGap(7 * MINUTE_MS, 8 * MINUTE_MS), SeenGap(2 * MINUTE_MS, 5 * MINUTE_MS))
    assert [each.missing_minutes for each in seen.gaps] == [1, 3]


def test_only_the_last_gaps_are_kept() -> None:
    gaps = seen_of(*(at(minute) for minute in range(0, 100, 2))).gaps
    assert (len(gaps), gaps[0].from_ms) == (GAPS_OF_A_SYMBOL, 97 * MINUTE_MS)


def test_a_symbol_without_a_signal_is_not_known() -> None:
    with pytest.raises(KeyError):
        CandleQuality().of("BTCUSDT")

"""An engine's signals, gaps, duplicates and late candles by hand. `test_engine_forecasts.py` tests its forecasts."""

from math import isfinite, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import DECIMALS, SYMBOL, at, candle, minutes_with_gaps, walk
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.timeline import MAX_REMEMBERED_GAPS, Skip
from volcast.core.types import Candle, EngineConfig, Signal


def an_engine(**config: int) -> Engine:
    return Engine(SYMBOL, EngineConfig(**config), DECIMALS)  # type: ignore[arg-type]  # fields of several types


def step(engine: Engine, one: Candle) -> Signal:
    """Step through a candle that is accepted, and check that its forecast is valid."""
    signal = engine.step(one)
    assert isinstance(signal, Signal)
    assert signal.volatility > 0
    assert isfinite(signal.volatility)
    assert signal.volatility_annualized == pytest.approx(signal.volatility * sqrt(8_760))
    if signal.outcome:
        assert all(isfinite(getattr(signal.outcome, name)) for name in signal.outcome.__struct_fields__)
        assert min(signal.outcome.qlike, signal.outcome.qlike_ewma) >= 0
    return signal


def test_seven_candles_worked_by_hand() -> None:
    """W = 5; the minutes 5 and 6 are missing, and the mean continues across the gap with the last five closes."""
    engine = an_engine(window=5, rate_window=3)
    expected = [
        # minute, close, mean, signal, rate, rate of the last three, ones, gaps, missing
        (0, 10.0, None, 0, 0, 0, 0, 0, 0),
        (1, 11.0, None, 0, 0, 0, 0, 0, 0),
        (2, 12.0, None, 0, 0, 0, 0, 0, 0),
        (3, 11.0, None, 0, 0, 0, 0, 0, 0),
        (4, 13.0, 11.4, 1, 1 / 5, 1 / 3, 1, 0, 0),  # 57 / 5
        (7, 11.0, 11.6, 0, 1 / 6, 1 / 3, 1, 1, 2),  # 58 / 5: 11 12 11 13 11
        (8, 12.0, 11.8, 1, 2 / 7, 2 / 3, 2, 1, 2),  # 59 / 5: 12 11 13 11 12
    ]
    for candles, (minute, close, mean, above, rate, rate_window, ones, gaps, missing) in enumerate(expected, start=1):
        signal = step(engine, candle(minute, close))
        assert (signal.symbol, signal.open_time_ms, signal.close) == (SYMBOL, at(minute), close)
        assert (signal.rolling_mean, signal.signal) == (mean, above)
        assert (signal.signal_rate, signal.signal_rate_window) == (rate, rate_window)
        assert (signal.candles, signal.signal_ones, signal.gaps, signal.missing_minutes) == (candles, ones, gaps, missing)
        assert (signal.outcomes, signal.outcome, signal.warm) == (0, None, False)

    late_or_duplicate = {-1: Skip.LATE, 0: Skip.DUPLICATE, 4: Skip.DUPLICATE, 5: Skip.LATE, 6: Skip.LATE, 7: Skip.DUPLICATE}
    for minute, skip in {**late_or_duplicate, 8: Skip.DUPLICATE}.items():
        assert engine.step(candle(minute, 999.0)) is skip
    after = step(engine, candle(9, 12.0))
    assert (after.rolling_mean, after.signal, after.candles, after.signal_rate) == (11.8, 1, 8, 3 / 8)  # 11 13 11 12 12


def test_a_close_equal_to_the_mean_is_no_signal() -> None:
    engine = an_engine(window=3)
    assert [step(engine, candle(minute, close)).signal for minute, close in enumerate((1.1, 3.3, 2.2))] == [0, 0, 0]


def test_two_gaps_are_counted_apart_and_their_minutes_together() -> None:
    engine = an_engine()
    signals = [step(engine, candle(minute, 100)) for minute in (0, 1, 3, 4, 604)]
    assert [(one.gaps, one.missing_minutes) for one in signals] == [(0, 0), (0, 0), (1, 1), (1, 1), (2, 600)]


def test_a_candle_older_than_all_remembered_gaps_is_late() -> None:
    """Every other minute is missing: 40 gaps, of which the last 32 are remembered, from minute 17 on."""
    engine = an_engine()
    for minute in range(0, 82, 2):
        step(engine, candle(minute, 100))
    assert engine.timeline.gaps == 40
    oldest = 2 * (40 - MAX_REMEMBERED_GAPS) + 1
    for minute in range(82):
        accepted = minute % 2 == 0 and minute >= oldest
        if minute < 81:
            assert engine.step(candle(minute, 100)) is (Skip.DUPLICATE if accepted else Skip.LATE), minute
    assert step(engine, candle(81, 100)).candles == 42


def test_warm_needs_all_closes_and_a_day_of_outcomes() -> None:
    candles = walk(WARM_OUTCOMES + 62)
    for window, since in ((5, WARM_OUTCOMES + 60), (WARM_OUTCOMES + 62, WARM_OUTCOMES + 62)):
        engine = an_engine(window=window)
        assert next(one.candles for one in map(engine.step, candles) if isinstance(one, Signal) and one.warm) == since


@pytest.mark.parametrize("every_minutes", [5, 60, 1_440])
def test_candles_of_more_than_a_minute_never_count_as_warm(every_minutes: int) -> None:
    """A warm symbol of which only every fifth minute comes is told as sparse, within a day and for as long as that lasts."""
    engine = an_engine()
    signals = [step(engine, one) for one in walk(range(WARM_OUTCOMES + 200))]
    assert (signals[-1].warm, signals[-1].missing_share) == (True, 0)
    start = WARM_OUTCOMES + 200
    sparse = [step(engine, one) for one in walk(range(start, start + 3_000 * every_minutes, every_minutes))]
    day = 1_440 // every_minutes
    assert not any(one.warm for one in sparse[day:])
    assert sparse[-1].missing_share == pytest.approx(1 - 1 / every_minutes, abs=1e-3)
    assert not any(one.outcome for one in sparse[1:])


def test_the_missing_share_is_that_of_the_last_day() -> None:
    engine = an_engine()
    assert [step(engine, candle(minute, 100)).missing_share for minute in (0, 1, 3)] == [0, 0, 1 / 4]
    for minute in range(4, 1_440):
        step(engine, candle(minute, 100))
    assert step(engine, candle(1_440, 100)).missing_share == 1 / 1_440
    assert step(engine, candle(1_442, 100)).missing_share == 1 / 1_440  # minute 2 lies a day back
    assert step(engine, candle(10_000, 100)).missing_share == 1_439 / 1_440


@pytest.mark.parametrize("missing", [1, 10, 59, 60, 61, 600])
def test_no_outcome_spans_an_outage(missing: int) -> None:
    engine, start = an_engine(), 100 + missing
    signals = {one.open_time_ms: step(engine, one) for one in walk([*range(100), *range(start, start + 100)])}
    assert signals[at(start)].missing_minutes == missing
    resolved = [minute for minute in range(start, start + 100) if signals[at(minute)].outcome]
    assert resolved == list(range(start + 60, start + 100))
    assert signals[at(start + 60)].outcomes == signals[at(99)].outcomes + 1


BASE = walk(minutes_with_gaps(300, seed=3, share=0.03), seed=3)
PRESENT = {one.open_time_ms for one in BASE}
EXPECTED = [encode_signal(step(engine, one)) for engine in [an_engine()] for one in BASE]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), share=st.floats(0.0, 1.0))
def test_signals_do_not_depend_on_how_often_or_how_late_candles_are_delivered(seed: int, share: float) -> None:
    random = Random(seed)  # drawn by hypothesis
    engine, seen = an_engine(), []
    for one in BASE:
        signal = engine.step(one)
        assert isinstance(signal, Signal)
        seen.append(encode_signal(signal))
        while random.random() < share * 0.7:
            minute = random.randint(-50, (one.open_time_ms - at(0)) // 60_000)
            skip = engine.step(candle(minute, random.choice(["0.01", "42000", "9999999"])))
            assert isinstance(skip, Skip)
            if skip is Skip.DUPLICATE:
                assert at(minute) in PRESENT
            elif engine.timeline.gaps <= MAX_REMEMBERED_GAPS:
                assert at(minute) not in PRESENT
    assert seen == EXPECTED


@pytest.mark.parametrize("live", [True, False])
def test_a_signal_names_the_source_of_its_candle(live: bool) -> None:  # noqa: FBT001  # both
    one = candle(0, 100)
    from_venue = Candle(SYMBOL, at(0), 100.0, 100.0, 100.0, 100.0, one.close_units, 1.0, 1.0, "BINANCE", live, "flag")
    signal = step(an_engine(), from_venue)
    assert (signal.source, signal.live) == ("BINANCE", live)

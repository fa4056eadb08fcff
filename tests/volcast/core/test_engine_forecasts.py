"""An engine's forecasts: validity in extreme markets, the meaning of each field, outcomes in time, and priors by name."""

from itertools import pairwise
from math import exp, inf, isfinite, log, sqrt
from typing import Any

import pytest

from tests.market import DECIMALS, SYMBOL, at, candle, minutes_with_gaps, walk
from volcast.core.codec import CandleText, decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.forecast.forecaster import SymbolForecaster
from volcast.core.forecast.losses import qlike
from volcast.core.forecast.prior import bundled, fingerprint
from volcast.core.forecast.results import HorizonForecast, Outcome
from volcast.core.market.features import PRIOR_VARIANCE
from volcast.core.models import MODELS
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.simulation.market import simulate_candles

CHALLENGERS = tuple(name for name in MODELS if name != "two_stage")
EVERYTHING: dict[str, Any] = {"horizons": (60, 15, 240, 1_440), "shadows": CHALLENGERS}


def an_engine(decimals: int = DECIMALS, **config: Any) -> Engine:
    return Engine(SYMBOL, EngineConfig(**config), decimals)


def check_forecast(one: Signal | HorizonForecast, close: float) -> None:
    """Check the fields that a forecast of any horizon has."""
    assert 0 < one.volatility < inf
    assert 0 < one.volatility_lower <= one.volatility_median <= one.volatility_upper < inf
    assert 0 < one.price_lower <= close <= one.price_upper < inf
    assert one.volatility_annualized == pytest.approx(one.volatility * sqrt(525_600 / one.horizon_minutes))
    if one.outcome:
        check_outcome_is_finite(one.outcome)


def check_outcome_is_finite(one: Outcome) -> None:
    assert all(isfinite(getattr(one, name)) for name in one.__struct_fields__)
    assert min(one.qlike, one.qlike_ewma) >= 0


def step(engine: Engine, one: Candle) -> Signal:
    """Step through a candle that is accepted, and check that all its forecasts are valid."""
    signal = engine.step(one)
    assert isinstance(signal, Signal)
    check_forecast(signal, engine.last_close)
    assert 0 < signal.volatility_annualized_deseasonalized < inf
    assert 0 <= signal.noise_ratio < inf
    for other in signal.other_horizons:
        check_forecast(other, engine.last_close)
    for shadow in signal.shadows:
        assert 0 < shadow.volatility < inf
        assert shadow.qlike is None or 0 <= shadow.qlike < inf
    return signal


MARKETS: dict[str, list[Candle]] = {
    "constant": [candle(minute, 100, volume=0.0) for minute in range(400)],
    "flash_crash": [candle(minute, 100 if minute not in range(150, 153) else 70) for minute in range(300)],
    "one_bad_tick": [candle(minute, 100 if minute != 150 else 70) for minute in range(300)],
    "crash_and_stay": [candle(minute, 100 if minute < 150 else 70) for minute in range(300)],
    "zigzag_between_the_extremes": [candle(minute, ("1e-8", "999999999999999")[minute % 2], decimals=8) for minute in range(300)],
    "finest": [candle(minute, ("1e-12", "2e-12", "999999999999999")[minute % 3], decimals=12) for minute in range(300)],
    "constant_then_zigzag": [candle(minute, 1 if minute < 200 else 1 + minute % 2) for minute in range(400)],
    "outage_of_ten_hours": walk([*range(150), *range(750, 900)]),
    "outage_of_a_month": walk([*range(100), *range(44_700, 44_850)]),
    "never_two_in_a_row": walk(range(0, 300, 2)),
    "many_gaps": walk(minutes_with_gaps(400, share=0.02)),
}


@pytest.mark.parametrize("market", MARKETS)
def test_forecasts_are_positive_and_finite_whatever_the_market_does(market: str) -> None:
    """All models, and several horizons."""
    decimals = {"zigzag_between_the_extremes": 8, "finest": 12}.get(market, DECIMALS)
    engine = an_engine(decimals, horizons=(60, 15, 240), shadows=CHALLENGERS)
    signals = [step(engine, one) for one in MARKETS[market]]
    assert signals[-1].candles == len(signals)
    assert decode_signal(encode_signal(signals[-1])) == signals[-1]


def test_a_day_between_the_smallest_and_the_largest_price_has_finite_bounds() -> None:
    """The model has learned from such a day and expects another."""
    engine = an_engine(8, horizons=(5, 1_440))
    for minute in range(1_500):
        step(engine, candle(minute, ("1e-8", "999999999999999")[minute // 7 % 2], decimals=8))


def test_the_first_forecast_is_near_the_assumed_volatility() -> None:
    for prior in ("bundled", "none"):
        first = step(an_engine(prior=prior), candle(0, 42_000))
        assert first.volatility_annualized == pytest.approx(sqrt(525_600 * PRIOR_VARIANCE), rel=0.5)


def test_a_crash_of_some_minutes_raises_the_forecast_and_shows_in_the_outcome() -> None:
    engine = an_engine()
    signals = [step(engine, one) for one in MARKETS["flash_crash"]]
    assert [one.suspect for one in signals[149:153]] == [False, True, True, False]
    assert signals[152].volatility > 4 * signals[149].volatility
    assert signals[209].outcome is not None
    assert signals[209].outcome.realized_volatility == pytest.approx(0.35667 * sqrt(2), rel=1e-4)  # log 0.7, down and up


def test_a_price_that_returns_at_once_is_no_crash() -> None:
    """Of a price that has never moved, nothing else in the signals changes either."""
    engine = an_engine()
    signals = [step(engine, one) for one in MARKETS["one_bad_tick"]]
    assert (signals[150].suspect, signals[150].close, signals[-1].suspect_candles) == (True, 70, 1)
    assert signals[150].volatility == pytest.approx(signals[149].volatility, rel=0.1)
    assert signals[209].outcome is not None
    assert signals[209].outcome.realized_volatility == 0


@pytest.mark.parametrize("horizons", [(60,), (15, 60, 240, 1_440)])
def test_outcomes_of_each_horizon_come_due_at_their_minute(horizons: tuple[int, ...]) -> None:
    candles = walk([*range(300), *range(302, 1_800)])
    engine = an_engine(horizons=horizons)
    made: dict[tuple[int, int], Signal | HorizonForecast] = {}
    closes = {one.open_time_ms: one.close for one in candles}
    counts = dict.fromkeys(horizons, 0)
    for one in candles:
        signal = step(engine, one)
        forecasts: list[Signal | HorizonForecast] = [signal, *signal.other_horizons]
        assert tuple(forecast.horizon_minutes for forecast in forecasts) == horizons
        for forecast in forecasts:
            horizon = forecast.horizon_minutes
            minute = (one.open_time_ms - at(0)) // 60_000
            known = horizon <= minute < 300 or minute >= 302 + horizon
            assert (forecast.outcome is not None) == known, (horizon, minute)
            made[horizon, minute] = forecast
            counts[horizon] += known
            assert forecast.outcomes == counts[horizon]
            if forecast.outcome:
                earlier = made[horizon, minute - horizon]
                times = [at(minute - ago) for ago in range(horizon, -1, -1)]
                logs = [log(closes[time]) for time in times]
                realized = sum((b - a) ** 2 for a, b in pairwise(logs)) if minute % 50 == 0 else None
                check_outcome(forecast.outcome, earlier, at(minute - horizon), one.close, realized)


def check_outcome(
    outcome: Outcome, earlier: Signal | HorizonForecast, made_ms: int, close: float, realized: float | None
) -> None:
    assert outcome.open_time_ms == made_ms
    assert outcome.volatility == earlier.volatility
    assert outcome.covered == (earlier.volatility_lower <= outcome.realized_volatility <= earlier.volatility_upper)
    if min(abs(close / earlier.price_lower - 1), abs(close / earlier.price_upper - 1)) > 1e-9:
        assert outcome.price_covered == (earlier.price_lower <= close <= earlier.price_upper)
    if realized is not None:
        assert outcome.realized_volatility == pytest.approx(sqrt(realized))
        assert outcome.qlike == pytest.approx(qlike(realized, earlier.volatility**2, earlier.horizon_minutes))


def test_shadows_are_separate_and_leave_the_champion_unchanged() -> None:
    candles = walk(200)
    with_shadows, alone, har = an_engine(shadows=("har", "ewma")), an_engine(), an_engine(model="har")
    for one in candles:
        signal, plain, other = step(with_shadows, one), step(alone, one), step(har, one)
        assert [shadow.model for shadow in signal.shadows] == ["har", "ewma"]
        assert (signal.volatility, signal.outcome) == (plain.volatility, plain.outcome)
        shadow = signal.shadows[0]
        assert shadow.volatility == other.volatility
        assert shadow.qlike == (other.outcome and other.outcome.qlike)
        assert shadow.covered == (other.outcome and other.outcome.covered)


def test_a_forecast_does_not_depend_on_how_many_others_are_made() -> None:
    for one, many in zip(*(map(engine.step, walk(150)) for engine in (an_engine(), an_engine(**EVERYTHING))), strict=True):
        assert isinstance(one, Signal)
        assert isinstance(many, Signal)
        assert (many.volatility, many.price_lower, many.outcome) == (one.volatility, one.price_lower, one.outcome)
        assert (len(many.other_horizons), len(many.shadows)) == (3, len(CHALLENGERS))
        assert (one.other_horizons, one.shadows) == ((), ())


def test_higher_levels_have_wider_bounds() -> None:
    signals = [step(an_engine(interval_level=level), candle(0, 100)) for level in (0.5, 0.9, 0.99)]
    for narrow, wide in pairwise(signals):
        assert wide.volatility_lower < narrow.volatility_lower < narrow.volatility_upper < wide.volatility_upper
        assert wide.price_lower < narrow.price_lower < narrow.price_upper < wide.price_upper


def test_the_deseasonalized_volatility_excludes_the_time_of_day() -> None:
    """Quiet hours are raised and busy ones lowered, relative to the average."""
    engine = an_engine()
    ratios = []
    for one in walk(1_440):
        signal = step(engine, one)
        ratios.append(signal.volatility_annualized_deseasonalized / signal.volatility_annualized)
    assert min(ratios) < 0.9
    assert max(ratios) > 1.1
    assert exp(sum(map(log, ratios)) / len(ratios)) == pytest.approx(1.0, abs=0.2)


def test_noise_is_known_once_there_are_five_returns() -> None:
    engine = an_engine()
    signals = [step(engine, candle(minute, 100 + minute % 2)) for minute in range(600)]
    assert signals[3].noise_ratio == 0.0
    assert signals[-1].noise_ratio == pytest.approx(sqrt(5), rel=0.01)


def test_the_prior_named_by_the_settings_must_be_given() -> None:
    prior = bundled()
    config = EngineConfig(prior=fingerprint(prior))
    for name in ("none", "bundled", "0badf00d"):
        with pytest.raises(ValueError, match=f"name the prior {name}, but {fingerprint(prior)} was given"):
            Engine(SYMBOL, EngineConfig(prior=name), DECIMALS, prior)
    with pytest.raises(ValueError, match=f"name the prior {fingerprint(prior)}, but it was not given"):
        Engine(SYMBOL, config, DECIMALS)
    given, shipped = Engine(SYMBOL, config, DECIMALS, prior), an_engine()
    assert step(given, candle(0, 100)) == step(shipped, candle(0, 100))


def test_without_a_prior_an_engine_starts_as_a_blank_forecaster() -> None:
    actual, blank = step(an_engine(prior="none"), candle(0, 100)), SymbolForecaster()
    blank.observe(at(0) // 60_000, (100.0, 100.0, 100.0, 100.0, 100.0), None)
    assert actual.volatility == sqrt(blank.forecast().horizons[60].variance)
    assert actual.volatility != step(an_engine(), candle(0, 100)).volatility


@pytest.mark.parametrize("horizons", [(), (4,), (60, 1_441)])
def test_other_horizons_are_refused(horizons: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="5 to 1440 minutes"):
        an_engine(horizons=horizons)


def test_candles_may_begin_in_1970() -> None:
    engine = an_engine(horizons=(15, 60))
    for minute in range(130):
        time = {"open_time_ms": minute * 60_000}
        one = candle(minute, 100 + minute % 3)
        step(engine, Candle(**{name: getattr(one, name) for name in one.__struct_fields__} | time))
    assert engine.candles == 130


def test_a_jump_in_a_calm_market_that_was_suspect_and_stays_raises_the_forecast() -> None:
    """Its candle's range once was that of the minute after the jump: the largest return in the narrowest candle, and it fell."""
    engine, decoder, signals = an_engine(prior="bundled"), Decoder(DECIMALS), []
    rows = simulate_candles(SYMBOL, minutes=8_330, seed=42, start_ms=1_704_067_200_000)
    for line, row in enumerate(rows, start=2):
        found = decoder.decode(
            SYMBOL.encode(), encode_candle(CandleText(SYMBOL, *row[:7], source="s", closed_by="file", line=line))
        )
        assert isinstance(found, Candle)
        signals.append(step(engine, found))
    at = next(i for i, one in enumerate(signals) if i > 8_000 and one.suspect)
    assert [one.suspect for one in signals[at - 1 : at + 3]] == [False, True, True, False]
    assert abs(signals[at].close / signals[at - 1].close - 1) > 0.01
    assert signals[at + 2].volatility > 1.1 * signals[at - 1].volatility

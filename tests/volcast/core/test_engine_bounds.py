"""What an accepted candle may do to an engine: nothing becomes infinite or NaN, and a bad tick hardly moves the forecast."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.market import SYMBOL, at, candle_text, prices
from volcast.core.codec import MAX_TIME_MS, MIN_TIME_MS, decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.forecast.whole import NotWholeError
from volcast.core.models import MODELS
from volcast.core.snapshot import decode_snapshot, encode_snapshot
from volcast.core.types import Candle, EngineConfig, Signal

DECIMALS = 12
NOT_FLOATS = {"prices", "signals", "present", "minutes"}
"""Parts of a state that are bytes, but no array of floats."""
PRICES = ("0.000000000001", "0.00000000001", "1", "42000.5", "999999999999999", "9.99999999999999e14", "123456789012345")
VOLUMES = ("0", "1e-400", "5e-324", "1e-12", "1", "1000000", "999999999999999999999999", "9.99e23", "0e99999")
STEPS_MINUTES = (1, 1, 1, 1, 2, 16, 61, 1_441, 100_000)


def decoded(minute: int, **fields: Any) -> Candle:
    """Return the candle of a record that the decoder accepts."""
    candle = Decoder(DECIMALS).decode(SYMBOL.encode(), encode_candle(replace(candle_text(minute, "1"), **fields)))
    assert isinstance(candle, Candle), candle
    return candle


def four(close: str) -> dict[str, str]:
    """Return the prices of a candle in which the price does not move."""
    return dict.fromkeys(("open", "high", "low", "close"), close)


def numbers(state: Any, name: str = "") -> Iterator[float]:
    """Yield all numbers of an engine's state."""
    if isinstance(state, bytes):
        yield from () if name in NOT_FLOATS else np.frombuffer(state, np.float64)
    elif isinstance(state, dict):
        for key, part in state.items():
            yield from numbers(part, key)
    elif isinstance(state, list | tuple):
        for part in state:
            yield from numbers(part)
    elif isinstance(state, float | int):
        yield state


def step(engine: Engine, candle: Candle) -> Signal:
    """Step through a candle; its signal is whole, and can be read again."""
    signal = engine.step(candle)
    assert isinstance(signal, Signal)
    assert decode_signal(encode_signal(signal)) == signal
    assert 0 < signal.volatility_lower <= signal.volatility_median <= signal.volatility_upper
    return signal


@st.composite
def extremes(draw: st.DrawFn) -> list[Candle]:
    """Draw candles that the decoder accepts, whose fields lie at the ends of what it accepts."""
    price, volume = st.sampled_from(PRICES), st.sampled_from(VOLUMES)
    rows = draw(st.lists(st.tuples(*[price] * 4, volume, volume, st.sampled_from(STEPS_MINUTES)), min_size=1, max_size=40))
    minute, candles = 0, []
    for *four, base, quote, minutes in rows:
        minute += minutes
        low, open_, close, high = sorted(four, key=float)
        names = {"open": open_, "high": high, "low": low, "close": close, "volume": base, "quote_volume": quote}
        candles.append(decoded(minute, **names))
    return candles


@settings(max_examples=60)
@given(candles=extremes(), model=st.sampled_from(sorted(MODELS)), prior=st.sampled_from(["bundled", "none"]))
def test_no_accepted_candle_leaves_anything_that_is_not_finite(candles: list[Candle], model: str, prior: str) -> None:
    """Not in a signal, not in the state, and not in what follows: a day of ordinary candles later forecasts are ordinary."""
    engine = Engine(SYMBOL, EngineConfig(horizons=(5, 60), model=model, prior=prior), DECIMALS)
    for candle in candles:
        step(engine, candle)
    assert all(map(isfinite, numbers(engine.dump())))
    start = (candles[-1].open_time_ms - at(0)) // 60_000 + 1
    ordinary = [decoded(minute, **four(close)) for minute, close in enumerate(prices(130), start=start)]
    assert [step(engine, each) for each in ordinary][-1].volatility < 100
    assert all(map(isfinite, numbers(engine.dump())))
    restored = decode_snapshot(encode_snapshot(engine, 0), SYMBOL, engine.config, DECIMALS)
    assert restored.engine.dump() == engine.dump()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("time_ms", [MIN_TIME_MS, MAX_TIME_MS - 60_000])
def test_the_first_and_the_last_minute_are_ordinary_minutes(model: str, time_ms: int) -> None:
    engine = Engine(SYMBOL, EngineConfig(model=model), DECIMALS)
    step(engine, decoded((time_ms - at(0)) // 60_000))
    assert all(map(isfinite, numbers(engine.dump())))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), None])
def test_a_signal_that_is_not_whole_is_not_encoded(number: Any) -> None:
    engine = Engine(SYMBOL, EngineConfig(horizons=(60, 15), shadows=("ewma",)), DECIMALS)
    signals = [step(engine, decoded(minute, **four(close))) for minute, close in enumerate(prices(70))]
    whole = signals[-1]
    assert whole.outcome is not None
    for name in ("volatility", "price_upper", "noise_ratio", "close", "candles"):
        with pytest.raises(
            NotWholeError, match=rf"^the signal of BTCUSDT at \d+ is not whole: its {name} is .*nothing was written"
        ):
            encode_signal(replace(whole, **{name: number}))
    parts = {
        "outcome": replace(whole.outcome, qlike=number),
        "other_horizons": (replace(whole.other_horizons[0], volatility=number),),
        "shadows": (replace(whole.shadows[0], volatility=number),),
    }
    quantiles = replace(whole.quantiles, log_high=(*whole.quantiles.log_high[:-1], number))
    with pytest.raises(NotWholeError, match="its quantiles of log_high are"):
        encode_signal(replace(whole, quantiles=quantiles))
    with pytest.raises(NotWholeError, match="its quantiles of log_high are"):
        encode_signal(replace(whole, other_horizons=(replace(whole.other_horizons[0], quantiles=quantiles),)))
    with pytest.raises(NotWholeError, match="its quantiles of log_low are"):
        encode_signal(replace(whole, quantiles=replace(whole.quantiles, log_low=whole.quantiles.log_low[1:])))
    for name, part in parts.items():
        with pytest.raises(NotWholeError):
            encode_signal(replace(whole, **{name: part}))
    if number is not None:
        with pytest.raises(NotWholeError):
            encode_signal(replace(whole, signal_rate=number))


WARM_MINUTES = 3_000
CLOSES = list(prices(WARM_MINUTES + 1_500, seed=8))


def sound(minute: int) -> dict[str, str]:
    """Return the prices of a sound candle."""
    open_, close = CLOSES[max(minute - 1, 0)], CLOSES[minute]
    low, high = sorted((open_, close), key=float)
    return {"open": open_, "high": high, "low": low, "close": close}


@pytest.fixture(scope="module")
def warm() -> bytes:
    """A snapshot after two days."""
    engine = Engine(SYMBOL, EngineConfig(), DECIMALS)
    for minute in range(WARM_MINUTES):
        engine.step(decoded(minute, **sound(minute)))
    return encode_snapshot(engine, 0)


def after(warm: bytes, wrong: dict[int, dict[str, str]]) -> list[Signal]:
    """Return the signals of the following day, with wrong fields in some of its minutes."""
    engine = decode_snapshot(warm, SYMBOL, EngineConfig(), DECIMALS).engine
    return [
        step(engine, decoded(minute, **{**sound(minute), **wrong.get(minute - WARM_MINUTES, {})}))
        for minute in range(WARM_MINUTES, len(CLOSES))
    ]


HIGH, LOW = "99999", "4.2"


@pytest.mark.parametrize(
    ("wrong", "suspects"),
    [
        ({0: {"high": HIGH, "close": HIGH}}, 1),
        ({0: {"low": LOW, "close": LOW}}, 1),
        ({0: {"high": HIGH}}, 1),
        ({0: {"low": LOW}}, 1),
        ({0: {"high": HIGH, "open": HIGH}}, 1),
        ({0: {"high": HIGH, "close": HIGH}, 1: {"open": HIGH, "high": HIGH}}, 2),
        ({0: {"high": HIGH, "close": HIGH}, 1: {"high": HIGH, "close": HIGH}}, 2),
        ({minute: {"high": HIGH, "close": HIGH} for minute in range(0, 40, 2)}, 20),
    ],
)
def test_a_price_that_leaves_and_returns_is_told_and_hardly_changes_the_forecast(
    warm: bytes, wrong: dict[int, dict[str, str]], suspects: int
) -> None:
    sound_signals, signals = after(warm, {}), after(warm, wrong)
    assert not any(one.suspect for one in sound_signals)
    assert [minute for minute, one in enumerate(signals) if one.suspect] == sorted(wrong)
    assert signals[-1].suspect_candles == suspects
    for minute, (one, undisturbed) in enumerate(zip(signals, sound_signals, strict=True)):
        assert one.volatility == pytest.approx(undisturbed.volatility, rel=0.15 if minute < max(wrong) + 60 else 0.03)
        assert one.price_lower < float(CLOSES[WARM_MINUTES + minute]) < one.price_upper
        assert one.close == float({**sound(WARM_MINUTES + minute), **wrong.get(minute, {})}["close"])
    for one, undisturbed in zip(signals, sound_signals, strict=True):
        if one.outcome and undisturbed.outcome:
            assert one.outcome.realized_volatility < 2 * undisturbed.outcome.realized_volatility


def test_a_price_that_stays_away_counts_after_two_minutes_and_its_effect_is_bounded(warm: bytes) -> None:
    """A market that falls by a third and stays there: the forecast rises at once, and is no more than doubled a day later."""
    fallen = {
        minute: {name: f"{float(price) * 0.66:.2f}" for name, price in sound(WARM_MINUTES + minute).items()}
        for minute in range(1_500)
    }
    fallen[0]["open"], fallen[0]["high"] = sound(WARM_MINUTES)["open"], sound(WARM_MINUTES)["open"]
    sound_signals, signals = after(warm, {}), after(warm, fallen)
    assert [one.suspect for one in signals[:5]] == [True, True, False, False, False]
    assert signals[2].volatility > 1.2 * sound_signals[2].volatility
    assert signals[2].volatility_annualized < 10
    assert signals[-1].volatility == pytest.approx(sound_signals[-1].volatility, rel=1)


@pytest.mark.parametrize("factor", [10.0, 1000.0, 0.01])
def test_an_hour_in_another_scale_is_no_volatility(warm: bytes, factor: float) -> None:
    scaled = {
        minute: {name: f"{float(price) * factor:.6f}" for name, price in sound(WARM_MINUTES + minute).items()}
        for minute in range(60)
    }
    sound_signals, signals = after(warm, {}), after(warm, scaled)
    assert [minute for minute, one in enumerate(signals) if one.suspect] == [0, 1, 60, 61]
    for minute, (one, undisturbed) in enumerate(zip(signals, sound_signals, strict=True)):
        assert one.volatility == pytest.approx(undisturbed.volatility, rel=1.0 if minute < 180 else 0.05)
        if one.outcome and undisturbed.outcome:
            assert one.outcome.realized_volatility < 2 * undisturbed.outcome.realized_volatility


@pytest.mark.parametrize("quote_volume", ["0", "1e23", "1e-300"])
def test_an_absurd_volume_changes_the_forecast_for_minutes_only(warm: bytes, quote_volume: str) -> None:
    sound_signals, signals = after(warm, {}), after(warm, {0: {"quote_volume": quote_volume}})
    assert signals[0].volatility == pytest.approx(sound_signals[0].volatility, rel=0.5)
    assert signals[1_020].volatility == pytest.approx(sound_signals[1_020].volatility, rel=0.02)

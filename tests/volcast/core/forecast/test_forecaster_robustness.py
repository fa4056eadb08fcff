"""Forecasts are finite, positive and in order for extreme markets and for any candles the decoder accepts."""

from math import exp, log

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.minutes import DAY, START, Minute, all_predictions, constant_price, extreme_market, is_valid, main_predictions, minutes
from volcast.core.forecast.forecaster import SymbolForecaster
from volcast.core.forecast.prior import bundled
from volcast.core.models import MODELS

LOG_PRICES = st.floats(log(1e-12), log(1e15))
STEPS = st.floats(-60.0, 60.0) | st.floats(-1e-3, 1e-3) | st.just(0.0)
SIZES = st.floats(0.0, 1e-3) | st.floats(0.0, 30.0) | st.just(0.0)
VOLUMES = st.just(0.0) | st.floats(0.0, 1e12) | st.floats(0.0, 1e-9)
PAUSES = st.just(0) | st.just(0) | st.just(0) | st.integers(0, 3) | st.sampled_from([9, 60, 600, 100_000])


@st.composite
def candles(draw: st.DrawFn) -> list[Minute]:
    """Draw any candles that the decoder accepts, with gaps."""
    minute, rows = draw(st.integers(0, 60_000_000)), list[Minute]()
    log_close = draw(LOG_PRICES)
    for step, up, down, volume, pause in draw(
        st.lists(st.tuples(STEPS, SIZES, SIZES, VOLUMES, PAUSES), min_size=20, max_size=60)
    ):
        before = log_close
        log_close = min(max(before + step, log(1e-12)), log(1e15))
        open_, close = exp(before), exp(log_close)
        high, low = max(open_, close) * exp(up), min(open_, close) * exp(-down)
        follows = bool(rows) and pause == 0
        minute += 1 + pause
        rows.append(Minute(minute, (open_, high, low, close, volume), log(close / open_) if follows else None))
    return rows


@settings(max_examples=40)
@given(rows=candles(), model=st.sampled_from(sorted(MODELS)), with_prior=st.booleans())
def test_forecasts_are_valid_for_any_candles(rows: list[Minute], model: str, with_prior: bool) -> None:  # noqa: FBT001  # drawn
    forecaster = SymbolForecaster((5, 60), model=model, prior=bundled() if with_prior else None)
    for predictions in all_predictions(forecaster, rows):
        assert all(map(is_valid, predictions.horizons.values()))


def test_an_extreme_market_never_gives_an_invalid_or_exploding_forecast() -> None:
    """Every minute of the champion with a prior; the contract of models tests all models, other prices and no prior."""
    made = list(main_predictions(SymbolForecaster(prior=bundled()), extreme_market(1.0)))
    assert all(map(is_valid, made))
    assert max(one.variance for one in made) < 10
    calm = made[DAY - 1].variance
    assert made[DAY].variance > 1.5 * calm  # during the crash
    assert 1e-3 < made[-1].variance / calm < 1e3  # at the end


def test_a_price_that_never_moves_has_forecasts_near_the_floor() -> None:
    rows = constant_price(START, 2 * DAY, 1.0)
    rows[0] = rows[0]._replace(log_return=None)
    made = list(main_predictions(SymbolForecaster(), rows))
    assert all(map(is_valid, made))
    assert made[-1].variance < 1e-2 * made[0].variance


def test_forecasts_follow_trade_that_resumes_after_a_constant_price() -> None:
    rows = constant_price(START, DAY, 100.0)
    rows[0] = rows[0]._replace(log_return=None)
    rows += [row._replace(minute=row.minute + DAY) for row in minutes(DAY)]
    made = list(main_predictions(SymbolForecaster(), rows))
    assert all(map(is_valid, made))
    assert made[-1].variance > 100 * made[DAY - 1].variance


def test_the_first_minutes_of_1970_are_ordinary_minutes() -> None:
    """No forecast is pending then, so an empty slot must not be mistaken for a minute before 1970."""
    rows = [row._replace(minute=row.minute - START) for row in minutes(200)]
    forecaster = SymbolForecaster((60, 15), shadows=("ewma",))
    assert all(is_valid(one) for one in main_predictions(forecaster, rows))
    assert forecaster.main.outcomes == 140

"""The truth after each candle follows its definition, with and without gaps; the tracks hold the models' predictions."""

from itertools import pairwise
from math import log

import numpy as np
import pytest

from tests.market import SYMBOL, at, candle_text, minutes_with_gaps, prices
from volcast.backtest.ledger import Ledger, truth
from volcast.backtest.run import BacktestReplay
from volcast.backtest.tracks import Truth
from volcast.core.arrays import Floats
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, EngineConfig


@pytest.mark.parametrize("horizon", [1, 7, 60])
@pytest.mark.parametrize("share", [0.0, 0.02])
def test_the_truth_follows_its_definition(horizon: int, share: float) -> None:
    minutes = minutes_with_gaps(700, share=share)
    given = prices_around(np.array(list(map(float, prices(700)))))
    candles = dict(zip(minutes, given.tolist(), strict=True))
    found = truth(np.array(minutes) * MINUTE_MS, given, horizon)
    for i, minute in enumerate(minutes):
        ahead = [candles[later] for later in range(minute, minute + horizon + 1) if later in candles]
        if len(ahead) <= horizon:
            columns = (found.realized_variance, found.log_return, found.log_high, found.log_low)
            assert all(np.isnan(column[i]) for column in columns)
            continue
        high, low, close = zip(*ahead, strict=True)
        returns = [log(b / a) for a, b in pairwise(close)]
        assert found.realized_variance[i] == pytest.approx(sum(r * r for r in returns), rel=1e-12, abs=1e-24)
        assert found.log_return[i] == pytest.approx(sum(returns), rel=1e-9, abs=1e-13)
        assert found.log_high[i] == pytest.approx(log(max(high[1:]) / close[0]), rel=1e-12)
        assert found.log_low[i] == pytest.approx(log(min(low[1:]) / close[0]), rel=1e-12)
    assert (found.horizon_minutes, len(found.open_time_ms)) == (horizon, 700)


@pytest.mark.parametrize("count", [0, 1, 60])
def test_with_too_few_candles_the_truth_is_unknown(count: int) -> None:
    found = truth(np.arange(count) * MINUTE_MS, np.ones((count, 3)), 60)
    assert np.isnan(found.realized_variance).all()
    assert np.isnan(found.log_return).all()
    assert np.isnan(found.log_high).all()


def test_more_candles_than_a_block_of_sums() -> None:
    """Windows are summed in blocks; the result must not depend on them."""
    closes = np.exp(np.cumsum(np.random.default_rng(1).normal(0, 1e-3, 250_007)))
    found = truth(np.arange(len(closes)) * MINUTE_MS, prices_around(closes), 3)
    squares = np.log(closes[1:] / closes[:-1]) ** 2
    expected = squares[:-2] + squares[1:-1] + squares[2:]
    np.testing.assert_allclose(found.realized_variance[:-3], expected, rtol=1e-12)
    assert np.isnan(found.realized_variance[-3:]).all()


def test_tracks_hold_the_models_predictions() -> None:
    engine = Engine(SYMBOL, EngineConfig(horizons=(15,), shadows=("ewma",)), 8)
    replay, ledger, predicted = BacktestReplay(engine, Decoder()), Ledger(90, "two_stage", ("ewma",), (15,)), []
    for signal in replay.signals(candle_text(minute, close) for minute, close in enumerate(prices(80))):
        ledger.add(signal, engine.forecaster.last_predictions, engine.prices.last)
        predicted.append((engine.forecaster.last_predictions.horizons[15], engine.forecaster.last_predictions.shadows["ewma"]))
    champion, other = ledger.tracks()
    assert (champion.name, other.name) == ("two_stage", "ewma")
    for track, predictions in zip((champion, other), zip(*predicted, strict=True), strict=True):
        for column in ("variance", "median", "lower", "upper", "return_lower", "return_upper"):
            assert getattr(track, column).tolist() == [getattr(prediction, column) for prediction in predictions]
    assert len(ledger.truth().open_time_ms) == 80


def prices_around(close: Floats) -> Floats:
    """Return high, low and close of candles (n, 3)."""
    above, below = np.random.default_rng(3).exponential(1e-3, (2, close.size))
    return np.stack([close * (1.0 + above), close * (1.0 - below), close], axis=1)


def walk(minutes: int) -> list[float]:
    steps = np.random.default_rng(2).normal(0.0, 5e-4, minutes)
    return [round(float(price), 2) for price in 40_000.0 * np.exp(np.cumsum(steps))]


def truth_after(closes: list[float]) -> Truth:
    engine = Engine(SYMBOL, EngineConfig(horizons=(15,), model="ewma"), 2)
    replay, ledger = BacktestReplay(engine, Decoder()), Ledger(len(closes), "ewma", (), (15,))
    for signal in replay.signals(candle_text(minute, f"{close:.2f}") for minute, close in enumerate(closes)):
        ledger.add(signal, engine.forecaster.last_predictions, engine.prices.last)
    return ledger.truth()


def test_a_bad_tick_is_no_outcome() -> None:
    closes = walk(3_000)
    sound = truth_after(closes)
    closes[2_500] = 99_999.0
    found = truth_after(closes)
    assert found.close[2_500] == found.close[2_499]
    np.testing.assert_allclose(found.realized_variance, sound.realized_variance, atol=1e-5)
    np.testing.assert_allclose(found.log_high, sound.log_high, atol=1e-2)


def test_a_bad_high_touches_no_price_and_quantiles_are_kept_at_the_end_of_each_hour() -> None:
    """A spike in one candle's high is suspect; the quantiles are those of the signals, for all horizons."""
    closes, bad = walk(400), 250
    engine = Engine(SYMBOL, EngineConfig(horizons=(15, 30), model="ewma"), 2)
    replay, ledger, kept = BacktestReplay(engine, Decoder()), Ledger(400, "ewma", (), (15, 30)), []
    rows = [
        candle_text(minute, f"{close:.2f}", **({"high": "99999.00"} if minute == bad else {}))
        for minute, close in enumerate(closes)
    ]
    for signal in replay.signals(rows):
        ledger.add(signal, engine.forecaster.last_predictions, engine.prices.last)
        if signal.open_time_ms // MINUTE_MS % 60 == 59:
            kept.append([signal.quantiles.log_high, signal.other_horizons[0].quantiles.log_high])
    assert np.nanmax(ledger.truth().log_high) < 0.1
    found = ledger.quantiles()
    assert (len(kept), found.open_time_ms.tolist()) == (6, [at(60 * hour + 59) for hour in range(6)])
    np.testing.assert_array_equal(found.values[:, :, 1], np.array(kept))


def test_another_scale_is_no_return() -> None:
    closes = walk(3_000)
    sound = truth_after(closes)
    found = truth_after([close * (1.0 if minute < 2_500 else 0.01) for minute, close in enumerate(closes)])
    unknown = np.flatnonzero(np.isnan(found.log_return[:2_985]))
    assert np.flatnonzero(np.isnan(found.log_low[:2_985])).tolist() == unknown.tolist()
    assert unknown.min() >= 2_480
    assert 15 <= unknown.size <= 20, "the horizons in which the scale changes"
    np.testing.assert_allclose(found.close[2_510:] / found.close[2_510], sound.close[2_510:] / sound.close[2_510], rtol=1e-4)
    assert found.close.min() > 30_000.0


def test_the_closes_that_were_given_stay_as_they_are() -> None:
    given = np.array([[100.0], [1.0], [1.0]]).repeat(3, axis=1)
    truth(np.arange(3) * MINUTE_MS, given, 1)
    assert given[:, 2].tolist() == [100.0, 1.0, 1.0]

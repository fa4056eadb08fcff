"""Cold starts are scored on full hours of each start's first days, and begin where there are enough candles around them."""

import numpy as np
import pytest

from bench.candles import DAY_MINUTES, Simulated, as_arrays
from bench.cold_start import cold_starts
from volcast.backtest.ledger import truth
from volcast.backtest.scores import qlike_losses
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

MARKET = Simulated("BTCUSDT", 14, 1)


def test_the_first_day_has_the_losses_of_a_new_engine() -> None:
    minutes = as_arrays(MARKET)
    found = cold_starts(minutes, starts=1, from_share=0.75, days=1)
    begin = int(MARKET.minutes * 0.75)
    engine, losses = Engine("BTCUSDT", EngineConfig(), 8), []
    variance = truth(minutes.open_time_ms, minutes.numbers[:, 1:4], 60).realized_variance
    for age, candle in enumerate(minutes.candles(begin, begin + DAY_MINUTES)):
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        if age >= 60 and (begin + age) % 60 == 59:
            losses.append(qlike_losses(variance[[begin + age]], np.array([signal.volatility**2])).item())
    assert len(losses) == 23
    assert found.first_day == pytest.approx(np.mean(losses), rel=1e-9)
    assert 0 < found.first_day_ratio < 3


def test_too_few_candles_are_an_error() -> None:
    with pytest.raises(ValueError, match="BTCUSDT: 20160 candles are too few for cold starts of 7 days"):
        cold_starts(as_arrays(MARKET), starts=2)


def test_arrays_hold_the_rows() -> None:
    minutes = as_arrays(Simulated("X", 1, 1))
    rows = list(Simulated("X", 1, 1).rows())
    assert minutes.open_time_ms.tolist() == [row.open_time_ms for row in rows]
    assert minutes.close.tolist() == [float(row.close) for row in rows]
    candle = next(minutes.candles(7, 8))
    assert (candle.open_time_ms, candle.close, candle.quote_volume) == (
        rows[7].open_time_ms,
        float(rows[7].close),
        float(rows[7].quote_volume),
    )

"""What the detectors see is what the engine has said."""

from math import log

import pytest

from tests.market import walk
from volcast.core.drift.observation import observe
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal


def test_an_observation_repeats_the_signal() -> None:
    engine = Engine("BTCUSDT", EngineConfig(), 8)
    market, main = engine.forecaster.market, engine.forecaster.main
    outcomes = 0
    for candle in walk(200):
        signal = engine.step(candle)
        assert isinstance(signal, Signal)
        seen = observe(signal, candle, market, main.seasonal_effect(market.minute))
        assert seen.minute * 60_000 == signal.open_time_ms
        assert seen.log_variance == pytest.approx(2 * log(signal.volatility))
        assert (seen.features is not None) is (seen.minute % 60 == 59)
        if seen.outcome:
            outcomes += 1
            assert signal.outcome
            assert seen.outcome[0] == pytest.approx(2 * log(signal.outcome.realized_volatility))
    assert outcomes == 140

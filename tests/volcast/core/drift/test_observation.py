"""What the detectors see is what the engine has said."""

from math import log

import pytest
from msgspec.structs import replace

from tests.market import walk
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observation
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal


class Recorder(DriftMonitor):
    """Keeps what the engine shows to the detectors."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Observation] = []

    def push(self, seen: Observation) -> None:
        self.seen.append(seen)


def observed(candles: list[Candle], config: EngineConfig = EngineConfig()) -> list[tuple[Signal, Observation]]:  # noqa: B008  # frozen
    engine = Engine("BTCUSDT", config, 8)
    engine.drift = recorder = Recorder()
    signals = [signal for signal in map(engine.step, candles) if isinstance(signal, Signal)]
    return list(zip(signals, recorder.seen, strict=True))


def test_an_observation_repeats_the_signal() -> None:
    outcomes = 0
    for signal, seen in observed(list(walk(200))):
        assert seen.minute * 60_000 == signal.open_time_ms
        assert seen.log_variance == pytest.approx(2 * log(signal.volatility))
        assert seen.prediction.median == signal.volatility_median
        assert (seen.hour_end is not None) is (seen.minute % 60 == 59)
        assert seen.hour_end is None or seen.hour_end.quantiles == signal.quantiles
        if seen.outcome:
            outcomes += 1
            assert signal.outcome
            assert seen.outcome.realized_variance == pytest.approx(signal.outcome.realized_volatility**2)
    assert outcomes == 140


def test_the_detectors_see_the_same_whatever_levels_a_signal_has() -> None:
    candles = list(walk(200))
    few = observed(candles, EngineConfig(quantile_levels=(0.5,)))
    for (_, seen), (signal, other) in zip(observed(candles), few, strict=True):
        assert signal.quantiles.levels == (0.5,)
        assert (seen.prediction, seen.outcome) == (other.prediction, other.outcome)
        assert (seen.hour_end and seen.hour_end.quantiles) == (other.hour_end and other.hour_end.quantiles)


def test_flat_and_repeated_candles_are_told_apart() -> None:
    first, second, third, *_ = (replace(candle, high=1.01 * candle.high) for candle in walk(3))
    flat = dict.fromkeys(("open", "high", "low", "close"), second.close)
    again = replace(second, open_time_ms=third.open_time_ms)
    _, (_, repeated) = observed([second, again])
    assert (repeated.flat, repeated.repeated, repeated.moved) == (False, True, False)
    _, _, (_, still) = observed([first, second, replace(third, **flat, volume=7.0, quote_volume=7.0)])
    assert (still.flat, still.repeated, still.moved) == (True, False, False)
    _, (_, empty) = observed([replace(second, quote_volume=0.0), replace(again, quote_volume=0.0)])
    assert not empty.repeated


def test_an_hour_with_a_missing_minute_has_no_volume() -> None:
    candles = list(walk(181))
    ends = [seen.hour_end for _, seen in observed(candles) if seen.hour_end]
    assert [end.volume for end in ends][1:] == [
        pytest.approx(sum(candle.quote_volume for candle in candles if candle.open_time_ms // 3_600_000 == hour))
        for hour in sorted({candle.open_time_ms // 3_600_000 for candle in candles})[1:3]
    ]
    [broken, *_] = [seen.hour_end for _, seen in observed([*candles[:70], *candles[71:]]) if seen.hour_end][1:]
    assert broken.volume is None

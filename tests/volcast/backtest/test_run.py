"""A backtest gives the signals of production for the same rows; skipped rows are counted, with the place of the first."""

from itertools import islice

import msgspec
import pytest

from tests.market import SYMBOL, candle_text, prices
from volcast.backtest.run import BacktestReplay, features_of
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.market.indicators import INDICATORS
from volcast.core.models.design import DESIGN_NAMES
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Signal

MONTH_AND_A_DAY = 32 * 1_440


def rows(count: int) -> list[CandleText]:
    return [candle_text(minute, close) for minute, close in enumerate(prices(count))]


def replay_of(config: EngineConfig) -> tuple[Engine, BacktestReplay]:
    engine = Engine(SYMBOL, config, 8)
    return engine, BacktestReplay(engine, Decoder())


@pytest.mark.parametrize("prior", ["bundled", "none"])
def test_signals_equal_those_of_production(prior: str) -> None:
    config = EngineConfig(prior=prior, horizons=(60, 15), shadows=("har", "ewma"))
    decoder, production = Decoder(), Engine(SYMBOL, config, 8)
    expected = []
    for row in rows(300):
        item = decoder.decode(SYMBOL.encode(), encode_candle(row))
        assert isinstance(item, Candle)
        expected.append(production.step(item))
    _, replay = replay_of(config)
    assert list(replay.signals(rows(300))) == expected
    assert (replay.rows, replay.accepted, replay.skipped) == (300, 300, {})


def test_it_forecasts_from_the_first_candle_on_and_reads_no_row_early() -> None:
    _, replay = replay_of(EngineConfig())
    stream = iter(rows(10))
    first = next(replay.signals(stream))
    assert first.volatility > 0
    assert len(list(stream)) == 8  # the second row confirms the date of the first


def test_skipped_rows_are_counted_with_the_first_of_each_reason() -> None:
    good = rows(12)
    del good[5]
    bad = candle_text(20, "-1", line=97)
    far = candle_text(MONTH_AND_A_DAY, "42000.00", line=99)
    late = candle_text(5, "42000.00", line=98)
    engine, replay = replay_of(EngineConfig())
    signals = list(replay.signals([*good, bad, good[3], late, far, good[4]]))
    assert len(signals) == replay.accepted == engine.candles == 11
    assert replay.rows == 16
    assert replay.skipped == {"not_positive": 1, "duplicate": 2, "late": 1, "unconfirmed_date": 1}
    assert replay.first_skipped["not_positive"] == "test.csv, line 97: open is -1; a price must be above 0"
    assert replay.first_skipped["duplicate"] == "test.csv, line 5"
    assert replay.first_skipped["late"] == "test.csv, line 98"
    assert replay.first_skipped["unconfirmed_date"] == (
        "test.csv, line 99: its date was not confirmed by a next candle: it lies far after the one before, or is the only one"
    )


def test_the_predictions_of_all_models_are_available_after_each_candle() -> None:
    engine, replay = replay_of(EngineConfig(shadows=("har", "last")))
    for signal in islice(replay.signals(rows(200)), 200):
        champion = engine.forecaster.last_predictions.horizons[60]
        assert (signal.volatility**2, signal.volatility_median) == pytest.approx((champion.variance, champion.median), rel=1e-15)
        for shadow in signal.shadows:
            assert shadow.volatility**2 == pytest.approx(
                engine.forecaster.last_predictions.shadows[shadow.model].variance, rel=1e-15
            )
    assert list(engine.forecaster.last_predictions.shadows) == ["har", "last"]
    assert engine.forecaster.learned("here").source == "here"


@pytest.mark.parametrize(
    ("model", "first"), [("two_stage", DESIGN_NAMES), ("river_blr", ("start", *DESIGN_NAMES)), ("last", ("start", "one"))]
)
def test_features_are_the_models_inputs_and_the_shown_indicators(model: str, first: tuple[str, ...]) -> None:
    engine, replay = replay_of(EngineConfig(model=model))
    assert len(list(replay.signals(rows(100)))) == 100
    features = features_of(engine)
    names = tuple(features)
    assert names[: len(first)] == first
    assert set(names) == {*first, *INDICATORS, "noise_ratio"}
    assert not any("," in name for name in names)
    shown = engine.forecaster.market.indicators.values()
    assert {name: features[name] for name in INDICATORS} == shown  # also where the model knows one by the same name


def test_reading_features_changes_nothing() -> None:
    watched, unwatched = replay_of(EngineConfig()), replay_of(EngineConfig())
    seen: list[Signal] = []
    for signal in watched[1].signals(rows(150)):
        features_of(watched[0])
        seen.append(signal)
    assert msgspec.json.encode(seen) == msgspec.json.encode(list(unwatched[1].signals(rows(150))))
    assert seen[-1].open_time_ms == seen[0].open_time_ms + 149 * MINUTE_MS

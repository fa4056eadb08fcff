"""The library gives the numbers of the stream: same candles, same engine, same bits."""

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from producer.csv_replay import CsvReplay
from tests.command import volcast as run_volcast
from tests.volcast.library.market import KINDS, PRICES, SAMPLE, candles_of, rows_of, sample
from volcast import CandleFrameError, CandlesRefusedWarning, Forecaster
from volcast.backtest.run import BacktestReplay
from volcast.core.codec import CandleText, decode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

ROWS = 200
NOT_NUMBERS = {"timestamp", *PRICES, "volume_btc", "volume_usd", "candle_status", "candle_detail", "valid_until"}


def stream(config: EngineConfig, rows: int = ROWS) -> list[Signal]:
    """The signals of the sample's first rows as a stream has them: text of a file, records, decoder, engine."""
    engine = Engine("BTCUSDT", config, 8)
    return list(BacktestReplay(engine, Decoder()).signals(list(CsvReplay(SAMPLE).candles())[:rows]))


def expected(signal: Any, name: str) -> Any:
    """What a signal says in a column without suffix."""
    if name.startswith("outcome_"):
        return None if signal.outcome is None else getattr(signal.outcome, name.removeprefix("outcome_"))
    return len(signal.drift_alarms) if name == "drift_alarms" else getattr(signal, name)


def open_time_ms(text: str) -> int:
    """The milliseconds of a time as the sample has it."""
    return int(datetime.fromisoformat(f"{text}Z").timestamp()) * 1_000


def compare(row: dict[str, Any], signal: Any, least: int = 40) -> None:
    """Compare each column with the signal, to the last bit."""
    assert (row["candle_status"], row["candle_detail"]) == ("accepted", None)
    assert row["valid_until"].timestamp() * 1_000 == signal.open_time_ms + 240_000
    names = [name for name in row if name not in NOT_NUMBERS]
    assert len(names) >= least
    for name in names:
        part = signal.other_horizons[0] if name.endswith("_15") else signal
        assert row[name] == expected(part, name.removesuffix("_15")), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_gives_those_of_the_stream(kind: Any) -> None:
    signals = stream(EngineConfig(horizons=(60, 15), shadows=("ewma",)))
    frame = kind(sample(ROWS))
    found = Forecaster(horizons=(60, 15), shadows=["ewma"]).run(frame)
    assert type(found) is type(frame)
    for row, signal in zip(rows_of(found), signals, strict=True):
        assert row.pop("volatility_ewma") == signal.shadows[0].volatility
        compare(row, signal)


def test_a_backtest_writes_the_same(tmp_path: Path) -> None:
    rows = 1_500
    sample(rows).to_csv(tmp_path / "BTCUSDT.csv", index=False)
    run = run_volcast(tmp_path, "backtest", "BTCUSDT.csv", "--signals", "signals.jsonl", "--horizons", "60,15")
    assert run.returncode == 0, run.stderr
    written = [decode_signal(line) for line in (tmp_path / "signals.jsonl").read_bytes().splitlines()]
    found = rows_of(Forecaster(horizons=(60, 15)).run(sample(rows)))
    assert len(written) == rows
    for signal, row in zip(written, found, strict=True):
        compare(row, signal)


def test_single_candles_give_those_of_a_frame() -> None:
    frame = sample()
    rows = rows_of(Forecaster().run(frame))
    forecaster = Forecaster()
    first, *others = candles_of(frame)
    assert forecaster.update(**first).waiting
    for candle, row in zip(others, rows[1:], strict=True):
        forecast = forecaster.update(**candle)
        assert (forecast.volatility, *forecast.price_interval()[:2]) == (
            row["volatility"],
            row["price_lower"],
            row["price_upper"],
        )


def test_a_frame_and_candles_go_on_from_each_other() -> None:
    frame = sample()
    whole, parts = Forecaster(), Forecaster()
    whole.run(frame)
    parts.run(frame.head(20))
    for candle in candles_of(frame.iloc[20:30]):
        parts.update(**candle)
    parts.run(frame.tail(10))
    assert parts.latest().record.volatility == whole.latest().record.volatility
    assert parts.latest().record.candles == 40


def test_rows_may_be_in_any_order_and_keep_their_places() -> None:
    frame = sample()
    shuffled = frame.sample(frac=1.0, random_state=3)
    found, ordered = Forecaster().run(shuffled), Forecaster().run(frame)
    assert found.index.equals(shuffled.index)
    assert found.sort_index().equals(ordered)


def test_several_symbols_are_forecast_apart() -> None:
    frame = sample()
    other = frame.assign(**{name: frame[name] / 20 for name in PRICES}).round(4)
    both = pd.concat([frame.assign(symbol="BTC/USDT"), other.assign(symbol="ETH/USDT")]).sort_values("timestamp", kind="stable")
    forecaster = Forecaster()
    found = forecaster.run(both)
    assert forecaster.symbols == ("BTCUSDT", "ETHUSDT")
    for name, alone in (("BTC/USDT", frame), ("ETH/USDT", other)):
        mine = found[found.symbol == name].drop(columns="symbol")
        assert mine.reset_index(drop=True).equals(Forecaster().run(alone).reset_index(drop=True))


@pytest.mark.parametrize("cut", [2, 17, 39])
def test_later_rows_change_nothing(cut: int) -> None:
    frame = sample()
    later = frame.iloc[cut:].assign(**{name: frame[name] * 1.5 for name in PRICES}).round(2)
    whole, changed = Forecaster().run(frame), Forecaster().run(pd.concat([frame.head(cut), later]))
    assert whole.head(cut).equals(changed.head(cut))
    assert whole.head(cut).equals(Forecaster().run(frame.head(cut)))


@settings(max_examples=20)
@given(st.data())
def test_whatever_is_wrong_with_a_frame_the_rest_is_that_of_the_stream(data: st.DataObject) -> None:
    """Rows missing, repeated, without a price or with a bad one, in any order: what is accepted is what a stream accepts."""
    chosen = data.draw(st.lists(st.integers(0, 59), min_size=5, max_size=60))
    bad = data.draw(st.dictionaries(st.integers(0, len(chosen) - 1), st.sampled_from([-1.0, 1e-9]), max_size=2))
    table = sample(60).iloc[chosen].reset_index(drop=True)
    for at, close in bad.items():
        table.loc[at, "close"] = close
    rows = table.sort_values("timestamp", kind="stable").to_numpy().tolist()
    names = ("symbol", "open_time_ms", *PRICES, "volume", "quote_volume", "source", "closed_by")
    texts = [
        msgspec.convert(
            dict(zip(names, ("BTCUSDT", open_time_ms(time), *map(repr, numbers), "a test", "file"), strict=True)), CandleText
        )
        for time, *numbers in rows
    ]
    replay = BacktestReplay(Engine("BTCUSDT", EngineConfig(), 8), Decoder())
    signals = {each.open_time_ms: each for each in replay.signals(texts)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CandlesRefusedWarning)
        try:
            found = rows_of(Forecaster().run(table))
        except CandleFrameError:
            reject()  # so much is wrong that the frame is refused
    assert len(found) == len(table)
    accepted = [row for row in found if row["candle_status"] == "accepted"]
    assert sorted(open_time_ms(row["timestamp"]) for row in accepted) == sorted(signals)
    for row in accepted:
        compare(row, signals[open_time_ms(row["timestamp"])], least=25)

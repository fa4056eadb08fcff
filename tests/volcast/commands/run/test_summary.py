"""The price range in the summary has the digits that its width needs; what limits a forecast is named."""

from random import Random

import msgspec
import pytest

from api.view import View
from consumer.rules import Rules
from consumer.shard import Shard
from consumer.worker import Worker
from tests.market import record, walk
from volcast.commands.run.summary import price_range, print_summary, signal_notes
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.contract import Record
from volcast.log.sqlite.log import SqliteLog


@pytest.mark.parametrize(
    ("lower", "close", "upper", "text"),
    [
        (41_950.123, 42_100.0, 42_399.51, "41950–42400"),
        (99.1234, 100.0, 101.2345, "99.12–101.23"),
        (0.0000098768, 0.00001, 0.0000101234, "0.000009877–0.000010123"),
        (1e9, 1.1e9, 1.3e9, "1000000000–1300000000"),
        (100.0, 100.0, 100.0, "100.000000000–100.000000000"),  # no wider than the precision of a price
    ],
)
def test_a_range_has_the_digits_that_its_width_needs(lower: float, close: float, upper: float, text: str) -> None:
    signal = Engine("BTCUSDT", EngineConfig(), 2).step(walk(1)[0])
    assert isinstance(signal, Signal)
    assert price_range(msgspec.structs.replace(signal, close=close, price_lower=lower, price_upper=upper)) == text


def test_what_waits_and_what_is_suspect_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """One candle with a bad tick, one a month ahead at the end, and one of another symbol alone."""
    rules = Rules(EngineConfig(), Decoder(), max_symbols=9, snapshot_records=9)
    values = [record(minute, "42000.00", **({"high": "99999"} if minute == 5 else {})) for minute in (*range(10), 43_200)]
    records = [Record(0, offset, b"BTCUSDT", value) for offset, value in enumerate(values)]
    records.append(Record(0, len(records), b"ETHUSDT", record(0, "2000.00", symbol="ETHUSDT")))
    worker, view = Worker(SqliteLog(":memory:"), rules, 10, Random(1)), View(180)
    worker.shards[0] = Shard(rules)
    batch = worker.shards[0].process(records)
    assert batch.commit
    for signal in batch.commit.signals:
        view.put(decode_signal(signal.value), 0.0)
    print_summary(view, worker)
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "waiting: BTCUSDT has a candle of 2024-01-31 00:00 UTC that the next one must confirm",
        "warming: BTCUSDT has 10 candles, and needs more than a day of them; its forecast is a first guess",
        "suspect: BTCUSDT has 1 candle with a price that the forecast ignores",
        "waiting: ETHUSDT has a candle of 2024-01-01 00:00 UTC that the next one must confirm",
    ]


def last_signal(candles: list[Candle]) -> Signal:
    engine = Engine("BTCUSDT", EngineConfig(), 2)
    *_, last = (answer for each in candles if isinstance(answer := engine.step(each), Signal))
    return last


def test_nothing_is_said_of_a_forecast_that_is_warm() -> None:
    assert list(signal_notes(last_signal(walk(1_700)))) == []


def test_a_market_that_trades_in_a_few_minutes_is_sparse_and_not_only_warming() -> None:
    notes = list(signal_notes(last_signal(walk(1_700)[::3])))
    assert notes[0] == "sparse: BTCUSDT lacks 67% of the last day's minutes; do not rely on its forecast"
    assert not any(each.startswith("warming") for each in notes)


def test_an_alarm_that_is_on_is_told() -> None:
    flat = [msgspec.structs.replace(each, open=100, high=100, low=100, close=100) for each in walk(600)]
    assert any(
        note.startswith("drift: BTCUSDT has the alarm price_frozen since 2024-01-01 ") for note in signal_notes(last_signal(flat))
    )

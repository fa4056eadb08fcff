"""`volcast run --live`: wrong use, and the lines that it shows; that it streams is a story."""

from pathlib import Path

import msgspec
import pytest

from consumer.shard import Shard
from tests.command import volcast
from tests.volcast.commands.consumed_log import candles, rules
from volcast.commands.run.live import live_line_of
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Record

ANY_PORT = ("--port", "0", "--db", "log.db")
HOW = "with --live name the symbols as arguments, as in: volcast run --live binance BTCUSDT"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--live", "binance"), HOW),
        (("--live", "binance", "BTCUSDT", "--symbol", "BTCUSDT"), HOW),
        (("--live", "binance", "btcusdt.csv"), "'btcusdt.csv' is no pair; "),
        (("--live", "binance", "BTCUSDT", "BTC-USDT"), "BTCUSDT.BINANCE stands there twice; once is enough"),
        (("--live", "binance", "BTCUSDT", "--ca-file", "nowhere.pem"), "ca_file nowhere.pem can't be used: No such file"),
    ],
)
def test_wrong_use_is_one_sentence_and_nothing_is_written(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "run", *arguments, *ANY_PORT)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"volcast: {sentence}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_venue_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    result = volcast(tmp_path, "run", "--live", "mtgox", "BTCUSD", *ANY_PORT)
    assert (result.returncode, result.stdout) == (2, "")
    assert "mtgox is no venue of ours; there are binance, coinbase, kraken, bybit, okx, bitstamp" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def signal() -> Signal:
    shard = Shard(rules())
    batch = shard.process([Record(0, n + 1, *pair) for n, pair in enumerate(candles(range(3), ["BTCUSDT"]))])
    found = decode_signal(batch.signals[-1].value)
    assert isinstance(found, Signal)
    return found


def test_a_line_tells_when_the_candle_closed_and_how_far_the_price_may_move(signal: Signal) -> None:
    shown = msgspec.structs.replace(
        signal,
        close=42_000.5,
        signal=1,
        horizon_minutes=5,
        volatility=0.00123,
        price_lower=41_950.25,
        price_upper=42_050.75,
        warm=True,
    )
    assert live_line_of(shown) == "00:03 UTC  BTCUSDT  42000.5  signal 1  next 5 min ±0.12 %  41950.25 to 42050.75"
    assert live_line_of(msgspec.structs.replace(shown, warm=False)).endswith("  (warming up)")


def test_a_price_of_many_decimals_keeps_them(signal: Signal) -> None:
    shown = msgspec.structs.replace(
        signal, symbol="PEPEUSDT.BINANCE", close=0.00001234, price_lower=0.0000122, price_upper=0.0000125
    )
    assert "  PEPEUSDT.BINANCE  1.234e-05  " in live_line_of(shown)

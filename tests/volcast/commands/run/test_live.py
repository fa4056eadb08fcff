"""`volcast run --live`: errors and the lines that it prints; tests/stories/test_live.py runs it on an exchange."""

from pathlib import Path

import msgspec
import pytest

from consumer.shard import Shard
from tests.command import volcast
from tests.volcast.commands.consumed_log import candles, rules
from volcast.commands.run.live import signal_line
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Record

ANY_PORT = ("--port", "0", "--db", "log.db")
USAGE = "with --live, give symbols as arguments, as in `volcast run --live binance BTCUSDT`"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--live", "binance"), USAGE),
        (("--live", "binance", "BTCUSDT", "--symbol", "BTCUSDT"), USAGE),
        (("--live", "binance", "btcusdt.csv"), "'btcusdt.csv' is not a pair; "),
        (("--live", "binance", "BTCUSDT", "BTC-USDT"), "BTCUSDT.BINANCE is given twice"),
        (("--live", "binance", "BTCUSDT", "--ca-file", "nowhere.pem"), "cannot use ca_file nowhere.pem: No such file"),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "run", *arguments, *ANY_PORT)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"volcast: {sentence}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_venue_is_refused_with_the_list_of_venues(tmp_path: Path) -> None:
    result = volcast(tmp_path, "run", "--live", "mtgox", "BTCUSD", *ANY_PORT)
    assert (result.returncode, result.stdout) == (2, "")
    assert "mtgox is not a supported venue; choose from binance, coinbase, kraken, bybit, okx, bitstamp." in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def signal() -> Signal:
    shard = Shard(rules())
    batch = shard.process([Record(0, n + 1, *pair) for n, pair in enumerate(candles(range(3), ["BTCUSDT"]))])
    found = decode_signal(batch.signals[-1].value)
    assert isinstance(found, Signal)
    return found


def test_a_line_has_the_time_of_the_close_and_the_range_of_the_price(signal: Signal) -> None:
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
    assert signal_line(shown) == "00:03 UTC  BTCUSDT  42000.5  signal 1  next 5 min ±0.12 %  41950.25 to 42050.75"
    assert signal_line(msgspec.structs.replace(shown, warm=False)).endswith("  (warming up)")


def test_a_small_price_keeps_its_digits(signal: Signal) -> None:
    shown = msgspec.structs.replace(
        signal, symbol="PEPEUSDT.BINANCE", close=0.00001234, price_lower=0.0000122, price_upper=0.0000125
    )
    assert "  PEPEUSDT.BINANCE  1.234e-05  " in signal_line(shown)

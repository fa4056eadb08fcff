"""`volcast produce live`, run as a process: errors are one line, and nothing is written."""

from pathlib import Path

import pytest

from tests.command import get, process_group, volcast
from tests.log_access import records_of
from tests.stories.waiting import until
from tests.volcast.commands.candles.test_simulate_exchange import urls
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

BUS = ("--bus", "sqlite:///log.db")
NOWHERE = ("--socket-url", "ws://127.0.0.1:1", "--rest-url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("mtgox", "BTCUSD", *BUS),
            "mtgox is not a supported venue; choose from binance, coinbase, kraken, bybit, okx, bitstamp.",
        ),
        (("binance", *BUS), "Missing argument 'SYMBOL...'"),
        (("binance", "BTCUSDT"), "no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS"),
        (("binance", "BTCUSDT", "btc/usdt", *BUS), "BTCUSDT.BINANCE is given twice"),
        (("binance", "B$", *BUS), "'B$' is not a pair; "),
        (("binance", "BTCUSDT", "--socket-url", "http://x", *BUS), "socket_url: http://x (flag --socket-url) is "),
        (("binance", "BTCUSDT", "--twin", "a b", *BUS), "twin: "),
        (
            ("binance", "BTCUSDT", "--ca-file", "nowhere.pem", *BUS),
            "cannot use ca_file nowhere.pem: No such file or directory",
        ),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = volcast(tmp_path, "produce", "live", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    last = result.stderr.splitlines()[-1]
    assert "Invalid value" in last or last.startswith(f"volcast: {sentence}")
    assert sentence in last
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


async def test_a_symbol_that_the_venue_does_not_know_is_an_error(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        exchange = parts.start("simulate-exchange", "binance", "BTCUSDT", "--port", "0", "--history-minutes", "100")
        await until(lambda: urls(exchange), "its addresses", exchange)
        socket_url, rest_url = urls(exchange) or ("", "")
        result = volcast(
            tmp_path, "produce", "live", "binance", "NOSUCHUSDT", *BUS, "--socket-url", socket_url, "--rest-url", rest_url
        )
        assert (result.returncode, result.stdout) == (2, "")
        last = result.stderr.splitlines()[-1]
        assert last.startswith("volcast: NOSUCHUSDT.BINANCESIM: binance has no such market: ")
        assert last.endswith("check the symbol.")
        assert "Traceback" not in result.stderr
        assert exchange.end() == 0


async def test_without_its_venue_it_waits_logs_why_and_stops_cleanly(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        producer = parts.start(
            "produce", "live", "kraken", "BTCUSD", *BUS, *NOWHERE, "--metrics-port", "0", "--log-level", "warning"
        )
        await until(lambda: "connecting failed: ws://127.0.0.1:1" in producer.read_output(), "a try", producer)
        metrics = get(producer, "/metrics", before="/metrics")
        assert 'volcast_live_connects_total{outcome="unreachable",venue="kraken"}' in metrics
        assert "0 connections to kraken" in get(producer, "/health", before="/metrics")
        assert producer.end() == 0
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await records_of(log, Topic.CANDLES) == []

"""The live mode as separate processes in real time, on the simulated exchange, until a live minute has closed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.command import get, process_group
from tests.stories.waiting import TopicWatch, until
from tests.volcast.commands.candles.test_simulate_exchange import urls
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import Process, ProcessGroup
from volcast.simulation.exchange.rest import BEHIND_US

SYMBOLS = ("BTCUSDT.BINANCESIM", "ETHUSDT.BINANCESIM")
NUMBERS = ("open", "high", "low", "close", "volume", "quote_volume")
KILLED_AT = (1, 400, 1_100)
"""Candles on the log when the producer is killed; the backfill has 1560 of each of two symbols."""
FENCED = "volcast: another process has started to append live-binance-BTCUSDT.BINANCESIM+ETHUSDT.BINANCESIM: "


@asynccontextmanager
async def exchange(parts: ProcessGroup) -> AsyncIterator[tuple[Process, str, str]]:
    """Run a simulated exchange; yield its process and the URLs of its streams and its REST API."""
    names = ("BTCUSDT", "ETHUSDT")
    process = parts.start("simulate-exchange", "binance", *names, "--port", "0", "--no-faults", "--trades-per-minute", "60")
    await until(lambda: urls(process), "the exchange", process)
    socket_url, rest_url = urls(process) or ("", "")
    yield process, socket_url, rest_url
    assert process.end() == 0


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[TopicWatch]:
    """Watch the topic `candles` of a log file during the `with` block."""
    watch = TopicWatch()
    async with SqliteLog(path) as log:
        following = asyncio.create_task(watch.follow(log, Topic.CANDLES))
        try:
            yield watch
        finally:
            following.cancel()
            await asyncio.wait([following])


def candles(watch: TopicWatch, symbol: str) -> list[dict[str, Any]]:
    return [json.loads(value) for value in watch.values[symbol]]


def closed_live(watch: TopicWatch) -> bool:
    """Return whether each symbol has a recent candle that the stream marked as closed."""
    return all(any(b'"closed_by":"flag"' in value for value in watch.values[symbol][-3:]) for symbol in SYMBOLS)


async def venue_candles(rest_url: str, symbol: str, from_ms: int) -> Mapping[int, list[Decimal]]:
    """Return the exchange's own candles from `from_ms` on, by open time."""
    rows: dict[int, list[Decimal]] = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        for start_ms in (from_ms, from_ms + 1_000 * 60_000):
            query = {"symbol": symbol.partition(".")[0], "interval": "1m", "limit": "1000", "startTime": str(start_ms)}
            answer = await client.get(f"{rest_url}/api/v3/klines", params=query)
            rows |= {row[0]: [*map(Decimal, row[1:6]), Decimal(row[7])] for row in answer.json()}
    return rows


async def test_each_candle_is_on_the_log_once_after_kills_and_a_takeover(tmp_path: Path) -> None:
    bus = ("--bus", f"sqlite:///{tmp_path / 'x.db'}")
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, socket_url, rest_url), watched(tmp_path / "x.db") as watch:
            options = ("--socket-url", socket_url, "--rest-url", rest_url, "--append-records", "5")
            producer = parts.start("produce", "live", "binance", "BTCUSDT", "ETHUSDT", *options, *bus)
            for count in KILLED_AT:
                await until(lambda count=count: watch.records >= count, f"{count} candles", venue, producer)  # type: ignore[misc]
                producer = parts.restart(producer)
            consumer, api = parts.start("consume", *bus), parts.start("serve", *bus, "--port", "0")
            await until(lambda: watch.records >= 3_100, "the backfill", venue, producer, consumer, api)
            second = parts.start(*producer.arguments)
            await until(lambda: producer.exit_code is not None, "the end of the first producer", venue, second)
            assert producer.exit_code == 3
            assert producer.read_output().splitlines()[-1].startswith(FENCED)
            assert "Traceback" not in producer.read_output()
            await until(lambda: closed_live(watch), "the close of a minute", venue, second, consumer, api)
            await until(lambda: latest(api) == candle_counts(watch), "its signals", venue, second, consumer, api)
            for symbol in SYMBOLS:
                answer = json.loads(get(api, f"/latest/{symbol}"))
                assert answer["live"] is True
                assert answer["status"] in {"ok", "warming"}
                assert answer["candles"] == len(watch.values[symbol])
            assert [process.end() for process in (second, consumer, api)] == [0, 0, 0]
            await asyncio.sleep(BEHIND_US / 1e6)  # until then the last minute may still be open over HTTP
            for symbol in SYMBOLS:
                await compare(watch, symbol, rest_url)


def latest(api: Process) -> dict[str, int]:
    return {symbol: answer["candles"] for symbol, answer in json.loads(get(api, "/latest") or "{}").items()}


def candle_counts(watch: TopicWatch) -> dict[str, int]:
    return {symbol: len(watch.values[symbol]) for symbol in SYMBOLS}


async def compare(watch: TopicWatch, symbol: str, rest_url: str) -> None:
    """Check that each minute is on the log once, in order, with the numbers of the exchange."""
    found = candles(watch, symbol)
    assert {candle["kind"] for candle in found} == {"candle"}
    times = [candle["open_time_ms"] for candle in found]
    assert times == list(range(times[0], times[-1] + 1, 60_000))
    assert len(times) >= 1_560
    expected = await venue_candles(rest_url, symbol, times[0])
    assert {candle["open_time_ms"]: [Decimal(candle[name]) for name in NUMBERS] for candle in found} == {
        time_ms: expected[time_ms] for time_ms in times
    }


async def test_run_live_prints_signals_and_resumes_after_its_last_candle(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, socket_url, rest_url):
            options = ("--socket-url", socket_url, "--rest-url", rest_url, "--db", "run.db", "--port", "0")
            arguments = ("run", "--live", "binance", "BTCUSDT", "--backfill-minutes", "200", *options)
            first = parts.start(*arguments)
            await until(lambda: "UTC  BTCUSDT.BINANCESIM  " in first.read_output(), "a line", venue, first)
            metrics = get(first, "/metrics")
            assert 'volcast_live_connections{venue="binance"} 1.0' in metrics
            assert 'volcast_candles{symbol="BTCUSDT.BINANCESIM"}' in metrics
            assert first.end() == 0
            assert "Traceback" not in first.read_output()
            second = parts.start(*arguments)
            await until(lambda: "UTC  BTCUSDT.BINANCESIM  " in second.read_output(), "a line", venue, second)
            assert json.loads(get(second, "/latest/BTCUSDT.BINANCESIM"))["candles"] in {199, 200, 201, 202}
            assert second.end() == 0

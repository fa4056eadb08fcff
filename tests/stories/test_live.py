"""The live mode as a user runs it: processes of their own, in real time, on the simulated exchange, until a minute has closed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.command import get
from tests.stories.pipeline import Watch, until
from tests.volcast.commands.test_simulate_exchange import urls
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import Process, ProcessGroup, process_group

SYMBOLS = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE")
NUMBERS = ("open", "high", "low", "close", "volume", "quote_volume")
KILLED_AT = (1, 400, 1_100)
"""Candles on the log, of two symbols' 1 560 each."""
ONE_AT_A_TIME = "volcast: another process has started to append live-binance-BTCUSDT.BINANCE+ETHUSDT.BINANCE: "


@asynccontextmanager
async def exchange(parts: ProcessGroup) -> AsyncIterator[tuple[Process, str, str]]:
    """Its process, and where its streams and its REST are; it ends well."""
    names = ("BTCUSDT", "ETHUSDT")
    process = parts.start("simulate-exchange", "binance", *names, "--port", "0", "--no-faults", "--trades-per-minute", "60")
    await until(lambda: urls(process), "the exchange", process)
    socket_url, rest_url = urls(process) or ("", "")
    yield process, socket_url, rest_url
    assert process.end() == 0


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[Watch]:
    """What has come onto `candles`."""
    watch = Watch()
    async with SqliteLog(path) as log:
        following = asyncio.create_task(watch.follow(log, Topic.CANDLES))
        try:
            yield watch
        finally:
            following.cancel()
            await asyncio.wait([following])


def candles(watch: Watch, symbol: str) -> list[dict[str, Any]]:
    return [json.loads(value) for value in watch.values[symbol]]


def closed_live(watch: Watch) -> bool:
    """Of each symbol a candle that the venue told to be closed as it happened."""
    return all(any(b'"closed_by":"flag"' in value for value in watch.values[symbol][-3:]) for symbol in SYMBOLS)


async def told_by(rest_url: str, symbol: str, from_ms: int) -> Mapping[int, list[Decimal]]:
    """What the exchange itself says of these minutes."""
    rows: dict[int, list[Decimal]] = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        for start_ms in (from_ms, from_ms + 1_000 * 60_000):
            query = {"symbol": symbol.partition(".")[0], "interval": "1m", "limit": "1000", "startTime": str(start_ms)}
            answer = await client.get(f"{rest_url}/api/v3/klines", params=query)
            rows |= {row[0]: [*map(Decimal, row[1:6]), Decimal(row[7])] for row in answer.json()}
    return rows


async def test_killed_taken_over_from_and_told_to_end_each_candle_is_there_once(tmp_path: Path) -> None:
    bus = ("--bus", f"sqlite:///{tmp_path / 'x.db'}")
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, socket_url, rest_url), watched(tmp_path / "x.db") as watch:
            where = ("--socket-url", socket_url, "--rest-url", rest_url, "--append-records", "5")
            producer = parts.start("produce", "live", "binance", "BTCUSDT", "ETHUSDT", *where, *bus)
            for count in KILLED_AT:
                await until(lambda count=count: watch.records >= count, f"{count} candles", venue, producer)  # type: ignore[misc]
                producer = parts.restart(producer)
            consumer, api = parts.start("consume", *bus), parts.start("serve", *bus, "--port", "0")
            await until(lambda: watch.records >= 3_100, "the past", venue, producer, consumer, api)
            second = parts.start(*producer.arguments)
            await until(lambda: producer.exit_code is not None, "the first one's end", venue, second)
            assert producer.exit_code == 3
            assert producer.read_output().splitlines()[-1].startswith(ONE_AT_A_TIME)
            assert "Traceback" not in producer.read_output()
            await until(lambda: closed_live(watch), "a minute's end", venue, second, consumer, api)
            await until(lambda: latest(api) == last_of(watch), "its signals", venue, second, consumer, api)
            for symbol in SYMBOLS:
                answer = json.loads(get(api, f"/latest/{symbol}"))
                assert answer["live"] is True
                assert answer["status"] in {"ok", "warming"}
                assert answer["candles"] == len(watch.values[symbol])
            assert [process.end() for process in (second, consumer, api)] == [0, 0, 0]
            for symbol in SYMBOLS:
                await compare(watch, symbol, rest_url)


def latest(api: Process) -> dict[str, int]:
    return {symbol: answer["candles"] for symbol, answer in json.loads(get(api, "/latest") or "{}").items()}


def last_of(watch: Watch) -> dict[str, int]:
    return {symbol: len(watch.values[symbol]) for symbol in SYMBOLS}


async def compare(watch: Watch, symbol: str, rest_url: str) -> None:
    """Each minute once, in order, with the exchange's numbers."""
    found = candles(watch, symbol)
    assert {candle["kind"] for candle in found} == {"candle"}
    times = [candle["open_time_ms"] for candle in found]
    assert times == list(range(times[0], times[-1] + 1, 60_000))
    assert len(times) >= 1_560
    told = await told_by(rest_url, symbol, times[0])
    assert {candle["open_time_ms"]: [Decimal(candle[name]) for name in NUMBERS] for candle in found} == {
        time_ms: told[time_ms] for time_ms in times
    }


async def test_run_live_shows_its_lines_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """In one process; ended and started again it begins behind its last candle."""
    with process_group(tmp_path) as parts:
        async with exchange(parts) as (venue, socket_url, rest_url):
            where = ("--socket-url", socket_url, "--rest-url", rest_url, "--db", "run.db", "--port", "0")
            arguments = ("run", "--live", "binance", "BTCUSDT", "--backfill-minutes", "200", *where)
            first = parts.start(*arguments)
            await until(lambda: "UTC  BTCUSDT.BINANCE  " in first.read_output(), "a line", venue, first)
            metrics = get(first, "/metrics")
            assert 'volcast_live_connections{venue="binance"} 1.0' in metrics
            assert 'volcast_candles{symbol="BTCUSDT.BINANCE"}' in metrics
            assert first.end() == 0
            assert "Traceback" not in first.read_output()
            second = parts.start(*arguments)
            await until(lambda: "UTC  BTCUSDT.BINANCE  " in second.read_output(), "a line", venue, second)
            assert json.loads(get(second, "/latest/BTCUSDT.BINANCE"))["candles"] in {199, 200, 201, 202}
            assert second.end() == 0

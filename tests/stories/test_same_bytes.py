"""The same candles give the same signals, byte for byte: in a plain loop, in one process, in three processes over SQLite and over
Kafka, at any speed, with each process killed once."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from producer.csv_replay import CsvReplay
from tests.command import process_group
from tests.stories.waiting import TopicWatch, until
from volcast.core.codec import encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.contract import Log, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.broker import broker
from volcast.proof.processes.processes import Process, ProcessGroup
from volcast.simulation.market import simulate_candles

MINUTES = 2_000
START_MS = 1_704_067_200_000
SPEED = "12000"
"""200 candles per second of each symbol, so that a process can be killed during the ten seconds of the replay."""
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of three symbols, one of which has every kind of bad row: an invalid one, a duplicate, a late one and a gap."""
    folder = tmp_path_factory.mktemp("candles")
    paths = []
    for symbol in SYMBOLS:
        rows = [
            f"{c.open_time_ms},{c.open},{c.high},{c.low},{c.close},{c.volume},{c.quote_volume}"
            for c in simulate_candles(symbol, minutes=MINUTES, seed=7, start_ms=START_MS)
        ]
        if symbol == "ETHUSDT":
            rows[700] = rows[700].rsplit(",", 3)[0] + ",NaN,1,1"
            rows[900:900] = [rows[899], rows[650]]
            rows[1_300:1_300] = [rows[1_210]]
            del rows[1_200:1_230]
            rows.insert(1_500, rows[1_499])
        path = folder / f"{symbol.lower()}-simulated.csv"
        path.write_text("\n".join(["timestamp,open,high,low,close,volume_btc,volume_usd", *rows]) + "\n")
        paths.append(path)
    return paths


def plain_loop(path: Path) -> list[bytes]:
    """Return the signals of a file, computed by a loop over its rows."""
    source, decoder = CsvReplay(path), Decoder()
    engine = Engine(source.symbol, EngineConfig(), price_decimals=8)
    signals = []
    for text in source.candles():
        candle = decoder.decode(source.symbol.encode(), encode_candle(text))
        answer = engine.step(candle) if isinstance(candle, Candle) else None
        if isinstance(answer, Signal):
            signals.append(encode_signal(answer))
    return signals


@pytest.fixture(scope="module")
def expected(files: list[Path]) -> Mapping[str, list[bytes]]:
    signals = {symbol: plain_loop(path) for symbol, path in zip(SYMBOLS, files, strict=True)}
    assert [len(signals[symbol]) for symbol in SYMBOLS] == [MINUTES, MINUTES - 31, MINUTES]
    return signals


@asynccontextmanager
async def watched(log: Log, topic: Topic = Topic.SIGNALS) -> AsyncIterator[TopicWatch]:
    """Watch a topic during the `with` block, while processes write to it."""
    watch = TopicWatch()
    async with log:
        following = asyncio.create_task(watch.follow(log, topic))
        try:
            yield watch
        finally:
            following.cancel()
            await asyncio.wait([following])


async def test_in_one_process_that_is_killed(files: list[Path], expected: Mapping[str, list[bytes]], tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        arguments = ("--db", str(tmp_path / "log.db"), "--port", "0", "--exit-when-done", "--speed", SPEED)
        run = parts.start("run", *map(str, files), *arguments)
        async with watched(SqliteLog(tmp_path / "log.db")) as watch:
            await until(lambda: watch.records > 1_500, "signals", run)
            run = parts.restart(run)
            await until(lambda: run.exit_code == 0, "the end", run)
            await until(lambda: watch.values == expected, "the last signals", run)


async def test_at_full_speed(files: list[Path], expected: Mapping[str, list[bytes]], tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        run = parts.start("run", *map(str, files), "--db", str(tmp_path / "log.db"), "--port", "0", "--exit-when-done")
        await until(lambda: run.exit_code == 0, "the end", run)
        async with watched(SqliteLog(tmp_path / "log.db")) as watch:
            await until(lambda: watch.values == expected, "all signals", run)


async def test_in_three_processes_over_sqlite(files: list[Path], expected: Mapping[str, list[bytes]], tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        await three_processes(parts, files, expected, SqliteLog(tmp_path / "log.db"), "--bus", f"sqlite:///{tmp_path / 'log.db'}")


async def test_in_three_processes_over_kafka(
    files: list[Path], expected: Mapping[str, list[bytes]], tmp_path: Path, kafka_bootstrap: str, kafka_prefix: str
) -> None:
    with process_group(tmp_path) as parts:
        log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix)
        await three_processes(parts, files, expected, log, "--bus", f"kafka://{kafka_bootstrap}", "--topic-prefix", kafka_prefix)


async def test_services_start_before_their_broker_and_outlive_it(
    files: list[Path], expected: Mapping[str, list[bytes]], tmp_path: Path
) -> None:
    with process_group(tmp_path) as parts, broker() as made:
        made.stop(kill=True)
        bus = ("--bus", f"kafka://{made.bootstrap}", "--session-timeout-s", "6")
        producers = [parts.start("produce", "replay", str(path), "--speed", SPEED, *bus) for path in files]
        consumer, api = parts.start("consume", *bus, "--batch-records", "100"), parts.start("serve", *bus, "--port", "0")
        await until(lambda: address(api), "an API without a broker", api)
        await until(
            lambda: all("trying again" in part.read_output() for part in (*producers, consumer, api)),
            "a first attempt of each process",
        )
        await asyncio.to_thread(made.start)
        async with watched(KafkaLog(made.bootstrap)) as watch:
            await until(lambda: watch.records > 1_000, "signals", *producers, consumer, api)
            await asyncio.to_thread(made.stop, kill=True)
            await asyncio.to_thread(made.start)
            total = sum(map(len, expected.values()))
            await until(lambda: watch.records >= total, "all signals", *producers, consumer, api)
            assert watch.values == expected


async def three_processes(
    parts: ProcessGroup, files: list[Path], expected: Mapping[str, list[bytes]], log: Log, *bus: str
) -> None:
    """Run a producer for each file, a consumer and an API, and kill each once while candles flow."""
    producers = [parts.start("produce", "replay", str(path), "--speed", SPEED, *bus) for path in files]
    member = ("--instance-id", "one", "--session-timeout-s", "6") if "--topic-prefix" in bus else ()
    consumer = parts.start("consume", *bus, *member, "--batch-records", "100")
    api = parts.start("serve", *bus, "--port", "0")
    async with watched(log, Topic.CANDLES) as candles, watched(log) as watch:
        await until(lambda: candles.records > 1_000, "candles", *producers, consumer, api)
        producers = [parts.restart(producer) for producer in producers]
        await until(lambda: watch.records > 1_000, "signals", *producers, consumer, api)
        consumer, api = parts.restart(consumer), parts.restart(api)
        total = sum(map(len, expected.values()))
        await until(lambda: watch.records >= total, "all signals", *producers, consumer, api)
        assert watch.values == expected
    await until(lambda: latest(api) == {symbol: len(signals) for symbol, signals in expected.items()}, "the API", api)
    assert (consumer.end(), api.end()) == (0, 0)
    assert [producer.end() for producer in producers] == [0, 0, 0]


def address(api: Process) -> str | None:
    """Return the URL of all latest signals once the API has printed it."""
    return next((word for word in api.read_output().split() if word.endswith("/latest")), None)


def latest(api: Process) -> dict[str, int]:
    """Return the number of candles by symbol, as the API reports it."""
    if (url := address(api)) is None:
        return {}
    with urlopen(url) as response:  # noqa: S310  # a local address
        return {symbol: answer["candles"] for symbol, answer in json.load(response).items()}

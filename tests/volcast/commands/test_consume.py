"""`volcast consume`, run as a process, alone and together with a producer and an API."""

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from consumer.rules import Rules
from consumer.worker import Worker
from tests.command import address, get, process_group, volcast
from tests.log_access import records_of
from tests.market import SYMBOL, csv_text, record
from tests.stories.waiting import until
from volcast.client import AsyncClient
from volcast.commands.consume import log_progress
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Signal
from volcast.log.contract import KeyValue, Topic
from volcast.log.sqlite.log import SqliteLog

BUS = ("--bus", "sqlite:///log.db")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "volcast: no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS\n"),
        (["--bus", "sqlite:///photo.jpg"], 3, "volcast: photo.jpg is not a SQLite database: choose another file\n"),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, arguments: list[str], code: int, sentence: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8" * 999)
    result = volcast(tmp_path, "consume", *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", sentence)


def test_the_error_for_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = volcast(tmp_path, "consume", *BUS, "--metrics-port", port)
    sentence = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --metrics-port or --host"
    assert (result.returncode, result.stderr) == (2, f"volcast: {sentence}\n")


async def test_three_processes_form_a_pipeline_and_stop_cleanly(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(1_500))
    with process_group(tmp_path) as parts:
        api = parts.start("serve", *BUS, "--port", "0")
        consumer = parts.start("consume", *BUS, "--metrics-port", "0")
        standby = parts.start("consume", *BUS)
        producer = parts.start("produce", "replay", "btcusdt.csv", *BUS)
        running = (api, consumer, standby)
        await until(lambda: producer.exit_code == 0, "the replay's end", *running, producer)
        assert "1500 candles sent" in producer.read_output()
        await until(lambda: '"candles":1500,' in get(api, "/latest"), "the last signal", *running)
        async with AsyncClient(address(api) or "") as client:
            latest = await client.latest("BTCUSDT", accept={"replaying", "finished"})
            assert (latest.timestamp, latest.outcomes, latest.warm) == (datetime(2024, 1, 2, 0, 59, tzinfo=UTC), 1_440, True)
            [*_, last] = [row async for row in client.history("BTCUSDT")]
            assert (last.timestamp, last.volatility, last.sequence) == (latest.timestamp, latest.volatility, latest.sequence)
        await until(lambda: get(consumer, "/health", "/metrics"), "the consumer's port", *running)
        assert get(consumer, "/health", "/metrics").startswith("the consumer's loop last ran ")
        metrics = get(consumer, "/metrics", "/metrics")
        held = "volcast_consumer_partitions 1.0" in metrics
        assert ('volcast_consumer_candles_total{symbol="BTCUSDT",verdict="accepted"} 1500.0' in metrics) == held
        active, idle = (consumer, standby) if held else (standby, consumer)
        await until(lambda: '"message": "consuming"' in active.read_output(), "the line of the active consumer", *running)
        await until(lambda: '"message": "standing by: ' in idle.read_output(), "the line of the other one", *running)
        assert [process.end() for process in running] == [0, 0, 0]
    async with SqliteLog(tmp_path / "log.db") as log:
        signals = [decode_signal(record.value) for record in await records_of(log, Topic.SIGNALS)]
    assert [signal.candles for signal in signals if isinstance(signal, Signal)] == list(range(1, 1_501))


async def test_progress_is_logged_while_there_is_work(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "consumer.progress")
    async with SqliteLog(":memory:") as log, log.appender("test") as appender:
        worker = Worker(log, Rules(EngineConfig(), Decoder(), 10, 5_000), 100, Random(1))
        tasks = [asyncio.create_task(each) for each in (worker.run(), log_progress(worker, look_s=0.01, progress_s=0.02))]
        await until(lambda: "consuming" in caplog.text, "the line about the partition")
        await appender.append([KeyValue(SYMBOL.encode(), record(minute, "42")) for minute in range(5)])
        await until(lambda: "progress: 5 records" in caplog.text, "the line about all records")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert caplog.records[-1].__dict__["newest_candle"] == "2024-01-01T00:04:00Z"

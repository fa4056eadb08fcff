"""What can't be read on a real broker is set aside with its offsets; the other partitions go on, and memory stays bounded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from api.follower import Follower
from api.view import View
from consumer.metrics import worker_monitor
from consumer.rules import Rules
from consumer.worker import Worker
from tests.command import process_group
from tests.log_access import TIMEOUT_S, anything, records_of
from tests.market import record
from volcast.core.codec import Reason, decode_reject
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue, Mismatch, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.broker import Broker, broker

RULES = Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=50)
MINUTES = 20
MAX_MEMORY_BYTES = 700_000_000
LARGE_BYTES, LARGE_RECORDS = 1_000_000, 320


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    with broker() as running:
        yield running


@dataclass
class Damaged:
    """A log with two symbols in two partitions, and the segment file of each partition of `candles`."""

    log: KafkaLog
    broker: Broker
    keys: list[bytes]

    def segment(self, topic: Topic, partition: int) -> Path:
        folder = self.broker.folder / "data" / f"{self.log._client.topic(topic)}-{partition}"
        if not folder.is_dir():
            pytest.skip(f"THE BROKER'S FILES ARE NOT ON THIS MACHINE: {folder}")
        return folder / "00000000000000000000.log"

    def damage(self, topic: Topic, partition: int, value: bytes) -> None:
        """Change one byte of a record on the broker's disk."""
        segment = self.segment(topic, partition)
        raw = segment.read_bytes()
        at = raw.index(value)
        with segment.open("r+b") as file:
            file.seek(at + 5)
            file.write(bytes([raw[at + 5] ^ 1]))


@pytest.fixture
async def damaged(own_broker: Broker, kafka_prefix: str) -> AsyncIterator[Damaged]:
    log = KafkaLog(own_broker.bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=6_000)
    async with log:
        names = (f"S{number}".encode() for number in range(100))
        by_partition: dict[int, bytes] = {}
        for name in names:
            by_partition.setdefault(log.partition_of(name), name)
        yield Damaged(log, own_broker, [by_partition[0], by_partition[1]])


def candles(key: bytes, minutes: range) -> list[KeyValue]:
    return [KeyValue(key, record(minute, str(100 + minute), symbol=key.decode())) for minute in minutes]


async def append(log: KafkaLog, records: list[KeyValue]) -> None:
    async with log.appender("test") as appender:
        await appender.append(records)


@asynccontextmanager
async def working(log: KafkaLog) -> AsyncIterator[Worker]:
    worker = Worker(log, RULES, 20, Random(1))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def signals_of(log: KafkaLog, count: int) -> dict[bytes, int]:
    """Return how many signals each key has, once there are `count` in all."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            records = await records_of(log, Topic.SIGNALS)
            if len(records) >= count:
                return {key: sum(each.key == key for each in records) for key in {each.key for each in records}}
            await asyncio.sleep(0.1)


async def test_a_damaged_batch_is_set_aside_and_both_partitions_go_on(damaged: Damaged) -> None:
    log, (first, second) = damaged.log, damaged.keys
    middle = candles(first, range(10, 15))
    for batch in (candles(first, range(10)), middle, candles(first, range(15, 20)), candles(second, range(MINUTES))):
        await append(log, batch)
    damaged.damage(Topic.CANDLES, 0, middle[2].value)
    answer = None
    for restart in range(2):
        async with working(log) as worker:
            await append(
                log, [*candles(first, range(20 + restart, 21 + restart)), *candles(second, range(20 + restart, 21 + restart))]
            )
            assert await signals_of(log, 37 + 2 * restart) == {first: 16 + restart, second: 21 + restart}
            transport = httpx.ASGITransport(worker_monitor(worker))
            async with httpx.AsyncClient(transport=transport, base_url="http://consumer") as http:
                answer = await http.get("/health")
    assert answer is not None
    assert answer.status_code == 200
    assert "1 batches of records could not be read and were set aside" in answer.text
    (reject,) = [decode_reject(each.value) for each in await records_of(log, Topic.REJECTED)]
    assert (reject.reason, reject.partition, reject.value) == (Reason.UNREADABLE_BATCH, 0, b"")
    assert reject.detail == "offsets 11 to 15: its checksum is wrong: its bytes have changed since they were written"
    assert reject.offset == 15


async def test_a_producer_resumes_although_a_batch_is_damaged(damaged: Damaged) -> None:
    log, (first, _) = damaged.log, damaged.keys
    await append(log, candles(first, range(5)))
    last = candles(first, range(5, 10))
    await append(log, last)
    damaged.damage(Topic.CANDLES, 0, last[-1].value)
    async with log.appender("test") as appender:
        found = await appender.last(first, anything)
    assert found
    assert found.value == candles(first, range(5))[-1].value


async def test_the_api_names_damaged_signals_and_shows_the_others(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    log, (first, _) = damaged.log, damaged.keys
    async with working(log):
        await append(log, candles(first, range(3)))
        await signals_of(log, 3)
        await append(log, candles(first, range(3, 6)))
        await signals_of(log, 6)
    damaged.damage(Topic.SIGNALS, 0, (await records_of(log, Topic.SIGNALS))[0].value)
    view = View(180)
    following = asyncio.create_task(Follower(log, view).run())
    async with asyncio.timeout(TIMEOUT_S):
        while not view.caught_up:
            await asyncio.sleep(0.05)
    following.cancel()
    await asyncio.wait([following])
    assert view.unreadable == 1
    assert 0 < view.signals < 6
    assert "is skipped: offsets 0 to " in caplog.text


async def test_a_damaged_state_is_refused(damaged: Damaged) -> None:
    log, (first, _) = damaged.log, damaged.keys
    await append(log, candles(first, range(MINUTES)))
    async with working(log):
        await signals_of(log, MINUTES)
    damaged.damage(Topic.STATE, 0, b'{"position":')
    with pytest.raises(Mismatch, match=r"state, partition 0: offsets? .* checksum is wrong"):
        await log.peek()


def peak_memory_bytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return 1_024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


@pytest.mark.timeout(300)
async def test_large_records_compressed_a_thousandfold_take_bounded_memory(
    own_broker: Broker, kafka_prefix: str, tmp_path: Path
) -> None:
    async with KafkaLog(own_broker.bootstrap, prefix=kafka_prefix, partitions=4, session_timeout_ms=6_000) as log:
        producer = AIOKafkaProducer(
            bootstrap_servers=own_broker.bootstrap,
            compression_type="zstd",
            max_request_size=50_000_000,
            max_batch_size=15_000_000,
        )
        await producer.start()
        try:
            for number in range(LARGE_RECORDS):
                await producer.send(f"{kafka_prefix}candles", bytes(LARGE_BYTES), key=b"A", partition=number % 4)
        finally:
            await producer.stop()
        assert len(await records_of(log, Topic.CANDLES)) == LARGE_RECORDS
        with process_group(tmp_path) as group:
            arguments = ("--bus", f"kafka://{own_broker.bootstrap}", "--topic-prefix", kafka_prefix, "--session-timeout-s", "6")
            worker = group.start("consume", *arguments)
            async with asyncio.timeout(240):
                while len(await records_of(log, Topic.REJECTED)) < LARGE_RECORDS:
                    assert worker.exit_code is None, worker.read_output()[-2_000:]
                    await asyncio.sleep(0.5)
            peak_bytes = peak_memory_bytes(worker.process_id)
            assert worker.end() == 0
    print(f"peak memory: {peak_bytes / 1e6:.0f} MB")  # noqa: T201  # for -s
    assert peak_bytes < MAX_MEMORY_BYTES

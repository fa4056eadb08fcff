"""What every log keeps: one suite, run on SQLite in memory, SQLite in a file, and a real Kafka broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from tests.log_ends import PATIENCE_S, fill, polled, records_of
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Log, Record, Restored, Topic
from volcast.log.kafka import KafkaLog
from volcast.log.sqlite import SqliteLog

OpenLog = Callable[[], Log]


@pytest.fixture(params=["sqlite-memory", "sqlite-file", "kafka"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """Logs opened by it in one test hold the same data."""
    if request.param == "kafka":
        bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
        yield lambda: KafkaLog(bootstrap, prefix=prefix, partitions=3, session_timeout_ms=6_000)
    elif request.param == "sqlite-file":
        yield lambda: SqliteLog(tmp_path / "log.db")
    else:
        async with SqliteLog(":memory:") as memory:  # its data lasts as long as it is entered
            yield lambda: memory


@pytest.fixture
async def log(open_log: OpenLog) -> AsyncIterator[Log]:
    async with open_log() as opened:
        yield opened


def pairs(*texts: str) -> list[KeyValue]:
    """`A1 B1 A2`: key A with value 1, and so on."""
    return [KeyValue(text[:1].encode(), text[1:].encode()) for text in texts]


async def append(log: Log, *records: KeyValue) -> None:
    await fill(log, records)


def values(records: Sequence[Record], key: bytes = b"A") -> list[bytes]:
    return [record.value for record in records if record.key == key]


class Worker:
    """A consumer with all that it was given open."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.restored: dict[int, Restored] = {}

    async def start(self) -> "Worker":
        async with asyncio.timeout(PATIENCE_S):
            while not (assigned := await self.consumer.assignment()):
                await self.consumer.poll(1, 0.05)
            for partition in assigned:
                self.restored[partition] = await self.consumer.open(partition)
        return self

    async def polled(self, count: int, max_records: int = 100) -> list[Record]:
        """The next `count` candles."""
        return await polled(self.consumer, count, max_records)


async def test_records_of_a_key_keep_their_order(log: Log) -> None:
    await append(log, *pairs("A1", "B1", "A2"))
    await append(log, *pairs("B2", "A3"))
    records = await records_of(log, Topic.CANDLES)
    assert values(records) == [b"1", b"2", b"3"]
    assert values(records, b"B") == [b"1", b"2"]
    assert len({record.partition for record in records if record.key == b"A"}) == 1


async def test_offsets_rise_within_a_partition(log: Log) -> None:
    for _ in range(3):
        await append(log, *pairs("A1", "A2"))
    offsets = [record.offset for record in await records_of(log, Topic.CANDLES)]
    assert offsets == sorted(set(offsets))


async def test_any_bytes_pass(log: Log) -> None:
    record = KeyValue(b"A", bytes(range(256)) * 800)
    await append(log, record, KeyValue(b"A", b"\x00"))
    assert values(await records_of(log, Topic.CANDLES)) == [record.value, b"\x00"]


async def test_an_empty_append_is_nothing(log: Log) -> None:
    await append(log)
    assert await records_of(log, Topic.CANDLES) == []


async def test_the_last_record_of_a_key(log: Log) -> None:
    async with log.appender("test") as appender:
        assert await appender.last(b"A") is None
        await appender.append(pairs("A1", "B1", "A2", "B2", "B3"))
        last = await appender.last(b"A")
        assert last is not None
        assert (last.key, last.value) == (b"A", b"2")
        assert await appender.last(b"C") is None


async def test_the_last_record_lies_far_back(log: Log) -> None:
    async with log.appender("test") as appender:
        await appender.append(pairs("A1"))
        for _ in range(6):
            await appender.append([KeyValue(key, b"x") for key in (b"B", b"C", b"D", b"E") for _ in range(400)])
        last = await appender.last(b"A")
        assert last is not None
        assert last.value == b"1"


async def test_a_second_appender_of_a_name_fences_the_first(log: Log) -> None:
    async with log.appender("same") as first:
        await first.append(pairs("A1"))
        async with log.appender("same") as second:
            with pytest.raises(Fenced):
                await first.append(pairs("A2"))
            await second.append(pairs("A3"))
    assert values(await records_of(log, Topic.CANDLES)) == [b"1", b"3"]


async def test_appenders_of_other_names_do_not(log: Log) -> None:
    async with log.appender("one") as first, log.appender("two") as second:
        await first.append(pairs("A1"))
        await second.append(pairs("B1"))
        await first.append(pairs("A2"))
    assert values(await records_of(log, Topic.CANDLES)) == [b"1", b"2"]


async def test_a_fresh_log_restores_nothing(log: Log) -> None:
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
    assert {(restored.position, len(restored.snapshots)) for restored in worker.restored.values()} == {(0, 0)}


async def test_a_commit_is_there_after_a_restart(open_log: OpenLog) -> None:
    async with open_log() as log:
        await append(log, *pairs("A1", "A2", "A3", "A4"))
        async with log.consumer() as consumer:
            first, second, *_ = await (await Worker(consumer).start()).polled(4, max_records=2)
            await consumer.commit(first.partition, Commit(first.offset + 1, pairs("A10"), [], pairs("Aold", "Bgone")))
            await consumer.commit(first.partition, Commit(second.offset + 1, pairs("A20"), pairs("Abad"), pairs("Anew")))
    async with open_log() as log:
        async with log.consumer() as consumer:
            worker = await Worker(consumer).start()
            restored = worker.restored[first.partition]
            assert restored == Restored(second.offset + 1, {b"A": b"new", b"B": b"gone"})
            assert values(await worker.polled(2)) == [b"3", b"4"]
        assert values(await records_of(log, Topic.SIGNALS)) == [b"10", b"20"]
        assert values(await records_of(log, Topic.REJECTED)) == [b"bad"]


async def test_what_was_not_committed_comes_again(log: Log) -> None:
    await append(log, *pairs("A1", "A2"))
    for _ in range(2):
        async with log.consumer() as consumer:
            assert values(await (await Worker(consumer).start()).polled(2)) == [b"1", b"2"]


async def test_nothing_is_polled_before_it_is_opened(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        async with asyncio.timeout(PATIENCE_S):
            while not await consumer.assignment():
                assert await consumer.poll(10, 0.05) == {}
        for _ in range(5):
            assert await consumer.poll(10, 0.05) == {}


async def test_what_was_closed_is_polled_no_more(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        (record,) = await worker.polled(1)
        for _ in range(2):  # the second time it is closed already
            await consumer.close(record.partition)
        await append(log, *pairs("A2"))
        assert record.partition not in await consumer.poll(10, 0.3)
        await consumer.open(record.partition)
        assert values(await worker.polled(2)) == [b"1", b"2"]


async def test_whoever_opens_a_partition_fences_the_owner_before(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, log.consumer() as first:
        await append(log, *pairs("A1"))
        (record,) = await (await Worker(first).start()).polled(1)
        async with other.consumer() as second:
            await second.open(record.partition)
            with pytest.raises(Fenced):
                await first.commit(record.partition, Commit(record.offset + 1, pairs("Afirst"), pairs("Afirst"), pairs("Afirst")))
            await second.commit(record.partition, Commit(record.offset + 1, pairs("Asecond"), [], pairs("Asecond")))
        assert values(await records_of(log, Topic.SIGNALS)) == [b"second"]
        assert values(await records_of(log, Topic.REJECTED)) == []
        await first.close(record.partition)
        assert await first.open(record.partition) == Restored(record.offset + 1, {b"A": b"second"})


async def test_a_large_commit(log: Log) -> None:
    await append(log, *pairs("A1"))
    signals = [KeyValue(b"A", b"%d" % i + b"." * 600) for i in range(5_000)]
    snapshot = KeyValue(b"A", bytes(200_000))
    async with log.consumer() as consumer:
        (record,) = await (await Worker(consumer).start()).polled(1)
        await consumer.commit(record.partition, Commit(record.offset + 1, signals, [], [snapshot]))
        await consumer.close(record.partition)
        assert (await consumer.open(record.partition)).snapshots == {b"A": snapshot.value}
    assert values(await records_of(log, Topic.SIGNALS)) == [signal.value for signal in signals]


async def test_an_empty_snapshot_forgets_its_key(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        (record,) = await (await Worker(consumer).start()).polled(1)
        await consumer.commit(record.partition, Commit(0, [], [], pairs("A1", "B2")))
        await consumer.commit(record.partition, Commit(0, [], [], pairs("A")))
        await consumer.close(record.partition)
        assert await consumer.open(record.partition) == Restored(0, {b"B": b"2"})


async def test_a_reader_sees_what_comes_later(log: Log) -> None:
    async with log.reader(Topic.CANDLES) as reader:
        async with asyncio.timeout(PATIENCE_S):
            while not reader.caught_up:
                assert await reader.read(10, 0.05) == []
        await append(log, *pairs("A1"))
        await append(log, *pairs("A2"))
        records: list[Record] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(records) < 2:
                records += await reader.read(1, 0.2)
        assert values(records) == [b"1", b"2"]


async def test_caught_up_is_not_said_too_early(log: Log) -> None:
    await append(log, *pairs(*(f"A{i}" for i in range(50))))
    async with log.reader(Topic.CANDLES) as reader:
        seen = 0
        async with asyncio.timeout(PATIENCE_S):
            while not reader.caught_up:
                seen += len(await reader.read(7, 0.2))
        assert seen == 50

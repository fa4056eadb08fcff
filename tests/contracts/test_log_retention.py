"""What every log does once retention has deleted the oldest records: the same on a SQLite file and on Kafka."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.contracts.log_worker import Worker, append, pairs, values
from tests.log_access import TIMEOUT_S, anything, records_of
from volcast.log.contract import Commit, Consumer, Log, Mismatch, Topic, Unavailable
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.log.standby import StandbyConsumer


@dataclass(frozen=True, slots=True)
class Retained:
    """A log, and how its retention is made to delete what lies before an offset of `candles`, and of `signals`."""

    log: Log
    standby: Log
    """The same log, for a standby."""
    delete: Callable[[Consumer, int, int], Awaitable[None]]
    delete_needed: Callable[[int], Awaitable[None]]
    """Delete candles that no commit has answered: Kafka does that, and somebody may do it to a file by hand."""


@pytest.fixture(params=["sqlite", "kafka"])
async def retained(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Retained]:
    if request.param == "sqlite":
        monkeypatch.setattr("volcast.log.sqlite.retention.SEGMENT_BYTES", 1)
        monkeypatch.setattr("volcast.log.sqlite.consumer._RETENTION_PAUSE_S", 0.0)
        path = tmp_path / "log.db"

        async def wait(consumer: Consumer, candle: int, signal: int) -> None:
            async with asyncio.timeout(TIMEOUT_S):
                while [(await records_of(log, topic))[0].offset for topic in (Topic.CANDLES, Topic.SIGNALS)] != [candle, signal]:
                    await consumer.poll(1, 0.0)

        async def delete_rows(candle: int) -> None:
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("DELETE FROM candles WHERE offset < ?", (candle,))

        log = SqliteLog(path, retention_bytes=0)
        async with log:
            yield Retained(log, SqliteLog(path, standby=True), wait, delete_rows)
        return
    bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def delete_records(_consumer: object, candle: int, signal: int) -> None:
        found = {f"{prefix}candles": candle, f"{prefix}signals": signal}
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(offset) for topic, offset in found.items()})

    async def delete_candles(candle: int) -> None:
        await admin.delete_records({TopicPartition(f"{prefix}candles", 0): RecordsToDelete(candle)})

    await admin.start()
    try:
        kafka, standby = (
            KafkaLog(bootstrap, prefix=prefix, partitions=1, session_timeout_ms=6_000, standby=each) for each in (False, True)
        )
        async with kafka:
            yield Retained(kafka, standby, delete_records, delete_candles)
    finally:
        await admin.close()


async def consumed(log: Log, consumer: Consumer, *texts: str, answered: int) -> list[int]:
    """Append candles one by one, answer so many of them, each by a commit, and return the offsets of all."""
    for text in texts:
        await append(log, *pairs(text))
    candles = await (await Worker(consumer).start()).polled(len(texts))
    for candle, following in pairwise(candles[: answered + 1]):
        await consumer.commit(0, Commit(following.offset, pairs(f"A{candle.value.decode()}"), snapshots=pairs("Astate")))
    return [candle.offset for candle in candles]


async def trimmed(retained: Retained) -> list[int]:
    """Have B0, A1, A2 and A3 deleted, and the signals but the last; return the offsets of all candles."""
    async with retained.log.consumer() as consumer:
        offsets = await consumed(retained.log, consumer, "B0", "A1", "A2", "A3", "A4", "A5", answered=4)
        *_, last = await records_of(retained.log, Topic.SIGNALS)
        await retained.delete(consumer, offsets[4], last.offset)
    return offsets


async def test_a_reader_begins_with_the_oldest_record_that_is_left(retained: Retained) -> None:
    offsets = await trimmed(retained)
    assert [each.offset for each in await records_of(retained.log, Topic.CANDLES)] == offsets[4:]
    assert values(await records_of(retained.log, Topic.SIGNALS)) == [b"3"]


async def test_a_reader_says_what_is_gone(retained: Retained) -> None:
    """Whoever wanted to go on from before that has lost something, and can see it."""
    offsets = await trimmed(retained)
    async with retained.log.reader(Topic.CANDLES, {0: offsets[1]}) as reader:
        assert await reader.begins() == {0: offsets[4]}
        assert [each.offset for each in await reader.read(10, 5.0)] == offsets[4:]
    async with retained.log.reader(Topic.CANDLES, {0: offsets[5]}) as reader:
        assert await reader.begins() == {0: offsets[4]}
        assert [each.offset for each in await reader.read(10, 5.0)] == offsets[5:]


async def test_begins_are_those_of_now(retained: Retained) -> None:
    async with retained.log.reader(Topic.CANDLES) as reader:
        before = await reader.begins()
        offsets = await trimmed(retained)
        assert before[0] <= offsets[0]
        assert await reader.begins() == {0: offsets[4]}


async def test_offsets_go_on(retained: Retained) -> None:
    offsets = await trimmed(retained)
    await append(retained.log, *pairs("A6"))
    *_, before, last = await records_of(retained.log, Topic.CANDLES)
    assert (before.offset, last.value) == (offsets[-1], b"6")
    assert last.offset > offsets[-1]


async def test_a_consumer_learns_which_candle_is_the_oldest_and_goes_on(retained: Retained) -> None:
    offsets = await trimmed(retained)
    async with retained.log.consumer() as consumer:
        worker = await Worker(consumer).start()
        restored = worker.restored[0]
        assert (restored.position, restored.replay_from, restored.earliest) == (offsets[4], offsets[4], offsets[4])
        assert restored.snapshots == {b"A": b"state"}
        assert values(await worker.polled(2)) == [b"4", b"5"]


async def test_what_is_deleted_is_not_found(retained: Retained) -> None:
    await trimmed(retained)
    log = retained.log
    assert values(await log.latest(Topic.CANDLES, b"A", 9)) == [b"4", b"5"]
    assert await log.latest(Topic.CANDLES, b"B", 9) == []
    assert await log.keys(Topic.CANDLES) == [b"A"]
    async with log.appender("test") as appender:
        assert await appender.last(b"B", anything) is None
        assert await appender.last(b"A", lambda value: value == b"2") is None


async def poll_for_ever(standby: StandbyConsumer) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            await standby.poll_followed(10)
            await standby.poll(10, 0.1)


async def test_a_standby_that_is_behind_begins_anew(retained: Retained) -> None:
    """It must not take what is left for all there was: its result would differ from the owner's."""
    offsets = await trimmed(retained)
    async with retained.standby as log, log.consumer() as consumer:
        standby = cast("StandbyConsumer", consumer)
        restored = await standby.follow(0)
        assert (restored.replay_from, restored.earliest) == (offsets[4], offsets[4])
        await standby.seek(0, offsets[1])
        with pytest.raises(Unavailable, match=r"retention has deleted the candles from \d+ .*before this standby had read them"):
            await poll_for_ever(standby)
    async with retained.standby as log, log.consumer() as consumer:
        standby = cast("StandbyConsumer", consumer)
        await standby.follow(0)
        await standby.seek(0, offsets[4])
        await standby.poll(10, 0.1)
        assert await standby.poll_followed(10) == {}


async def test_a_position_below_the_oldest_candle_is_refused(retained: Retained) -> None:
    async with retained.log.consumer() as consumer:
        offsets = await consumed(retained.log, consumer, "A1", "A2", "A3", "A4", answered=1)
    await retained.delete_needed(offsets[3])
    async with retained.log.consumer() as consumer:
        with pytest.raises(Mismatch, match="start anew"):
            await Worker(consumer).start()

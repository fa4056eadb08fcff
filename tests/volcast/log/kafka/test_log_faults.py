"""What must not happen when things go wrong on Kafka: half a commit, a candle passed over, a stop that waits for ever."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from tests.log_ends import PATIENCE_S, fill, opened, polled, records_of
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Log, Mismatch, Restored, Topic, Unavailable
from volcast.log.kafka.log import KafkaLog
from volcast.log.kafka.log_filter import LogFilter, is_no_leftover
from volcast.proof.processes.broker import broker

SESSION_TIMEOUT_MS = 3_000


@pytest.fixture
async def log(kafka_bootstrap: str, kafka_prefix: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS) as opened:
        yield opened


@asynccontextmanager
async def held(log: Log) -> AsyncIterator[Consumer]:
    """A consumer that has been given partition 0."""
    async with log.consumer() as consumer:
        async with asyncio.timeout(PATIENCE_S):
            while not await consumer.assignment():
                await consumer.poll(1, 0.05)
        yield consumer


async def append(log: Log, *values: bytes) -> None:
    await fill(log, [KeyValue(b"A", value) for value in values])


async def read_all(log: Log, topic: Topic) -> list[bytes]:
    return [record.value for record in await records_of(log, topic)]


def aiokafkas_tasks() -> list[Any]:
    return [task for task in asyncio.all_tasks() if "aiokafka" in repr(task.get_coro())]


async def test_caught_up_waits_for_what_an_open_transaction_hides(log: KafkaLog, kafka_prefix: str) -> None:
    hanging = log._client.producer("hanging")
    await hanging.start()
    await hanging.begin_transaction()
    await hanging.send_and_wait(f"{kafka_prefix}candles", b"never", key=b"B", partition=0)
    await append(log, b"1")
    assert await read_all(log, Topic.CANDLES) == [b"1"]
    await hanging.stop()


async def test_candles_that_go_while_it_looks_away_are_not_passed_over(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    candles = TopicPartition(f"{kafka_prefix}candles", 0)
    await append(log, b"1", b"2", b"3")
    async with held(log) as consumer:
        await opened(consumer)
        consumer._consumer.pause(candles)  # type: ignore[attr-defined]  # as if it were slow
        await admin.delete_records({candles: RecordsToDelete(2)})
        consumer._consumer.resume(candles)  # type: ignore[attr-defined]  # as above
        with pytest.raises(Mismatch, match=r"goes on at 0, the log holds 2 to 4"):
            await polled(consumer, 3)


async def test_another_group_on_the_same_topics_is_fenced_too(log: KafkaLog, kafka_bootstrap: str, kafka_prefix: str) -> None:
    other = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, group="other", session_timeout_ms=SESSION_TIMEOUT_MS)
    async with other, held(log) as one, held(other) as two:
        await one.open(0)
        await two.open(0)
        with pytest.raises(Fenced):
            await one.commit(0, Commit(0, [KeyValue(b"A", b"1")]))
    assert await read_all(log, Topic.SIGNALS) == []


class Dawdling(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """Sends a batch only when it is known what has become of the one before."""

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        sent = await super().send_batch(*args, **options)
        await asyncio.wait([sent])
        return sent


async def test_fenced_between_two_batches_is_fenced(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.log.kafka.client.AIOKafkaProducer", Dawdling)
    pair = [KeyValue(b"A", b"1")]
    async with held(log) as one:
        await one.open(0)
        async with log.consumer() as two:
            await two.open(0)
            with pytest.raises(Fenced):
                await one.commit(0, Commit(0, pair, pair))


async def test_a_commit_that_the_broker_refuses_leaves_nothing(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    small = ConfigResource(ConfigResourceType.TOPIC, f"{kafka_prefix}candles.rejected", {"max.message.bytes": "1000"})
    await admin.alter_configs([small])
    pair = KeyValue(b"A", b"1")
    async with held(log) as consumer:
        await consumer.open(0)
        with pytest.raises(Mismatch, match="refuses"):
            await consumer.commit(0, Commit(0, [pair], [KeyValue(b"A", bytes(5_000))], [pair]))
        await consumer.close(0)
        assert await consumer.open(0) == Restored()
        await consumer.commit(0, Commit(0, [KeyValue(b"A", b"2")]))
    assert await read_all(log, Topic.SIGNALS) == [b"2"]


async def test_a_record_too_large_is_refused_and_nothing_hangs(log: KafkaLog) -> None:
    async with log.appender("test") as appender:
        with pytest.raises(Mismatch, match=r"1100001 bytes for .*candles, key b'A', is too large"):
            await appender.append([KeyValue(b"A", b"before"), KeyValue(b"A", bytes(1_100_000))])
        await appender.append([KeyValue(b"A", b"after")])
    assert await read_all(log, Topic.CANDLES) == [b"after"]


async def test_a_commit_whose_caller_is_cancelled_comes_to_its_end(log: KafkaLog) -> None:
    async with held(log) as consumer:
        await consumer.open(0)
        committing = asyncio.create_task(consumer.commit(0, Commit(7, [KeyValue(b"A", b"1")], [], [KeyValue(b"A", b"s")])))
        await asyncio.sleep(0)  # it begins
        await asyncio.sleep(0)
        committing.cancel()
        await asyncio.gather(committing, return_exceptions=True)
    assert await read_all(log, Topic.SIGNALS) in ([], [b"1"])
    assert not aiokafkas_tasks()


async def test_an_empty_snapshot_forgets_its_key(log: KafkaLog) -> None:
    async with held(log) as consumer:
        await consumer.open(0)
        await consumer.commit(0, Commit(0, [], [], [KeyValue(b"A", b"1"), KeyValue(b"B", b"2")]))
        await consumer.commit(0, Commit(0, [], [], [KeyValue(b"A", b"")]))
        assert await consumer.open(0) == Restored(0, {b"B": b"2"})
        with pytest.raises(ValueError, match="@log/"):
            await consumer.commit(0, Commit(0, [], [], [KeyValue(b"@log/position", b"9")]))


async def test_closing_waits_for_no_dead_broker() -> None:
    with broker() as mine:
        log = KafkaLog(mine.bootstrap, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS)
        async with log, log.reader(Topic.SIGNALS), log.appender("test") as appender, held(log) as consumer:
            await consumer.open(0)
            await asyncio.to_thread(mine.stop, kill=True)
            writes = (appender.append([KeyValue(b"A", b"1")]), consumer.commit(0, Commit(1)))
            answers = await asyncio.gather(*writes, return_exceptions=True)
            assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert not aiokafkas_tasks()


async def test_a_transactional_id_that_the_broker_has_forgotten_is_as_good_as_fenced() -> None:
    """A partition without candles for a week: the next commit must lead to a restore, not to an end."""
    soon = {
        "transactional.id.expiration.ms": "500",
        "producer.id.expiration.ms": "400",
        "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
        "producer.id.expiration.check.interval.ms": "100",
    }
    with broker(more=soon) as mine:
        log = KafkaLog(mine.bootstrap, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS)
        async with log, held(log) as consumer:
            await consumer.open(0)

            async def commit_now_and_then() -> None:
                async with asyncio.timeout(PATIENCE_S):
                    while True:
                        await consumer.commit(0, Commit(0, [KeyValue(b"A", b"1")]))
                        await asyncio.sleep(2)

            with pytest.raises(Fenced):
                await commit_now_and_then()
            await consumer.close(0)
            assert (await consumer.open(0)).position == 0


def test_what_is_said_too_often_is_said_once_in_a_while() -> None:
    noise = LogFilter()

    def passes(text: str, *values: object, at_s: float) -> bool:
        record = logging.LogRecord("aiokafka.client", logging.ERROR, "", 0, text, values, None)
        record.created = at_s
        return noise.filter(record)

    assert passes("Unable connect to %s", "one", at_s=100.0)
    assert not passes("Unable connect to %s", "two", at_s=102.0)
    assert passes("Unable to update metadata", at_s=102.0)
    assert passes("Unable connect to %s", "one", at_s=106.0)
    assert not passes("Got error %s", "NotEnoughReplicasError", at_s=200.0)


def test_a_future_that_aiokafka_left_behind_is_not_told_and_others_are() -> None:
    def told(text: str, error: Exception) -> bool:
        return is_no_leftover(logging.LogRecord("asyncio", logging.ERROR, "", 0, text, (), (type(error), error, None)))

    assert not told("Future exception was never retrieved\nfuture: <Future>", KafkaError("gone"))
    assert told("Future exception was never retrieved\nfuture: <Future>", ValueError("a bug of ours"))
    assert told("Task was destroyed but it is pending", KafkaError("gone"))

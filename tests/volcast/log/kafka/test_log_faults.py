"""Faults on Kafka: no commit is written in part, no candle is skipped, no stop waits for ever."""

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

from tests.log_access import TIMEOUT_S, fill, opened, polled, records_of
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Log, Mismatch, Restored, Topic, Unavailable
from volcast.log.kafka.access.log_filter import LogFilter, is_not_abandoned_future
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.broker import broker

SESSION_TIMEOUT_MS = 3_000


@pytest.fixture
async def log(kafka_bootstrap: str, kafka_prefix: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS) as opened:
        yield opened


@asynccontextmanager
async def assigned_consumer(log: Log) -> AsyncIterator[Consumer]:
    """Open a consumer, and wait until partition 0 is assigned to it."""
    async with log.consumer() as consumer:
        async with asyncio.timeout(TIMEOUT_S):
            while not await consumer.assignment():
                await consumer.poll(1, 0.05)
        yield consumer


async def append(log: Log, *values: bytes) -> None:
    await fill(log, [KeyValue(b"A", value) for value in values])


async def read_all(log: Log, topic: Topic) -> list[bytes]:
    return [record.value for record in await records_of(log, topic)]


def aiokafka_tasks() -> list[Any]:
    return [task for task in asyncio.all_tasks() if "aiokafka" in repr(task.get_coro())]


async def test_caught_up_waits_for_records_behind_an_open_transaction(log: KafkaLog, kafka_prefix: str) -> None:
    hanging = log._client.producer("hanging")
    await hanging.start()
    await hanging.begin_transaction()
    await hanging.send_and_wait(f"{kafka_prefix}candles", b"never", key=b"B", partition=0)
    await append(log, b"1")
    assert await read_all(log, Topic.CANDLES) == [b"1"]
    await hanging.stop()


async def test_candles_deleted_while_the_consumer_is_paused_are_an_error(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    candles = TopicPartition(f"{kafka_prefix}candles", 0)
    await append(log, b"1", b"2", b"3")
    async with assigned_consumer(log) as consumer:
        await opened(consumer)
        consumer._consumer.pause(candles)  # type: ignore[attr-defined]  # simulates a slow consumer
        await admin.delete_records({candles: RecordsToDelete(2)})
        consumer._consumer.resume(candles)  # type: ignore[attr-defined]  # as above
        with pytest.raises(Mismatch, match=r"continues at 0, the log holds 2 to 4"):
            await polled(consumer, 3)


class SequentialProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
    """A producer that waits for the result of each batch before it sends the next one."""

    async def send_batch(self, *args: Any, **options: Any) -> Any:
        sent = await super().send_batch(*args, **options)
        await asyncio.wait([sent])
        return sent


async def test_a_fencing_between_two_batches_is_reported_as_fenced(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.log.kafka.client.AIOKafkaProducer", SequentialProducer)
    pair = [KeyValue(b"A", b"1")]
    async with assigned_consumer(log) as one:
        await one.open(0)
        async with log.consumer() as two:
            await two.open(0)
            with pytest.raises(Fenced):
                await one.commit(0, Commit(0, pair, pair))


async def test_a_commit_that_the_broker_refuses_writes_nothing(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    small = ConfigResource(ConfigResourceType.TOPIC, f"{kafka_prefix}candles.rejected", {"max.message.bytes": "1000"})
    await admin.alter_configs([small])
    pair = KeyValue(b"A", b"1")
    async with assigned_consumer(log) as consumer:
        await consumer.open(0)
        with pytest.raises(Mismatch, match="refuses"):
            await consumer.commit(0, Commit(0, [pair], [KeyValue(b"A", bytes(5_000))], [pair]))
        await consumer.close(0)
        assert await consumer.open(0) == Restored()
        await consumer.commit(0, Commit(0, [KeyValue(b"A", b"2")]))
    assert await read_all(log, Topic.SIGNALS) == [b"2"]


async def test_a_record_that_is_too_large_is_refused_and_the_appender_stays_usable(log: KafkaLog) -> None:
    async with log.appender("test") as appender:
        with pytest.raises(Mismatch, match=r"1100001 bytes for .*candles, key b'A', is too large"):
            await appender.append([KeyValue(b"A", b"before"), KeyValue(b"A", bytes(1_100_000))])
        await appender.append([KeyValue(b"A", b"after")])
    assert await read_all(log, Topic.CANDLES) == [b"after"]


async def test_a_commit_is_completed_if_its_caller_is_cancelled(log: KafkaLog) -> None:
    async with assigned_consumer(log) as consumer:
        await consumer.open(0)
        committing = asyncio.create_task(consumer.commit(0, Commit(7, [KeyValue(b"A", b"1")], [], [KeyValue(b"A", b"s")])))
        await asyncio.sleep(0)  # the commit starts
        await asyncio.sleep(0)
        committing.cancel()
        await asyncio.gather(committing, return_exceptions=True)
    assert await read_all(log, Topic.SIGNALS) in ([], [b"1"])
    assert not aiokafka_tasks()


async def test_keys_can_be_deleted_but_reserved_keys_are_refused(log: KafkaLog) -> None:
    async with assigned_consumer(log) as consumer:
        await consumer.open(0)
        await consumer.commit(0, Commit(0, [], [], [KeyValue(b"A", b"1"), KeyValue(b"B", b"2")]))
        await consumer.commit(0, Commit(0, [], [], [KeyValue(b"A", b"")]))
        assert await consumer.open(0) == Restored(0, {b"B": b"2"})
        with pytest.raises(ValueError, match="@log/"):
            await consumer.commit(0, Commit(0, [], [], [KeyValue(b"@log/position", b"9")]))


async def test_closing_does_not_wait_for_a_dead_broker() -> None:
    with broker() as own_broker:
        log = KafkaLog(own_broker.bootstrap, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS)
        async with log, log.reader(Topic.SIGNALS), log.appender("test") as appender, assigned_consumer(log) as consumer:
            await consumer.open(0)
            await asyncio.to_thread(own_broker.stop, kill=True)
            writes = (appender.append([KeyValue(b"A", b"1")]), consumer.commit(0, Commit(1)))
            results = await asyncio.gather(*writes, return_exceptions=True)
            assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert not aiokafka_tasks()


async def test_an_expired_transactional_id_counts_as_fenced() -> None:
    """After a week without candles in a partition, the next commit must lead to a restore, not stop the worker."""
    short_expirations = {
        "transactional.id.expiration.ms": "500",
        "producer.id.expiration.ms": "400",
        "transaction.remove.expired.transaction.cleanup.interval.ms": "200",
        "producer.id.expiration.check.interval.ms": "100",
    }
    with broker(extra_properties=short_expirations) as own_broker:
        log = KafkaLog(own_broker.bootstrap, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS)
        async with log, assigned_consumer(log) as consumer:
            await consumer.open(0)

            async def commit_every_two_seconds() -> None:
                async with asyncio.timeout(TIMEOUT_S):
                    while True:
                        await consumer.commit(0, Commit(0, [KeyValue(b"A", b"1")]))
                        await asyncio.sleep(2)

            with pytest.raises(Fenced):
                await commit_every_two_seconds()
            await consumer.close(0)
            assert (await consumer.open(0)).position == 0


def test_repeated_warnings_are_limited() -> None:
    log_filter = LogFilter()

    def passes(text: str, *values: object, at_s: float) -> bool:
        record = logging.LogRecord("aiokafka.client", logging.ERROR, "", 0, text, values, None)
        record.created = at_s
        return log_filter.filter(record)

    assert passes("Unable connect to %s", "one", at_s=100.0)
    assert not passes("Unable connect to %s", "two", at_s=102.0)
    assert passes("Unable to update metadata", at_s=102.0)
    assert passes("Unable connect to %s", "one", at_s=106.0)
    assert not passes("Got error %s", "NotEnoughReplicasError", at_s=200.0)


def test_only_abandoned_futures_of_aiokafka_are_filtered() -> None:
    def passes(text: str, error: Exception) -> bool:
        return is_not_abandoned_future(logging.LogRecord("asyncio", logging.ERROR, "", 0, text, (), (type(error), error, None)))

    assert not passes("Future exception was never retrieved\nfuture: <Future>", KafkaError("gone"))
    assert passes("Future exception was never retrieved\nfuture: <Future>", ValueError("a bug of ours"))
    assert passes("Task was destroyed but it is pending", KafkaError("gone"))

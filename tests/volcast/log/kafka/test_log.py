"""The log on Kafka beyond the contract: topics and policies, brokers that start late or stop, rebalances, retention."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from tests.log_access import TIMEOUT_S, anything, fill, opened, polled, records_of
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Mismatch, Topic, Unavailable
from volcast.log.kafka.client import partition_of
from volcast.log.kafka.log import KafkaLog
from volcast.log.retry import while_unavailable
from volcast.proof.processes.broker import Broker, broker, is_responding

RANDOM = Random(1)  # no secret: jitter


@pytest.fixture(scope="module")
def broker_of_this_file() -> Iterator[Broker]:
    with broker() as made:
        yield made


@pytest.fixture
def own_broker(broker_of_this_file: Broker) -> Iterator[Broker]:
    """A broker that the test may stop. It runs again for the next test, which has topics of its own."""
    yield broker_of_this_file
    if not is_responding(int(broker_of_this_file.bootstrap.rpartition(":")[2])):
        broker_of_this_file.stop(kill=True)
        broker_of_this_file.start()


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def configuration(client: AIOKafkaAdminClient, topic: str) -> dict[str, Any]:
    (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    (resource,) = answer.resources
    return {entry[0]: entry[1] for entry in resource[4]}


async def append(log: KafkaLog, *values: bytes, key: bytes = b"A") -> None:
    await fill(log, [KeyValue(key, value) for value in values])


async def assigned_partitions(consumer: Consumer, count: int) -> dict[int, int]:
    """Wait until the consumer has `count` partitions, and return its assignment."""
    async with asyncio.timeout(TIMEOUT_S):
        while len(assigned := await consumer.assignment()) != count:
            await consumer.poll(1, 0.05)
    return dict(assigned)


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_partition_of_a_key_is_that_of_the_java_client(key: bytes, murmur2: int) -> None:
    assert partition_of(key, 1_000) == (murmur2 & 0x7FFFFFFF) % 1_000


async def test_topics_are_created_with_their_policies(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with (
        KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=3, retention_ms=7_200_000, retention_bytes=50_000_000),
        admin(kafka_bootstrap) as client,
    ):
        for topic in Topic:
            (described,) = await client.describe_topics([kafka_prefix + topic])
            assert len(described["partitions"]) == 3
            found = await configuration(client, kafka_prefix + topic)
            assert found["cleanup.policy"] == ("compact" if topic in (Topic.STATE, Topic.MODELS) else "delete")
            assert found["message.timestamp.type"] == "LogAppendTime"
            if topic is Topic.STATE:
                assert int(found["max.compaction.lag.ms"]) <= 600_000
            elif topic is not Topic.MODELS:
                assert found["retention.ms"] == "7200000"
                assert (found["retention.bytes"], found["segment.bytes"]) == ("50000000", "5000000")


async def test_topics_may_be_created_by_several_clients_at_once(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async def enter() -> None:
        async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix):
            pass

    await asyncio.gather(*(enter() for _ in range(5)))


async def test_another_partition_count_is_refused(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2):
        pass
    with pytest.raises(Mismatch, match=r"has 2 partitions, the setting partitions says 3.*set partitions to 2"):
        await KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=3).__aenter__()


async def test_topics_with_different_partition_counts_are_refused(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2), admin(kafka_bootstrap) as client:
        await client.create_partitions({f"{kafka_prefix}signals": NewPartitions(5)})
        async with asyncio.timeout(TIMEOUT_S):
            while len((await client.describe_topics([f"{kafka_prefix}signals"]))[0]["partitions"]) != 5:
                await asyncio.sleep(0.05)
    with pytest.raises(Mismatch, match=r"signals has 5 partitions"):
        await KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2).__aenter__()


async def test_a_state_topic_without_compaction_is_refused(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with admin(kafka_bootstrap) as client:
        await client.create_topics([NewTopic(f"{kafka_prefix}state", 4, 1)])
    with pytest.raises(Mismatch, match=r"state has cleanup.policy delete, it must be compact"):
        await KafkaLog(kafka_bootstrap, prefix=kafka_prefix).__aenter__()


async def test_entering_waits_for_a_broker_that_starts_later(own_broker: Broker, kafka_prefix: str) -> None:
    own_broker.stop(kill=True)
    log = KafkaLog(own_broker.bootstrap, prefix=kafka_prefix)
    entering = asyncio.create_task(log.__aenter__())
    await asyncio.sleep(0.5)
    assert not entering.done()
    await asyncio.to_thread(own_broker.start)
    async with asyncio.timeout(TIMEOUT_S):
        await entering
    await append(log, b"1")


async def test_appender_consumer_and_reader_survive_a_restart_of_the_broker(own_broker: Broker, kafka_prefix: str) -> None:
    async with (
        KafkaLog(own_broker.bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log,
        log.reader(Topic.CANDLES) as reader,
    ):
        await append(log, b"1")
        async with log.consumer() as consumer:
            await assigned_partitions(consumer, 1)
            await opened(consumer)
            (record,) = await polled(consumer, 1)
            await consumer.commit(0, Commit(record.offset + 1, [KeyValue(b"A", b"1")]))
            await asyncio.to_thread(own_broker.stop, kill=True)
            await asyncio.to_thread(own_broker.start)
            async with asyncio.timeout(TIMEOUT_S):
                await while_unavailable("append", lambda: append(log, b"2"), RANDOM)

                async def commit_next() -> None:
                    await assigned_partitions(consumer, 1)
                    await opened(consumer)
                    (following,) = await polled(consumer, 1)
                    assert following.value == b"2"
                    try:
                        await consumer.commit(0, Commit(following.offset + 1, [KeyValue(b"A", b"2")]))
                    except Fenced as fenced:  # open it again, as a worker does
                        raise Unavailable(str(fenced)) from fenced

                await while_unavailable("commit", commit_next, RANDOM)
        seen: list[bytes] = []
        async with asyncio.timeout(TIMEOUT_S):
            while len(seen) < 2:
                seen += [each.value for each in await reader.read(10, 0.2)]
        assert seen == [b"1", b"2"]


async def test_an_outage_longer_than_a_transaction_timeout_is_not_a_fencing(own_broker: Broker, kafka_prefix: str) -> None:
    """The broker aborts the transaction and fences its producer: a replay must continue, not stop as if another took over."""
    async with (
        KafkaLog(own_broker.bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=2_000) as log,
        log.appender("test") as appender,
    ):
        await appender.append([KeyValue(b"A", b"1")])
        await asyncio.to_thread(own_broker.stop, kill=True)
        appending = asyncio.create_task(appender.append([KeyValue(b"A", b"2")]))
        await asyncio.sleep(3)
        await asyncio.to_thread(own_broker.start)
        async with asyncio.timeout(TIMEOUT_S):
            await asyncio.wait([appending])
        assert not isinstance(appending.exception(), Fenced)
        await while_unavailable("append", lambda: append(log, b"3"), RANDOM)


async def test_log_messages_are_limited_during_an_outage(
    own_broker: Broker, kafka_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with KafkaLog(own_broker.bootstrap, prefix=kafka_prefix, partitions=1) as log, log.appender("test") as appender:
        await appender.append([KeyValue(b"A", b"1")])
        await asyncio.to_thread(own_broker.stop, kill=True)
        caplog.clear()
        appending = asyncio.create_task(appender.append([KeyValue(b"A", b"2")]))
        await asyncio.sleep(2)
        assert 0 < len(caplog.records) < 20
        await asyncio.to_thread(own_broker.start)
        async with asyncio.timeout(TIMEOUT_S):
            await asyncio.wait([appending])


async def test_two_workers_share_the_partitions(kafka_bootstrap: str, kafka_prefix: str) -> None:
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, session_timeout_ms=6_000)
    async with log, log.consumer() as first:
        alone = await assigned_partitions(first, 4)
        async with log.consumer() as second:
            shared = await assigned_partitions(first, 2)
            others = await assigned_partitions(second, 2)
            assert {*shared, *others} == {0, 1, 2, 3}
            assert all(epoch != alone[partition] for partition, epoch in shared.items())
        again = await assigned_partitions(first, 4)
        assert all(epoch != shared.get(partition) for partition, epoch in again.items())


async def test_a_revoked_partition_is_not_polled(kafka_bootstrap: str, kafka_prefix: str) -> None:
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)
    async with log, log.consumer() as first:
        epoch = (await assigned_partitions(first, 1))[0]
        await opened(first)
        async with log.consumer() as second:
            async with asyncio.timeout(TIMEOUT_S):
                while (await first.assignment()).get(0) == epoch and not await second.assignment():
                    await first.poll(1, 0.05)
            await append(log, b"1")
            assert await first.poll(10, 0.5) == {}


async def test_candles_deleted_before_they_were_read_are_an_error(kafka_bootstrap: str, kafka_prefix: str) -> None:
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)
    async with log:
        await append(log, b"1", b"2", b"3")
        async with log.consumer() as consumer:
            await assigned_partitions(consumer, 1)
            await opened(consumer)
            first, *_ = await polled(consumer, 3)
            await consumer.commit(0, Commit(first.offset + 1))
            async with admin(kafka_bootstrap) as client:
                await client.delete_records({TopicPartition(f"{kafka_prefix}candles", 0): RecordsToDelete(3)})
            await consumer.close(0)
            with pytest.raises(Mismatch, match=r"continues at 1, the log holds 3 to 4"):
                await consumer.open(0)


async def test_last_waits_for_open_transactions_of_others(kafka_bootstrap: str, kafka_prefix: str) -> None:
    """An open transaction hides records that were committed after its start: if `last` missed them, they came twice."""
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=3_000)
    async with log:
        hanging = log._client.producer("hanging")
        await hanging.start()
        await hanging.begin_transaction()
        await hanging.send_and_wait(f"{kafka_prefix}candles", b"never", key=b"B", partition=0)
        await append(log, b"1", b"2")
        async with log.appender("test") as appender, asyncio.timeout(TIMEOUT_S):
            last = await appender.last(b"A", anything)
        assert last is not None
        assert last.value == b"2"
        await hanging.stop()


async def test_a_reader_waits_for_a_commit_without_its_markers(kafka_bootstrap: str, kafka_prefix: str) -> None:
    """A commit is answered before its markers are written: until then the last stable offset lies before it."""
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)
    async with log, log.appender("test") as appender:
        for count in range(1, 30):
            await appender.append([KeyValue(b"A", b"%d" % count)])
            assert len(await records_of(log, Topic.CANDLES)) == count

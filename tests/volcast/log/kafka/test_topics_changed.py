"""Topics that are no longer what the state was made from: found out at once, said in a sentence, and nothing is written."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.log_ends import PATIENCE_S, fill, opened, polled
from volcast.log.contract import Commit, Consumer, KeyValue, Mismatch, Restored, Topic
from volcast.log.kafka.log import KafkaLog


@pytest.fixture
def one(kafka_bootstrap: str, kafka_prefix: str) -> KafkaLog:
    return KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)


async def held(consumer: Consumer) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)


async def dealt_with(log: KafkaLog, *values: bytes) -> None:
    """Candles that were read, and a commit behind the last."""
    await fill(log, [KeyValue(b"A", value) for value in values])
    async with log.consumer() as consumer:
        await held(consumer)
        await opened(consumer)
        *_, last = await polled(consumer, len(values))
        await consumer.commit(0, Commit(last.offset + 1, snapshots=[KeyValue(b"A", b"s")]))


async def recreate(admin: AIOKafkaAdminClient, topic: str) -> None:
    await admin.delete_topics([topic])
    async with asyncio.timeout(PATIENCE_S):
        while topic in await admin.list_topics() or (await admin.create_topics([NewTopic(topic, 1, 1)])).topic_errors[0][1]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("count", [2, 5], ids=["shorter", "longer"])
async def test_a_recreated_topic_is_found_out_however_long_it_is(
    one: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient, count: int
) -> None:
    async with one:
        await dealt_with(one, b"1", b"2", b"3")
    await recreate(admin, f"{kafka_prefix}candles")
    async with one:
        await fill(one, [KeyValue(b"A", b"another %d" % i) for i in range(count)])
        async with one.consumer() as consumer:
            with pytest.raises(Mismatch, match=r"candles, partition 0.*was recreated.*choose another topic_prefix"):
                await consumer.open(0)


async def test_the_check_survives_a_commit_that_moves_nothing(
    one: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    async with one:
        await dealt_with(one, b"1", b"2")
        async with one.consumer() as consumer:
            restored = await consumer.open(0)
            await consumer.commit(0, Commit(restored.position, snapshots=[KeyValue(b"A", b"t")]))
    await recreate(admin, f"{kafka_prefix}candles")
    async with one:
        await fill(one, [KeyValue(b"A", b"another %d" % i) for i in range(4)])
        with pytest.raises(Mismatch, match="was recreated"):
            await one.peek()


async def test_a_log_with_more_partitions_than_its_state_was_made_with(
    kafka_bootstrap: str, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """Also where the one that is opened first is new."""
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)
    async with log:
        await dealt_with(log, b"1")
    await admin.create_partitions({kafka_prefix + topic: NewPartitions(2) for topic in Topic})
    more = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=6_000)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await more.__aenter__()
            except Mismatch:  # not all brokers know of it yet
                await asyncio.sleep(0.05)
            else:
                break
    async with more.consumer() as consumer:
        for partition in (1, 0):
            with pytest.raises(Mismatch, match=r"was made with 1 partitions, now there are 2.*volcast state export"):
                await consumer.open(partition)


async def test_what_retention_has_cut_is_told(one: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient) -> None:
    async with one:
        await dealt_with(one, b"1", b"2", b"3")
        await admin.delete_records({TopicPartition(f"{kafka_prefix}candles", 0): RecordsToDelete(2)})
        async with one.consumer() as consumer:
            restored = await consumer.open(0)
            assert restored == Restored(3, {b"A": b"s"}, 3)
            assert restored.earliest == 2

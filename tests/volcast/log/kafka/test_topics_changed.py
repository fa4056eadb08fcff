"""Topics that are no longer those that the state was made from: detected at once, one clear message, nothing is written."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.log_access import TIMEOUT_S, fill, opened, polled
from volcast.log.contract import Commit, Consumer, KeyValue, Mismatch, Reader, Record, Restored, Topic
from volcast.log.kafka.log import KafkaLog


@pytest.fixture
def log(kafka_bootstrap: str, kafka_prefix: str) -> KafkaLog:
    return KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)


async def until_assigned(consumer: Consumer) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)


async def fill_and_commit(log: KafkaLog, *values: bytes) -> None:
    """Append candles, read them, and commit the position after the last one."""
    await fill(log, [KeyValue(b"A", value) for value in values])
    async with log.consumer() as consumer:
        await until_assigned(consumer)
        await opened(consumer)
        *_, last = await polled(consumer, len(values))
        await consumer.commit(0, Commit(last.offset + 1, snapshots=[KeyValue(b"A", b"s")]))


async def recreate(admin: AIOKafkaAdminClient, topic: str) -> None:
    await admin.delete_topics([topic])
    async with asyncio.timeout(TIMEOUT_S):
        new = NewTopic(topic, 1, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})
        while topic in await admin.list_topics() or (await admin.create_topics([new])).topic_errors[0][1]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("count", [2, 5], ids=["shorter", "longer"])
async def test_a_recreated_topic_is_detected_whatever_its_length(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient, count: int
) -> None:
    async with log:
        await fill_and_commit(log, b"1", b"2", b"3")
    await recreate(admin, f"{kafka_prefix}candles")
    async with log:
        await fill(log, [KeyValue(b"A", b"another %d" % i) for i in range(count)])
        async with log.consumer() as consumer:
            with pytest.raises(Mismatch, match=r"candles, partition 0.*was recreated.*choose another topic_prefix"):
                await consumer.open(0)


@pytest.mark.parametrize("topic", [Topic.SIGNALS, Topic.REJECTED])
async def test_a_topic_of_output_that_was_recreated_is_detected(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient, topic: Topic
) -> None:
    """The state would go on as if all output were there. If state and output are gone, all is computed again."""
    async with log:
        await fill(log, [KeyValue(b"A", b"1"), KeyValue(b"A", b"2"), KeyValue(b"A", b"3")])
        async with log.consumer() as consumer:
            await until_assigned(consumer)
            await opened(consumer)
            output = [KeyValue(b"A", b"s")]
            for candle in await polled(consumer, 3):
                await consumer.commit(0, Commit(candle.offset + 1, output, output, output))
        async with log.consumer() as consumer:  # what an owner before has written is known to the next one
            await until_assigned(consumer)
            position = (await opened(consumer)).position
            await consumer.commit(0, Commit(position, snapshots=[KeyValue(b"A", b"t")]))
    await recreate(admin, f"{kafka_prefix}{topic}")
    sentence = (
        rf"{topic}, partition 0: it ends at 0, but offset \d+ was written: the topic was recreated.*then all is computed again"
    )
    async with log, log.consumer() as consumer:
        with pytest.raises(Mismatch, match=sentence):
            await consumer.open(0)
    await recreate(admin, f"{kafka_prefix}{Topic.SIGNALS}")
    await recreate(admin, f"{kafka_prefix}{Topic.REJECTED}")
    await admin.delete_topics([f"{kafka_prefix}{Topic.STATE}"])
    async with asyncio.timeout(TIMEOUT_S):
        while f"{kafka_prefix}{Topic.STATE}" in await admin.list_topics():
            await asyncio.sleep(0.05)
    async with log, log.consumer() as consumer:
        await until_assigned(consumer)
        assert (await opened(consumer)).position == 0
        assert len(await polled(consumer, 3)) == 3


async def test_a_commit_at_the_same_position_keeps_the_check(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    async with log:
        await fill_and_commit(log, b"1", b"2")
        async with log.consumer() as consumer:
            restored = await consumer.open(0)
            await consumer.commit(0, Commit(restored.position, snapshots=[KeyValue(b"A", b"t")]))
    await recreate(admin, f"{kafka_prefix}candles")
    async with log:
        await fill(log, [KeyValue(b"A", b"another %d" % i) for i in range(4)])
        with pytest.raises(Mismatch, match="was recreated"):
            await log.peek()


async def test_another_partition_count_than_the_state_was_made_with_is_refused(
    kafka_bootstrap: str, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """The order of the opens does not matter, also if the first one is a new partition."""
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)
    async with log:
        await fill_and_commit(log, b"1")
    await admin.create_partitions({kafka_prefix + topic: NewPartitions(2) for topic in Topic})
    more = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=6_000)
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await more.__aenter__()
            except Mismatch:  # not all brokers know the new partitions yet
                await asyncio.sleep(0.05)
            else:
                break
    async with more.consumer() as consumer:
        for partition in (1, 0):
            with pytest.raises(Mismatch, match=r"was made with 1 partitions, now there are 2.*volcast state export"):
                await consumer.open(partition)


async def test_earliest_is_the_first_candle_that_retention_has_left(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    async with log:
        await fill_and_commit(log, b"1", b"2", b"3")
        await admin.delete_records({TopicPartition(f"{kafka_prefix}candles", 0): RecordsToDelete(2)})
        async with log.consumer() as consumer:
            restored = await consumer.open(0)
            assert restored == Restored(3, {b"A": b"s"}, 3)
            assert restored.earliest == 2


async def test_a_reader_says_when_its_topic_was_recreated(log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient) -> None:
    """Watching the topics every few seconds does not show that one was away for a moment; its offsets do."""
    async with log, log.reader(Topic.CANDLES) as reader:
        await fill(log, [KeyValue(b"A", b"%d" % i) for i in range(3)])
        read: list[Record] = []
        async with asyncio.timeout(TIMEOUT_S):
            while len(read) < 3:
                read += await reader.read(10, 0.2)
        await recreate(admin, f"{kafka_prefix}candles")
        await fill(log, [KeyValue(b"A", b"another")])
        with pytest.raises(Mismatch, match=r"candles, partition 0: its offsets went back from 2 to 0: .* created anew"):
            await read_on(reader)


async def read_on(reader: Reader) -> None:
    """Read without an end; any record is one too many."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            assert not await reader.read(10, 0.2)

"""The time of a record on Kafka is the broker's: the clock of a machine that writes can't get records refused or deleted."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from tests.log_access import TIMEOUT_S
from volcast.log.contract import Mismatch, Topic
from volcast.log.kafka.log import KafkaLog

HOUR_MS = 3_600_000
LOG_APPEND_TIME = 1
NOW_MS = int(time.time() * 1_000)
CLOCKS_MS = [NOW_MS + 2 * HOUR_MS, NOW_MS - 30 * 24 * HOUR_MS, 0, NOW_MS + 100 * 365 * 24 * HOUR_MS]
"""Two hours ahead, 30 days behind, in 1970, and a century ahead."""


@pytest.mark.parametrize("topic", Topic)
async def test_records_of_a_machine_with_a_wrong_clock_are_accepted_and_get_the_brokers_time(
    kafka_bootstrap: str, kafka_prefix: str, topic: Topic
) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, retention_ms=HOUR_MS):
        tp = TopicPartition(kafka_prefix + topic, 0)
        producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
        await producer.start()
        await consumer.start()
        try:
            for clock_ms in CLOCKS_MS:
                await producer.send_and_wait(tp.topic, b"value", key=b"A", partition=0, timestamp_ms=clock_ms)
            consumer.assign([tp])
            async with asyncio.timeout(TIMEOUT_S):
                records = [await consumer.getone() for _ in CLOCKS_MS]
        finally:
            await producer.stop()
            await consumer.stop()
    assert {record.timestamp_type for record in records} == {LOG_APPEND_TIME}
    assert all(abs(record.timestamp - NOW_MS) < HOUR_MS for record in records)


@pytest.mark.parametrize("topic", Topic)
async def test_an_existing_topic_with_the_time_of_its_writers_is_refused(
    kafka_bootstrap: str, kafka_prefix: str, admin: AIOKafkaAdminClient, topic: Topic
) -> None:
    """The sentence has the command that helps."""
    policy = "compact" if topic in (Topic.STATE, Topic.MODELS) else "delete"
    name = kafka_prefix + topic
    await admin.create_topics([NewTopic(name, 4, 1, topic_configs={"cleanup.policy": policy})])
    command = f"kafka-configs.sh --bootstrap-server {kafka_bootstrap} --alter --entity-type topics --entity-name {name} "
    with pytest.raises(Mismatch, match=r"message\.timestamp\.type CreateTime, it must be LogAppendTime") as refused:
        await KafkaLog(kafka_bootstrap, prefix=kafka_prefix).__aenter__()
    assert command + "--add-config message.timestamp.type=LogAppendTime`" in str(refused.value)
    altered = {"cleanup.policy": policy, "message.timestamp.type": "LogAppendTime"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, altered)])
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix):
                    break
            except Mismatch:  # the broker takes the new setting over a moment later
                await asyncio.sleep(0.05)

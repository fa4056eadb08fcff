"""All of Kafka's codecs are read: those of foreign producers, and those that a topic applies to our own records."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.log_access import anything, fill, records_of
from volcast.log.contract import KeyValue, Topic
from volcast.log.kafka.log import KafkaLog

CODECS = ["gzip", "snappy", "lz4", "zstd"]
VALUES = [b"value %d " % number * 50 for number in range(50)]


@pytest.fixture
def log(kafka_bootstrap: str, kafka_prefix: str) -> KafkaLog:
    return KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)


@pytest.mark.parametrize("codec", CODECS)
async def test_records_that_a_foreign_producer_compressed_are_read(
    log: KafkaLog, kafka_bootstrap: str, kafka_prefix: str, codec: str
) -> None:
    async with log:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, compression_type=codec, linger_ms=50)
        await producer.start()
        try:
            for value in VALUES:
                await producer.send(f"{kafka_prefix}candles", value, key=b"A", partition=0)
        finally:
            await producer.stop()
        assert [record.value for record in await records_of(log, Topic.CANDLES)] == VALUES


@pytest.mark.parametrize("codec", CODECS)
async def test_records_that_the_topic_compresses_are_read(
    log: KafkaLog, kafka_prefix: str, admin: AIOKafkaAdminClient, codec: str
) -> None:
    """A producer that resumes reads its own records."""
    async with log:
        settings = {"message.timestamp.type": "LogAppendTime", "compression.type": codec}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, f"{kafka_prefix}candles", settings)])
        await fill(log, [KeyValue(b"A", value) for value in VALUES])
        async with log.appender("test") as appender:
            last = await appender.last(b"A", anything)
        assert last
        assert last.value == VALUES[-1]
        assert [record.value for record in await records_of(log, Topic.CANDLES)] == VALUES

"""The topic of the state is compacted while it grows, so that a restore stays bounded however many snapshots were written."""

import asyncio

from tests.log_access import TIMEOUT_S
from volcast.log.contract import Commit, KeyValue, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.kafka.reader import bounds, read_range, reading_from

KEYS = 10
SNAPSHOT_BYTES = 90_000
ROUNDS = 90
WRITTEN_BYTES = KEYS * SNAPSHOT_BYTES * ROUNDS
SEGMENT_BYTES = 16 * 1024 * 1024


async def bytes_to_read(log: KafkaLog) -> int:
    """Return the number of bytes that a restore of partition 0 reads."""
    tp = log._client.at(Topic.STATE, 0)
    begin, end = (await bounds(log._client, [tp]))[tp]
    async with reading_from(log._client, {tp: begin}) as consumer:
        return sum([len(r.value or b"") async for records in read_range(log._client, consumer, tp, begin, end) for r in records])


async def test_outdated_snapshots_are_compacted(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log:
        async with log.consumer() as consumer:
            await consumer.open(0)
            for count in range(ROUNDS):
                snapshots = [
                    KeyValue(b"S%d" % key, b"%d" % count * (SNAPSHOT_BYTES // len(b"%d" % count))) for key in range(KEYS)
                ]
                await consumer.commit(0, Commit(0, snapshots=snapshots))
        async with asyncio.timeout(2 * TIMEOUT_S):
            while (size := await bytes_to_read(log)) > 2 * SEGMENT_BYTES:
                await asyncio.sleep(0.5)
        assert size < WRITTEN_BYTES / 2
        restored = (await log.peek())[0]
        assert {value[:2] for value in restored.snapshots.values()} == {b"89"}
        assert len(restored.snapshots) == KEYS

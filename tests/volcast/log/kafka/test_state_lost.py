"""A topic of the state that was emptied, or that lost keys: symbols are rebuilt, or the consumer says what is gone."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from consumer.shard import Shard
from tests.log_access import fill, records_of
from tests.volcast.commands.consumed_log import candles, consuming, expected, rules
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Fenced, Mismatch, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.kafka.state import MARKER, POSITION, Marker, restore
from volcast.log.kafka.writer import Writer, open_writer

SYMBOLS = ("BTCUSDT", "ETHUSDT")
Pair = tuple[bytes, bytes | None]


@pytest.fixture
def log(kafka_bootstrap: str, kafka_prefix: str) -> KafkaLog:
    return KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000)


async def consume(log: KafkaLog, minutes: range) -> None:
    async with log:
        await fill(log, candles(minutes, SYMBOLS))
        async with consuming(log, snapshot_records=1) as worker:
            await worker.drained()


async def delete_keys(bootstrap: str, topic: str, lost: Callable[[bytes], bool], log: KafkaLog) -> None:
    async with log:
        stored = (await log.peek())[0].snapshots
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for key in (*stored, POSITION, MARKER):
        if lost(key):
            await producer.send_and_wait(topic, None, key=key, partition=0)
    await producer.stop()


@pytest.mark.parametrize("lost", [b"ETHUSDT", POSITION, b"@checkpoint", b"@manifest"])
async def test_a_lost_key_changes_no_signal(log: KafkaLog, kafka_bootstrap: str, kafka_prefix: str, lost: bytes) -> None:
    await consume(log, range(20))
    await delete_keys(kafka_bootstrap, f"{kafka_prefix}state", lambda key: key == lost, log)
    await consume(log, range(20, 30))
    async with log:
        values = [record.value for record in await records_of(log, Topic.SIGNALS) if record.key == b"ETHUSDT"]
    assert [each for each in values if isinstance(decode_signal(each), Signal)] == expected(candles(range(30), SYMBOLS))[
        b"ETHUSDT"
    ]


async def test_an_emptied_state_is_not_taken_for_a_beginning(log: KafkaLog, kafka_bootstrap: str, kafka_prefix: str) -> None:
    await consume(log, range(5))
    await delete_keys(kafka_bootstrap, f"{kafka_prefix}state", lambda _: True, log)
    async with log:
        restored = (await log.peek())[0]
    with pytest.raises(Mismatch, match=r"state, partition 0: there are signals or rejects, but the position .* is gone"):
        Shard(rules(), restored)


async def test_the_first_commit_of_a_successor_is_not_taken_for_a_lost_position(log: KafkaLog) -> None:
    """Two workers open a new partition at once, as in a rebalance; the second one has already committed."""
    client = log._client
    async with log:
        await fill(log, candles(range(5), SYMBOLS))
        overtaken = await open_writer(client, "volcast-consume-0")

        class OvertakenWriter(Writer):
            def __init__(self) -> None:
                self.writes = 0

            async def write(self, records: Mapping[TopicPartition, Sequence[Pair]]) -> Mapping[TopicPartition, int]:
                self.writes += 1
                written = await overtaken.write(records)
                if self.writes == 1:
                    async with consuming(log) as worker:
                        await worker.drained()
                return written

        try:
            with pytest.raises(Fenced):
                await restore(client, OvertakenWriter(), 0, Marker("a", client.partitions))
        finally:
            await overtaken.close()

"""The producer's end on Kafka."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from aiokafka import TopicPartition

from .contract import KeyValue, Record, Topic
from .kafka_client import Client, partition_of
from .kafka_reader import last_of_key
from .kafka_writer import Writer


class KafkaAppender:
    """Each append is a transaction, whatever partitions its keys fall into."""

    def __init__(self, client: Client, writer: Writer) -> None:
        self._client, self._writer = client, writer
        self._partitions = [client.at(Topic.CANDLES, partition) for partition in range(client.partitions)]

    async def last(self, key: bytes, wanted: Callable[[bytes], bool]) -> Record | None:
        return await last_of_key(self._client, Topic.CANDLES, partition_of(key, self._client.partitions), key, wanted)

    async def append(self, records: Sequence[KeyValue]) -> None:
        by_partition: dict[TopicPartition, list[KeyValue]] = defaultdict(list)
        for record in records:
            by_partition[self._partitions[partition_of(record.key, self._client.partitions)]].append(record)
        await self._writer.write(by_partition)

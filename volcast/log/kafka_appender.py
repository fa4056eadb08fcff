"""The producer's end on Kafka."""

from collections import defaultdict
from collections.abc import Sequence

from .contract import KeyValue, Record, Topic
from .kafka_client import Client, partition_of
from .kafka_reader import last_of_key
from .kafka_writer import Target, Writer


class KafkaAppender:
    """Each append is a transaction, whatever partitions its keys fall into."""

    def __init__(self, client: Client, writer: Writer, partitions: int) -> None:
        self._client, self._writer, self._partitions = client, writer, partitions
        self._topic = client.topic(Topic.CANDLES)

    async def last(self, key: bytes) -> Record | None:
        return await last_of_key(self._client, self._topic, partition_of(key, self._partitions), key)

    async def append(self, records: Sequence[KeyValue]) -> None:
        by_partition: dict[Target, list[KeyValue]] = defaultdict(list)
        for record in records:
            by_partition[self._topic, partition_of(record.key, self._partitions)].append(record)
        if by_partition:
            await self._writer.write(by_partition)

"""Transactions: records for several partitions, written as one atom by a producer that fences its forerunners."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from volcast.log.contract import Fenced, KeyValue, LogError, Mismatch, Record, Topic

from .client import MAX_BATCH_BYTES, Client, explained, partition_of, start, stop
from .reader import last_of_key

_Pair = tuple[bytes, bytes | None]
"""Key and value; a value of None deletes the key where a topic is compacted."""
_GRACE_S = 1.0
_OVERHEAD_BYTES = 200
"""More than what a record and its batch take beside key and value."""


class Writer:
    """A transactional producer. After an error it is of no more use."""

    def __init__(self, producer: AIOKafkaProducer, what: str, timeout_s: float) -> None:
        self._producer, self._what, self._timeout_s = producer, what, timeout_s
        self._writing: asyncio.Task[Mapping[TopicPartition, int]] | None = None
        self._broken: LogError | None = None

    async def write(self, records: Mapping[TopicPartition, Sequence[_Pair]]) -> Mapping[TopicPartition, int]:
        """All of them, or none; -> the offset of the last batch's first record in each partition.

        Raises Fenced, Unavailable, and Mismatch for a record that no batch can hold. Where the caller is cancelled, the
        transaction still comes to its end: half of one would hold up readers until the broker gives it up.
        """
        if self._broken:
            raise type(self._broken)(f"{self._what} was given up: {self._broken}")
        batches = {tp: list(self._batches(tp.topic, each)) for tp, each in records.items() if each}
        if not batches:
            return {}
        self._writing = asyncio.create_task(self._transact(batches))
        return await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Let go of it. What it leaves open is ended by the next one of its id, or by the broker after a while."""
        if self._writing and not self._writing.done():
            await asyncio.wait([self._writing], timeout=_GRACE_S)
            self._writing.cancel()
        if self._writing:
            await asyncio.gather(self._writing, return_exceptions=True)
        await stop(self._producer)
        self._failed_of()  # nobody else may have asked; asyncio would log it as an error that got lost

    async def _transact(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> Mapping[TopicPartition, int]:
        ending = False
        sent: dict[TopicPartition, list[asyncio.Future[Any]]] = defaultdict(list)
        try:
            with explained(self._what), self._with_its_cause():
                async with asyncio.timeout(self._timeout_s):
                    await self._producer.begin_transaction()
                    for tp, each in batches.items():
                        for batch in each:
                            sent[tp].append(await self._producer.send_batch(batch, tp.topic, partition=tp.partition))
                    # A batch that the broker refused says so here only: committing would pass over it.
                    await asyncio.gather(*(future for futures in sent.values() for future in futures))
                    ending = True
                    await self._producer.commit_transaction()
        except LogError as error:
            self._broken = error
            for future in (future for futures in sent.values() for future in futures):
                future.add_done_callback(_passed_over)
            if not ending and not isinstance(error, Fenced):
                await self._abort()
            raise
        return {tp: futures[-1].result().offset for tp, futures in sent.items()}

    @contextmanager
    def _with_its_cause(self) -> Iterator[None]:
        """Of a transaction that has failed between two calls, the next call says no more than "not in transaction"."""
        try:
            yield
        except (KafkaError, IllegalOperation) as error:
            failed_of = self._failed_of()
            if error.__cause__ is None and failed_of is not error:
                raise error from failed_of
            raise

    def _failed_of(self) -> BaseException | None:
        ending = self._producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001  # no public one
        return ending.exception() if ending is not None and ending.done() and not ending.cancelled() else None

    async def _abort(self) -> None:
        """As well as it goes, so that readers need not wait for the broker to do it."""
        with suppress(LogError, AssertionError), explained(self._what):
            async with asyncio.timeout(_GRACE_S):
                await self._producer.abort_transaction()

    def _batches(self, topic: str, records: Iterable[_Pair]) -> Iterable[Any]:
        """Made here: `send` for each record would cost most of the time."""
        batch = self._producer.create_batch()
        for key, value in records:
            size = len(key) + len(value or b"")
            if size + _OVERHEAD_BYTES > MAX_BATCH_BYTES:
                raise Mismatch(
                    f"a record of {size} bytes for {topic}, key {key[:100]!r}, is too large: Kafka takes {MAX_BATCH_BYTES}"
                )
            if batch.append(key=key, value=value, timestamp=None) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        yield batch


def _passed_over(future: "asyncio.Future[Any]") -> None:
    """What became of a batch whose transaction has failed: asked for, or asyncio would log it as an error that got lost."""
    if not future.cancelled():
        future.exception()


@asynccontextmanager
async def writer(client: Client, transactional_id: str) -> AsyncIterator[Writer]:
    """Open for as long as the `async with` lasts."""
    opened = await open_writer(client, transactional_id)
    try:
        yield opened
    finally:
        await opened.close()


async def open_writer(client: Client, transactional_id: str) -> Writer:
    """Fences the former one of this id, and waits until what that had open has ended. Raises Unavailable."""
    opened = Writer(client.producer(transactional_id), transactional_id, client.session_timeout_ms / 1_000)
    try:
        with explained(f"opening {transactional_id}"):
            await start(opened._producer, client.patience_s)  # noqa: SLF001  # its own
    except BaseException:
        await opened.close()
        raise
    return opened


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

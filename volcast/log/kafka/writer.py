"""Transactions: records for several partitions, written atomically by a producer that fences its predecessors."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from volcast.log.contract import Fenced, KeyValue, LogError, Mismatch, Record, Topic
from volcast.log.traced.context import outgoing_headers

from .client import MAX_BATCH_BYTES, KafkaClient, partition_of, start, stop
from .errors import translated_errors
from .reader import last_of_key

_Pair = tuple[bytes, bytes | None]
"""Key and value; a value of None deletes the key on a compacted topic."""
_GRACE_S = 1.0
_OVERHEAD_BYTES = 200
"""More than a record and its batch take in addition to key and value."""


class Writer:
    """A transactional producer, named `name` in error messages. After an error it can't be used any more."""

    def __init__(self, producer: AIOKafkaProducer, name: str, timeout_s: float) -> None:
        self._producer, self._name, self._timeout_s = producer, name, timeout_s
        self._writing: asyncio.Task[Mapping[TopicPartition, int]] | None = None
        self._broken: LogError | None = None

    async def write(self, records: Mapping[TopicPartition, Sequence[_Pair]]) -> Mapping[TopicPartition, int]:
        """Write all records atomically; return the offset of the first record of the last batch in each partition.

        Raises Fenced; Unavailable; Mismatch for a record that is too large. If the caller is cancelled, the transaction is
        still completed: an open one would block readers until the broker aborts it.
        """
        if self._broken:
            raise type(self._broken)(f"{self._name} failed before: {self._broken}")
        batches = {tp: list(self._batches(tp.topic, each)) for tp, each in records.items() if each}
        if not batches:
            return {}
        self._writing = asyncio.create_task(self._transact(batches))
        return await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Stop the producer. A transaction it leaves open is ended by the next producer of its id, or by the broker's timeout."""
        if self._writing and not self._writing.done():
            await asyncio.wait([self._writing], timeout=_GRACE_S)
            self._writing.cancel()
        if self._writing:
            await asyncio.gather(self._writing, return_exceptions=True)
        await stop(self._producer)
        self._transaction_error()  # retrieves the exception: asyncio logs one that is never retrieved

    async def _transact(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> Mapping[TopicPartition, int]:
        ending = False
        sent: dict[TopicPartition, list[asyncio.Future[Any]]] = defaultdict(list)
        try:
            with translated_errors(self._name), self._with_cause():
                async with asyncio.timeout(self._timeout_s):
                    await self._producer.begin_transaction()
                    for tp, each in batches.items():
                        for batch in each:
                            sent[tp].append(await self._producer.send_batch(batch, tp.topic, partition=tp.partition))
                    # The refusal of a batch is raised here only: a commit would silently leave the batch out.
                    await asyncio.gather(*(future for futures in sent.values() for future in futures))
                    ending = True
                    await self._producer.commit_transaction()
        except LogError as error:
            self._broken = error
            for future in (future for futures in sent.values() for future in futures):
                future.add_done_callback(_retrieve_exception)
            if not ending and not isinstance(error, Fenced):
                await self._abort()
            raise
        return {tp: futures[-1].result().offset for tp, futures in sent.items()}

    @contextmanager
    def _with_cause(self) -> Iterator[None]:
        """Add the cause to an error. If a transaction fails between two calls, aiokafka's next call only raises "not in
        transaction"; the reason is in the transaction manager.
        """
        try:
            yield
        except (KafkaError, IllegalOperation) as error:
            cause = self._transaction_error()
            if error.__cause__ is None and cause is not error:
                raise error from cause
            raise

    def _transaction_error(self) -> BaseException | None:
        ending = self._producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001  # there is no public one
        return ending.exception() if ending is not None and ending.done() and not ending.cancelled() else None

    async def _abort(self) -> None:
        """Try to abort the transaction, so that readers need not wait until the broker does it."""
        with suppress(LogError, AssertionError), translated_errors(self._name):
            async with asyncio.timeout(_GRACE_S):
                await self._producer.abort_transaction()

    def _batches(self, topic: str, records: Iterable[_Pair]) -> Iterable[Any]:
        """Yield the records in batches. They are built here as `send` for each record would take most of the time."""
        batch, headers = self._producer.create_batch(), outgoing_headers()
        for key, value in records:
            size = len(key) + len(value or b"")
            if size + _OVERHEAD_BYTES > MAX_BATCH_BYTES:
                raise Mismatch(
                    f"a record of {size} bytes for {topic}, key {key[:100]!r}, is too large: the limit is {MAX_BATCH_BYTES} bytes"
                )
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=headers)
            headers = []
        yield batch


def _retrieve_exception(future: "asyncio.Future[Any]") -> None:
    """Retrieve the exception of a batch whose transaction has failed: asyncio logs exceptions that are never retrieved."""
    if not future.cancelled():
        future.exception()


@asynccontextmanager
async def writer(client: KafkaClient, transactional_id: str) -> AsyncIterator[Writer]:
    """Open a Writer, and close it at the end of the `async with`. Raises as `open_writer`."""
    opened = await open_writer(client, transactional_id)
    try:
        yield opened
    finally:
        await opened.close()


async def open_writer(client: KafkaClient, transactional_id: str) -> Writer:
    """Start a Writer: fence the former producer of this id, and wait until its open transaction has ended. Raises Unavailable."""
    opened = Writer(client.producer(transactional_id), transactional_id, client.session_timeout_ms / 1_000)
    try:
        with translated_errors(f"opening {transactional_id}"):
            await start(opened._producer, client.timeout_s)  # noqa: SLF001  # this module's own class
    except BaseException:
        await opened.close()
        raise
    return opened


class KafkaAppender:
    """The appender on Kafka: each append is one transaction, over all the partitions that its keys belong to."""

    def __init__(self, client: KafkaClient, writer: Writer) -> None:
        self._client, self._writer = client, writer
        self._partitions = [client.at(Topic.CANDLES, partition) for partition in range(client.partitions)]

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        return await last_of_key(self._client, Topic.CANDLES, partition_of(key, self._client.partitions), key, matches)

    async def append(self, records: Sequence[KeyValue]) -> None:
        by_partition: dict[TopicPartition, list[KeyValue]] = defaultdict(list)
        for record in records:
            by_partition[self._partitions[partition_of(record.key, self._client.partitions)]].append(record)
        await self._writer.write(by_partition)

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        models = self._client.at(Topic.MODELS, 0)
        offsets = await self._writer.write({models: [record], **{tp: [marker] for tp in self._partitions}})
        return {tp.partition: offsets[tp] for tp in self._partitions}

"""The job written by hand on aiokafka, as fast as we could: what this client and this machine allow, without volcast's checks.

Each batch is one transaction with the results and the state, which says where to go on. Candles are neither checked nor put in
order, a record that can't be read ends the program, and what a late transaction end may do is not guarded against.
"""

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer import sender

from bench.peers.job import Model, Options, read_options
from bench.peers.programs.by_hand_step import step

MAX_BATCH_BYTES = 1_000_000
MAX_RECORDS = 10_000
_STATE = b"state"


async def run(options: Options) -> None:
    """Process candles until the process is ended."""
    sender.BACKOFF_OVERRIDE = 0.002  # its default is most of a commit's time
    producer = AIOKafkaProducer(
        bootstrap_servers=options.bootstrap,
        transactional_id=options.group,
        acks="all",
        max_batch_size=MAX_BATCH_BYTES,
        retry_backoff_ms=2,
        linger_ms=0,
    )
    await producer.start()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=options.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * MAX_BATCH_BYTES,
    )
    await consumer.start()
    candles = TopicPartition(options.candles, 0)
    state_topic = options.candles.removesuffix("candles") + "state"
    consumer.assign([candles])
    closes: list[float] = []
    model = Model() if options.has_model else None
    consumer.seek(candles, 0)  # each run has topics of its own; a restart would read the state first
    try:
        while True:
            records = (await consumer.getmany(candles, timeout_ms=250, max_records=MAX_RECORDS)).get(candles)
            if not records:
                continue
            answers = step(((each.key, each.value) for each in records), closes, model)
            state = pickle.dumps((records[-1].offset + 1, closes, model if options.stores_model else None))
            await producer.begin_transaction()
            sent = await send(producer, options.signals, answers) + await send(producer, state_topic, [(_STATE, state)])
            await asyncio.gather(*sent)
            await producer.commit_transaction()
    finally:
        await consumer.stop()
        await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, pairs: Sequence[tuple[bytes, bytes]]) -> list[Any]:
    """Send records in batches built here; return what is to be awaited."""
    sent, batch = [], producer.create_batch()
    for key, value in pairs:
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    sent.append(await producer.send_batch(batch, topic, partition=0))
    return sent


if __name__ == "__main__":
    asyncio.run(run(read_options()))

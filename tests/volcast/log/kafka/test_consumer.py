"""How far a partition is behind: the end of its log counts, also where an open transaction hides it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.log_access import TIMEOUT_S, fill, opened, polled
from volcast.log.contract import Consumer, KeyValue
from volcast.log.kafka.log import KafkaLog
from volcast.timing.stall import StallDetector

CANDLES = [KeyValue(b"A", b"%d" % number) for number in range(3)]


@pytest.fixture
async def log(kafka_bootstrap: str, kafka_prefix: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=30_000) as opened_log:
        yield opened_log


async def assigned(consumer: Consumer) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)


async def until_end(consumer: Consumer, expected: int) -> None:
    """Read on until the log's end is as expected: the position passes a marker only when it is fetched."""
    async with asyncio.timeout(TIMEOUT_S):
        while await consumer.end(0) != expected:
            await consumer.poll(10, 0.05)


async def test_at_the_end_of_the_log_nothing_is_left(log: KafkaLog) -> None:
    """The transaction's marker is no candle."""
    async with log.consumer() as consumer:
        await assigned(consumer)
        await opened(consumer)
        assert await consumer.end(0) == 0
        await fill(log, CANDLES)
        assert (await polled(consumer, 3))[-1].offset == 2
        await until_end(consumer, 3)
        await fill(log, CANDLES)
        await polled(consumer, 3)
        await until_end(consumer, 7)  # the marker has offset 3


async def test_an_aborted_transaction_is_no_standstill(log: KafkaLog, kafka_prefix: str) -> None:
    async with log.consumer() as consumer:
        await assigned(consumer)
        await opened(consumer)
        aborting = log._client.producer("aborting")
        await aborting.start()
        for _ in range(3):
            await aborting.begin_transaction()
            await aborting.send_and_wait(f"{kafka_prefix}candles", b"never", key=b"A", partition=0)
            await aborting.abort_transaction()
        await aborting.stop()
        await until_end(consumer, 0)


async def test_an_open_transaction_of_another_producer_shows_as_a_standstill(log: KafkaLog, kafka_prefix: str) -> None:
    async with log.consumer() as consumer:
        await assigned(consumer)
        await opened(consumer)
        stall, position = StallDetector(), 0
        stall.look(position, 0.0, end=await consumer.end(0))
        hanging = log._client.producer("hanging")
        await hanging.start()
        await hanging.begin_transaction()
        await hanging.send_and_wait(f"{kafka_prefix}candles", b"never", key=b"A", partition=0)
        await fill(log, CANDLES)
        assert await consumer.poll(10, 0.3) == {}
        ends = [await consumer.end(0) for _ in range(2)]
        assert ends == [5, 5]  # one open record, three committed ones and their marker
        assert [stall.look(position, at_s, end=end) for at_s, end in zip((5.0, 70.0), ends, strict=True)] == [0.0, 65.0]
        await hanging.abort_transaction()
        await hanging.stop()
        assert len(await polled(consumer, 3)) == 3


async def test_while_a_partition_is_not_open_a_poll_takes_a_while(log: KafkaLog) -> None:
    """As where its opening fails again and again. aiokafka asks the broker for an offset at each poll."""
    async with log.consumer() as consumer:
        await assigned(consumer)
        polls, began_s = 0, asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - began_s < 1.0:
            assert await consumer.poll(1, 0.25) == {}
            polls += 1
        assert polls <= 25

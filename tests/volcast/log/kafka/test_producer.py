"""The end of a transaction is delayed on the way and arrives in a later transaction of the same producer: nothing is written in
part or twice.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
from aiokafka.errors import for_code
from aiokafka.producer import sender

from tests.log_access import TIMEOUT_S, anything, fill, opened, records_of
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Topic, Unavailable
from volcast.log.kafka.log import KafkaLog
from volcast.log.kafka.producer import OnceSentEnd
from volcast.proof.processes.broker import Broker, broker
from volcast.proof.processes.kafka_proxy import KafkaProxy, kafka_proxy

SESSION_TIMEOUT_MS = 6_000
ENDED = 0
LARGE = [KeyValue(b"A", b"large %d " % number + bytes(400_000)) for number in range(6)]
"""Three batches: a transaction of several requests, so that its end may arrive in the middle."""


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    with broker() as running:
        yield running


@asynccontextmanager
async def proxied_log(own_broker: Broker) -> AsyncIterator[tuple[KafkaLog, KafkaLog, KafkaProxy]]:
    """Give a log through a proxy, with topics of its own; the same log without it; and the proxy."""
    prefix = f"{uuid4().hex[:12]}."
    async with kafka_proxy(own_broker.proxy_port, own_broker.proxied_port) as proxy:
        logs = [
            KafkaLog(bootstrap, prefix=prefix, partitions=1, session_timeout_ms=SESSION_TIMEOUT_MS)
            for bootstrap in (own_broker.bootstrap_by_proxy, own_broker.bootstrap)
        ]
        async with logs[0], logs[1]:
            yield logs[0], logs[1], proxy


@asynccontextmanager
async def assigned_consumer(log: KafkaLog) -> AsyncIterator[Consumer]:
    async with log.consumer() as consumer:
        async with asyncio.timeout(TIMEOUT_S):
            while not await consumer.assignment():
                await consumer.poll(1, 0.05)
        yield consumer


@pytest.mark.timeout(120)
async def test_a_delayed_end_of_a_commit_meets_a_new_epoch(own_broker: Broker) -> None:
    async with proxied_log(own_broker) as (log, direct, proxy), assigned_consumer(log) as consumer:
        await fill(direct, [KeyValue(b"A", b"%d" % number) for number in range(7)])
        await opened(consumer)
        delaying = asyncio.create_task(proxy.delay_end(TIMEOUT_S))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await consumer.commit(0, Commit(1, [KeyValue(b"A", b"first")]))
        restored = await opened(consumer)
        assert restored.position in (0, 1)
        await consumer.commit(0, Commit(7, LARGE))
        code = await delaying
        assert code is not None
        assert code != ENDED, "the delayed request ended a later transaction"
        signals = [record.value for record in await records_of(direct, Topic.SIGNALS)]
        assert [value for value in signals if value != b"first"] == [value for _, value in LARGE]
        assert (await opened(consumer)).position == 7


@pytest.mark.timeout(300)
async def test_without_the_new_epoch_a_delayed_end_commits_half_of_a_later_transaction(
    monkeypatch: pytest.MonkeyPatch, own_broker: Broker
) -> None:
    """The mutant: aiokafka's own handler sends the request again, with the same epoch.

    Whether the delayed request comes while the later transaction is open is a matter of time, so there are some attempts.
    """
    monkeypatch.setattr(sender, "EndTxnHandler", OnceSentEnd.__base__)
    for _ in range(4):
        if await ends_a_later_transaction(own_broker):
            return
    pytest.fail("no delayed end has met a later transaction")


async def ends_a_later_transaction(own_broker: Broker) -> bool:
    """Delay the end of a transaction until the next one is open; return whether it has ended half of that."""
    async with proxied_log(own_broker) as (log, direct, proxy), assigned_consumer(log) as consumer:
        await fill(direct, [KeyValue(b"A", b"%d" % number) for number in range(7)])
        await opened(consumer)
        delaying = asyncio.create_task(proxy.delay_end(TIMEOUT_S))
        await asyncio.sleep(0)
        await consumer.commit(0, Commit(1, [KeyValue(b"A", b"first")]))
        try:
            await consumer.commit(0, Commit(7, LARGE))
        except Fenced:
            assert await delaying == ENDED
            signals = [record.value for record in await records_of(direct, Topic.SIGNALS)]
            assert 1 < len(signals) < 1 + len(LARGE)
            assert (await opened(consumer)).position == 1
            return True
        delaying.cancel()
        await asyncio.wait([delaying])
        return False


@pytest.mark.timeout(120)
async def test_a_delayed_end_of_an_append_meets_a_new_epoch(own_broker: Broker) -> None:
    async with proxied_log(own_broker) as (log, direct, proxy):
        delaying = asyncio.create_task(proxy.delay_end(TIMEOUT_S))
        await asyncio.sleep(0)
        async with log.appender("test") as appender:
            with pytest.raises(Unavailable):
                await appender.append([KeyValue(b"A", b"first")])
        async with log.appender("test") as appender:
            last = await appender.last(b"A", anything)
            await appender.append(LARGE)
        code = await delaying
        assert code is not None
        assert code != ENDED, for_code(code)
        candles = [record.value for record in await records_of(direct, Topic.CANDLES)]
        assert candles == [*([b"first"] if last else []), *(value for _, value in LARGE)]


@pytest.mark.timeout(120)
async def test_an_end_that_is_not_sent_for_lack_of_a_connection_is_sent_later(own_broker: Broker) -> None:
    async with proxied_log(own_broker) as (log, direct, proxy), log.appender("test") as appender:
        await appender.append([KeyValue(b"A", b"first")])
        await proxy.cut(0.2)
        with suppress(Unavailable):  # the cut may meet the end of a transaction
            await appender.append([KeyValue(b"A", b"second")])
        candles = [record.value for record in await records_of(direct, Topic.CANDLES)]
        assert candles in ([b"first"], [b"first", b"second"])

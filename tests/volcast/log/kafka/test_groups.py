"""Two consumer groups on the same topics: one continues, the other ends with a sentence."""

import asyncio
from random import Random

import pytest

from consumer.rules import Rules
from consumer.worker import Worker
from tests.log_access import TIMEOUT_S, fill, records_of
from tests.market import record
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Commit, Consumer, Fenced, KeyValue, Mismatch, Topic
from volcast.log.kafka.log import KafkaLog

SESSION_TIMEOUT_MS = 3_000
RULES = Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=50)


def log_of(bootstrap: str, prefix: str, group: str) -> KafkaLog:
    return KafkaLog(bootstrap, prefix=prefix, partitions=2, group=group, session_timeout_ms=SESSION_TIMEOUT_MS)


def worker_on(log: KafkaLog) -> Worker:
    return Worker(log, RULES, 20, Random(1))


async def assigned(consumer: Consumer) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)


async def test_a_second_group_ends_with_a_sentence_and_does_not_disturb_the_first(
    kafka_bootstrap: str, kafka_prefix: str
) -> None:
    one, two = (log_of(kafka_bootstrap, kafka_prefix, group) for group in ("one", "another"))
    async with one, two:
        working = worker_on(one)
        running = asyncio.create_task(working.run())
        async with asyncio.timeout(TIMEOUT_S):
            while len(working.shards) < 2:  # the worker has no event for it
                await asyncio.sleep(0.05)
        with pytest.raises(Mismatch, match=r"the consumer group another can't consume the topics .*, as the group one does"):
            await worker_on(two).run()
        await fill(one, [KeyValue(b"BTCUSDT", record(minute, "1.00")) for minute in range(5)])
        async with asyncio.timeout(TIMEOUT_S):
            while len(await records_of(one, Topic.SIGNALS)) < 5:
                await asyncio.sleep(0.05)
        assert (working.stats.fencings, running.done()) == (0, False)
        running.cancel()
        await asyncio.wait([running])


async def test_several_groups_that_are_empty_do_not_matter(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with log_of(kafka_bootstrap, kafka_prefix, "own") as log:
        for name in ("a-former-group", "another-former-group"):
            async with log_of(kafka_bootstrap, kafka_prefix, name) as former, former.consumer() as consumer:
                await assigned(consumer)
        async with log.consumer() as consumer:
            await assigned(consumer)


async def test_the_next_group_waits_for_the_session_of_one_that_has_died(kafka_bootstrap: str, kafka_prefix: str) -> None:
    """A group is renamed: the old one's members count until the broker has noticed that they are gone."""
    one, two = (log_of(kafka_bootstrap, kafka_prefix, group) for group in ("one", "two"))
    async with one, two:
        static = KafkaLog(
            kafka_bootstrap,
            prefix=kafka_prefix,
            partitions=2,
            group="one",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            instance_id="a",  # such a member does not leave its group when it stops
        )
        async with static, static.consumer() as consumer:
            await assigned(consumer)
        async with two.consumer() as consumer:
            await assigned(consumer)


async def test_of_two_groups_that_start_at_once_the_first_by_name_continues(
    kafka_bootstrap: str, kafka_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def skipped(*_: object) -> None:
        """At the start, neither sees the other."""

    monkeypatch.setattr("volcast.log.kafka.consumer.wait_for_other_groups", skipped)
    first, second = (log_of(kafka_bootstrap, kafka_prefix, group) for group in ("a-group", "b-group"))
    async with first, second, first.consumer() as one, second.consumer() as two:
        for consumer in (one, two):
            await assigned(consumer)
        await one.open(0)
        await two.open(0)
        with pytest.raises(Fenced):
            await one.commit(0, Commit(0, [KeyValue(b"A", b"1")]))
        await one.open(0)
        with pytest.raises(Mismatch, match=r"the consumer group b-group can't consume .* as the group a-group does"):
            await two.commit(0, Commit(0, [KeyValue(b"A", b"2")]))
        await one.commit(0, Commit(0, [KeyValue(b"A", b"3")]))
        assert [each.value for each in await records_of(first, Topic.SIGNALS)] == [b"3"]


@pytest.mark.timeout(300)
async def test_of_two_consumers_with_one_instance_id_the_first_ends_with_a_sentence(
    kafka_bootstrap: str, kafka_prefix: str
) -> None:
    """The broker gives the place to whoever joined last: without an end they would fence each other several times a second."""
    first, second = (
        KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=SESSION_TIMEOUT_MS, instance_id="same")
        for _ in range(2)
    )
    async with first, second:
        displaced, going_on = worker_on(first), worker_on(second)
        ending = asyncio.create_task(displaced.run())
        async with asyncio.timeout(TIMEOUT_S):
            while len(displaced.shards) < 2:
                await asyncio.sleep(0.05)
        running = asyncio.create_task(going_on.run())
        with pytest.raises(Mismatch, match="instance_id same: another consumer of this group uses it too"):
            await asyncio.wait_for(ending, 2 * TIMEOUT_S)  # it joins again and again until it has been displaced often enough
        await fill(second, [KeyValue(b"BTCUSDT", record(minute, "1.00")) for minute in range(5)])
        async with asyncio.timeout(TIMEOUT_S):
            while len(await records_of(second, Topic.SIGNALS)) < 5:
                await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])

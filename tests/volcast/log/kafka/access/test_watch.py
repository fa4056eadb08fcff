"""A log that is lost while in use: its topics deleted, its user refused. One sentence, after a bounded time, and not before."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.log_access import TIMEOUT_S
from tests.volcast.log.kafka.secured_broker import add_scram_user
from volcast.log.contract import Consumer, KeyValue, Log, Mismatch, Topic, Unavailable
from volcast.log.kafka.access.security import KafkaSecurity
from volcast.log.kafka.access.watch import AccessWatch
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.broker import Broker

USER = "changing"


async def refusal_of(watch: AccessWatch) -> str:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                watch.check()
            except Mismatch as mismatch:
                return str(mismatch)
            await asyncio.sleep(0.02)


async def polled_until_refused(consumer: Consumer) -> str:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await consumer.poll(10, 0.2)
            except Mismatch as mismatch:
                return str(mismatch)
            await asyncio.sleep(0.1)  # without an open partition a poll returns at once


async def read_until_refused(log: Log) -> str:
    async with asyncio.timeout(TIMEOUT_S), log.reader(Topic.SIGNALS) as reader:
        while True:
            try:
                await reader.read(10, 0.2)
            except Mismatch as mismatch:
                return str(mismatch)


async def appended_until_refused(log: Log) -> str:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                async with log.appender("test") as appender:
                    await appender.append([KeyValue(b"A", b"1")])
            except Unavailable:
                pass
            except Mismatch as mismatch:
                return str(mismatch)
            await asyncio.sleep(0.2)


async def test_a_topic_that_is_deleted_ends_consumers_readers_and_appenders(
    kafka_bootstrap: str, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    async with (
        KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log,
        log.consumer() as consumer,
        log.appender("test") as appender,
    ):
        await appender.append([KeyValue(b"A", b"1")])
        await consumer.poll(1, 0.2)
        await admin.delete_topics([f"{kafka_prefix}candles"])
        sentences = await asyncio.gather(polled_until_refused(consumer), read_until_refused(log), appended_until_refused(log))
    for sentence in sentences:
        assert sentence.startswith(f"Kafka at {kafka_bootstrap}: deleted while in use: {kafka_prefix}candles; ")


async def test_partitions_that_are_added_end_consumers_readers_and_appenders(
    kafka_bootstrap: str, kafka_prefix: str, admin: AIOKafkaAdminClient
) -> None:
    """Foreign writers of candles use them at once, and nobody would read them. Two logs at a time: a watch looks every 10 s."""

    async def add_to(topic: Topic) -> None:
        prefix = f"{kafka_prefix}{topic.value}."
        async with (
            KafkaLog(kafka_bootstrap, prefix=prefix, partitions=1, session_timeout_ms=6_000) as log,
            log.consumer() as consumer,
        ):
            await consumer.poll(1, 0.2)
            await admin.create_partitions({f"{prefix}{topic.value}": NewPartitions(3)})
            sentences = await asyncio.gather(polled_until_refused(consumer), read_until_refused(log), appended_until_refused(log))
        for sentence in sentences:
            assert sentence.startswith(f"topic {prefix}{topic.value} has 3 partitions, the setting partitions says 1: ")

    await asyncio.gather(*map(add_to, (Topic.CANDLES, Topic.SIGNALS)))


async def test_a_password_that_was_changed_is_told_after_the_next_connection(scram_broker: Broker) -> None:
    """A connection that has signed in goes on: a password that is changed does not end what works."""
    add_scram_user(scram_broker.bootstrap, USER, "first")
    security = KafkaSecurity(USER, "first")
    async with KafkaLog(scram_broker.bootstrap_for_users, prefix="watched.", partitions=1, security=security):
        client = KafkaClient(scram_broker.bootstrap_for_users, "watched.", 1, security=security)
        watch = AccessWatch(client, every_s=0.1, again_s=0.1)
        watch.start()
        await asyncio.sleep(0.5)
        add_scram_user(scram_broker.bootstrap, USER, "second")
        await asyncio.sleep(1.0)
        watch.check()
        await asyncio.to_thread(scram_broker.stop)
        await asyncio.sleep(1.0)
        watch.check()
        await asyncio.to_thread(scram_broker.start)
        sentence = await refusal_of(watch)
        await watch.stop()
    by = "kafka_username, kafka_password and kafka_sasl_mechanism"
    assert sentence == (f"Kafka at {scram_broker.bootstrap_for_users} refuses to sign in {USER} by SCRAM-SHA-512: check {by}")


async def test_a_failure_is_looked_at_at_once_and_a_sound_log_goes_on(kafka_bootstrap: str, kafka_prefix: str) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1):
        watch = AccessWatch(KafkaClient(kafka_bootstrap, kafka_prefix, 1), every_s=3_600.0, again_s=0.1)
        watch.start()
        with pytest.raises(Unavailable, match="a broker that is busy"):
            async with watch.explained():
                raise Unavailable("a broker that is busy")
        await asyncio.sleep(1.0)
        watch.check()
        await watch.stop()


async def test_topics_that_come_late_are_waited_for(kafka_bootstrap: str, kafka_prefix: str) -> None:
    watch = AccessWatch(KafkaClient(kafka_bootstrap, kafka_prefix, 1), every_s=0.1, again_s=2.0)
    watch.start()
    await asyncio.sleep(1.0)
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1):
        await asyncio.sleep(3.0)
        watch.check()
        await watch.stop()

"""What a broker says of itself and of our topics, for a person: facts, without a judgement. Nothing is created or written.

It is used where the topics may be wrong in any way, so it refuses nothing but a broker that can't be asked.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from volcast.log.contract import LogError, Restored, Topic
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.errors import translated_errors
from volcast.log.kafka.reader import bounds, reading_from
from volcast.log.kafka.state import peek

from .security import check_access


class TopicFacts(NamedTuple):
    """One topic as it is."""

    partitions: int
    leaderless: int
    """Partitions without a leader: they can be neither read nor written."""
    replicas: int
    """The smallest number of replicas that a partition has."""
    in_sync: int
    """The smallest number of replicas of a partition that have all of its records."""
    settings: Mapping[str, str]
    """Those in effect, the broker's defaults included."""


class PartitionFacts(NamedTuple):
    """One partition of `candles`, with the state that belongs to it."""

    partition: int
    earliest: int
    end: int
    state: Restored | None
    """None if it can't be read; `problem` says why."""
    problem: str = ""
    replay_from_ms: int | None = None
    """When the broker took the candle from which a replay would begin, in milliseconds since 1970; None if there is none."""
    newest_ms: int | None = None
    """The same for the newest candle."""


class BrokerFacts(NamedTuple):
    """What a broker says."""

    brokers: int
    topics: Mapping[Topic, TopicFacts]
    """Those that exist."""


async def broker_facts(client: KafkaClient, timeout_s: float) -> BrokerFacts:
    """Return what the broker says of itself and our topics. Raises Unavailable or Mismatch, after `timeout_s` at most."""
    with translated_errors("asking for the topics"):
        async with asyncio.timeout(timeout_s):
            await check_access(client.bootstrap, client.security, timeout_s)
            admin = AIOKafkaAdminClient(**client.connection())
            try:
                await admin.start()
                brokers = len((await admin.describe_cluster())["brokers"])
                names = {client.topic(topic): topic for topic in Topic}
                described = {each["topic"]: each for each in await admin.describe_topics(list(names)) if not each["error_code"]}
                settings = await _settings_of(admin, described) if described else {}
            finally:
                with suppress(OSError):
                    await admin.close()
    topics = {}
    for name, each in described.items():
        partitions = each["partitions"]
        topics[names[name]] = TopicFacts(
            len(partitions),
            sum(one["leader"] < 0 for one in partitions),
            min((len(one["replicas"]) for one in partitions), default=0),
            min((len(one["isr"]) for one in partitions), default=0),
            settings[name],
        )
    return BrokerFacts(brokers, topics)


async def partition_facts(client: KafkaClient, partition: int, timeout_s: float) -> PartitionFacts:
    """Return what a partition holds, and its state. Raises Unavailable, after `timeout_s` at most."""
    tp = client.at(Topic.CANDLES, partition)
    with translated_errors(f"reading partition {partition}"):
        async with asyncio.timeout(timeout_s):
            earliest, end = (await bounds(client, [tp]))[tp]
            newest_ms = await _time_ms(client, tp, end - 1, earliest, end)
            try:
                state = await peek(client, partition)
            except LogError as error:
                return PartitionFacts(partition, earliest, end, None, str(error), None, newest_ms)
            replay_from_ms = await _time_ms(client, tp, state.replay_from, earliest, end)
    return PartitionFacts(partition, earliest, end, state, "", replay_from_ms, newest_ms)


async def _settings_of(admin: AIOKafkaAdminClient, names: Mapping[str, object]) -> Mapping[str, Mapping[str, str]]:
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    resources = [resource for response in responses for resource in response.resources]
    return {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in resources}


async def _time_ms(client: KafkaClient, tp: TopicPartition, offset: int, earliest: int, end: int) -> int | None:
    """Return when the broker took the first record at or behind an offset, or the last one before it; None without one."""
    if not earliest <= offset <= end or earliest == end:
        return None
    async with reading_from(client, {tp: max(earliest, min(offset, end - 2))}, isolation_level="read_uncommitted") as consumer:
        batches = await consumer.getmany(tp, timeout_ms=2_000, max_records=1)
    return next((int(record.timestamp) for records in batches.values() for record in records), None)

"""The four topics: created where they are missing, and checked where they are there."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from volcast.log.contract import Mismatch, Topic, Unavailable

from .client import Client, explained

_MINUTE_MS = 60_000
_POLICY = {Topic.CANDLES: "delete", Topic.SIGNALS: "delete", Topic.REJECTED: "delete", Topic.STATE: "compact"}
_STATE = {
    # Compaction leaves the newest segment alone, so that must end soon: by size while candles are caught up with, else by time.
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(5 * _MINUTE_MS),
    # A restore reads the newest segment and, beside the last value of each key, at most a quarter as much that is out of date.
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(5 * _MINUTE_MS),
    # Tombstones, and the marker that each transaction leaves, must outlast a restore that is being read: minutes, not a day.
    "delete.retention.ms": str(10 * _MINUTE_MS),
}
_REPLICAS = 3
_LOOK_AGAIN_S = 0.05


async def prepare(client: Client, retention_ms: int | None) -> None:
    """Create what is missing, wait until all can be used, and check. Raises Unavailable or Mismatch."""
    admin = AIOKafkaAdminClient(**client.connection())
    try:
        with explained("preparing the topics"):
            async with asyncio.timeout(client.patience_s):
                await admin.start()
                await _create(admin, client, retention_ms)
                _check_partitions(client, await _partitions(admin, client))
                await _check_policies(admin, client)
    finally:
        with suppress(OSError):
            await admin.close()


async def _create(admin: AIOKafkaAdminClient, client: Client, retention_ms: int | None) -> None:
    there = await _partitions(admin, client)
    replicas = min(_REPLICAS, len((await admin.describe_cluster())["brokers"]))
    missing = [
        NewTopic(client.topic(topic), client.partitions, replicas, topic_configs=_settings(topic, retention_ms))
        for topic in Topic
        if topic not in there
    ]
    if not missing:
        return
    for name, code, *words in (await admin.create_topics(missing)).topic_errors:
        error = for_code(code)
        if code == 0 or error is TopicAlreadyExistsError:  # another process was quicker
            continue
        if error.retriable or error is InvalidReplicationFactorError:  # the latter while brokers are still coming up
            raise Unavailable(f"topic {name} could not be created yet: {error.__name__}")
        raise Mismatch(f"the broker does not let us create topic {name}: {words[0] or error.__name__}; create it by hand")
    while len(await _partitions(admin, client)) < len(Topic):  # noqa: ASYNC110  # it is the brokers' state: ask again
        await asyncio.sleep(_LOOK_AGAIN_S)


def _settings(topic: Topic, retention_ms: int | None) -> Mapping[str, str]:
    kept = {} if retention_ms is None else {"retention.ms": str(retention_ms)}
    return {"cleanup.policy": _POLICY[topic]} | (_STATE if topic is Topic.STATE else kept)


async def _partitions(admin: AIOKafkaAdminClient, client: Client) -> Mapping[Topic, int]:
    """How many, of the topics that can be used: each partition has its leader."""
    names = {client.topic(topic): topic for topic in Topic}
    counts = {}
    for described in await admin.describe_topics(list(names)):
        error = for_code(described["error_code"])
        if described["error_code"] == 0 and all(partition["leader"] >= 0 for partition in described["partitions"]):
            counts[names[described["topic"]]] = len(described["partitions"])
        elif described["error_code"] and error not in (UnknownTopicOrPartitionError, LeaderNotAvailableError):
            raise error(described["topic"])
    return counts


def _check_partitions(client: Client, counts: Mapping[Topic, int]) -> None:
    for topic, count in counts.items():
        if count != client.partitions:
            raise Mismatch(
                f"topic {client.topic(topic)} has {count} partitions, the setting partitions says {client.partitions}: symbols "
                f"would change their partition. Set partitions to {count}, or choose another topic_prefix"
            )


async def _check_policies(admin: AIOKafkaAdminClient, client: Client) -> None:
    names = {client.topic(topic): policy for topic, policy in _POLICY.items()}
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for code, _, _, name, entries in answer.resources:
            if code:
                raise for_code(code)(name)
            found = next(entry[1] for entry in entries if entry[0] == "cleanup.policy")
            if found != names[name]:
                raise Mismatch(
                    f"topic {name} has cleanup.policy {found}, it must be {names[name]} or records that are needed get lost: "
                    "alter it, or choose another topic_prefix"
                )

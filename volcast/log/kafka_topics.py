"""The four topics: created where they are missing, and checked where they are there."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from .contract import Mismatch, Topic, Unavailable
from .kafka_client import ANSWER_TIMEOUT_S, Client, explained

_COMPACTED = {
    "cleanup.policy": "compact",
    # Compaction leaves the newest segment alone: a small one, closed early, keeps a restore short however often snapshots come.
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": "600000",
    "delete.retention.ms": "60000",
}
_LOOK_AGAIN_S = 0.05
_ALREADY_THERE = TopicAlreadyExistsError.errno
_NOT_THERE = UnknownTopicOrPartitionError.errno


async def prepare(client: Client, partitions: int, retention_ms: int | None) -> None:
    """Create what is missing, wait until all can be used, and check. Raises Unavailable or Mismatch."""
    with explained("preparing the topics"):
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            admin = AIOKafkaAdminClient(**client.connection())
            try:
                await admin.start()
                await _create(admin, client, partitions, retention_ms)
                await _check(admin, client, partitions)
            finally:
                await admin.close()


async def _create(admin: AIOKafkaAdminClient, client: Client, partitions: int, retention_ms: int | None) -> None:
    there = set(await _partition_counts(admin, client))
    replicas = min(3, len((await admin.describe_cluster())["brokers"]))
    kept = {"cleanup.policy": "delete"} | ({} if retention_ms is None else {"retention.ms": str(retention_ms)})
    missing = [
        NewTopic(client.topic(topic), partitions, replicas, topic_configs=_COMPACTED if topic is Topic.STATE else kept)
        for topic in Topic
        if topic not in there
    ]
    if not missing:
        return
    answer = await admin.create_topics(missing)
    for name, code, *_ in answer.topic_errors:
        if code not in (0, _ALREADY_THERE):
            raise Unavailable(f"topic {name} could not be created: {for_code(code).__name__}")
    while set(await _partition_counts(admin, client)) != set(Topic):  # noqa: ASYNC110  # the brokers' state: ask again
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _check(admin: AIOKafkaAdminClient, client: Client, partitions: int) -> None:
    for topic, count in (await _partition_counts(admin, client)).items():
        if count != partitions:
            raise Mismatch(
                f"topic {client.topic(topic)} has {count} partitions, the setting partitions says {partitions}: symbols would "
                f"change their partition. Set partitions to {count}, or choose another topic_prefix"
            )
    policy = await _cleanup_policy(admin, client.topic(Topic.STATE))
    if policy != "compact":
        raise Mismatch(
            f"topic {client.topic(Topic.STATE)} has cleanup.policy {policy}, it must be compact or snapshots are lost: "
            f"alter it, or choose another topic_prefix"
        )


async def _partition_counts(admin: AIOKafkaAdminClient, client: Client) -> Mapping[Topic, int]:
    """Of the topics that are there, each partition with its leader."""
    names = {client.topic(topic): topic for topic in Topic}
    counts = {}
    for described in await admin.describe_topics(list(names)):
        ready = all(partition["leader"] >= 0 for partition in described["partitions"])
        if described["error_code"] == 0 and ready:
            counts[names[described["topic"]]] = len(described["partitions"])
        elif described["error_code"] not in (0, _NOT_THERE):
            raise Unavailable(f"topic {described['topic']}: {for_code(described['error_code']).__name__}")
    return counts


async def _cleanup_policy(admin: AIOKafkaAdminClient, name: str) -> Any:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    (resource,) = answer.resources
    return next(entry[1] for entry in resource[4] if entry[0] == "cleanup.policy")

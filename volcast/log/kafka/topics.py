"""Creates the five topics where they are missing, and checks the partition counts and settings of existing ones."""

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
from volcast.log.retention import Retention

from .client import KafkaClient
from .errors import translated_errors

_MINUTE_MS = 60_000
_POLICY = {
    Topic.CANDLES: "delete",
    Topic.SIGNALS: "delete",
    Topic.REJECTED: "delete",
    Topic.STATE: "compact",
    Topic.MODELS: "compact",
}
_STATE = {
    # Compaction skips the newest segment, so segments must be short: by size while catching up on candles, otherwise by time.
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(5 * _MINUTE_MS),
    # A restore reads the newest segment, the last value of each key, and outdated values of at most a quarter of that size.
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(5 * _MINUTE_MS),
    # Tombstones and transaction markers must outlast a restore in progress: that takes minutes; the default is a day.
    "delete.retention.ms": str(10 * _MINUTE_MS),
}
_TIMESTAMPS = "message.timestamp.type"
_BROKER_TIME = {_TIMESTAMPS: "LogAppendTime"}
"""Records get the time of the broker. With that of the writer, a clock that is ahead gets records refused, and one that is behind
gets them deleted by retention at once."""
HARM = {
    "cleanup.policy": "records that are needed get lost",
    _TIMESTAMPS: "records of a machine whose clock is wrong are refused, or deleted by retention",
}
_SEGMENTS = 10
"""Kafka deletes whole segments, and never the one that is written: so many make up the bytes that are kept."""
_MIN_SEGMENT_BYTES, _MAX_SEGMENT_BYTES = 1 << 20, 1 << 30
_REPLICAS = 3
_POLL_S = 0.05


async def prepare(client: KafkaClient, retention: Retention, *, must_exist: bool = False) -> None:
    """Create missing topics, wait until all are usable, and check them. Raises Unavailable or Mismatch.

    If they `must_exist`, nothing is created, and a missing one is a Mismatch.
    """
    admin = AIOKafkaAdminClient(**client.connection())
    try:
        with translated_errors("preparing the topics"):
            async with asyncio.timeout(client.timeout_s):
                await admin.start()
                if must_exist:
                    await check_existence(admin, client, "there is no log: missing", "check bus and topic_prefix")
                else:
                    await _create(admin, client, retention)
                _check_partitions(client, await _partitions(admin, client))
                await _check_settings(admin, client)
    finally:
        with suppress(OSError):
            await admin.close()


async def check_existence(
    admin: AIOKafkaAdminClient,
    client: KafkaClient,
    what: str = "deleted while in use:",
    advice: str = "if that was intended, start again: what is missing is created anew, and a state that does not fit is refused",
) -> None:
    """Raise Mismatch if a topic does not exist or has another number of partitions, Unavailable if that can't be found out. The
    client has been started.
    """
    with translated_errors("asking for the topics"):
        async with asyncio.timeout(client.timeout_s):
            described = await admin.describe_topics([client.topic(topic) for topic in Topic])
    if missing := [each["topic"] for each in described if for_code(each["error_code"]) is UnknownTopicOrPartitionError]:
        raise Mismatch(f"Kafka at {client.bootstrap}: {what} {', '.join(sorted(missing))}; {advice}")
    counts = {each["topic"]: len(each["partitions"]) for each in described if each["error_code"] == 0}
    _check_partitions(client, {topic: counts[name] for topic in Topic if (name := client.topic(topic)) in counts})


async def _create(admin: AIOKafkaAdminClient, client: KafkaClient, retention: Retention) -> None:
    existing = await _partitions(admin, client)
    replicas = min(_REPLICAS, len((await admin.describe_cluster())["brokers"]))
    topic_settings = {client.topic(topic): _settings(topic, retention) for topic in Topic if topic not in existing}
    missing = [NewTopic(name, client.partitions, replicas, topic_configs=each) for name, each in topic_settings.items()]
    if not missing:
        return
    for name, code, *message in (await admin.create_topics(missing)).topic_errors:
        error = for_code(code)
        if code == 0 or error is TopicAlreadyExistsError:  # another process created it first
            continue
        if error.retriable or error is InvalidReplicationFactorError:  # the latter while brokers are still starting
            raise Unavailable(f"topic {name} could not be created yet: {error.__name__}")
        settings = ", ".join(f"{setting}={value}" for setting, value in topic_settings[name].items())
        raise Mismatch(
            f"the broker refuses to create topic {name}: {message[0] or error.__name__}; create it by hand, with "
            f"{client.partitions} partitions and {settings}"
        )
    while len(await _partitions(admin, client)) < len(Topic):  # noqa: ASYNC110  # the brokers' state has to be polled
        await asyncio.sleep(_POLL_S)


def _settings(topic: Topic, retention: Retention) -> Mapping[str, str]:
    others = {Topic.STATE: _STATE, Topic.MODELS: {}}.get(topic)
    return {**required_settings(topic), **(retention_settings(retention) if others is None else others)}


def retention_settings(retention: Retention) -> dict[str, str]:
    """Return the settings by which a topic keeps records for so long."""
    found = {} if retention.age_ms is None else {"retention.ms": str(retention.age_ms)}
    if retention.size_bytes is not None:
        segment_bytes = min(max(retention.size_bytes // _SEGMENTS, _MIN_SEGMENT_BYTES), _MAX_SEGMENT_BYTES)
        found |= {"retention.bytes": str(retention.size_bytes), "segment.bytes": str(segment_bytes)}
    return found


def required_settings(topic: Topic) -> dict[str, str]:
    """Return the settings without which the topic can't be used."""
    return {"cleanup.policy": _POLICY[topic]} | _BROKER_TIME


async def _partitions(admin: AIOKafkaAdminClient, client: KafkaClient) -> Mapping[Topic, int]:
    """Return the partition counts of the usable topics, whose partitions all have a leader."""
    names = {client.topic(topic): topic for topic in Topic}
    counts = {}
    for described in await admin.describe_topics(list(names)):
        error = for_code(described["error_code"])
        if described["error_code"] == 0 and all(partition["leader"] >= 0 for partition in described["partitions"]):
            counts[names[described["topic"]]] = len(described["partitions"])
        elif described["error_code"] and error not in (UnknownTopicOrPartitionError, LeaderNotAvailableError):
            raise error(f"Describe, which Read and Write include, on {described['topic']}")
    return counts


def _check_partitions(client: KafkaClient, counts: Mapping[Topic, int]) -> None:
    for topic, count in counts.items():
        if count != client.partitions:
            raise Mismatch(
                f"topic {client.topic(topic)} has {count} partitions, the setting partitions says {client.partitions}: symbols "
                f"would move to other partitions; set partitions to {count}, or choose another topic_prefix"
            )


async def _check_settings(admin: AIOKafkaAdminClient, client: KafkaClient) -> None:
    topics = {client.topic(topic): topic for topic in Topic}
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]):
        for code, _, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"DescribeConfigs on {name}")
            found = {entry[0]: entry[1] for entry in entries}
            for setting, value in required_settings(topics[name]).items():
                if found[setting] != value:
                    raise Mismatch(
                        f"topic {name} has {setting} {found[setting]}, it must be {value}, or {HARM[setting]}: run "
                        f"`kafka-configs.sh --bootstrap-server {client.bootstrap} --alter --entity-type topics "
                        f"--entity-name {name} --add-config {setting}={value}`, or choose another topic_prefix"
                    )

"""The checks of a log on Kafka: the broker, the settings of its topics, retention, and the state of each partition.

Nothing is created or written, and no owner of a partition is fenced.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from producer.doctor.check import CheckResult, Report, failed, ok, unknown, warning
from volcast.cli.wiring.pipeline import create_kafka_security
from volcast.log.contract import LogError, Topic
from volcast.settings.schema import Settings

from .clock import check_record_time
from .state import RESTORE, check_state
from .trail import report_kafka_trail

if TYPE_CHECKING:
    from volcast.log.kafka.access.inspection import BrokerFacts, PartitionFacts, TopicFacts
    from volcast.log.kafka.client import KafkaClient

_HOUR_MS = 3_600_000
SHORT_RETENTION_MS, LOW_RETENTION_MS = _HOUR_MS, 24 * _HOUR_MS
"""A consumer that is stopped for longer than the retention loses candles: below this it is a failure, and a warning."""
MIN_MESSAGE_BYTES = 1_048_588
"""Kafka's default `max.message.bytes`; our batches are a little smaller."""
_USED_SHARE = 0.5
"""A start that needs candles older than this share of the retention is a warning."""
_KEEPS_COMPRESSION = "producer"
_COMPACTED = (Topic.STATE, Topic.MODELS)


async def check_kafka(
    bootstrap: str,
    settings: Settings,
    report: Report,
    timeout_s: float,
    wall: Callable[[], float] = time.time,
    *,
    compare_clock: bool = True,
) -> None:
    """Report all results. Each question to the broker takes `timeout_s` seconds at most; after a failure it asks no more."""
    from volcast.log.kafka.access.inspection import broker_facts, partition_facts  # noqa: PLC0415  # aiokafka is slow to import
    from volcast.log.kafka.access.log_filter import quieten  # noqa: PLC0415
    from volcast.log.kafka.client import KafkaClient  # noqa: PLC0415

    quieten()
    session_ms, security = settings.session_timeout_s * 1_000, create_kafka_security(settings)
    client = KafkaClient(bootstrap, settings.topic_prefix, settings.partitions, session_ms, security)
    try:
        facts = await broker_facts(client, timeout_s)
    except LogError as error:
        report(failed("broker", f"{bootstrap}: {error}", "start the brokers, or correct --bus and the kafka_… settings"))
        return
    report(ok("broker", f"{bootstrap} answers; the cluster has {facts.brokers} broker{'s' * (facts.brokers != 1)}"))
    for result in check_topics(facts, client, settings):
        report(result)
    candles = facts.topics.get(Topic.CANDLES)
    if len(facts.topics) < len(Topic) or candles is None:
        return
    newest_ms: int | None = None
    for partition in range(candles.partitions):
        try:
            found = await partition_facts(client, partition, timeout_s)
        except LogError as error:
            report(unknown("state", f"partition {partition}: {error}", "ask again with a larger --timeout-s"))
            continue
        newest_ms = max(filter(None, (newest_ms, found.newest_ms)), default=None)
        if found.state is None:
            report(failed("state", f"partition {partition}: {found.problem}", RESTORE))
            continue
        for result in check_state(partition, found.state, found.end):
            report(result)
        for result in _margin(found, candles, wall):
            report(result)
    await report_kafka_trail(client, candles.partitions, report, timeout_s)
    if compare_clock:
        report(check_record_time(newest_ms, wall))


def check_topics(facts: "BrokerFacts", client: "KafkaClient", settings: Settings) -> Iterator[CheckResult]:
    """Yield the results for the five topics."""
    missing = [client.topic(topic) for topic in Topic if topic not in facts.topics]
    if len(missing) == len(Topic):
        yield warning(
            "topics", f"none of {', '.join(missing)} exists", "the first process that starts creates them; check topic_prefix"
        )
        return
    if missing:
        yield failed("topics", f"missing: {', '.join(missing)}", "restore them from a backup, or choose another topic_prefix")
    for topic, found in facts.topics.items():
        problems = list(_problems(client, topic, found, facts.brokers, settings))
        yield from problems
        if not problems:
            kept = "the last value of each key" if topic in _COMPACTED else _duration(_retention_ms(found))
            name = client.topic(topic)
            yield ok("topic", f"{name}: {found.partitions} partitions, {found.replicas} replicas, keeps {kept}")


def _problems(
    client: "KafkaClient", topic: Topic, found: "TopicFacts", brokers: int, settings: Settings
) -> Iterator[CheckResult]:
    from volcast.log.kafka.topics import HARM, required_settings  # noqa: PLC0415  # as above

    name = client.topic(topic)
    script = f"kafka-configs.sh --bootstrap-server {client.bootstrap}"
    alter = f"run `{script} --alter --entity-type topics --entity-name {name} --add-config"
    if found.partitions != client.partitions:
        text = f"{name} has {found.partitions} partitions, the setting partitions says {client.partitions}"
        yield failed("topic", text, f"set partitions to {found.partitions}, or choose another topic_prefix")
    if found.leaderless:
        yield failed("topic", f"{name}: {found.leaderless} partitions have no leader", "start the brokers that hold them")
    for setting, value in required_settings(topic).items():
        if (own := found.settings.get(setting)) != value:
            yield failed("topic", f"{name} has {setting} {own}, so {HARM[setting]}", f"{alter} {setting}={value}`")
    size = int(found.settings.get("max.message.bytes", MIN_MESSAGE_BYTES))
    if size < MIN_MESSAGE_BYTES:
        text = f"{name} has max.message.bytes {size}: larger batches are refused"
        yield failed("topic", text, f"{alter} max.message.bytes={MIN_MESSAGE_BYTES}`")
    compression = found.settings.get("compression.type", _KEEPS_COMPRESSION)
    if compression != _KEEPS_COMPRESSION:
        text = f"{name} has compression.type {compression}: the broker packs each batch anew"
        yield warning("topic", text, f"{alter} compression.type={_KEEPS_COMPRESSION}`")
    if found.in_sync < found.replicas:
        text = f"{name}: a partition has {found.in_sync} of its {found.replicas} replicas in sync"
        yield warning("topic", text, "start the brokers that hold the others, and wait until they have caught up")
    if found.replicas < min(brokers, 3):
        text = f"{name}: a partition has {found.replicas} replicas, though there are {brokers} brokers"
        yield warning("topic", text, "raise its replication with `kafka-reassign-partitions.sh`: a lost broker loses its records")
    if topic not in _COMPACTED:
        yield from _retention(name, found, settings, alter)


def _retention(name: str, found: "TopicFacts", settings: Settings, alter: str) -> Iterator[CheckResult]:
    retention_ms = _retention_ms(found)
    advice = f"{alter} retention.ms={LOW_RETENTION_MS * 7}`"
    if retention_ms is not None and retention_ms < LOW_RETENTION_MS:
        text = f"{name} keeps records for {_duration(retention_ms)}: a consumer that is stopped for longer loses candles"
        yield (failed if retention_ms < SHORT_RETENTION_MS else warning)("retention", text, advice)
    if settings.retention_hours and retention_ms != settings.retention_hours * _HOUR_MS:
        text = (
            f"{name} keeps records for {_duration(retention_ms)}, the setting retention_hours says {settings.retention_hours} h"
        )
        yield warning(
            "retention", text, f"{alter} retention.ms={settings.retention_hours * _HOUR_MS}`: the setting is for new topics"
        )
    size, limit = found.settings.get("retention.bytes", "-1"), settings.retention_bytes
    if limit and size != str(limit):
        text = f"{name} keeps {size if int(size) >= 0 else 'any number of'} bytes, the setting retention_bytes says {limit}"
        yield warning("retention", text, f"{alter} retention.bytes={limit}`: the setting is for new topics")


def _margin(found: "PartitionFacts", candles: "TopicFacts", wall: Callable[[], float]) -> Iterator[CheckResult]:
    """Yield a warning if the oldest candle that a start needs is about to be deleted."""
    retention_ms = _retention_ms(candles)
    if retention_ms is None or found.replay_from_ms is None or found.state is None or found.state.replay_from >= found.end:
        return
    age_ms = wall() * 1_000 - found.replay_from_ms
    if age_ms > _USED_SHARE * retention_ms:
        text = (
            f"partition {found.partition}: a start needs candles that are {_duration(int(age_ms))} old, and they are kept for "
            f"{_duration(retention_ms)}"
        )
        yield warning("retention", text, "start a consumer now, or raise retention.ms: what is deleted cannot be answered")


def _retention_ms(found: "TopicFacts") -> int | None:
    """Return for how long the broker keeps records; None for ever."""
    value = int(found.settings.get("retention.ms", -1))
    return None if value < 0 else value


def _duration(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "all records"
    hours = milliseconds / _HOUR_MS
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h"  # noqa: PLR2004  # two days

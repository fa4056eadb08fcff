"""A real broker: topics as they should be, and wrong in each way. The doctor creates and changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from producer.doctor.check import CheckResult
from tests.log_access import fill
from tests.volcast.commands.consumed_log import candles, consume, consuming
from volcast.commands.doctor.kafka_log import check_kafka
from volcast.log.kafka.access.inspection import partition_facts
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.log import KafkaLog
from volcast.settings.schema import Settings

TIMEOUT_S = 20.0


@asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def alter(bootstrap: str, name: str, **settings: str) -> None:
    """Set these settings of a topic, with `_` for `.`, beside those that it needs."""
    policy = "compact" if name.endswith(("state", "models")) else "delete"
    needed = {"cleanup.policy": policy, "message.timestamp.type": "LogAppendTime"}
    given = {name.replace("_", "."): value for name, value in settings.items()}
    async with admin_of(bootstrap) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, needed | given)])


async def told(bootstrap: str, prefix: str, wall_s: float = 0.0, **more: object) -> list[CheckResult]:
    settings = Settings.model_validate({"topic_prefix": prefix, "partitions": 2, **more})
    results: list[CheckResult] = []
    await check_kafka(bootstrap, settings, results.append, TIMEOUT_S, lambda: time() + wall_s)
    assert all(bool(each.advice) == (each.status.value != "ok") for each in results), results
    return results


def not_ok(results: list[CheckResult]) -> list[tuple[str, str]]:
    return [(each.status.value, each.check) for each in results if each.status.value != "ok"]


async def topic_names(bootstrap: str, prefix: str) -> list[str]:
    async with admin_of(bootstrap) as admin:
        return sorted(name for name in await admin.list_topics() if name.startswith(prefix))


@pytest.fixture
async def consumed(kafka_bootstrap: str, kafka_prefix: str) -> str:
    """The prefix of topics whose candles were consumed."""
    log = KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2, session_timeout_ms=6_000)
    async with log:
        await fill(log, candles(range(20)))
        await consume(log)
    return kafka_prefix


async def test_a_log_as_it_should_be_is_green(kafka_bootstrap: str, consumed: str) -> None:
    results = await told(kafka_bootstrap, consumed)
    assert not_ok(results) == []
    found = [each.check for each in results]
    assert [found.count(name) for name in ("broker", "topic", "state", "retention", "clock")] == [1, 5, 2, 2, 1]
    assert all("0 behind" in each.found or "1 behind" in each.found for each in results if each.check == "state"), results


async def test_topics_that_do_not_exist_are_told_and_not_created(kafka_bootstrap: str, kafka_prefix: str) -> None:
    assert not_ok(await told(kafka_bootstrap, kafka_prefix)) == [("warning", "topics")]
    assert await topic_names(kafka_bootstrap, kafka_prefix) == []
    async with admin_of(kafka_bootstrap) as admin:
        await admin.create_topics([NewTopic(f"{kafka_prefix}candles", 2, 1)])
    results = await told(kafka_bootstrap, kafka_prefix)
    assert ("FAILED", "topics") in not_ok(results)
    assert await topic_names(kafka_bootstrap, kafka_prefix) == [f"{kafka_prefix}candles"]


@pytest.mark.parametrize(
    ("topic", "settings", "expected"),
    [
        ("state", {"cleanup_policy": "delete"}, ("FAILED", "cleanup.policy=compact")),
        ("candles", {"cleanup_policy": "compact"}, ("FAILED", "cleanup.policy=delete")),
        ("candles", {"message_timestamp_type": "CreateTime"}, ("FAILED", "message.timestamp.type=LogAppendTime")),
        ("candles", {"retention_ms": "600000"}, ("FAILED", "retention.ms=604800000")),
        ("signals", {"retention_ms": "36000000"}, ("warning", "retention.ms=604800000")),
        ("signals", {"max_message_bytes": "50000"}, ("FAILED", "max.message.bytes=1048588")),
        ("candles", {"compression_type": "gzip"}, ("warning", "compression.type=producer")),
    ],
)
async def test_a_topic_with_a_wrong_setting(
    topic: str, settings: Mapping[str, str], expected: tuple[str, str], kafka_bootstrap: str, kafka_prefix: str
) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2):
        pass
    await alter(kafka_bootstrap, kafka_prefix + topic, **settings)
    status, advice = expected
    found: list[CheckResult] = []
    async with asyncio.timeout(60):
        while not found:  # the broker takes the new setting over a moment later
            found = [each for each in await told(kafka_bootstrap, kafka_prefix) if each.status.value == status]
    assert [(kafka_prefix + topic in each.found, advice in each.advice) for each in found] == [(True, True)]


async def test_another_number_of_partitions_and_another_retention_than_the_settings_say(
    kafka_bootstrap: str, kafka_prefix: str
) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=2):
        pass
    assert not_ok(await told(kafka_bootstrap, kafka_prefix, partitions=3)) == [*[("FAILED", "topic")] * 5, ("unknown", "clock")]
    results = await told(kafka_bootstrap, kafka_prefix, retention_hours=48)
    assert not_ok(results) == [*[("warning", "retention")] * 3, ("unknown", "clock")]
    results = await told(kafka_bootstrap, kafka_prefix, retention_bytes=50_000_000)
    assert not_ok(results) == [*[("warning", "retention")] * 3, ("unknown", "clock")]
    assert {each.advice.split("--add-config ")[-1] for each in results if each.check == "retention"} == {
        "retention.bytes=50000000`: the setting is for new topics"
    }


async def test_candles_that_were_deleted_before_they_were_answered(kafka_bootstrap: str, consumed: str) -> None:
    log = KafkaLog(kafka_bootstrap, prefix=consumed, partitions=2, session_timeout_ms=6_000)
    async with log:
        await fill(log, candles(range(20, 40)))
    client = KafkaClient(kafka_bootstrap, consumed, 2)
    ends = [(await partition_facts(client, partition, TIMEOUT_S)).end for partition in range(2)]
    async with admin_of(kafka_bootstrap) as admin:
        await admin.delete_records(
            {
                TopicPartition(f"{consumed}candles", number): RecordsToDelete(before_offset=end - 2)
                for number, end in enumerate(ends)
            }
        )
    results = await told(kafka_bootstrap, consumed)
    assert [(each.status.value, each.check) for each in results if each.check == "state"] == [("FAILED", "state")] * 2
    assert all("the log holds" in each.found for each in results if each.check == "state")


async def test_candles_that_are_about_to_be_deleted(kafka_bootstrap: str, consumed: str) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=consumed, partitions=2, session_timeout_ms=6_000) as log:
        await fill(log, candles(range(20, 40)))
    results = await told(kafka_bootstrap, consumed, wall_s=5 * 24 * 3_600)
    assert not_ok(results) == [("warning", "retention")] * 2
    assert all("start a consumer now" in each.advice for each in results if each.status.value == "warning")


async def test_a_clock_behind_the_brokers(kafka_bootstrap: str, consumed: str) -> None:
    assert not_ok(await told(kafka_bootstrap, consumed, wall_s=-600)) == [("FAILED", "clock")]


async def test_a_broker_that_is_not_there() -> None:
    results: list[CheckResult] = []
    await check_kafka("127.0.0.1:9", Settings(), results.append, 2.0)
    assert not_ok(results) == [("FAILED", "broker")]
    assert len(results) == 1


async def test_nobody_is_fenced(kafka_bootstrap: str, consumed: str) -> None:
    """A consumer that holds the partitions goes on while the doctor looks."""
    async with (
        KafkaLog(kafka_bootstrap, prefix=consumed, partitions=2, session_timeout_ms=6_000) as log,
        consuming(log) as worker,
    ):
        await worker.drained()
        assert not_ok(await told(kafka_bootstrap, consumed)) == []
        await fill(log, candles(range(20, 25)))
        await worker.drained()
        assert (worker.stats.fencings, worker.stats.restores) == (0, 2)

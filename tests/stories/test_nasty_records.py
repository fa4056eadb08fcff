"""The nastiest records that a broker takes: each is answered with a reject that the broker takes, too, and nothing stops."""

import asyncio
import json
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError

from consumer.rules import Rules
from consumer.worker import Worker
from tests.log_access import TIMEOUT_S, records_of
from tests.market import at, record
from volcast.core.codec import Reason, decode_reject, encode_gap
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Gap
from volcast.log.contract import Topic
from volcast.log.kafka.log import KafkaLog

KEY = b"BTCUSDT"
CANDLE = json.loads(record(0, "42000.5"))
RULES = Rules(EngineConfig(model="ewma"), Decoder(), max_symbols=2, snapshot_records=5, allowed_symbols=("BTCUSDT",))
MAX_REJECT_BYTES = 100_000
OVERHEAD_BYTES = 200


def candle(**fields: Any) -> bytes:
    return json.dumps({**CANDLE, **fields}).encode()


def nasty(limit_bytes: int) -> list[tuple[bytes, bytes]]:
    """Return keys and values of up to so many bytes together: each shape at the size of the limit, and half of it in the key."""
    most = limit_bytes - OVERHEAD_BYTES
    text = "x" * (most - 500)
    escaped = "\x01" * ((most - 500) // 6)  # six characters each in JSON
    values = [
        b"\0" * most,
        b'"' * most,
        b"{" * most,
        b'{"kind":"candle","v":' + b"9" * (most - 30) + b"}",
        candle(source=text),
        candle(source=escaped),
        candle(symbol=text),
        candle(symbol=escaped),
        candle(closed_by=text),
        candle(kind=text),
        candle(close=text),
        candle(close="1" * (most - 500)),
        candle(**{text: 1}),
        json.dumps({"kind": "revision", "v": 1, "candle": {**CANDLE, "symbol": text}}).encode(),
        encode_gap(Gap("BTCUSDT", at(1), at(2), "x", text)),
    ]
    shapes = [(KEY, value[: most - len(KEY)]) for value in values]
    shapes += [(b"k" * most, b""), (b"\xff" * (most // 2), b"\xff" * (most // 2)), (b"", b""), (bytes(60_000), candle())]
    small = [
        candle(source="\x01" * 10_000),
        candle(symbol="\x01" * 10_000),
        candle(kind="\x01" * 10_000),
        candle(symbol="ETHUSDT"),
    ]
    return shapes + [(KEY, value) for value in small] + [(b"ETHUSDT", candle(symbol="ETHUSDT"))]


async def set_limit(bootstrap: str, topic: str, limit_bytes: int) -> None:
    """Set `max.message.bytes` of a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        config = {"max.message.bytes": str(limit_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])
    finally:
        await admin.close()


async def send(producer: AIOKafkaProducer, topic: str, key: bytes, value: bytes) -> None:
    """Send a record, again while the broker does not follow the new limit yet."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await producer.send_and_wait(topic, value, key=key, partition=0)
            except MessageSizeTooLargeError:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.timeout(240)
@pytest.mark.parametrize("limit_bytes", [1_048_588, 5_000_000], ids=["default", "large"])
async def test_each_record_that_the_broker_takes_is_answered(kafka_bootstrap: str, kafka_prefix: str, limit_bytes: int) -> None:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log:
        topic = f"{kafka_prefix}candles"
        if limit_bytes > 1_048_588:
            await set_limit(kafka_bootstrap, topic, limit_bytes)
        records = nasty(limit_bytes)
        sound = [(KEY, record(minute, "42000.5")) for minute in range(4)]
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka_bootstrap, max_request_size=2 * limit_bytes, max_batch_size=2 * limit_bytes, linger_ms=0
        )
        await producer.start()
        try:
            for key, value in [*sound[:2], *records, *sound[2:]]:
                await send(producer, topic, key, value)
        finally:
            await producer.stop()
        for _ in range(2):  # a restart finds nothing that stops it either
            await consume_all(log, len(sound), len(records))
        rejects = await records_of(log, Topic.REJECTED)
        assert max(len(each.key) + len(each.value) for each in rejects) < MAX_REJECT_BYTES
        decoded = [decode_reject(each.value) for each in rejects]
        assert [each.offset for each in decoded] == list(range(2, 2 + len(records)))
        assert Reason.NOT_ALLOWED in {each.reason for each in decoded}
        for reject, (key, value) in zip(decoded, records, strict=True):
            assert key.startswith(reject.key)
            assert value.startswith(reject.value)


async def consume_all(log: KafkaLog, signals: int, rejects: int) -> None:
    """Run a worker until all is answered."""
    worker = Worker(log, RULES, 100, Random(1))
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while len(await records_of(log, Topic.SIGNALS)) < signals or len(await records_of(log, Topic.REJECTED)) < rejects:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.2)
            await worker.drained()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(await records_of(log, Topic.SIGNALS)) == signals
    assert len(await records_of(log, Topic.REJECTED)) == rejects

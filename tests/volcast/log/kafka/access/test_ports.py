"""A port of another kind than the settings say: one sentence, at real brokers, and no guess where nothing answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.volcast.log.kafka.secured_broker import PASSWORD, USER
from volcast.log.contract import Mismatch
from volcast.log.kafka.access.ports import check_ports
from volcast.log.kafka.access.security import KafkaSecurity
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.broker import Broker

OPEN, SIGNED_IN = KafkaSecurity(), KafkaSecurity(USER, PASSWORD)
DEMANDS = "demands that users sign in, by SCRAM-SHA-512 or PLAIN: set kafka_username and kafka_password, or use its port without"
TLS = "speaks TLS on this port: set kafka_tls=true, or use its port without TLS"
NO_TLS = "does not speak TLS on this port: use its TLS port, or unset kafka_tls"


async def refusal(check: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Mismatch) as caught:
        await check()
    return str(caught.value)


async def test_each_kind_of_port_is_recognized(scram_broker: Broker, tls_broker: Broker, over_tls: KafkaSecurity) -> None:
    """Whoever opens the log gets the sentence."""
    for bootstrap, security, sentence in [
        (scram_broker.bootstrap_for_users, OPEN, DEMANDS),
        (tls_broker.bootstrap_for_users, OPEN, TLS),
        (tls_broker.bootstrap_for_users, SIGNED_IN, TLS),
        (scram_broker.bootstrap, KafkaSecurity(tls=True), NO_TLS),
        (scram_broker.bootstrap_for_users, over_tls, NO_TLS),
    ]:
        found = await refusal(KafkaLog(bootstrap, security=security).__aenter__)
        assert found.startswith(f"Kafka at {bootstrap} {sentence}")


async def test_a_port_as_expected_is_none_to_refuse(scram_broker: Broker, tls_broker: Broker, over_tls: KafkaSecurity) -> None:
    await check_ports(scram_broker.bootstrap, OPEN)
    await check_ports(scram_broker.bootstrap_for_users, SIGNED_IN)
    await check_ports(tls_broker.bootstrap_for_users, over_tls)
    await check_ports(tls_broker.bootstrap_for_users, replace(over_tls, username=None, password=None))


async def test_sign_in_at_a_port_without_is_refused(scram_broker: Broker) -> None:
    assert "signs no users in: use its SASL port" in await refusal(lambda: check_ports(scram_broker.bootstrap, SIGNED_IN))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x00\x00\x02ab",
        b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x21\x00\x00\x00\x05",
        b"\x00\x00\x00\x0a\x00\x00\x00\x07\x00\x21\x00\x00\x00\x00",
        b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x23\x00\x00\x00\x00",
        b"\xff\xff\xff\xff",
    ],
)
async def test_an_answer_that_no_broker_gives_is_no_evidence(answer: bytes) -> None:
    """Closed at once, another protocol, too short, an array that is cut off, another request's answer, another error."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        bootstrap = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await check_ports(bootstrap, OPEN)
        await check_ports(bootstrap, KafkaSecurity(tls=True))


async def test_a_port_where_nothing_listens_is_no_evidence() -> None:
    await check_ports("127.0.0.1:1", OPEN)
    await check_ports("127.0.0.1:1", KafkaSecurity(tls=True))

"""Sign-in and TLS at real brokers: what they accept, and one sentence for each way in which they refuse."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from tests.log_access import fill, records_of
from tests.volcast.log.kafka.fake_broker import fake_broker
from tests.volcast.log.kafka.secured_broker import (
    PASSWORD,
    USER,
    CertificateFiles,
    certificate_files,
)
from volcast.log.contract import KeyValue, Mismatch, Topic, Unavailable
from volcast.log.kafka.access.security import KafkaSecurity, check_access
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes import broker as test_broker
from volcast.proof.processes.broker import Broker

TIMEOUT_S = 5.0
SIGNED_IN = KafkaSecurity(USER, PASSWORD)
BY_PLAIN = KafkaSecurity(test_broker.USER, test_broker.PASSWORD, "PLAIN")


async def refusal(bootstrap: str, security: KafkaSecurity) -> str:
    with pytest.raises(Mismatch) as caught:
        await KafkaLog(bootstrap, security=security).__aenter__()
    assert security.password is None or security.password not in str(caught.value)
    return str(caught.value).removeprefix(f"Kafka at {bootstrap} ")


async def written_and_read(bootstrap: str, security: KafkaSecurity) -> list[bytes]:
    async with KafkaLog(bootstrap, prefix=f"{security.mechanism}.", partitions=1, security=security) as log:
        await fill(log, [KeyValue(b"A", b"1")])
        return [record.value for record in await records_of(log, Topic.CANDLES)]


@pytest.mark.parametrize("security", [SIGNED_IN, BY_PLAIN], ids=["scram", "plain"])
async def test_users_sign_in(scram_broker: Broker, security: KafkaSecurity) -> None:
    assert await written_and_read(scram_broker.bootstrap_for_users, security) == [b"1"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_users_sign_in_over_tls_with_a_client_certificate(
    tls_broker: Broker, over_tls: KafkaSecurity, mechanism: str
) -> None:
    security = replace(over_tls, mechanism=mechanism)
    assert await written_and_read(tls_broker.bootstrap_for_users, security) == [b"1"]


@pytest.mark.parametrize("security", [SIGNED_IN, BY_PLAIN], ids=["scram", "plain"])
async def test_a_wrong_password_is_refused(scram_broker: Broker, security: KafkaSecurity) -> None:
    sentence = await refusal(scram_broker.bootstrap_for_users, replace(security, password="wrong"))
    by = f"{security.username} by {security.mechanism}"
    assert sentence == f"refuses to sign in {by}: check kafka_username, kafka_password and kafka_sasl_mechanism"


async def test_a_mechanism_that_the_broker_does_not_offer_is_refused(scram_broker: Broker) -> None:
    sentence = await refusal(scram_broker.bootstrap_for_users, replace(SIGNED_IN, mechanism="SCRAM-SHA-256"))
    assert sentence == "does not offer SCRAM-SHA-256: set kafka_sasl_mechanism to one that it offers"


async def test_a_port_without_sign_in_is_refused(scram_broker: Broker) -> None:
    sentence = await refusal(scram_broker.bootstrap, SIGNED_IN)
    assert sentence == "signs no users in: use its SASL port, or unset kafka_username and kafka_password"


def test_a_command_ends_with_exit_code_3_when_the_password_is_refused(scram_broker: Broker, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "volcast.cli.main", "consume", "--bus", f"kafka://{scram_broker.bootstrap_for_users}"],
        env=os.environ | {"VOLCAST_KAFKA_USERNAME": USER, "VOLCAST_KAFKA_PASSWORD": "wrong", "PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 3, result.stderr
    assert f"refuses to sign in {USER} by SCRAM-SHA-512: check kafka_username" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("bootstrap", ["kafka.example:9092", "localhost:1,10.0.0.1:1"])
async def test_plain_without_tls_over_the_network_is_refused(bootstrap: str) -> None:
    with pytest.raises(Mismatch) as caught:
        await check_access(bootstrap, BY_PLAIN, TIMEOUT_S)
    assert str(caught.value) == (
        "kafka_sasl_mechanism PLAIN would send the password of tester readable over the network to "
        f"{bootstrap}: set kafka_tls=true, or use SCRAM-SHA-512"
    )


@pytest.mark.parametrize("bootstrap", ["localhost:1", "127.0.0.1:1", "[::1]:1"])
async def test_plain_without_tls_on_this_machine_is_tried(bootstrap: str) -> None:
    with pytest.raises(Unavailable):
        await check_access(bootstrap, BY_PLAIN, TIMEOUT_S)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_a_server_that_offers_only_plain_is_not_given_the_password(mechanism: str) -> None:
    async with fake_broker("PLAIN") as fake:
        sentence = await refusal(fake.bootstrap, replace(SIGNED_IN, mechanism=mechanism))
        assert sentence == f"does not offer {mechanism}: set kafka_sasl_mechanism to one that it offers"
        assert mechanism.encode() in fake.received
        assert PASSWORD.encode() not in fake.received


async def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    async with fake_broker("SCRAM-SHA-512") as fake:
        sentence = await refusal(fake.bootstrap, SIGNED_IN)
        assert sentence == f"does not prove that it knows the password of {USER}: make sure that it is your broker"
        assert PASSWORD.encode() not in fake.received


async def test_a_missing_or_foreign_client_certificate_is_refused(
    tls_broker: Broker, over_tls: KafkaSecurity, tmp_path: Path
) -> None:
    foreign = certificate_files(tmp_path)
    for cert, key in ((None, None), (foreign.client_cert, foreign.client_key)):
        sentence = await refusal(tls_broker.bootstrap_for_users, replace(over_tls, client_cert_file=cert, client_key_file=key))
        assert sentence.startswith("refuses the TLS connection (")
        assert sentence.endswith("): check kafka_client_cert_file and kafka_client_key_file")


async def test_a_broker_of_another_authority_is_refused(tls_broker: Broker, over_tls: KafkaSecurity, tmp_path: Path) -> None:
    for authority in (None, certificate_files(tmp_path).authority):
        sentence = await refusal(tls_broker.bootstrap_for_users, replace(over_tls, ca_file=authority))
        assert sentence.startswith(
            "has a certificate that is not trusted (unable to get local issuer certificate): set kafka_ca_"
        )


async def test_a_port_without_tls_is_retried_with_advice(scram_broker: Broker, over_tls: KafkaSecurity) -> None:
    with pytest.raises(Unavailable, match=rf"check that {scram_broker.bootstrap} is the port for SASL_SSL$"):
        await check_access(scram_broker.bootstrap, over_tls, TIMEOUT_S)


async def test_a_server_that_speaks_no_tls_at_all_is_refused(over_tls: KafkaSecurity) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        sentence = await refusal(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", over_tls)
    assert sentence == "does not speak TLS on this port: use its TLS port, or unset kafka_tls"


async def test_files_that_cannot_be_used_are_named(over_tls: KafkaSecurity, files: CertificateFiles, tmp_path: Path) -> None:
    missing, encrypted = tmp_path / "missing.pem", tmp_path / "encrypted.key"
    key = load_pem_private_key(files.client_key.read_bytes(), None)
    encrypted.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")))
    cert = f"kafka_client_cert_file {files.client_cert}"
    no_key = "it holds no PEM certificate with its private key, unencrypted"
    changes: list[tuple[dict[str, Any], str]] = [
        ({"ca_file": missing}, f"kafka_ca_file {missing} can't be used: No such file or directory"),
        ({"ca_file": tmp_path}, f"kafka_ca_file {tmp_path} can't be used: "),
        ({"ca_file": files.client_key}, f"kafka_ca_file {files.client_key} can't be used: it holds no PEM certificates"),
        ({"client_key_file": None}, f"{cert} can't be used: {no_key}"),
        ({"client_key_file": encrypted}, f"{cert} with kafka_client_key_file {encrypted} can't be used: {no_key}"),
        ({"client_key_file": missing}, f"{cert} with kafka_client_key_file {missing} can't be used: No such file or directory"),
    ]
    for change, sentence in changes:
        assert (await refusal("127.0.0.1:1", replace(over_tls, **change))).startswith(sentence)


def test_one_file_may_hold_certificate_and_key(over_tls: KafkaSecurity, files: CertificateFiles, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.client_cert.read_bytes() + files.client_key.read_bytes())
    options = replace(over_tls, client_cert_file=both, client_key_file=None).options()
    assert options["security_protocol"] == "SASL_SSL"


@pytest.mark.parametrize(
    ("security", "protocol"),
    [(KafkaSecurity(), "PLAINTEXT"), (KafkaSecurity(tls=True), "SSL"), (SIGNED_IN, "SASL_PLAINTEXT")],
)
def test_the_protocol_follows_from_user_and_tls(security: KafkaSecurity, protocol: str) -> None:
    assert security.options()["security_protocol"] == protocol
    assert PASSWORD not in repr(security)

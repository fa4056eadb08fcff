"""Kafka brokers that demand a sign-in or TLS: their listener's properties, their users, and the certificates."""

import hashlib
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

USER, PASSWORD = "scram-tester", "not-a-secret-either"
CLIENT = "certificate-tester"
"""The name in the client certificate."""
_LISTENER = "listener.name.users."
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_ALTER_USER_SCRAM_CREDENTIALS = 51
_SHA_256, _SHA_512 = 1, 2
_NO_DELETIONS, _ONE_UPSERTION = b"\1", b"\2"
_ITERATIONS = 4_096


def scram(*mechanisms: str) -> dict[str, str]:
    """Properties of a broker whose users sign in by these mechanisms."""
    return {f"{_LISTENER}sasl.enabled.mechanisms": ",".join(mechanisms)} | {
        f"{_LISTENER}{mechanism.lower()}.sasl.jaas.config": _SCRAM for mechanism in mechanisms if mechanism != "PLAIN"
    }


@dataclass(frozen=True)
class CertificateFiles:
    """An authority of its own, a client certificate that it issued, and that one's key; PEM files."""

    authority: Path
    client_cert: Path
    client_key: Path
    broker_properties: Mapping[str, str]
    """The listener for users with TLS: it shows a certificate of this authority, and demands one."""


def certificate_files(folder: Path) -> CertificateFiles:
    """Write them into `folder`."""
    authority = trustme.CA()
    broker, client = authority.issue_cert("127.0.0.1", "localhost"), authority.issue_cert("client.example", common_name=CLIENT)
    files = CertificateFiles(
        folder / "authority.pem",
        folder / "client.pem",
        folder / "client.key",
        {
            "listener.security.protocol.map": "OPEN:PLAINTEXT,USERS:SASL_SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            f"{_LISTENER}ssl.keystore.type": "PEM",
            f"{_LISTENER}ssl.keystore.certificate.chain": _on_one_line(b"".join(blob.bytes() for blob in broker.cert_chain_pems)),
            f"{_LISTENER}ssl.keystore.key": _on_one_line(_pkcs8(broker.private_key_pem.bytes())),
            f"{_LISTENER}ssl.truststore.type": "PEM",
            f"{_LISTENER}ssl.truststore.certificates": _on_one_line(authority.cert_pem.bytes()),
            f"{_LISTENER}ssl.client.auth": "required",
        },
    )
    files.authority.write_bytes(authority.cert_pem.bytes())
    files.client_cert.write_bytes(b"".join(blob.bytes() for blob in client.cert_chain_pems))
    files.client_key.write_bytes(client.private_key_pem.bytes())
    return files


def by_certificate(files: CertificateFiles) -> dict[str, str]:
    """Properties of a broker whose users are the names in their certificates, and have no password."""
    return dict(files.broker_properties) | {
        "listener.security.protocol.map": "OPEN:PLAINTEXT,USERS:SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        f"{_LISTENER}ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
    }


def _on_one_line(pem: bytes) -> str:
    """As Java's properties files spell line ends."""
    return pem.decode().replace("\n", "\\n")


def _pkcs8(key: bytes) -> bytes:
    """The only format of a private key that Kafka reads."""
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def add_scram_user(bootstrap: str, user: str = USER, password: str = PASSWORD) -> None:
    """Let a user sign in by both SCRAM mechanisms. aiokafka's admin client knows no such request: it is written here by hand
    (AlterUserScramCredentials, version 0, over the listener that asks for no sign-in; one mechanism in each request).
    """
    for mechanism, hash_name in ((_SHA_256, "sha256"), (_SHA_512, "sha512")):
        salt = os.urandom(16)
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, _ITERATIONS)
        upsertion = (
            _compact(user.encode()) + struct.pack(">bi", mechanism, _ITERATIONS) + _compact(salt) + _compact(salted) + b"\0"
        )
        header = struct.pack(">hhihB", _ALTER_USER_SCRAM_CREDENTIALS, 0, 1, -1, 0)
        response = exchange(bootstrap, header + _NO_DELETIONS + _ONE_UPSERTION + upsertion + b"\0")
        # Correlation id, tags, throttle time and the count of results stand before the one result: name and error code.
        (error,) = struct.unpack_from(">h", response, 10 + len(_compact(user.encode())))
        assert error == 0, response


def exchange(bootstrap: str, request: bytes) -> bytes:
    """Send a request without its length, and return the response without its length."""
    host, port = bootstrap.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60.0) as connection, connection.makefile("rb") as answer:
        connection.sendall(struct.pack(">i", len(request)) + request)
        return answer.read(struct.unpack(">i", answer.read(4))[0])


def _compact(data: bytes) -> bytes:
    """Kafka's compact string or bytes, shorter than 127 bytes."""
    return bytes([len(data) + 1]) + data

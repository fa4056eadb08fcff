"""TLS and sign-in to Kafka: what each client of aiokafka is given, and a check at the start that the brokers accept it."""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from volcast.log.contract import Mismatch, Unavailable

PLAIN = "PLAIN"
"""The SASL mechanism that sends the password itself. With SCRAM each side proves to the other that it knows the password."""
_REFUSED_CLIENT_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""Words in the reason of a TLS alert that the broker sent."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""Reasons of OpenSSL when the first bytes from the broker are not TLS."""


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How to connect to the brokers: with or without TLS, and as which user.

    Only `mechanism` is used to sign in. A client that tries a weaker mechanism after a refusal hands its password to any server
    that refuses the stronger ones.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = False
    ca_file: Path | None = None
    """Authorities that issue the brokers' certificates (PEM), in place of the system's."""
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    """Private key of the client certificate (PEM, not encrypted); None where `client_cert_file` holds it too."""

    def options(self) -> dict[str, Any]:
        """Return aiokafka's options. Raises Mismatch if a certificate file can't be used."""
        return {
            "security_protocol": ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT"),
            "ssl_context": self._ssl_context() if self.tls else None,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise Mismatch(
                f"kafka_ca_file {self.ca_file} can't be used: {_file_problem(error, 'no PEM certificates')}"
            ) from error
        if self.client_cert_file:
            try:
                # A password that is never right: without one, OpenSSL asks for it on the terminal.
                context.load_cert_chain(self.client_cert_file, self.client_key_file, password=lambda: "")
            except OSError as error:
                problem = _file_problem(error, "no PEM certificate with its private key, unencrypted")
                files = f"kafka_client_cert_file {self.client_cert_file}"
                if self.client_key_file:
                    files += f" with kafka_client_key_file {self.client_key_file}"
                raise Mismatch(f"{files} can't be used: {problem}") from error
        return context


def _file_problem(error: OSError, lacks: str) -> str:
    return f"it holds {lacks}" if isinstance(error, ssl.SSLError) else error.strerror or type(error).__name__


async def check_access(bootstrap: str, security: KafkaSecurity, timeout_s: float) -> None:
    """Connect to the first broker that answers, and sign in there. Without TLS and user this does nothing.

    Raises Mismatch if certificate, mechanism, user or password are refused, Unavailable if no broker answers. aiokafka's
    clients report a refused password as a broker that can't be reached, which would be retried for ever; `create_conn`, which
    they use, raises the reason. PLAIN without TLS is allowed if all of `bootstrap` is on this machine; the addresses that those
    brokers advertise are not checked.
    """
    if not security.username and not security.tls:
        return
    hosts = [(host, port) for host, port, _ in collect_hosts(bootstrap)]
    if (
        security.username
        and security.mechanism == PLAIN
        and not security.tls
        and not all(_is_loopback(host) for host, _ in hosts)
    ):
        raise Mismatch(
            f"kafka_sasl_mechanism PLAIN would send the password of {security.username} readable over the network to "
            f"{bootstrap}: set kafka_tls=true, or use SCRAM-SHA-512"
        )
    options = security.options()
    reason: BaseException | None = None
    for host, port in hosts:
        try:
            connection = await create_conn(host, port, request_timeout_ms=int(timeout_s * 1_000), **options)
        except (TimeoutError, OSError, KafkaError, ValueError, KeyError) as error:
            if refusal := _refusal(error, f"Kafka at {host}:{port}", security):
                raise refusal from error
            reason = error
        else:
            await connection.close()
            return
    closed = isinstance(reason, ConnectionResetError | KafkaConnectionError)
    advice = f"; check that {bootstrap} is the port for {options['security_protocol']}" if closed else ""
    raise Unavailable(f"connecting to Kafka: {str(reason) or type(reason).__name__}{advice}") from reason


def _refusal(error: BaseException, broker: str, security: KafkaSecurity) -> Mismatch | None:
    """Return what no retry can change, as a sentence; None for a failure that may pass."""
    user, mechanism = security.username, security.mechanism
    for cause in _causes(error):
        match cause:
            case UnsupportedSaslMechanismError():
                refusal = f"does not offer {mechanism}: set kafka_sasl_mechanism to one that it offers"
            case IllegalSaslStateError():
                refusal = "signs no users in: use its SASL port, or unset kafka_username and kafka_password"
            case AuthenticationFailedError() | SaslAuthenticationFailed():
                checks = "kafka_username, kafka_password and kafka_sasl_mechanism"
                refusal = f"refuses to sign in {user} by {mechanism}: check {checks}"
            case ssl.SSLCertVerificationError():
                advice = "set kafka_ca_file to the authority that issued it, and use the broker's name that stands in it"
                refusal = f"has a certificate that is not trusted ({cause.verify_message}): {advice}"
            case ssl.SSLError() if any(word in str(cause.reason) for word in _REFUSED_CLIENT_CERTIFICATE):
                checks = "kafka_client_cert_file and kafka_client_key_file"
                refusal = f"refuses the TLS connection ({cause.reason}): check {checks}"
            case ssl.SSLError() if cause.reason in _NO_TLS:
                refusal = "does not speak TLS on this port: use its TLS port, or unset kafka_tls"
            case KafkaError() | OSError():
                continue
            case ValueError() | KeyError() if user:  # from aiokafka's check of the server's half of SCRAM
                refusal = f"does not prove that it knows the password of {user}: make sure that it is your broker"
            case _:
                continue
        return Mismatch(f"{broker} {refusal}")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from: aiokafka wraps the errors of its background tasks."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

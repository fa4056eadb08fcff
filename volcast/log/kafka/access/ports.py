"""What a port of a broker speaks: with or without TLS, with or without sign-in. Asked only after a connection has failed.

A broker closes a connection that is not of its port's kind, without a word. So it is asked once more in a way that it has to
answer: a TLS handshake, and SaslHandshake, which each Kafka port answers first of all, with or without sign-in. Only such an
answer is evidence: a port that stays silent may belong to a broker that is just starting.
"""

import asyncio
import ssl
import struct
from contextlib import suppress
from typing import NamedTuple

from aiokafka.conn import collect_hosts

from volcast.log.contract import Mismatch

from .security import KafkaSecurity

_SASL_HANDSHAKE = 17
_UNSUPPORTED_MECHANISM, _NO_SIGN_IN = 33, 34
_MAX_ANSWER_BYTES = 10_000
_CORRELATION_ID = 1
_PATIENCE_S = 3.0


class _Port(NamedTuple):
    """What a port of a Kafka broker speaks."""

    tls: bool
    mechanisms: tuple[str, ...] | None
    """The SASL mechanisms that it offers; empty: it signs no users in; None: not known, as it demands a client certificate."""


async def check_ports(bootstrap: str, security: KafkaSecurity) -> None:
    """Raise Mismatch if a port proves to be of another kind than `security` says. Takes at most some seconds for each address."""
    for host, number, _ in collect_hosts(bootstrap):
        if port := await _port(host, number):
            _check(port, f"Kafka at {host}:{number}", security)


def _check(port: _Port, broker: str, security: KafkaSecurity) -> None:
    if security.tls and not port.tls:
        raise Mismatch(f"{broker} does not speak TLS on this port: use its TLS port, or unset kafka_tls")
    if port.tls and not security.tls:
        raise Mismatch(f"{broker} speaks TLS on this port: set kafka_tls=true, or use its port without TLS")
    if port.mechanisms and not security.username:
        raise Mismatch(
            f"{broker} demands that users sign in, by {' or '.join(port.mechanisms)}: set kafka_username and kafka_password, or "
            "use its port without sign-in"
        )
    if port.mechanisms == () and security.username:
        raise Mismatch(f"{broker} signs no users in: use its SASL port, or unset kafka_username and kafka_password")


async def _port(host: str, number: int) -> _Port | None:
    """Return what the port speaks; None if that is not certain."""
    mechanisms = await _asked(host, number, None)
    if mechanisms is not None:
        return _Port(tls=False, mechanisms=mechanisms)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing but a question is sent: whose certificate it is does not matter
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return _Port(tls=True, mechanisms=await _asked(host, number, context))
    except _NoTlsError:
        return None


class _NoTlsError(Exception):
    """The TLS handshake did not succeed."""


async def _asked(host: str, number: int, tls: ssl.SSLContext | None) -> tuple[str, ...] | None:
    """Return which mechanisms the port offers, empty if it signs no users in; None without an answer. Raises _NoTlsError."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, number, ssl=tls)
    except OSError as error:  # TimeoutError is one
        if tls:
            raise _NoTlsError from error
        return None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            request = struct.pack(">hhihh", _SASL_HANDSHAKE, 1, _CORRELATION_ID, -1, 0)
            writer.write(struct.pack(">i", len(request)) + request)
            (length,) = struct.unpack(">i", await reader.readexactly(4))
            return _mechanisms(await reader.readexactly(length)) if 0 <= length <= _MAX_ANSWER_BYTES else None
    except (OSError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.close()
        with suppress(OSError):
            async with asyncio.timeout(_PATIENCE_S):
                await writer.wait_closed()


def _mechanisms(answer: bytes) -> tuple[str, ...] | None:
    """Read the response to SaslHandshake: correlation id, error code, then an array of strings."""
    names = []
    try:
        correlation_id, error, count = struct.unpack_from(">ihi", answer)
        at = 10
        for _ in range(count):
            (length,) = struct.unpack_from(">h", answer, at)
            names.append(answer[at + 2 : at + 2 + length].decode())
            at += 2 + length
    except (struct.error, UnicodeDecodeError):
        return None
    if correlation_id != _CORRELATION_ID or error not in (_UNSUPPORTED_MECHANISM, _NO_SIGN_IN):
        return None
    return () if error == _NO_SIGN_IN else tuple(names) or None

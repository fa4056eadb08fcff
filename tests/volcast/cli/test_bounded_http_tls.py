"""TLS for real: the bounds hold for connections that are not encrypted yet, and nothing is lost between handshake and request."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trustme
from starlette.types import Receive, Scope, Send

from volcast.cli.bounded_http import HttpLimits
from volcast.cli.http import address, bind, serve

SOON_S, NEVER_S = 0.3, 600.0
AUTHORITY = trustme.CA()
TRUSTING = ssl.create_default_context()
AUTHORITY.configure_trust(TRUSTING)
REQUEST = b"GET / HTTP/1.1\r\nHost: volcast\r\n\r\n"
HOST = "127.0.0.1"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scheme and the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = f"{scope['scheme']} {size} ".encode().ljust(100_000, b".")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100000")]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(limits: HttpLimits, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        AUTHORITY.issue_cert(HOST).configure_cert(context)
    with bind(HOST, 0, "--port") as listening:
        serving = asyncio.create_task(serve(app, listening, limits, context))
        try:
            yield listening.getsockname()[:2]
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def test_requests_are_answered_over_tls_and_connections_are_kept() -> None:
    async with served(HttpLimits(99)) as (host, port), httpx.AsyncClient(verify=TRUSTING, trust_env=False) as client:
        for size in (0, 10, 300_000):
            answer = await client.post(f"https://{host}:{port}/", content=b"x" * size)
            assert (answer.status_code, answer.text.rstrip(".")) == (200, f"https {size} ")
        answers = await asyncio.gather(*(client.get(f"https://{host}:{port}/") for _ in range(50)))
        assert {answer.text.rstrip(".") for answer in answers} == {"https 0 "}


def test_the_address_names_the_scheme() -> None:
    with bind(HOST, 0, "--port") as listening:
        assert address(listening, "https") == f"https://{HOST}:{listening.getsockname()[1]}"


async def test_a_request_that_comes_with_the_end_of_the_handshake_is_not_lost() -> None:
    """The last part of the handshake and the request are one packet."""
    async with served(HttpLimits(9)) as place:

        def ask() -> bytes:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = TRUSTING.wrap_bio(incoming, outgoing, server_hostname=HOST)
            with socket.create_connection(place, timeout=30) as connection:
                while True:
                    try:
                        tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        connection.sendall(outgoing.read())
                        incoming.write(connection.recv(65_536))
                tls.write(REQUEST)
                connection.sendall(outgoing.read())
                while True:
                    try:
                        return tls.read(15)
                    except ssl.SSLWantReadError:
                        incoming.write(connection.recv(65_536))

        for answer in await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(5))):
            assert answer == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", REQUEST, b"\x00" * 1_000])
async def test_a_client_that_does_not_speak_tls_is_left(sent: bytes) -> None:
    async with served(HttpLimits(9, request_s=SOON_S)) as place:
        reader, writer = await asyncio.open_connection(*place)
        writer.write(sent)
        with suppress(ConnectionResetError):
            assert b"HTTP/1.1 200" not in await asyncio.wait_for(reader.read(), 30)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        async with httpx.AsyncClient(verify=TRUSTING, trust_env=False) as client:
            assert (await client.get(f"https://{place[0]}:{place[1]}/")).status_code == 200


async def test_silent_connections_make_room_before_their_handshake() -> None:
    """Many clients that connect and stay silent do not keep out one that asks."""
    async with served(HttpLimits(4, request_s=NEVER_S)) as place:
        silent = [await asyncio.open_connection(*place) for _ in range(20)]
        async with httpx.AsyncClient(verify=TRUSTING, trust_env=False, timeout=30) as client:
            assert (await client.get(f"https://{place[0]}:{place[1]}/")).status_code == 200
        for reader, _ in silent[:16]:
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 30)
        for _, writer in silent:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in silent), return_exceptions=True)


async def test_the_server_ends_though_handshakes_have_begun() -> None:
    async with asyncio.timeout(30):
        async with served(HttpLimits(9, request_s=NEVER_S)) as place:
            reader, writer = await asyncio.open_connection(*place)
            await asyncio.sleep(0.1)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_tls_1_2_is_the_oldest_version(tmp_path: Path) -> None:
    from volcast.cli.wiring.api import create_server_tls  # noqa: PLC0415
    from volcast.settings.schema import Settings  # noqa: PLC0415

    certificate = AUTHORITY.issue_cert(HOST)
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = create_server_tls(Settings(api_tls_cert_file=tmp_path / "cert.pem", api_tls_key_file=tmp_path / "key.pem"))
    assert context is not None
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(old)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with served(HttpLimits(9), context) as (host, port), httpx.AsyncClient(verify=old, trust_env=False) as client:
        assert (await client.get(f"https://{host}:{port}/")).status_code == 200
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2

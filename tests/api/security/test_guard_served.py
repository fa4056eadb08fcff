"""The guard on a real server: bodies that are too large or too slow, requests that no library would send, and the log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.app import create_app
from api.security.policy import Security
from tests.api.routes.served import NOW, view_of
from tests.api.security.asked import ADMIN, READ, TOKENS
from volcast.cli.bounded_http import HttpLimits
from volcast.cli.http import address, bind, serve

LOCAL = Security(tokens=TOKENS, body_bytes=20_000, is_local=True)
AUTHORIZED = f"Authorization: Bearer {READ}\r\n".encode()
Place = tuple[str, int]


@asynccontextmanager
async def served(security: Security, limits: HttpLimits | None = None) -> AsyncIterator[tuple[str, Place]]:
    with bind("127.0.0.1", 0, "--port") as listening:
        app = create_app(view_of("BTCUSDT"), now=lambda: NOW, security=security)
        serving = asyncio.create_task(serve(app, listening, limits))
        try:
            yield address(listening), listening.getsockname()
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def send(place: Place, request: bytes) -> bytes:
    """Send bytes and return what comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*place)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def request(line: bytes, headers: bytes = AUTHORIZED, body: bytes = b"") -> bytes:
    return line + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + headers + b"\r\n" + body


async def parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1_000


async def test_a_large_body_is_refused_whether_it_says_so_or_not() -> None:
    headers = {"authorization": f"Bearer {READ}"}
    async with served(LOCAL) as (base, place), httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
        assert (await client.post("/predict", content=b" " * 20_001, headers=headers)).status_code == 413
        refused = await client.post("/predict", content=parts(40), headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (413, "/problems#body-too-large")
        expecting = request(b"POST /predict", AUTHORIZED + b"Expect: 100-continue\r\nContent-Length: 5000000\r\n")
        assert (await send(place, expecting)).startswith(b"HTTP/1.1 413 "), "without asking for the body first"
        assert (await client.post("/predict", content=parts(4), headers=headers)).status_code == 422


async def test_a_refused_client_that_is_still_sending_hears_why() -> None:
    """The server reads on for a while: otherwise the connection would be reset, and the answer lost on its way."""
    body = b" " * 3_000_000
    async with served(LOCAL) as (base, _), httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
        for headers, status in (({"authorization": f"Bearer {READ}"}, 413), ({}, 401)):
            for _ in range(5):
                assert (await client.post("/predict", content=body, headers=headers)).status_code == status
                assert (await client.post("/predict", content=parts(3_000), headers=headers)).status_code == status


async def test_a_body_that_comes_slowly_does_not_come_for_ever() -> None:
    async with served(LOCAL, HttpLimits(9, response_s=0.3)) as (_, place):
        assert await send(place, request(b"POST /predict", AUTHORIZED + b"Content-Length: 500\r\n", b"{")) == b""


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET //config", b"404"),
        (b"GET /config%0a", b"403"),
        (b"GET /%2fconfig", b"404"),
        (b"GET /page/..%2f..%2fapp.py", b"404"),
        (b"GET /docs/../../app.py", b"404"),
        (b"GET http://127.0.0.1/config", b"404"),
        (b"HEAD /config", b"403"),
        (b"OPTIONS *", b"404"),
        (b"TRACE /latest", b"405"),
        (b"GET /latest/%ff%fe", b"404"),
        (f"GET /latest?a=1;x={READ}".encode(), b"400"),
        (b"GET /health?%54oken=x", b"400"),
    ],
)
async def test_tricks_with_paths_open_nothing(line: bytes, status: bytes) -> None:
    async with served(LOCAL) as (_, place):
        answer = await send(place, request(line))
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:100]
    assert READ.encode() not in answer
    assert b'"settings"' not in answer


async def test_another_host_is_refused_and_so_are_two() -> None:
    async with served(LOCAL) as (_, place):
        other = await send(place, request(b"GET /latest").replace(b"Host: 127.0.0.1", b"Host: evil.example"))
        two = await send(place, request(b"GET /latest", AUTHORIZED + b"Host: evil.example\r\n"))
    assert (other[:12], two[:12]) == (b"HTTP/1.1 421", b"HTTP/1.1 400")


async def test_no_token_is_logged_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with served(LOCAL) as (_, place):
            for secret in (READ, ADMIN, f"{READ}wrong"):
                header = f"Authorization: Bearer {secret}\r\nCookie: volcast_session={secret}\r\n".encode()
                for line in (b"GET /latest", b"POST /predict", b"DELETE /session", f"GET /x?token={secret}".encode(), b"\x00"):
                    await send(place, request(line, header))
    assert READ not in caplog.text
    assert ADMIN not in caplog.text

"""The doctor at work: on a loop whose time is virtual, at a simulated exchange or at a server of the test's own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from random import Random

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from producer.doctor.check import CheckResult
from producer.doctor.examine import Target, examine
from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.live.connection import Endpoint
from producer.rest.client import RestClient, http_client
from tests.market import START_MS
from tests.producer.live.parts import TLS
from tests.producer.live.producing import quote_of

NOW_MS = START_MS + 2 * 3_600_000 + 13_000
"""Two hours and some seconds after the exchanges' first minute."""


def wall() -> float:
    """This machine's clock, as far as the test is concerned."""
    return NOW_MS / 1_000 + asyncio.get_running_loop().time()


async def findings_at(
    venue: str,
    socket_url: str,
    rest_url: str,
    tls: ssl.SSLContext | None = None,
    *,
    pair: Pair | None = None,
    proxy: str | None = None,
    wait: bool = True,
) -> list[CheckResult]:
    """All that the doctor finds; by default of BTC in the venue's most usual quote."""
    feed, found = VENUES[venue], list[CheckResult]()
    async with http_client(feed, rest_url, None, tls) as client:
        rest = RestClient(feed, client, Random(1), wall=wall)
        place = Endpoint(socket_url, tls or TLS, proxy)
        await examine(Target(feed, pair or usual(venue), place, rest, rest_url), found.append, wait=wait)
    return found


def usual(venue: str) -> Pair:
    return Pair("BTC", quote_of(venue))


def verdicts(findings: list[CheckResult]) -> dict[str, str]:
    """By check; the last counts."""
    return {finding.check: finding.verdict.value for finding in findings}


def seen(findings: list[CheckResult], check: str) -> str:
    """Of the last finding of that check."""
    return [finding.seen for finding in findings if finding.check == check][-1]


@asynccontextmanager
async def a_server(
    handle: Callable[[ServerConnection], Awaitable[None]], status: int | None = None, body: bytes = b""
) -> AsyncIterator[str]:
    """-> `127.0.0.1:PORT`; with a status, it answers everything with that, handshakes too."""

    def answer(_: ServerConnection, __: Request) -> Response | None:
        if status is None:
            return None
        return Response(
            status, HTTPStatus(status).phrase, Headers({"Content-Length": str(len(body)), "Connection": "close"}), body
        )

    async with serve(handle, "127.0.0.1", 0, process_request=answer, compression=None) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}"

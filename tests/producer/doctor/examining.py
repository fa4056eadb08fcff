"""Runs an examination in virtual time, at a simulated exchange or at a server of the test's own."""

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
"""Two hours and 13 seconds after the exchange's first minute."""


def wall() -> float:
    """Return the time of this machine's clock in the test, in seconds since 1970."""
    return NOW_MS / 1_000 + asyncio.get_running_loop().time()


async def results_at(
    venue: str,
    socket_url: str,
    rest_url: str,
    tls: ssl.SSLContext | None = None,
    *,
    pair: Pair | None = None,
    proxy: str | None = None,
    wait: bool = True,
) -> list[CheckResult]:
    """Return the results of all checks; by default of BTC in the venue's most usual quote currency."""
    feed, results = VENUES[venue], list[CheckResult]()
    async with http_client(feed, rest_url, None, tls) as client:
        rest = RestClient(feed, client, Random(1), wall=wall)
        endpoint = Endpoint(socket_url, tls or TLS, proxy)
        await examine(Target(feed, pair or default_pair(venue), endpoint, rest, rest_url), results.append, wait=wait)
    return results


def default_pair(venue: str) -> Pair:
    return Pair("BTC", quote_of(venue))


def statuses(results: list[CheckResult]) -> dict[str, str]:
    """Return the status of each check; of the last one, if a check has several results."""
    return {result.check: result.status.value for result in results}


def found_by(results: list[CheckResult], check: str) -> str:
    """Return what the last result of that check says."""
    return [result.found for result in results if result.check == check][-1]


@asynccontextmanager
async def scripted_server(
    handle: Callable[[ServerConnection], Awaitable[None]], status: int | None = None, body: bytes = b""
) -> AsyncIterator[str]:
    """Yield the address of a WebSocket server, `127.0.0.1:PORT`. With a `status` it answers even handshakes with it."""

    def answer(_: ServerConnection, __: Request) -> Response | None:
        if status is None:
            return None
        return Response(
            status, HTTPStatus(status).phrase, Headers({"Content-Length": str(len(body)), "Connection": "close"}), body
        )

    async with serve(handle, "127.0.0.1", 0, process_request=answer, compression=None) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}"

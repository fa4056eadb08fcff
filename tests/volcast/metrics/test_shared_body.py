"""A body that is rendered in slices: what its requests get, and how often it is rendered."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from volcast.metrics.shared_body import SharedBody

PIECES = 300


class Counted:
    """Renders its number, many times; counts how often it was asked to."""

    def __init__(self) -> None:
        self.renderings = 0

    def render(self) -> Iterator[bytes]:
        self.renderings += 1
        number = self.renderings
        for _ in range(PIECES):
            yield f"{number:1000}".encode()


def client_of(body: SharedBody) -> httpx.AsyncClient:
    async def answer(_: Request) -> Response:
        return await body.response()

    app = Starlette(routes=[Route("/", answer)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast")


async def test_requests_that_wait_share_a_rendering_that_began_after_they_arrived() -> None:
    counted = Counted()
    async with client_of(SharedBody(counted.render, "text/plain")) as client:
        first = asyncio.create_task(client.get("/"))
        while not counted.renderings:
            await asyncio.sleep(0)
        later = [asyncio.create_task(client.get("/")) for _ in range(100)]
        assert (await first).text == f"{1:1000}" * PIECES
        assert {(await each).text for each in later} == {f"{2:1000}" * PIECES}
    assert counted.renderings == 2


async def test_other_requests_are_answered_between_the_slices() -> None:
    counted = Counted()
    body = SharedBody(counted.render, "text/plain")
    rendering = asyncio.create_task(body.response())
    turns = 0
    while not rendering.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= PIECES


async def test_the_length_is_announced_and_an_empty_body_is_sent() -> None:
    async with client_of(SharedBody(lambda: iter((b"a" * 70_000, b"b")), "text/plain")) as client:
        found = await client.get("/")
        assert (found.headers["content-length"], found.content) == ("70001", b"a" * 70_000 + b"b")
    async with client_of(SharedBody(lambda: iter(()), "text/plain")) as client:
        assert (await client.get("/")).content == b""


async def test_an_error_reaches_its_requests_and_no_later_one() -> None:
    answers: list[Iterator[bytes]] = [map(int.to_bytes, (-1,)), iter((b"well",))]
    async with client_of(SharedBody(lambda: answers.pop(0), "text/plain")) as client:
        with pytest.raises(OverflowError):
            await client.get("/")
        assert (await client.get("/")).text == "well"


async def test_a_request_that_is_given_up_takes_no_other_with_it() -> None:
    counted = Counted()
    body = SharedBody(counted.render, "text/plain")
    one, other = asyncio.create_task(body.response()), asyncio.create_task(body.response())
    while not counted.renderings:
        await asyncio.sleep(0)
    one.cancel()
    await other
    assert counted.renderings == 1

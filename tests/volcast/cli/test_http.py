"""A listening socket, its URL, and an app served on it in an event loop that other services share."""

import asyncio
import signal
import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.cli.http import address, bind, serve
from volcast.cli.main import UserError


def test_port_0_takes_a_free_port() -> None:
    with bind("127.0.0.1", 0, "--port") as one, bind("127.0.0.1", 0, "--port") as two:
        assert one.getsockname()[1] != two.getsockname()[1]
        assert address(one) == f"http://127.0.0.1:{one.getsockname()[1]}"


def test_the_message_for_a_taken_port_names_its_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            bind("127.0.0.1", port, "--metrics-port")
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --metrics-port or --host"
    )


@pytest.mark.parametrize("host", ["999.1.1.1", "no-such-host.invalid", "a..b", "a" * 70])
def test_an_invalid_host_is_refused(host: str) -> None:
    with pytest.raises(UserError, match=f"cannot listen on {host}:0: .*; choose another with --port or --host"):
        bind(host, 0, "--port")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])  # noqa: S104  # what a container binds to
def test_the_url_can_be_opened_by_a_browser(host: str) -> None:
    with bind(host, 0, "--port") as listening:
        assert address(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("host", ["::", "::1"])
def test_ipv6_addresses_are_in_brackets(host: str) -> None:
    with bind(host, 0, "--port") as listening:
        assert address(listening) == f"http://[::1]:{listening.getsockname()[1]}"


async def test_a_cancelled_server_finishes_the_requests_in_progress() -> None:
    arrived, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await leave.wait()
        return PlainTextResponse("done")

    async def quick(_: Request) -> Response:
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/slow", slow), Route("/", quick)])
    before = signal.getsignal(signal.SIGTERM)
    with bind("127.0.0.1", 0, "--port") as listening:
        base = address(listening)
        serving = asyncio.create_task(serve(app, listening))
        async with httpx.AsyncClient(base_url=base) as client, httpx.AsyncClient(base_url=base) as idle:
            assert (await client.get("/")).text == (await idle.get("/")).text == "hello"
            assert signal.getsignal(signal.SIGTERM) == before  # signal handlers belong to the process
            answering = asyncio.create_task(client.get("/slow"))
            await arrived.wait()
            serving.cancel()
            await asyncio.sleep(0)
            leave.set()
            assert (await answering).text == "done"
            with pytest.raises(asyncio.CancelledError):
                await serving
            with pytest.raises(httpx.TransportError):
                await client.get("/")

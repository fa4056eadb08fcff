"""A listening socket, its URL, and an app served on it in a thread of its own. Its bounds are tested in test_bounded_http.py."""

import asyncio
import signal
import socket
import threading

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from volcast.cli.http import MAX_STUCK_S, WatchedApp, address, bind, serve
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


async def test_an_accepted_connection_sends_small_packets_at_once() -> None:
    """Without TCP_NODELAY the body of a response waits for the client to acknowledge its head, which takes 40 ms."""
    options = asyncio.get_running_loop().create_future()

    class Reporter(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            options.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    with bind("127.0.0.1", 0, "--port") as listening:
        async with await asyncio.get_running_loop().create_server(Reporter, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            assert await options
            writer.close()


async def test_requests_are_answered_while_the_calling_loop_is_busy() -> None:
    async def quick(_: Request) -> Response:
        return PlainTextResponse("hello")

    with bind("127.0.0.1", 0, "--port") as listening:
        serving = asyncio.create_task(serve(Starlette(routes=[Route("/", quick)]), listening))
        await asyncio.sleep(0)  # let it start
        assert httpx.get(address(listening), timeout=60).text == "hello"  # noqa: ASYNC210  # it blocks this loop
        serving.cancel()
        await asyncio.wait([serving])


async def test_health_says_when_the_calling_loop_is_stuck() -> None:
    async def healthy(_: Request) -> Response:
        return PlainTextResponse("alive")

    now_s = 1_000.0
    app = WatchedApp(Starlette(routes=[Route("/health", healthy), Route("/metrics", healthy)]), now=lambda: now_s)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        now_s += MAX_STUCK_S
        assert (await client.get("/health")).text == "alive"
        now_s += 1.0
        found = await client.get("/health")
        assert (found.status_code, found.headers["content-type"]) == (503, "application/problem+json")
        assert found.json()["detail"] == "the event loop of this process is stuck: it last ran 61 s ago"
        assert (await client.get("/metrics")).status_code == 200
        app.beat()
        assert (await client.get("/health")).text == "alive"


async def test_an_error_of_the_server_reaches_the_caller() -> None:
    closed = bind("127.0.0.1", 0, "--port")
    closed.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await serve(Starlette(), closed)


async def test_a_cancelled_server_finishes_the_requests_in_progress() -> None:
    arrived, leave = threading.Event(), threading.Event()

    async def slow(_: Request) -> Response:
        arrived.set()
        await asyncio.to_thread(leave.wait)
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
            await asyncio.to_thread(arrived.wait)
            serving.cancel()
            await asyncio.sleep(0)
            leave.set()
            assert (await answering).text == "done"
            with pytest.raises(asyncio.CancelledError):
                await serving
            with pytest.raises(httpx.TransportError):
                await client.get("/")

"""Clients that are silent, slow or many are bounded, and do not keep others from an answer."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send

from volcast.cli.bounded_http import HttpLimits, default_limits
from volcast.cli.http import bind, serve

REQUEST = b"GET /%b HTTP/1.1\r\nHost: volcast\r\n\r\n"
SOON_S, NEVER_S = 0.2, 600.0
CHUNK, CHUNKS = b"x" * 65_536, 1_000
"""More than the kernel buffers for a connection."""

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers /; never answers /wait; sends a large body for /large. Counts requests, and what ended too early."""

    def __init__(self) -> None:
        self.begun = 0
        self.disconnected = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        if scope["path"] == "/stream":
            await self._stream(scope, receive, send)
            return
        chunks = CHUNKS if scope["path"] == "/large" else 1
        await receive()
        if scope["path"] == "/wait":
            await receive()
            self.disconnected += 1
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (chunks * 65_536))]})
        for _ in range(chunks):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        if chunks > 1 and (await receive())["type"] == "http.disconnect":
            self.disconnected += 1
        await send({"type": "http.response.body"})

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send chunks until the server ends the stream or the client goes; then say goodbye."""
        server, ended = scope["extensions"]["volcast.stream"], asyncio.Event()
        if not server["begin"](ended.set):
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
            return
        await receive()
        gone = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200})
        while not ended.is_set() and not gone.done():
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            await asyncio.sleep(0.001)
        self.disconnected += gone.done()
        gone.cancel()
        await send({"type": "http.response.body", "body": b"goodbye"})


class Server:
    def __init__(self, address: tuple[str, int], app: App) -> None:
        self._address, self.app = address, app
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"") -> Client:
        reader, writer = await asyncio.open_connection(*self._address)
        self._writers.append(writer)
        writer.write(sent)
        return reader, writer

    async def leave(self) -> None:
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def begun(self, count: int) -> None:
        while self.app.begun < count:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(limits: HttpLimits) -> AsyncIterator[Server]:
    app = App()
    with bind("127.0.0.1", 0, "--port") as listening:
        server = Server(listening.getsockname(), app)
        serving = asyncio.create_task(serve(app, listening, limits))
        try:
            yield server
        finally:
            await server.leave()
            serving.cancel()
            await asyncio.wait([serving])


async def is_closed(client: Client) -> bool:
    """Wait for the end of a connection; return whether nothing was received before."""
    try:
        return not await client[0].read()
    except ConnectionResetError:
        return True


async def is_answered(client: Client) -> bool:
    head = await client[0].readuntil(b"\r\n\r\n")
    assert len(await client[0].readexactly(65_536)) == 65_536
    return head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: volcast\r\n\r\n",
        REQUEST[:-2] % b"" + b"x: y\r\n" * 10_000 + b"\r\n",
        REQUEST[:-2] % b"" + b"x: %b\r\n\r\n" % (b"y" * 21_000),
    ],
)
async def test_what_is_no_request_gets_a_problem(sent: bytes) -> None:
    """A head that is too large is refused, even if all of it comes at once."""
    async with served(HttpLimits(9)) as server:
        reader, _ = await server.connect(sent)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n")
        assert server.app.begun == 0
        assert await is_answered(await server.connect(REQUEST % b""))


async def test_a_client_that_sends_nothing_is_left() -> None:
    async with served(HttpLimits(9, request_s=SOON_S)) as server:
        assert await is_closed(await server.connect())


@pytest.mark.parametrize("head", [REQUEST[:20], REQUEST % b"large" + REQUEST[:20]])
async def test_a_client_that_sends_a_head_byte_by_byte_is_left(head: bytes) -> None:
    async with served(HttpLimits(9, request_s=SOON_S, response_s=NEVER_S)) as server:
        reader, writer = await server.connect()
        with pytest.raises(ConnectionError):  # noqa: PT012  # any of these statements
            for byte in head[:20]:
                writer.write(bytes([byte]))
                await writer.drain()
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
                if reader.at_eof():
                    raise ConnectionResetError


async def test_a_connection_that_is_not_used_any_more_is_closed() -> None:
    async with served(HttpLimits(9, idle_s=SOON_S)) as server:
        client = await server.connect(REQUEST % b"")
        assert await is_answered(client)
        assert await is_closed(client)


async def test_a_client_may_send_several_requests_at_once() -> None:
    async with served(HttpLimits(9)) as server:
        client = await server.connect(REQUEST % b"" * 5)
        assert [await is_answered(client) for _ in range(5)] == [True] * 5


@pytest.mark.parametrize("path", [b"large", b"wait"])
async def test_a_response_has_an_end(path: bytes) -> None:
    """The client does not read it, or the app does not give it."""
    async with served(HttpLimits(9, response_s=SOON_S)) as server:
        await server.connect(REQUEST % path)
        while not server.app.disconnected:
            await asyncio.sleep(0.01)


async def test_a_stream_ends_when_its_client_does_not_read_but_not_while_it_does() -> None:
    async with served(HttpLimits(9, response_s=SOON_S)) as server:
        reading, _ = await server.connect(REQUEST % b"stream")
        await server.connect(REQUEST % b"stream")
        read = 0
        while not server.app.disconnected or read < 4 * len(CHUNK):
            read += len(await asyncio.wait_for(reading.read(len(CHUNK)), 30))
        assert server.app.disconnected == 1


async def test_streams_may_take_three_quarters_of_the_connections() -> None:
    async with served(HttpLimits(4)) as server:
        streams = [await server.connect(REQUEST % b"stream") for _ in range(3)]
        for reader, _ in streams:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        assert (await (await server.connect(REQUEST % b"stream"))[0].readline()).startswith(b"HTTP/1.1 503 ")
        assert await is_answered(await server.connect(REQUEST % b""))
        streams[0][1].transport.abort()
        while not server.app.disconnected:
            await asyncio.sleep(0.01)
        assert (await (await server.connect(REQUEST % b"stream"))[0].readline()).startswith(b"HTTP/1.1 200 ")


async def test_silent_clients_make_room_for_others() -> None:
    async with served(HttpLimits(5, NEVER_S, NEVER_S, NEVER_S)) as server:
        silent = [await server.connect() for _ in range(100)]
        client = await server.connect(REQUEST % b"")
        assert await is_answered(client)
        assert await asyncio.gather(*map(is_closed, silent[:96])) == [True] * 96
        silent[-1][1].write(REQUEST % b"")
        assert await is_answered(silent[-1])


async def test_a_connection_between_two_requests_makes_room_before_a_newer_one() -> None:
    async with served(HttpLimits(2, NEVER_S, NEVER_S, NEVER_S)) as server:
        first, second = await server.connect(), await server.connect()
        for client in (second, first):
            client[1].write(REQUEST % b"")
            assert await is_answered(client)
        assert await is_answered(await server.connect(REQUEST % b""))
        assert await is_closed(second)
        first[1].write(REQUEST % b"")
        assert await is_answered(first)


async def test_with_all_connections_in_use_another_one_is_refused() -> None:
    async with served(HttpLimits(5, NEVER_S, NEVER_S, NEVER_S)) as server:
        busy = [await server.connect(REQUEST % b"wait") for _ in range(5)]
        await server.begun(5)
        refused = await (await server.connect())[0].read()
        assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert refused.endswith(b'too many connections; try again later"}')
        for _, writer in busy:
            writer.close()
        while server.app.disconnected < 5:
            await asyncio.sleep(0.01)
        assert await is_answered(await server.connect(REQUEST % b""))


@pytest.mark.parametrize("line", [b"X-Long: %b\r\n" % (b"x" * 20_000), b"X-Many: x\r\n" * 2_000])
async def test_a_head_that_is_too_large_is_refused(line: bytes) -> None:
    async with served(HttpLimits(9)) as server:
        reader, _ = await server.connect(b"GET / HTTP/1.1\r\nHost: volcast\r\n" + line)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\r\n" * 50 + b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_request_is_refused(sent: bytes) -> None:
    async with served(HttpLimits(9, request_s=SOON_S)) as server:
        answer = await (await server.connect(sent))[0].read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert await is_answered(await server.connect(REQUEST % b""))


async def test_a_request_for_a_websocket_is_answered_as_any_other() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13\r\n\r\n"
    async with served(HttpLimits(9)) as server:
        assert await is_answered(await server.connect((REQUEST % b"")[:-2] + upgrade))


def test_half_of_the_file_descriptors_are_for_clients() -> None:
    assert default_limits().connections == min(2_048, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


@pytest.mark.parametrize(("soft", "hard", "expected"), [(256, 1_024, 1_024), (256, 8_000, 4_096), (5_000, 8_000, 5_000)])
def test_the_process_may_open_as_many_files_as_it_needs(soft: int, hard: int, expected: int) -> None:
    """In a process of its own: a hard limit cannot be raised again."""
    code = (
        "import resource; from volcast.cli.bounded_http import allow_descriptors\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "allow_descriptors(); print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == f"{expected} {hard}\n"

"""The websocket end of the scripted venue: a real server on this machine that runs a script for each connection, and its feed.

A frame is one of `open PAIR MINUTE`, `closed PAIR MINUTE` (minutes since the start), `beat`, `notice`; all else is garbage.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from http import HTTPStatus
from ssl import SSLContext

from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from producer.feeds.contract import FrameError, Message, MessageKind, VenueCandle
from producer.live.connection import Endpoint
from tests.producer.live.candles import MINUTE_MS, START_MS
from tests.producer.live.parts import PAIRS, TLS, now_s, wall_from
from tests.producer.scripted_venue import PlainFeed
from volcast.simulation.exchange.websocket import ExchangeSocket

wall = wall_from(START_MS / 1_000)


class StreamFeed(PlainFeed):
    """A `Feed` of the frames above: two messages a second, and a ping every 20 s."""

    ping: str | None = "ping"

    def __init__(self, *, max_age_s: float | None = None, connect_every_s: float = 1.0) -> None:
        super().__init__()
        self.limits = replace(
            self.limits, messages_per_s=2.0, ping_every_s=20.0, max_age_s=max_age_s, connect_every_s=connect_every_s
        )

    def socket_path(self, pairs: Sequence[str]) -> str:
        return f"/{'+'.join(pairs)}"

    def subscriptions(self, pairs: Sequence[str]) -> Sequence[str]:
        return [f"subscribe {pair}" for pair in pairs]

    def parse(self, frame: str | bytes) -> Message:
        match str(frame).split():
            case ["open" | "closed" as word, pair, minute]:
                one = Decimal(1)
                open_time_ms = START_MS + int(minute) * MINUTE_MS
                candle = VenueCandle(pair, open_time_ms, one, one, one, one, one, one, word == "closed")
                return Message(MessageKind.CANDLES, "kline", candles=(candle,), sent_ms=int(wall() * 1_000))
            case ["beat"]:
                return Message(MessageKind.HEARTBEAT, "beat")
            case ["notice"]:
                return Message(MessageKind.RECONNECT, "notice", detail="an upgrade")
        raise FrameError("no frame of the plain venue")


class VenueConnection:
    """One connection, from the venue's side."""

    def __init__(self, socket: ExchangeSocket) -> None:
        self.opened_s = now_s()
        self.socket = socket
        self.received: list[tuple[float, str]] = []
        """The client's messages, each with its time."""

    def send(self, text: str | bytes) -> bool:
        """Send a frame and return whether it went out."""
        return self.socket.send_frame(text)

    async def send_data(self, every_s: float = 2.0, pairs: Sequence[str] = PAIRS, until_s: float = float("inf")) -> None:
        """Send open candles of these pairs, and each minute's closed one."""
        minute = int(now_s() // 60)
        while now_s() < until_s:
            for pair in pairs:
                if now_s() // 60 > minute:
                    self.send(f"closed {pair} {minute}")
                self.send(f"open {pair} {int(now_s() // 60)}")
            minute = int(now_s() // 60)
            await asyncio.sleep(every_s)


Script = Callable[[VenueConnection, int], Awaitable[None]]
"""What the venue does on a connection, which comes with its number, from 0 on. It is closed when the script returns."""


class StreamServer:
    """The connections that a scripted venue has had."""

    def __init__(self) -> None:
        self.url = ""
        self.connections: list[VenueConnection] = []
        self.handshakes_s: list[float] = []
        """The times of all handshakes, with those that were refused."""
        self.open_sockets: set[ExchangeSocket] = set()
        """The sockets that the client has not closed yet."""

    def endpoint(self, tls: SSLContext = TLS) -> Endpoint:
        return Endpoint(self.url, tls, None)


@asynccontextmanager
async def stream_server(
    script: Script, *, answer: Callable[[int], Response | None] = lambda _: None, tls: SSLContext | None = None
) -> AsyncIterator[StreamServer]:
    """`answer` may refuse a handshake; its argument counts them from 0. At the end the client must have left nothing open."""
    made = StreamServer()

    class OwnSocket(ExchangeSocket):
        open_sockets = made.open_sockets

    def answer_handshake(_: ServerConnection, __: Request) -> Response | None:
        made.handshakes_s.append(now_s())
        return answer(len(made.handshakes_s) - 1)

    async def handle(socket: ServerConnection) -> None:
        assert isinstance(socket, ExchangeSocket)
        connection = VenueConnection(socket)
        made.connections.append(connection)
        running = asyncio.ensure_future(script(connection, len(made.connections) - 1))
        receiving = asyncio.create_task(_receive(connection))
        closed = asyncio.create_task(socket.wait_closed())
        await asyncio.wait([running, closed], return_when=asyncio.FIRST_COMPLETED)
        for task in (running, receiving, closed):
            task.cancel()
        await asyncio.wait([running, receiving, closed])
        if not running.cancelled():
            running.result()

    server = await serve(
        handle,
        "127.0.0.1",
        0,
        process_request=answer_handshake,
        compression=None,
        ping_interval=None,
        close_timeout=1.0,
        create_connection=OwnSocket,
        ssl=tls,
    )
    made.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
        await until_all_closed(made)
        assert client_tasks() == []
    finally:
        for socket in list(made.open_sockets):
            socket.cut()
        server.close()
        await server.wait_closed()


async def _receive(connection: VenueConnection) -> None:
    with suppress(ConnectionClosed):
        async for text in connection.socket:
            connection.received.append((now_s(), str(text)))


def refusal(status: int, body: bytes = b"", **headers: str) -> Response:
    """An answer that refuses a handshake."""
    fields = {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}
    return Response(status, HTTPStatus(status).phrase, Headers(fields), body)


async def send_nothing(_: VenueConnection, __: int) -> None:
    """A script that leaves the connection open, and sends nothing."""
    await asyncio.Event().wait()


def client_tasks() -> list[str]:
    """The names of the client's tasks that still run. The server has no task of these names."""
    ours = ("Connection.listen", "Connection._send_messages", "Connection.keepalive", "Reconnector.")
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return [name for name in names if name.startswith(ours)]


async def until_all_closed(server: StreamServer) -> None:
    """Wait until the client has closed all sockets; fail if it does not. The server itself closes none."""
    async with asyncio.timeout(5.0):
        while server.open_sockets:
            await asyncio.sleep(0.01)
